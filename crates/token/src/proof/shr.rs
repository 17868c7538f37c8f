//! Signed HTTP requests (draft-ietf-oauth-signed-http-request-03): a JWS that holds the access token and digests of
//! the request.
//!
//! The draft leaves some points open. Here the query is hashed as raw text, a method and a path are compared case and
//! all, `ts` is required and bounded on both sides, and whatever the request has must be covered: query and body
//! always, and with a body its `content-type`, since another type gives the same bytes another meaning.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::{Map, Value};

use super::request::trimmed;
use super::{Body, Checked, Covered, ProofError, ProofKind, ProofRules, ReplayKey, RequestView, key, target};
use crate::compact::{Compact, Sealed};
use crate::{Algorithm, KeyRef, PublicKey, SignError, SigningKey, Thumbprint, base64url};

/// The `typ` of a signed HTTP request.
pub const TYP: &str = "pop";

/// The longest one, in bytes: an access token of the usual length is base64url'd twice in it.
pub const MAX_LENGTH: usize = 16 * 1024;

/// How many names a list of covered parameters or fields may have.
const MAX_NAMES: usize = 64;

/// A signed HTTP request whose signature nobody has verified.
#[derive(Debug)]
pub struct Presented<'a> {
    compact: Compact<'a>,
    algorithm: Algorithm,
    shown: Option<PublicKey>,
}

impl<'a> Presented<'a> {
    /// Takes one apart. `legacy_no_typ` lets it come without `typ`, as drafts before -03 had it.
    ///
    /// # Errors
    /// [`ProofError`] when it cannot be a proof of anybody.
    pub fn parse(text: &'a str, legacy_no_typ: bool) -> Result<Self, ProofError> {
        let compact = Sealed::parse(text, MAX_LENGTH)?.open()?;
        let old_form = legacy_no_typ && !compact.header().contains_key("typ");
        if !compact.is_typ(TYP) && !old_form {
            return Err(ProofError::Typ);
        }
        let algorithm = compact.header().get("alg").and_then(Value::as_str).ok_or(ProofError::Alg)?;
        let algorithm = algorithm.parse().map_err(|_| ProofError::Alg)?;
        compact.kid().map_err(|_| ProofError::Malformed)?;
        let Some(Value::String(_)) = compact.payload().get("at") else {
            return Err(ProofError::Malformed);
        };
        let jwk = compact.header().get("jwk");
        let shown = jwk.map(|jwk| key::inline(jwk, algorithm)).transpose()?;
        Ok(Self { compact, algorithm, shown })
    }

    /// The access token inside.
    #[must_use]
    pub fn access_token(&self) -> &str {
        self.compact.payload().get("at").and_then(Value::as_str).unwrap_or_default()
    }

    /// Whether the key itself is in the header, so that none need be looked up when the token has its thumbprint.
    #[must_use]
    pub const fn shows_key(&self) -> bool {
        self.shown.is_some()
    }

    /// Compares it with the key that the token is bound to, and with the request. `now` is seconds since 1970 UTC.
    ///
    /// # Errors
    /// The first [`ProofError`] that applies: the key, the signature, the time, the parts in the order of the draft.
    pub fn check(
        &self,
        key_ref: &KeyRef,
        registered: Option<&PublicKey>,
        request: &RequestView<'_>,
        rules: &ProofRules<'_>,
        now: i64,
    ) -> Result<Checked, ProofError> {
        if !rules.algorithms.contains(&self.algorithm) {
            return Err(ProofError::Alg);
        }
        let named = self.compact.kid().ok().flatten();
        let key = key::bound(key_ref, self.shown.as_ref(), named, registered)?;
        if key.algorithm() != self.algorithm {
            return Err(ProofError::Alg);
        }
        key.verify_compact(&self.compact).map_err(|_| ProofError::Sig)?;
        // From here on the payload is the sender's.
        let claims = self.compact.payload();
        let keep_until = check_time(claims, rules, now)?;
        check_target(claims, request)?;
        check_query(claims, request)?;
        let fields = check_fields(claims, request)?;
        check_body(claims, request.body)?;
        if !request.body.is_empty()
            && !meaning_of_body(request).all(|name| fields.iter().any(|field| field == name))
        {
            return Err(ProofError::Uncovered);
        }
        let mut identity = key.thumbprint().as_bytes().to_vec();
        identity.extend_from_slice(self.compact.signing_input().as_bytes());
        let digest = *Thumbprint::of(&identity).as_bytes();
        let covered = Covered { target: true, query: true, body: claims.contains_key("b") };
        Ok(Checked::by_key(ProofKind::Shr, key.thumbprint(), covered, ReplayKey { digest, keep_until }))
    }
}

