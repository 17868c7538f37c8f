//! Which scopes a request is about (RFC 6749 §3.3).

use std::sync::Arc;

use super::{ErrorCode, OAuthError};
use crate::registry::{Client, ClientKind, ResourceServer, scope};

/// What kind of token a request asks for. The two never mix: an access token for others' servers must not carry
/// power over this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A signed access token for resource servers.
    Access,
    /// An opaque token for the administration API.
    Administration,
}

/// Looks at the requested scopes, or at what the client would get without asking.
pub(super) fn kind_of(requested: Option<&str>, client: &Client) -> Result<Kind, OAuthError> {
    let Some(requested) = requested else {
        return Ok(match client.kind {
            ClientKind::Administrator => Kind::Administration,
            ClientKind::Machine => Kind::Access,
        });
    };
    let (mut administrative, mut other) = (false, false);
    // Exactly one blank between two tokens is the grammar; more are tolerated, other characters are not.
    for token in requested.split(' ').filter(|token| !token.is_empty()) {
        if !scope::is_scope_token(token) {
            return Err(invalid("malformed_scope", "scope is malformed"));
        }
        if scope::is_administrative(token) { administrative = true } else { other = true }
    }
    match (administrative, other) {
        (true, true) => {
            Err(invalid("mixed_scopes", "administration scopes cannot stand beside others in one token"))
        }
        (true, false) => Ok(Kind::Administration),
        (false, true) => Ok(Kind::Access),
        (false, false) => Err(invalid("malformed_scope", "scope holds no token")),
    }
}

/// What the client may have at most: of its own set, what the audience knows. An audience that lists no scope knows
/// them all; of several, one is enough.
pub(super) fn allowed<'c>(kind: Kind, client: &'c Client, audience: &[Arc<ResourceServer>]) -> Vec<&'c str> {
    let own = client.scopes.iter().map(String::as_str);
    match kind {
        Kind::Administration => own.filter(|token| scope::is_administrative(token)).collect(),
        Kind::Access => {
            let known = |token: &str| {
                audience.iter().any(|server| {
                    server.scopes.is_empty() || server.scopes.iter().any(|known| known == token)
                })
            };
            own.filter(|token| !scope::is_administrative(token) && known(token)).collect()
        }
    }
}

/// What an administrator may have: its own set, and whatever of that was asked for more narrowly.
pub(super) fn administrative<'c>(client: &'c Client, requested: Option<&str>) -> Vec<&'c str> {
    let mut allowed = allowed(Kind::Administration, client, &[]);
    let own = allowed.clone();
    let requested = requested.unwrap_or_default();
    let narrower = scope::ADMINISTRATIVE.iter().copied().filter(|narrow| {
        requested.split(' ').any(|token| token == *narrow)
            && !own.contains(narrow)
            && own.iter().any(|wide| scope::covers(wide, narrow))
    });
    allowed.extend(narrower);
    allowed
}

pub(super) fn invalid(reason: &'static str, description: &'static str) -> OAuthError {
    OAuthError::new(ErrorCode::InvalidScope, reason, description)
}
