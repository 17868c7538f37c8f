//! `private_key_jwt` (RFC 7523 §2.2 and §3, OpenID Connect Core §9): a JWT signed with a registered key.

use std::borrow::Cow;

use carnet_token::PublicKey;
use carnet_token::assertion::{AssertionError, AssertionRules, Unverified};

use super::client_authentication::{Authenticated, GENERIC, check_admitted, failed};
use super::form::TokenRequest;
use super::state::State;
use super::throttle::Attempt;
use super::token::stale;
use super::{ErrorCode, OAuthError};
use crate::registry::{ClientEntry, Image, TokenEndpointAuthMethod};

/// The one assertion type (RFC 7523 §2.2).
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// An assertion that nobody has looked into.
#[derive(Debug)]
pub(super) struct Assertion<'a> {
    text: &'a str,
    /// The `client_id` parameter beside it; optional (RFC 7521 §4.2).
    pub client_id: Option<Cow<'a, str>>,
}

impl Assertion<'_> {
    /// Who the request says it is from: by the parameter, else by the assertion that nobody has verified.
    pub fn claimed_client_id(&self) -> Cow<'_, str> {
        match &self.client_id {
            Some(client_id) => Cow::Borrowed(client_id),
            None => Unverified::parse(self.text)
                .map_or(Cow::Borrowed(""), |unverified| unverified.unverified_client_id().to_owned().into()),
        }
    }
}

impl<'a> Assertion<'a> {
    /// Finds the assertion of a request that has one of the two parameters.
    pub fn find(request: &'a TokenRequest<'_>) -> Result<Self, OAuthError> {
        let missing = |name: &str| {
            OAuthError::new(ErrorCode::InvalidRequest, "incomplete_assertion", format!("{name} is missing"))
        };
        let kind =
            request.client_assertion_type.as_deref().ok_or_else(|| missing("client_assertion_type"))?;
        let text = request.client_assertion.as_deref().ok_or_else(|| missing("client_assertion"))?;
        if kind != JWT_BEARER {
            return Err(failed("assertion_type", format!("client_assertion_type must be {JWT_BEARER}")));
        }
        Ok(Self { text, client_id: request.client_id.as_deref().map(Cow::Borrowed) })
    }
}

/// Authenticates the client that signed an assertion, and consumes the assertion.
pub(super) async fn authenticate(
    state: &State,
    image: &Image,
    assertion: &Assertion<'_>,
    attempt: &Attempt<'_>,
) -> Result<Authenticated, OAuthError> {
    let refused =
        |error: AssertionError| failed(error.code(), format!("the client assertion is refused: {error}"));
    let unverified = Unverified::parse(assertion.text).map_err(refused)?;
    let client_id = unverified.unverified_client_id().to_owned();
    // RFC 7521 §4.2: the parameter must name the same client.
    if assertion.client_id.as_ref().is_some_and(|given| **given != *client_id) {
        return Err(failed("contradicting_client_id", "client_id is not the one of the client assertion"));
    }
    let Some(entry) = image.client(&client_id) else {
        // An unknown client costs something too.
        let _ = state.keys().secret_mac(assertion.text);
        return Err(failed("unknown_client", GENERIC));
    };
    if entry.client().token_endpoint_auth_method != TokenEndpointAuthMethod::PrivateKeyJwt {
        return Err(failed("wrong_method", GENERIC));
    }
    let Some(key) = find_key(&entry, &unverified, state.clock().now_millis()) else {
        return Err(failed("unknown_key", GENERIC));
    };
    let tokens = state.config().tokens();
    let rules = AssertionRules {
        issuer: state.config().issuer(),
        token_endpoint: state.token_endpoint(),
        accept_token_endpoint_aud: tokens.accept_token_endpoint_aud,
        client_id: &client_id,
    };
    let now = state.clock().now();
    let checked = unverified.verify(key, &rules, now, tokens.clock_skew).map_err(refused)?;
    check_admitted(&entry, attempt)?;
    // Last of all: an assertion that is refused for another reason is not used up by it.
    state.replay().check_age(&checked.claims, now)?;
    if !state.replay().consume(&client_id, &checked.replay_key, checked.keep_until, now).await? {
        return Err(failed(
            "replayed_jti",
            "the client assertion was used before: make a new one, with a new jti, for every request",
        ));
    }
    // That may have waited for the database: what counts is what is registered now.
    let image = state.registry().current().map_err(stale)?;
    let entry = image.client(&client_id).filter(|entry| holds(entry, key));
    let entry = entry.ok_or_else(|| failed("unknown_key", GENERIC))?;
    check_admitted(&entry, attempt)?;
    Ok(Authenticated { entry, signed_with: Some(key.kid().to_owned()) })
}

/// Whether a key is still one of the client's.
fn holds(entry: &ClientEntry, key: &PublicKey) -> bool {
    entry
        .keys()
        .iter()
        .any(|usable| usable.public.kid() == key.kid() && usable.public.thumbprint() == key.thumbprint())
}

/// The registered key that an assertion names. Without a `kid` there must be exactly one for its algorithm.
fn find_key<'e>(entry: &'e ClientEntry, unverified: &Unverified<'_>, now: i64) -> Option<&'e PublicKey> {
    let mut usable = entry
        .keys()
        .iter()
        .filter(|usable| usable.key.not_after.is_none_or(|at| at > now))
        .filter(|usable| usable.key.alg == unverified.algorithm())
        .filter(|usable| unverified.kid().is_none_or(|kid| kid == usable.key.kid));
    match (usable.next(), usable.next()) {
        (Some(usable), None) => Some(&usable.public),
        _ => None,
    }
}
