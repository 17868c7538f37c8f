use aws_lc_rs::digest;
use carnet_token::base64url;
use carnet_token::compact::Compact;
use serde_json::{Map, Value};

use crate::operations::check::Checks;
use crate::operations::client_key::CheckedKey;

/// The `typ` of a proof: no other JWT that a key has signed can pass for one.
pub const TYP: &str = "client-key-proof+jwt";
/// How far ahead `exp` may lie, seconds.
const MAX_LIFETIME: i64 = 300;

/// What a proof must be about.
pub(super) struct Rules<'a> {
    /// The one server that it is for.
    pub issuer: &'a str,
    /// The bearer token of the request: a proof that was made for another registration, or that somebody else has got
    /// hold of, is worth nothing without that token.
    pub bearer: &'a str,
    /// Seconds since 1970-01-01 UTC.
    pub now: i64,
    /// Tolerated difference between clocks, seconds.
    pub skew: i64,
}

/// Notes every key for which there is no proof that the sender holds it, and every proof that is none.
pub(super) fn check(keys: &[&CheckedKey], proofs: &[String], rules: &Rules<'_>, checks: &mut Checks) {
    let mut proven = vec![false; keys.len()];
    for (at, proof) in proofs.iter().enumerate() {
        match check_one(keys, proof, rules) {
            Ok(key) => proven[key] = true,
            Err(reason) => checks.note(format!("jwks_proof[{at}]"), reason),
        }
    }
    for (key, _) in keys.iter().zip(&proven).filter(|(_, proven)| !**proven) {
        checks.note(
            key.field(),
            format!(
                "comes without a proof of possession: add a JWT of typ {TYP}, signed with it, to jwks_proof"
            ),
        );
    }
}

/// The key that a proof is of, by its place.
fn check_one(keys: &[&CheckedKey], proof: &str, rules: &Rules<'_>) -> Result<usize, &'static str> {
    let compact = Compact::parse(proof).map_err(|_| "is no compact JWS of strict JSON")?;
    if !compact.is_typ(TYP) {
        return Err("must have the header typ client-key-proof+jwt");
    }
    // The key is named inside what is signed: a signature alone may fit a second key that was made to fit it.
    let jkt = text(compact.payload(), "jkt").ok_or("must name its key's thumbprint in jkt")?;
    let (at, key) = keys
        .iter()
        .enumerate()
        .find(|(_, key)| key.public().thumbprint().to_string() == jkt)
        .ok_or("names in jkt a key that is not in jwks, or needs no proof")?;
    if compact.header().get("alg").and_then(Value::as_str) != Some(key.public().algorithm().as_str()) {
        return Err("must have the alg of its key");
    }
    key.public()
        .verify(compact.signing_input().as_bytes(), compact.signature())
        .map_err(|_| "is not signed with its key")?;
    check_claims(compact.payload(), rules)?;
    Ok(at)
}

fn check_claims(claims: &Map<String, Value>, rules: &Rules<'_>) -> Result<(), &'static str> {
    let aud = match claims.get("aud") {
        Some(Value::Array(all)) => match all.as_slice() {
            [one] => one.as_str(),
            _ => None,
        },
        Some(one) => one.as_str(),
        None => None,
    };
    if aud != Some(rules.issuer) {
        return Err("must have the issuer as its only aud");
    }
    let hash = digest::digest(&digest::SHA256, rules.bearer.as_bytes());
    if text(claims, "ath") != Some(base64url::encode(hash.as_ref()).as_str()) {
        return Err("must have in ath the SHA-256 of the token in the Authorization header");
    }
    let date = |name: &str| claims.get(name).and_then(Value::as_i64);
    let (Some(iat), Some(exp)) = (date("iat"), date("exp")) else {
        return Err("must have iat and exp in whole seconds");
    };
    let latest = rules.now.saturating_add(rules.skew);
    if iat > latest {
        return Err("comes from the future: its iat lies ahead");
    }
    if rules.now >= exp.saturating_add(rules.skew) {
        return Err("has expired");
    }
    if exp > latest.saturating_add(MAX_LIFETIME) {
        return Err("must expire within 300 seconds");
    }
    Ok(())
}

fn text<'c>(claims: &'c Map<String, Value>, name: &str) -> Option<&'c str> {
    claims.get(name).and_then(Value::as_str)
}