/// The fields that say what the bytes of a body mean.
fn meaning_of_body(request: &RequestView<'_>) -> impl Iterator<Item = &'static str> {
    let coded = request.fields("content-encoding").next().is_some();
    ["content-type"].into_iter().chain(coded.then_some("content-encoding"))
}

fn text<'c>(
    claims: &'c Map<String, Value>,
    name: &str,
    fault: ProofError,
) -> Result<Option<&'c str>, ProofError> {
    match claims.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(fault),
    }
}

/// `ts`, or the nonce of this server in its place; gives back until when the proof must be remembered.
fn check_time(claims: &Map<String, Value>, rules: &ProofRules<'_>, now: i64) -> Result<i64, ProofError> {
    // A whole number and nothing like one: strings, floats and booleans are read differently by different readers.
    let ts = claims.get("ts").and_then(Value::as_i64).ok_or(ProofError::Ts)?;
    let nonce = text(claims, "nonce", ProofError::Malformed)?;
    rules.check_time(ts, nonce, now, ProofError::Ts)
}

fn check_target(claims: &Map<String, Value>, request: &RequestView<'_>) -> Result<(), ProofError> {
    let method = text(claims, "m", ProofError::M)?.ok_or(ProofError::Uncovered)?;
    if method != request.method {
        return Err(ProofError::M);
    }
    let named = text(claims, "u", ProofError::U)?.ok_or(ProofError::Uncovered)?;
    let named = target::authority(request.scheme, named).map_err(|_| ProofError::U)?;
    let asked = target::authority(request.scheme, request.authority).map_err(|_| ProofError::U)?;
    if named != asked {
        return Err(ProofError::U);
    }
    let named = text(claims, "p", ProofError::P)?.ok_or(ProofError::Uncovered)?;
    let named = target::path(named).map_err(|_| ProofError::P)?;
    let asked = target::path(request.path).map_err(|_| ProofError::P)?;
    if named == asked { Ok(()) } else { Err(ProofError::P) }
}

/// The member `[[names…], hash]`; the names are unique.
fn list<'c>(
    claims: &'c Map<String, Value>,
    member: &str,
    fault: ProofError,
) -> Result<Option<(Vec<&'c str>, &'c str)>, ProofError> {
    let Some(value) = claims.get(member) else { return Ok(None) };
    let Some([Value::Array(names), Value::String(hash)]) = value.as_array().map(Vec::as_slice) else {
        return Err(fault);
    };
    if names.len() > MAX_NAMES {
        return Err(fault);
    }
    let names = names.iter().map(|name| name.as_str().ok_or(fault)).collect::<Result<Vec<_>, _>>()?;
    let mut unique = names.clone();
    unique.sort_unstable();
    unique.dedup();
    if unique.len() == names.len() { Ok(Some((names, hash))) } else { Err(fault) }
}

/// A query in its raw pieces: cut at `&`, each at its first `=`; empty pieces are nothing.
fn parameters(query: &str) -> impl Iterator<Item = (&str, &str)> {
    query
        .split('&')
        .filter(|piece| !piece.is_empty())
        .map(|piece| piece.split_once('=').unwrap_or((piece, "")))
}

/// `q` over the raw text. A parameter that occurs twice cannot be covered, and one that is not covered cannot pass.
fn check_query(claims: &Map<String, Value>, request: &RequestView<'_>) -> Result<(), ProofError> {
    let pieces: Vec<_> = parameters(request.query.unwrap_or_default()).collect();
    let Some((names, hash)) = list(claims, "q", ProofError::Q)? else {
        return if pieces.is_empty() { Ok(()) } else { Err(ProofError::Uncovered) };
    };
    let mut input = String::with_capacity(request.query.map_or(0, str::len));
    for name in &names {
        let mut occurrences = pieces.iter().filter(|(parameter, _)| parameter == name);
        let (Some((_, value)), None) = (occurrences.next(), occurrences.next()) else {
            return Err(ProofError::Q);
        };
        push_parameter(&mut input, name, value);
    }
    if Thumbprint::of(input.as_bytes()).to_string() != hash {
        return Err(ProofError::Q);
    }
    // Every name is there once, so that equal counts mean that nothing is left over.
    if names.len() == pieces.len() { Ok(()) } else { Err(ProofError::Uncovered) }
}

fn push_parameter(input: &mut String, name: &str, value: &str) {
    if !input.is_empty() {
        input.push('&');
    }
    input.push_str(name);
    input.push('=');
    input.push_str(value);
}

/// `h` over fields of which there is one line each; gives back their names in lower case.
fn check_fields(claims: &Map<String, Value>, request: &RequestView<'_>) -> Result<Vec<String>, ProofError> {
    let Some((names, hash)) = list(claims, "h", ProofError::H)? else { return Ok(Vec::new()) };
    let names: Vec<String> = names.iter().map(|name| name.to_ascii_lowercase()).collect();
    let input = field_input(&names, request).ok_or(ProofError::H)?;
    if Thumbprint::of(&input).to_string() == hash { Ok(names) } else { Err(ProofError::H) }
}

