//! The client credentials grant (RFC 6749 §4.4).
//!
//! oxide-auth's state machine keeps the order of the protocol; this file is the only one that knows its types. What
//! it does not do is done before it: the client is authenticated already, so that its own step finds an answer at
//! once. It wants a redirect URI, which this grant does not have, and it keeps scopes in a hash set: they are sorted
//! here, so that equal requests get equal tokens.

use std::borrow::Cow;
use std::sync::LazyLock;

use oxide_auth::code_grant::client_credentials::{ClientCredentials, Input, Output, Request};
use oxide_auth::primitives::grant::Extensions;
use oxide_auth::primitives::registrar::{BoundClient, IgnoreLocalPortUrl, PreGrant, RegisteredUrl};
use oxide_auth::primitives::scope::Scope;

use super::authorization::Authorization;
use super::scope;
use super::{ErrorCode, OAuthError};

/// The `grant_type` of this grant.
pub(super) const GRANT_TYPE: &str = "client_credentials";

/// A redirect URI that nobody is ever sent to.
static NOWHERE: LazyLock<Option<RegisteredUrl>> = LazyLock::new(|| {
    IgnoreLocalPortUrl::new("https://redirect.invalid/").ok().map(RegisteredUrl::IgnorePortOnLocalhost)
});

/// An authenticated request, as the state machine wants to see it.
struct Authenticated<'a> {
    client_id: &'a str,
    scope: Option<&'a str>,
}

impl Request for Authenticated<'_> {
    fn valid(&self) -> bool {
        true
    }

    fn authorization(&self) -> Option<(Cow<'_, str>, Cow<'_, [u8]>)> {
        Some((Cow::Borrowed(self.client_id), Cow::Borrowed(&[])))
    }

    fn scope(&self) -> Option<Cow<'_, str>> {
        self.scope.map(Cow::Borrowed)
    }

    fn grant_type(&self) -> Option<Cow<'_, str>> {
        Some(Cow::Borrowed(GRANT_TYPE))
    }

    fn extension(&self, _key: &str) -> Option<Cow<'_, str>> {
        None
    }
}

/// Authorizes an authenticated client: what it asked for if it may have all of it, everything that it may have if
/// it did not ask.
pub(super) fn authorize(
    client_id: &str,
    requested: Option<&str>,
    allowed: &[&str],
) -> Result<Authorization, OAuthError> {
    let request = Authenticated { client_id, scope: requested };
    let mut flow = ClientCredentials::new(&request);
    // Its first question, whether the client is who it says, is answered before it is asked.
    let mut input = Input::Authenticated;
    loop {
        input = match flow.advance(input) {
            // Answered already.
            Output::Authenticate { .. } => Input::Authenticated,
            Output::Binding { client_id } => Input::Bound { bound_client: bind(client_id)? },
            Output::Extend => Input::Extended { extensions: Extensions::new() },
            Output::Negotiate { bound_client, scope } => {
                Input::Negotiated { pre_grant: negotiate(bound_client, scope, allowed)? }
            }
            Output::Ok { pre_grant, .. } => {
                let mut tokens: Vec<&str> = pre_grant.scope.iter().collect();
                tokens.sort_unstable();
                return Ok(Authorization { subject: pre_grant.client_id.clone(), scope: tokens.join(" ") });
            }
            // The request was judged before; whatever the machine still finds is a fault of this server.
            Output::Err(_) => return Err(internal()),
        };
    }
}

fn bind(client_id: &str) -> Result<BoundClient<'static>, OAuthError> {
    let redirect_uri = NOWHERE.as_ref().ok_or_else(internal)?;
    Ok(BoundClient { client_id: Cow::Owned(client_id.to_owned()), redirect_uri: Cow::Borrowed(redirect_uri) })
}

/// RFC 6749 §3.3: all that was asked for, or a refusal; never silently less.
fn negotiate(
    client: &BoundClient<'static>,
    requested: Option<Scope>,
    allowed: &[&str],
) -> Result<PreGrant, OAuthError> {
    let allowed: Scope = allowed.join(" ").parse().map_err(|_| internal())?;
    let scope = match requested {
        Some(requested) if requested.allow_access(&allowed) => requested,
        Some(_) => {
            return Err(scope::invalid(
                "excessive_scope",
                "scope is unknown or beyond what the client may have",
            ));
        }
        None if allowed.iter().next().is_none() => {
            return Err(scope::invalid(
                "no_scope",
                "no scope is registered for this client and this audience",
            ));
        }
        None => allowed,
    };
    Ok(PreGrant {
        client_id: client.client_id.clone().into_owned(),
        redirect_uri: client.redirect_uri.clone().into_owned(),
        scope,
    })
}

fn internal() -> OAuthError {
    OAuthError::new(ErrorCode::ServerError, "state_machine", "the request could not be processed")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALLOWED: [&str; 3] = ["logistics_objects:write", "events:write", "logistics_objects:read"];

    fn scope(requested: Option<&str>) -> Result<String, &'static str> {
        authorize("c", requested, &ALLOWED).map(|a| a.scope).map_err(|error| error.reason())
    }

    #[test]
    fn the_subject_is_the_client_itself() {
        assert_eq!(authorize("c", None, &ALLOWED).unwrap().subject, "c");
    }

    #[test]
    fn scopes_come_sorted_and_once() {
        let all = "events:write logistics_objects:read logistics_objects:write";
        for _ in 0..8 {
            assert_eq!(scope(None).as_deref(), Ok(all));
            assert_eq!(
                scope(Some("logistics_objects:write  events:write logistics_objects:write")).as_deref(),
                Ok("events:write logistics_objects:write")
            );
        }
    }

    #[test]
    fn one_scope_too_many_refuses_all_of_them() {
        assert_eq!(scope(Some("events:write ca:enrol")), Err("excessive_scope"));
        assert_eq!(scope(Some("Events:write")), Err("excessive_scope"));
    }

    #[test]
    fn a_client_that_may_have_nothing_gets_nothing() {
        assert_eq!(authorize("c", None, &[]).unwrap_err().reason(), "no_scope");
        assert_eq!(authorize("c", Some("a"), &[]).unwrap_err().reason(), "excessive_scope");
    }
}
