pub(super) mod revoke;

use serde::Serialize;
use utoipa::ToSchema;

use crate::operations::token::Revoked;

/// What was revoked.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RevokedTokens, example = json!({"jti": "0e6d0c28-0d6f-4b0e-8b0e-7a6f2f0d5c11"}))]
pub(super) struct RevokedBody {
    /// The token, if it was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    jti: Option<String>,
    /// The client, if it was what it got.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<String>,
}

impl From<Revoked> for RevokedBody {
    fn from(revoked: Revoked) -> Self {
        match revoked {
            Revoked::Token(jti) => Self { jti: Some(jti), client_id: None },
            Revoked::Client(client_id) => Self { jti: None, client_id: Some(client_id) },
        }
    }
}
