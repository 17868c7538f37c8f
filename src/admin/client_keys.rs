pub(super) mod add;
pub(super) mod list;
pub(super) mod revoke;

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::rfc3339;
use crate::registry::{ClientKey, CredentialStatus};

/// A registered public key.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ClientKey, example = json!({
    "kid": "2026-11",
    "client_id": "01ARZ3NDEKTSV4RRFFQ69G5FAW",
    "alg": "ES256",
    "thumbprint": "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U",
    "jwk": {"kty": "EC", "crv": "P-256", "kid": "2026-11", "alg": "ES256", "x": "…", "y": "…"},
    "status": "active",
    "created_at": "2027-01-15T08:00:00.000Z",
    "expires_at": null
}))]
pub(super) struct KeyBody {
    /// Its name within its client.
    kid: String,
    /// Whose it is.
    client_id: String,
    /// The one algorithm for which it may be used.
    #[schema(example = "ES256")]
    alg: String,
    /// Its thumbprint (RFC 7638).
    thumbprint: String,
    /// The public key (RFC 7517).
    #[schema(value_type = Object)]
    jwk: Value,
    /// Whether it may be used.
    status: CredentialStatus,
    /// When it was registered.
    #[schema(format = DateTime)]
    created_at: String,
    /// When it expires; null: it does not.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
}

impl From<ClientKey> for KeyBody {
    fn from(key: ClientKey) -> Self {
        Self {
            kid: key.kid,
            client_id: key.client_id,
            alg: key.alg.as_str().to_owned(),
            thumbprint: key.thumbprint,
            jwk: key.jwk.to_value(),
            status: key.status,
            created_at: rfc3339(key.created_at),
            expires_at: key.not_after.map(rfc3339),
        }
    }
}
