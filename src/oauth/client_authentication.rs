//! Who asks? Client authentication at the token endpoint (RFC 6749 §2.3, RFC 7523 §2.2).
//!
//! Exactly one method per request, and the one that the client is registered for. Throttling of failures, when it
//! comes, belongs at the beginning of [`authenticate`]: before any work.

use std::borrow::Cow;
use std::sync::Arc;

use http::{HeaderMap, header};

use super::basic::{self, BasicError, Credentials};
use super::client_assertion::{self, Assertion};
use super::form::TokenRequest;
use super::state::State;
use super::{ErrorCode, OAuthError};
use crate::keys::Keyring;
use crate::registry::{ClientEntry, Image, TokenEndpointAuthMethod, has_secret_format};

/// The credentials that a request carries, by exactly one method; nothing about them is checked.
#[derive(Debug)]
pub(super) enum Presented<'a> {
    /// In the `Authorization` header; the readings of one text count as one attempt.
    Basic(Vec<Credentials>),
    /// In the body.
    Post { client_id: &'a str, client_secret: &'a str },
    /// A signed assertion.
    Assertion(Assertion<'a>),
}

impl<'a> Presented<'a> {
    /// Finds the one method that a request uses.
    pub fn find(
        headers: &HeaderMap,
        request: &'a TokenRequest<'_>,
        tolerate_duplicate_credentials: bool,
    ) -> Result<Self, OAuthError> {
        let mut authorizations = headers.get_all(header::AUTHORIZATION).iter();
        let authorization = authorizations.next();
        let assertion = request.client_assertion.is_some() || request.client_assertion_type.is_some();
        let further = authorizations.count();
        let methods = usize::from(authorization.is_some())
            + further
            + usize::from(request.client_secret.is_some())
            + usize::from(assertion);
        if methods == 0 {
            return Err(OAuthError::new(
                ErrorCode::InvalidClient,
                "no_credentials",
                "the request carries no client authentication",
            ));
        }
        let duplicates = tolerate_duplicate_credentials && methods == 2 && further == 0 && !assertion;
        if methods > 1 && !duplicates {
            return Err(two_methods());
        }
        if let Some(value) = authorization {
            let readings = basic::parse(value).map_err(|error| match error {
                BasicError::Scheme => {
                    failed("authorization_scheme", "only the Basic scheme is understood here")
                }
                BasicError::Malformed => failed("malformed_basic", "the Basic credentials are malformed"),
            });
            return Self::basic(readings.map_err(OAuthError::by_header)?, request);
        }
        if assertion {
            return Ok(Self::Assertion(Assertion::find(request)?));
        }
        match (&request.client_id, &request.client_secret) {
            (Some(client_id), Some(client_secret)) => Ok(Self::Post { client_id, client_secret }),
            _ => Err(OAuthError::new(ErrorCode::InvalidRequest, "missing_client_id", "client_id is missing")),
        }
    }

    /// Basic credentials, beside which the body may repeat the client id, and with the compatibility switch the
    /// secret; what it repeats must be the same.
    fn basic(mut readings: Vec<Credentials>, request: &TokenRequest<'_>) -> Result<Self, OAuthError> {
        if let Some(client_id) = &request.client_id {
            readings.retain(|reading| reading.client_id == **client_id);
            if readings.is_empty() {
                return Err(OAuthError::new(
                    ErrorCode::InvalidRequest,
                    "contradicting_client_id",
                    "client_id is not the one of the Authorization header",
                ));
            }
        }
        if let Some(client_secret) = &request.client_secret {
            readings.retain(|reading| *reading.client_secret == **client_secret);
            if readings.is_empty() {
                return Err(two_methods());
            }
        }
        Ok(Self::Basic(readings))
    }

    /// The method, for traces.
    pub fn method(&self) -> &'static str {
        match self {
            Self::Basic(_) => "client_secret_basic",
            Self::Post { .. } => "client_secret_post",
            Self::Assertion(_) => "private_key_jwt",
        }
    }

    /// Who the request says it is from, for the log.
    pub fn claimed_client_id(&self) -> Cow<'_, str> {
        match self {
            Self::Basic(readings) => readings.first().map_or("", |reading| &reading.client_id).into(),
            Self::Post { client_id, .. } => Cow::Borrowed(client_id),
            Self::Assertion(assertion) => assertion.claimed_client_id(),
        }
    }
}

/// Authenticates the client.
pub(super) async fn authenticate(
    state: &State,
    image: &Image,
    presented: &Presented<'_>,
) -> Result<Arc<ClientEntry>, OAuthError> {
    match presented {
        Presented::Basic(readings) => {
            let readings =
                readings.iter().map(|reading| (reading.client_id.as_str(), reading.client_secret.as_str()));
            by_secret(state, image, TokenEndpointAuthMethod::ClientSecretBasic, readings)
                .map_err(OAuthError::by_header)
        }
        Presented::Post { client_id, client_secret } => {
            let reading = std::iter::once((*client_id, *client_secret));
            by_secret(state, image, TokenEndpointAuthMethod::ClientSecretPost, reading)
        }
        Presented::Assertion(assertion) => client_assertion::authenticate(state, image, assertion).await,
    }
}

