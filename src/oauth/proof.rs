//! What a client shows at the token endpoint to have its token bound to it: a `DPoP` proof (RFC 9449 §5), or the name of
//! one of its registered keys.
//!
//! A token carries both names of the key, the registered one and the thumbprint (RFC 7800 §3): by the one a company knows
//! its key, by the other any server can check a proof without asking anybody.

use carnet_token::proof::nonce::NonceKey;
use carnet_token::proof::{
    Body, Certificate, Checked, NonceRule, ProofError, ProofRules, RequestView, Window, dpop,
};
use carnet_token::{Algorithm, Confirmation, KeyRef, base64url, json};
use http::HeaderMap;
use serde_json::Value;

use super::form::TokenRequest;
use super::response::TokenType;
use super::state::State;
use super::token::stale;
use super::{ErrorCode, OAuthError};
use crate::config::DpopKeyPolicy;
use crate::registry::{ClientEntry, UsableKey};

/// How a token is bound.
#[derive(Debug)]
pub(super) struct Binding {
    /// None: whoever holds the token may use it.
    pub confirmation: Option<Confirmation>,
    /// What the client is told that it got.
    pub token_type: TokenType,
    /// The proof that was shown, to be used up.
    proof: Option<Checked>,
}

/// Where a token request arrived and what came with it, as far as it matters for proofs.
#[derive(Debug)]
pub(super) struct Arrival {
    /// The path of the route: a proof names the address that was used, of which there are two.
    pub path: String,
    pub headers: HeaderMap,
}

/// Decides what the token is bound to. `signed_with` is the registered key by which the client has authenticated.
pub(super) fn bind(
    state: &State,
    entry: &ClientEntry,
    signed_with: Option<&str>,
    request: &TokenRequest<'_>,
    arrival: &Arrival,
) -> Result<Binding, OAuthError> {
    let asks_for_pop = asks_for_pop(request)?;
    let usable = usable(entry, state.clock().now_millis());
    if arrival.headers.contains_key("dpop") {
        if asks_for_pop {
            return Err(invalid_request(
                "two_bindings",
                "the request has a DPoP proof and asks for token_type=pop: one of them",
            ));
        }
        return by_dpop(state, &usable, arrival);
    }
    if asks_for_pop || entry.client().require_bound_tokens {
        let key = named_key(&usable, signed_with, request, entry.client().require_bound_tokens)?;
        return Ok(Binding {
            confirmation: Some(Confirmation::key(key_ref(key))),
            token_type: TokenType::Pop,
            proof: None,
        });
    }
    Ok(Binding { confirmation: None, token_type: TokenType::Bearer, proof: None })
}

impl Binding {
    /// Uses the proof up: the last thing before a token is made, so that one that is refused for another reason is not.
    pub async fn consume(&self, state: &State, client_id: &str) -> Result<(), OAuthError> {
        let Some(proof) = &self.proof else { return Ok(()) };
        for key in proof.replay_keys() {
            let name = base64url::encode(key.digest);
            let first = state.replay().consume(client_id, &name, key.keep_until, state.clock().now()).await?;
            if !first {
                return Err(invalid_proof(
                    "replayed_dpop_jti",
                    "the DPoP proof was used before: make a new one",
                ));
            }
        }
        // That may have waited for the database: what counts is what is registered now.
        let image = state.registry().current().map_err(stale)?;
        let entry = image.client(client_id).filter(ClientEntry::is_active);
        let bound = self.confirmation.as_ref().and_then(|confirmation| confirmation.key_ref()?.kid());
        let holds = |entry: ClientEntry| match bound {
            Some(kid) => entry.keys().iter().any(|key| key.key.kid == kid),
            None => true,
        };
        if entry.is_some_and(holds) {
            return Ok(());
        }
        Err(OAuthError::new(
            ErrorCode::InvalidClient,
            "gone_meanwhile",
            "the client or its key has been disabled meanwhile",
        ))
    }
}

/// `token_type=pop` (draft-ietf-oauth-pop-key-distribution §3), or the name of a key, which means the same.
fn asks_for_pop(request: &TokenRequest<'_>) -> Result<bool, OAuthError> {
    match request.token_type.as_deref() {
        Some(name) if name.eq_ignore_ascii_case("pop") => Ok(true),
        Some(name) if !name.eq_ignore_ascii_case("bearer") => Err(invalid_request(
            "token_type",
            "token_type must be pop or left out; for DPoP send a DPoP proof",
        )),
        // Whoever names a key and wants a bearer token has not said what it wants.
        Some(_) if request.req_cnf.is_some() => {
            Err(invalid_request("token_type", "req_cnf is for token_type=pop"))
        }
        _ => Ok(request.req_cnf.is_some()),
    }
}

/// The client's keys that have not expired.
fn usable(entry: &ClientEntry, now: i64) -> Vec<&UsableKey> {
    entry.keys().iter().filter(|usable| usable.key.not_after.is_none_or(|at| at > now)).collect()
}

fn key_ref(key: &UsableKey) -> KeyRef {
    KeyRef::new(key.key.kid.as_str(), key.public.thumbprint())
}

