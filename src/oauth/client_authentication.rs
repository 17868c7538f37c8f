//! Who asks? Client authentication at the token endpoint (RFC 6749 §2.3, RFC 7523 §2.2).
//!
//! Exactly one method per request, and the one that the client is registered for. Throttling of failures stands at the
//! beginning of [`authenticate`], before any work, so that every endpoint that authenticates clients has it.

use std::borrow::Cow;

use http::{HeaderMap, header};

use super::basic::{self, BasicError, Credentials};
use super::client_assertion::{self, Assertion};
use super::client_secret::{self, Reading};
use super::form::TokenRequest;
use super::state::State;
use super::throttle::Attempt;
use super::{ErrorCode, OAuthError};
use crate::http::ClientAddress;
use crate::registry::{ClientEntry, Image, TokenEndpointAuthMethod};

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

/// A client that has proven who it is.
#[derive(Debug)]
pub(super) struct Authenticated {
    /// Who.
    pub entry: ClientEntry,
    /// The `kid` of the registered key that it has signed with.
    pub signed_with: Option<String>,
}

impl Authenticated {
    fn by_secret(entry: ClientEntry) -> Self {
        Self { entry, signed_with: None }
    }
}

/// Authenticates the client, unless too many attempts from there have failed.
pub(super) async fn authenticate(
    state: &State,
    image: &Image,
    presented: &Presented<'_>,
    from: Option<ClientAddress>,
) -> Result<Authenticated, OAuthError> {
    let attempt = state.throttle().begin(from, &presented.claimed_client_id())?;
    let outcome = by_method(state, image, presented, &attempt).await;
    let failed = outcome.as_ref().is_err_and(|error| {
        matches!(error.code(), ErrorCode::InvalidClient | ErrorCode::InvalidClientByHeader)
    });
    // What failed counts, and what this server could not do does not.
    if !failed {
        attempt.forgive();
    }
    outcome
}

async fn by_method(
    state: &State,
    image: &Image,
    presented: &Presented<'_>,
    attempt: &Attempt<'_>,
) -> Result<Authenticated, OAuthError> {
    match presented {
        Presented::Basic(readings) => {
            let readings: Vec<Reading<'_>> = readings
                .iter()
                .map(|reading| Reading { client_id: &reading.client_id, secret: &reading.client_secret })
                .collect();
            client_secret::authenticate(
                state,
                image,
                TokenEndpointAuthMethod::ClientSecretBasic,
                &readings,
                attempt,
            )
            .await
            .map(Authenticated::by_secret)
            .map_err(OAuthError::by_header)
        }
        Presented::Post { client_id, client_secret } => {
            let reading = [Reading { client_id, secret: client_secret }];
            client_secret::authenticate(
                state,
                image,
                TokenEndpointAuthMethod::ClientSecretPost,
                &reading,
                attempt,
            )
            .await
            .map(Authenticated::by_secret)
        }
        Presented::Assertion(assertion) => {
            client_assertion::authenticate(state, image, assertion, attempt).await
        }
    }
}

/// The client must use the method that it is registered for. Only who holds its credential gets to hear which.
pub(super) fn check_method(entry: &ClientEntry, used: TokenEndpointAuthMethod) -> Result<(), OAuthError> {
    let registered = entry.client().token_endpoint_auth_method;
    if registered == used {
        return Ok(());
    }
    Err(failed("wrong_method", format!("the client is registered for {registered}, not for {used}")))
}

/// What stands between a client that proved who it is and its token: that it is enabled, and asks from where it may.
/// Such a refusal is no guess that failed, and is not counted as one.
pub(super) fn check_admitted(entry: &ClientEntry, attempt: &Attempt<'_>) -> Result<(), OAuthError> {
    let admitted = check_active(entry).and_then(|()| check_address(entry, attempt.from()));
    if admitted.is_err() {
        attempt.forgive();
    }
    admitted
}

/// The client and its participant must be enabled.
fn check_active(entry: &ClientEntry) -> Result<(), OAuthError> {
    if entry.is_active() {
        return Ok(());
    }
    Err(failed("disabled", "the client or its participant is disabled"))
}

/// The client must ask from an address of its list, if it has one. A stolen secret is worth less then; its thief
/// hears that it is right, and the owner sees in the log that there is a thief.
fn check_address(entry: &ClientEntry, from: Option<ClientAddress>) -> Result<(), OAuthError> {
    let allowed = &entry.client().allowed_addresses;
    if allowed.is_empty() || from.is_some_and(|from| allowed.iter().any(|range| range.contains(from.0))) {
        return Ok(());
    }
    if let Some(ClientAddress(address)) = from {
        tracing::warn!(client_id = entry.client().id, %address, "a client asks from where it may not");
    } else {
        tracing::warn!(
            client_id = entry.client().id,
            "a client with an address list asks, and where from is not known: name the proxy before this server in \
             server.trusted_proxies"
        );
    }
    Err(failed("address", "the client may not ask from this address"))
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
