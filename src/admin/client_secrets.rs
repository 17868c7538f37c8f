pub(super) mod add;
pub(super) mod list;
pub(super) mod revoke;

use serde::Serialize;
use utoipa::ToSchema;

use super::rfc3339;
use crate::operations::client_secret::Added;
use crate::registry::{ClientSecret, CredentialStatus};

/// What is kept of a secret.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ClientSecret, example = json!({
    "id": "01ARZ3NDEKTSV4RRFFQ69G5FAX",
    "client_id": "01ARZ3NDEKTSV4RRFFQ69G5FAW",
    "status": "active",
    "created_at": "2027-01-15T08:00:00.000Z",
    "expires_at": null,
    "last_used_at": null
}))]
pub(super) struct SecretBody {
    /// Its id, which is not the secret.
    id: String,
    /// Whose it is.
    client_id: String,
    /// Whether it may be used, until it expires.
    status: CredentialStatus,
    /// When it was made.
    #[schema(format = DateTime)]
    created_at: String,
    /// When it expires; null: it does not.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    /// When it was last used, to the minute or so; null: never.
    #[schema(format = DateTime)]
    last_used_at: Option<String>,
}

impl From<ClientSecret> for SecretBody {
    fn from(secret: ClientSecret) -> Self {
        Self {
            id: secret.id,
            client_id: secret.client_id,
            status: secret.status,
            created_at: rfc3339(secret.created_at),
            expires_at: secret.expires_at.map(rfc3339),
            last_used_at: secret.last_used_at.map(rfc3339),
        }
    }
}

/// A secret that was just made.
#[derive(Serialize, ToSchema)]
#[schema(as = CreatedClientSecret)]
pub(super) struct CreatedSecretBody {
    /// What is kept of it.
    #[serde(flatten)]
    kept: SecretBody,
    /// The secret. It is never shown again.
    client_secret: String,
}

impl From<Added> for CreatedSecretBody {
    fn from(Added { record, secret }: Added) -> Self {
        Self { kept: record.into(), client_secret: secret.expose().to_owned() }
    }
}
