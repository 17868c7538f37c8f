pub(super) mod add;
pub(super) mod list;
pub(super) mod revoke;
pub(super) mod rotate;

use serde::Serialize;
use utoipa::ToSchema;

use super::rfc3339;
use crate::operations::client_secret::{Added, Rotated};
use crate::registry::{ClientSecret, CredentialStatus};

/// What is kept of a secret.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ClientSecret, example = json!({
    "id": "01ARZ3NDEKTSV4RRFFQ69G5FAX",
    "client_id": "01ARZ3NDEKTSV4RRFFQ69G5FAW",
    "status": "active",
    "imported": false,
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
    /// Whether a partner brought it along; else this server made it.
    imported: bool,
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
            imported: secret.is_imported(),
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
    /// The secret, if this server made it. It is never shown again.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret: Option<String>,
}

impl From<Added> for CreatedSecretBody {
    fn from(Added { record, secret }: Added) -> Self {
        let client_secret = secret.map(|secret| secret.expose().to_owned());
        Self { kept: record.into(), client_secret }
    }
}

/// A secret that replaces others.
#[derive(Serialize, ToSchema)]
#[schema(as = RotatedClientSecret)]
pub(super) struct RotatedSecretBody {
    /// The new one.
    #[serde(flatten)]
    new: CreatedSecretBody,
    /// The older ones that could be used until now, with the time that is left to them.
    older: Vec<SecretBody>,
}

impl From<Rotated> for RotatedSecretBody {
    fn from(Rotated { new, older }: Rotated) -> Self {
        Self { new: new.into(), older: older.into_iter().map(SecretBody::from).collect() }
    }
}