/// `name: value` lines; `None` when a field is not there exactly once, or is the one that holds the proof.
fn field_input(names: &[String], request: &RequestView<'_>) -> Option<Vec<u8>> {
    let mut input = Vec::new();
    for name in names {
        let mut lines = request.fields(name);
        let (Some(value), None) = (lines.next(), lines.next()) else { return None };
        if name == "authorization" || value.contains(&b'\n') || value.contains(&b'\r') {
            return None;
        }
        if !input.is_empty() {
            input.push(b'\n');
        }
        input.extend_from_slice(name.as_bytes());
        input.extend_from_slice(b": ");
        input.extend_from_slice(trimmed(value));
    }
    Some(input)
}

fn check_body(claims: &Map<String, Value>, body: Body<'_>) -> Result<(), ProofError> {
    let digest = body.sha256().ok_or(ProofError::BodyUnread)?;
    match text(claims, "b", ProofError::B)? {
        None if body.is_empty() => Ok(()),
        None => Err(ProofError::Uncovered),
        Some(hash) if hash == base64url::encode(digest) => Ok(()),
        Some(_) => Err(ProofError::B),
    }
}

/// Why a signed HTTP request cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MakeError {
    /// A query parameter occurs twice, or a header field to be covered does not occur once: neither can be covered, so
    /// that another kind of proof is needed.
    #[error("{0} does not occur exactly once and cannot be covered by a signed HTTP request")]
    Repeated(String),
    /// The authority or the path is not that of a URL.
    #[error("not a URL that could be signed")]
    Target,
    /// The body was not digested.
    #[error("the body has not been read")]
    BodyUnread,
    /// The key cannot be used.
    #[error(transparent)]
    Sign(#[from] SignError),
}

/// What a signed HTTP request is made of, besides the request.
#[derive(Debug, Clone, Copy)]
pub struct Making<'a> {
    /// The access token.
    pub access_token: &'a str,
    /// Seconds since 1970 UTC.
    pub now: i64,
    /// Fresh random text: two equal requests in one second must not be one proof.
    pub jti: &'a str,
    /// The nonce of the server, if it gave one.
    pub nonce: Option<&'a str>,
}

/// Makes a signed HTTP request that covers method, host, path, the whole query, the body and its `content-type`.
///
/// The public key goes into the header, when it is known, so that a server of another network can check the proof
/// without looking it up.
///
/// # Errors
/// [`MakeError`].
pub fn make(making: &Making<'_>, request: &RequestView<'_>, key: &SigningKey) -> Result<String, MakeError> {
    #[derive(Serialize)]
    struct Header<'a> {
        alg: Algorithm,
        typ: &'a str,
        kid: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        jwk: Option<Value>,
    }
    #[derive(Serialize)]
    struct Payload<'a> {
        at: &'a str,
        ts: i64,
        jti: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        nonce: Option<&'a str>,
        m: &'a str,
        u: Cow<'a, str>,
        p: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        q: Option<(Vec<&'a str>, String)>,
        #[serde(skip_serializing_if = "Option::is_none")]
        h: Option<(Vec<String>, String)>,
        b: String,
    }
    target::path(request.path).map_err(|_| MakeError::Target)?;
    let digest = request.body.sha256().ok_or(MakeError::BodyUnread)?;
    let u = target::authority(request.scheme, request.authority).map_err(|_| MakeError::Target)?;
    let q = if request.has_query() { Some(cover_query(request.query.unwrap_or_default())?) } else { None };
    let h = if request.body.is_empty() {
        None
    } else {
        let names: Vec<String> = meaning_of_body(request).map(str::to_owned).collect();
        let input = field_input(&names, request).ok_or_else(|| MakeError::Repeated(names.join(" or ")))?;
        Some((names, Thumbprint::of(&input).to_string()))
    };
    let payload = Payload {
        at: making.access_token,
        ts: making.now,
        jti: making.jti,
        nonce: making.nonce,
        m: request.method,
        u,
        p: if request.path.is_empty() { "/" } else { request.path },
        q,
        h,
        b: base64url::encode(digest),
    };
    let header = Header { alg: key.algorithm(), typ: TYP, kid: key.kid(), jwk: key::shown(key) };
    Ok(key.sign_compact(&header, &payload)?)
}

fn cover_query(query: &str) -> Result<(Vec<&str>, String), MakeError> {
    let mut names: Vec<&str> = Vec::new();
    let mut input = String::with_capacity(query.len());
    for (name, value) in parameters(query) {
        if names.contains(&name) {
            return Err(MakeError::Repeated(name.to_owned()));
        }
        names.push(name);
        push_parameter(&mut input, name, value);
    }
    Ok((names, Thumbprint::of(input.as_bytes()).to_string()))
}