/// The key that the request names, else the one that has signed its assertion, else the only one.
fn named_key<'k>(
    usable: &[&'k UsableKey],
    signed_with: Option<&str>,
    request: &TokenRequest<'_>,
    required: bool,
) -> Result<&'k UsableKey, OAuthError> {
    let named = |kid: &str| usable.iter().copied().find(|key| key.key.kid == kid);
    if let Some(req_cnf) = request.req_cnf.as_deref() {
        let kid = requested_kid(req_cnf).ok_or_else(|| {
            invalid_request(
                "malformed_req_cnf",
                "req_cnf must be base64url of {'kid': ...}, the name of a registered key of this client, and nothing else",
            )
        })?;
        return named(&kid)
            .ok_or_else(|| invalid_request("unknown_req_cnf", "req_cnf names no usable key of this client"));
    }
    if let Some(key) = signed_with.and_then(named) {
        return Ok(key);
    }
    match usable {
        [only] => Ok(only),
        [] if required => Err(invalid_request(
            "unbound",
            "require_bound_tokens is set for this client, and it has no usable key to bind a token to: register one, \
             or have an administrator lift the requirement",
        )),
        [] => Err(invalid_request("no_key", "the client has no usable key to bind a token to: register one")),
        _ => {
            Err(invalid_request("ambiguous_key", "the client has several keys: name one of them in req_cnf"))
        }
    }
}

/// `req_cnf`: strict JSON with a `kid` and nothing else. A key itself is never taken from a request: what a token is
/// bound to was registered before.
fn requested_kid(req_cnf: &str) -> Option<String> {
    let members = json::parse_object(&base64url::decode(req_cnf).ok()?).ok()?;
    match members.get("kid") {
        Some(Value::String(kid)) if members.len() == 1 => Some(kid.clone()),
        _ => None,
    }
}

fn by_dpop(state: &State, usable: &[&UsableKey], arrival: &Arrival) -> Result<Binding, OAuthError> {
    let config = state.config();
    let lines: Vec<(&str, &[u8])> =
        arrival.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    // The issuer is how clients know this server, whatever stands before it.
    let (scheme, authority) = config.issuer().split_once("://").unwrap_or(("https", config.issuer()));
    let request = RequestView {
        method: "POST",
        scheme,
        authority,
        path: &arrival.path,
        query: None,
        headers: &lines,
        // A proof says nothing about the body.
        body: Body::Unread,
        certificate: Certificate::None,
    };
    let tokens = config.tokens();
    let window = Window { skew: tokens.clock_skew, ..Window::DEFAULT };
    let nonces = state.nonces();
    let rules = ProofRules {
        window,
        longest: window,
        made_after: state.replay().lost_before(state.clock().now()),
        nonce: if tokens.require_dpop_nonces { NonceRule::Required(nonces) } else { NonceRule::Ignored },
        ..ProofRules::STRICT
    };
    let now = state.clock().now();
    let refused = |error| refused(error, nonces, now);
    let proof = dpop::Presented::of(&request).map_err(refused)?;
    let proof = proof.ok_or_else(|| refused(ProofError::ProofMissing))?;
    let checked = proof.check_without_token(&request, &rules, now).map_err(refused)?;
    let registered = usable.iter().find(|key| key.public.thumbprint() == proof.thumbprint());
    let key = match (registered, tokens.dpop_key_policy) {
        (Some(key), _) => key_ref(key),
        (None, DpopKeyPolicy::Any) => KeyRef::from_jkt(proof.thumbprint()),
        (None, DpopKeyPolicy::Registered) => {
            return Err(invalid_proof(
                "unregistered_dpop_key",
                "the key of the DPoP proof is no registered key of this client: register it first",
            ));
        }
    };
    Ok(Binding {
        confirmation: Some(Confirmation::key(key)),
        token_type: TokenType::Dpop,
        proof: Some(checked),
    })
}

fn refused(error: ProofError, nonces: &NonceKey, now: i64) -> OAuthError {
    match error {
        ProofError::UseNonce => OAuthError::new(
            ErrorCode::UseDpopNonce,
            "use_dpop_nonce",
            "the DPoP proof must carry the nonce of the DPoP-Nonce header field of this answer",
        )
        .with_nonce(nonces.current(now)),
        ProofError::MadeBeforeStart => OAuthError::new(
            ErrorCode::TemporarilyUnavailable,
            "replay_memory_lost",
            "the server has just started and does not know which proofs were used: try again with a new one",
        )
        .retry_after(Window::DEFAULT.skew),
        other => invalid_proof(dpop_reason(other), format!("the DPoP proof is refused: {other}")),
    }
}

/// The reason code for the log: that of the fault, with where it was.
const fn dpop_reason(error: ProofError) -> &'static str {
    match error {
        ProofError::Malformed => "malformed_dpop",
        ProofError::Sig => "dpop_sig",
        ProofError::Typ => "dpop_typ",
        ProofError::Alg => "dpop_alg",
        ProofError::Key => "dpop_key",
        ProofError::Crit => "dpop_crit",
        other => other.code(),
    }
}

fn invalid_request(reason: &'static str, description: &'static str) -> OAuthError {
    OAuthError::new(ErrorCode::InvalidRequest, reason, description)
}

fn invalid_proof(reason: &'static str, description: impl Into<std::borrow::Cow<'static, str>>) -> OAuthError {
    OAuthError::new(ErrorCode::InvalidDpopProof, reason, description)
}

/// The names of the algorithms of proofs that are understood.
pub(super) const ALGORITHMS: [&str; 5] = Algorithm::NAMES;
