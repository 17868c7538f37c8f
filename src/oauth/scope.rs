//! Which scopes a request is about (RFC 6749 §3.3).

use super::audience::Audience;
use super::{ErrorCode, OAuthError};
use crate::registry::{Client, ClientKind, scope};

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

/// What the client may have at most: of its own set, what the audience knows.
pub(super) fn allowed<'c>(client: &'c Client, audience: &Audience) -> Vec<&'c str> {
    let own = client.scopes.iter().map(String::as_str);
    own.filter(|token| !scope::is_administrative(token) && audience.knows(token)).collect()
}

/// What an administrator may have: its own set, and whatever of that was asked for more narrowly.
pub(super) fn administrative<'c>(client: &'c Client, requested: Option<&str>) -> Vec<&'c str> {
    let own = client.scopes.iter().map(String::as_str);
    let mut allowed: Vec<&str> = own.filter(|token| scope::is_administrative(token)).collect();
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
