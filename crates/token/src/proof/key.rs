//! Which key must have made a proof.

use std::borrow::Cow;

use serde_json::Value;

use super::ProofError;
use crate::{Algorithm, Jwk, KeyRef, PublicKey, SigningKey};

/// The public key in the header of a proof, checked, for the algorithm of that header.
pub(super) fn inline(jwk: &Value, algorithm: Algorithm) -> Result<PublicKey, ProofError> {
    let mut jwk = Jwk::from_value(jwk).map_err(|_| ProofError::Malformed)?;
    // Whoever reads the proof would have the key.
    if jwk.kty == "oct" {
        return Err(ProofError::Malformed);
    }
    if jwk.is_private() {
        return Err(ProofError::PrivateJwk);
    }
    // An RSA key without `alg` is for the algorithm that it was used with, if it can be.
    jwk.alg.get_or_insert_with(|| algorithm.as_str().to_owned());
    let key = PublicKey::from_jwk(&jwk).map_err(|_| ProofError::Key)?;
    if key.algorithm() == algorithm { Ok(key) } else { Err(ProofError::Alg) }
}

/// The key that the token is bound to: the one shown with the proof if it is that key, the one in the token, or the
/// one that the client has registered, which the caller looked up by issuer, client and name.
///
/// `named` is the name by which the proof calls its key.
pub(super) fn bound<'k>(
    key_ref: &KeyRef,
    shown: Option<&'k PublicKey>,
    named: Option<&str>,
    registered: Option<&'k PublicKey>,
) -> Result<Cow<'k, PublicKey>, ProofError> {
    // A registered key under another thumbprint than the token says is another key, whatever its name.
    let fits = |key: &PublicKey| key_ref.jkt().is_none_or(|jkt| jkt == key.thumbprint());
    let registered = registered.filter(|key| fits(key));
    if let Some(shown) = shown {
        // By itself a key proves nothing: anybody can show one.
        let expected = key_ref.jkt().or_else(|| registered.map(PublicKey::thumbprint));
        let expected = expected.ok_or(ProofError::UnknownPopKid)?;
        if expected != shown.thumbprint() {
            return Err(ProofError::CnfMismatch);
        }
        // One algorithm per key, where it is known which.
        let known = registered.map(|key| key.algorithm().as_str());
        let known = known.or_else(|| key_ref.jwk().and_then(|jwk| jwk.alg.as_deref()));
        let known: Option<Result<Algorithm, _>> = known.map(str::parse);
        return match known {
            Some(known) if known != Ok(shown.algorithm()) => Err(ProofError::Alg),
            _ => Ok(Cow::Borrowed(shown)),
        };
    }
    let key = match (key_ref.jwk(), registered) {
        (Some(jwk), _) => PublicKey::from_jwk(jwk).map(Cow::Owned).map_err(|_| ProofError::Key)?,
        (None, Some(registered)) => Cow::Borrowed(registered),
        (None, None) => return Err(ProofError::UnknownPopKid),
    };
    // A proof that calls its key by another name is by another key, or wants to be taken for something else.
    let is_its_name = |named: &str, kid: &str| named == kid || named == key.thumbprint().to_string();
    if let (Some(named), Some(kid)) = (named, key_ref.kid())
        && !is_its_name(named, kid)
    {
        return Err(ProofError::CnfMismatch);
    }
    Ok(key)
}

/// The public members of a key for the header of a proof: those that the thumbprint is made of.
pub(super) fn shown(key: &SigningKey) -> Option<Value> {
    key.public_jwk().map(Jwk::bare_value)
}
