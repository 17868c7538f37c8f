pub(super) mod add;
pub(super) mod list;
pub(super) mod revoke;

use serde::Serialize;
use utoipa::ToSchema;

use super::rfc3339;
use crate::operations::initial_access_token::Added;
use crate::registry::{CredentialStatus, InitialAccessToken};

/// What is kept of an initial access token.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = InitialAccessToken, example = json!({
    "id": "01ARZ3NDEKTSV4RRFFQ69G5FAY",
    "participant_id": "01ARZ3NDEKTSV4RRFFQ69G5FAV",
    "status": "active",
    "uses": 3,
    "used": 1,
    "created_at": "2027-01-15T08:00:00.000Z",
    "expires_at": "2027-01-22T08:00:00.000Z"
}))]
pub(super) struct InitialAccessTokenBody {
    /// Its id, which is not the token.
    id: String,
    /// Whose machines may register with it.
    participant_id: String,
    /// Whether it may be used, until it expires or is used up.
    status: CredentialStatus,
    /// How many registrations it is good for.
    uses: i64,
    /// How many there were.
    used: i64,
    /// When it was made.
    #[schema(format = DateTime)]
    created_at: String,
    /// When it expires.
    #[schema(format = DateTime)]
    expires_at: String,
}

impl From<InitialAccessToken> for InitialAccessTokenBody {
    fn from(token: InitialAccessToken) -> Self {
        Self {
            id: token.id,
            participant_id: token.participant_id,
            status: token.status,
            uses: token.uses,
            used: token.used,
            created_at: rfc3339(token.created_at),
            expires_at: rfc3339(token.expires_at),
        }
    }
}

/// An initial access token that was just made.
#[derive(Serialize, ToSchema)]
#[schema(as = CreatedInitialAccessToken)]
pub(super) struct CreatedInitialAccessTokenBody {
    /// What is kept of it.
    #[serde(flatten)]
    kept: InitialAccessTokenBody,
    /// The token. It is never shown again.
    initial_access_token: String,
}

impl From<Added> for CreatedInitialAccessTokenBody {
    fn from(Added { record, token }: Added) -> Self {
        Self { kept: record.into(), initial_access_token: token.expose().to_owned() }
    }
}
