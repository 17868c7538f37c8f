//! The place of proofs: what a client shows at the token endpoint to have its token bound to it.

use carnet_token::Confirmation;

use super::{ErrorCode, OAuthError};
use crate::registry::Client;

/// Confirms the proof of a request. There is no proof yet that this server understands, so that every token is a
/// bearer token, and a client that must not have one gets none (proof-of-possession: before proofs exist, always).
pub(super) fn confirm(client: &Client) -> Result<Option<Confirmation>, OAuthError> {
    if client.require_bound_tokens {
        return Err(OAuthError::new(
            ErrorCode::InvalidRequest,
            "unbound",
            "require_bound_tokens is set for this client, and the request shows no key or certificate to bind a \
             token to",
        ));
    }
    Ok(None)
}