/// The part that `client_secret_basic` and `client_secret_post` share.
fn by_secret<'r>(
    state: &State,
    image: &Image,
    method: TokenEndpointAuthMethod,
    readings: impl Iterator<Item = (&'r str, &'r str)>,
) -> Result<Arc<ClientEntry>, OAuthError> {
    let now = state.clock().now_millis();
    let mut reason = "malformed_secret";
    for (client_id, secret) in readings {
        // A mistyped secret is refused before any work, whether the client exists or not.
        if !has_secret_format(secret, client_id) {
            continue;
        }
        // Before the client is looked for: an unknown one costs the same.
        let mac = state.keys().secret_mac(secret);
        let Some(entry) = image.client(client_id) else {
            reason = "unknown_client";
            continue;
        };
        // All of them, without an early end.
        let found = entry
            .secrets
            .iter()
            .fold(None, |found, known| if Keyring::same_mac(&known.mac, &mac) { Some(known) } else { found });
        let Some(found) = found else {
            reason = "wrong_secret";
            continue;
        };
        if found.expires_at.is_some_and(|at| at <= now) {
            return Err(failed("expired_secret", "the client secret has expired"));
        }
        check_method(entry, method)?;
        check_active(entry)?;
        state.note_use(&found.id, now);
        return Ok(Arc::clone(entry));
    }
    Err(failed(reason, GENERIC))
}

/// The client must use the method that it is registered for. Only who holds its credential gets to hear which.
fn check_method(entry: &ClientEntry, used: TokenEndpointAuthMethod) -> Result<(), OAuthError> {
    let registered = entry.client.token_endpoint_auth_method;
    if registered == used {
        return Ok(());
    }
    Err(failed("wrong_method", format!("the client is registered for {registered}, not for {used}")))
}

/// The client and its participant must be enabled.
pub(super) fn check_active(entry: &ClientEntry) -> Result<(), OAuthError> {
    if entry.is_active() {
        return Ok(());
    }
    Err(failed("disabled", "the client or its participant is disabled"))
}

/// What somebody hears who may be anybody.
pub(super) const GENERIC: &str = "client authentication failed";

pub(super) fn failed(reason: &'static str, description: impl Into<Cow<'static, str>>) -> OAuthError {
    OAuthError::new(ErrorCode::InvalidClient, reason, description)
}

fn two_methods() -> OAuthError {
    OAuthError::new(
        ErrorCode::InvalidRequest,
        "two_methods",
        "the request carries more than one client authentication; send exactly one",
    )
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    /// `a:b`
    const BASIC: &str = "Basic YTpi";
    const ASSERTION_TYPE: &str =
        "client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

    fn find(
        authorization: &[&'static str],
        body: &str,
        tolerate: bool,
    ) -> Result<&'static str, &'static str> {
        let mut headers = HeaderMap::new();
        for value in authorization {
            headers.append(header::AUTHORIZATION, HeaderValue::from_static(value));
        }
        let request = TokenRequest::parse(body.as_bytes()).unwrap();
        match Presented::find(&headers, &request, tolerate) {
            Ok(Presented::Basic(_)) => Ok("basic"),
            Ok(Presented::Post { .. }) => Ok("post"),
            Ok(Presented::Assertion(_)) => Ok("assertion"),
            Err(error) => Err(error.reason()),
        }
    }

    #[test]
    fn each_method_is_found() {
        assert_eq!(find(&[BASIC], "", false), Ok("basic"));
        assert_eq!(find(&[BASIC], "client_id=a", false), Ok("basic"));
        assert_eq!(find(&[], "client_id=a&client_secret=b", false), Ok("post"));
    }

    #[test]
    fn two_methods_are_refused() {
        for (authorization, body) in [
            (&[BASIC][..], "client_secret=b"),
            (&[BASIC], "client_id=a&client_secret=b"),
            (&[BASIC], "client_assertion=x"),
            (&[BASIC], ASSERTION_TYPE),
            (&[BASIC, BASIC], ""),
            (&["Bearer x"], "client_id=a&client_secret=b"),
            (&[], "client_id=a&client_secret=b&client_assertion=x"),
        ] {
            assert_eq!(find(authorization, body, false), Err("two_methods"), "{body}");
        }
    }

    #[test]
    fn only_identical_duplicates_are_tolerated_and_only_by_the_switch() {
        assert_eq!(find(&[BASIC], "client_id=a&client_secret=b", true), Ok("basic"));
        assert_eq!(find(&[BASIC], "client_secret=b", true), Ok("basic"));
        assert_eq!(find(&[BASIC], "client_id=a&client_secret=c", true), Err("two_methods"));
        assert_eq!(find(&[BASIC], "client_id=x&client_secret=b", true), Err("contradicting_client_id"));
        assert_eq!(find(&[BASIC, BASIC], "", true), Err("two_methods"));
        assert_eq!(find(&[BASIC], "client_assertion=x", true), Err("two_methods"));
    }

    #[test]
    fn missing_parts_are_named() {
        assert_eq!(find(&[], "client_id=a", false), Err("no_credentials"));
        assert_eq!(find(&[], "", false), Err("no_credentials"));
        assert_eq!(find(&[], "client_secret=b", false), Err("missing_client_id"));
        assert_eq!(find(&[BASIC], "client_id=x", false), Err("contradicting_client_id"));
        assert_eq!(find(&["Bearer x"], "", false), Err("authorization_scheme"));
        assert_eq!(find(&["Basic x"], "", false), Err("malformed_basic"));
    }
}
