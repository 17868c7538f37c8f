use std::collections::HashSet;

use carnet_token::{Jwk, PublicKey};
use serde_json::Value;

use crate::operations::FieldError;
use crate::operations::check::field;

/// How many keys one input may have, and how many a client may have in use.
pub(in crate::operations) const MAX_KEYS: usize = 20;

/// A public key that passed every rule, and where it stood in the input.
#[derive(Debug, Clone)]
pub(in crate::operations) struct CheckedKey {
    pub(super) field: String,
    pub(super) public: PublicKey,
    pub(super) jwk: Jwk,
    /// When it expires, milliseconds since 1970-01-01 UTC; none: it does not.
    pub(super) not_after: Option<i64>,
}

impl CheckedKey {
    /// Where it stood in the input.
    pub(in crate::operations) fn field(&self) -> &str {
        &self.field
    }

    /// The key.
    pub(in crate::operations) fn public(&self) -> &PublicKey {
        &self.public
    }

    /// The key as it is kept.
    pub(in crate::operations) fn jwk(&self) -> &Jwk {
        &self.jwk
    }
}

/// Checks a JWK Set (RFC 7517 §5). Unlike a set that is fetched, one that is registered is refused whole when one
/// key is bad: somebody is there to mend it.
pub(in crate::operations) fn check_set(at: &str, set: &Value) -> Result<Vec<CheckedKey>, Vec<FieldError>> {
    let Some(keys) = set.get("keys").and_then(Value::as_array) else {
        return Err(vec![field(at, "must be a JWK Set: an object with an array `keys`")]);
    };
    let here = format!("{at}.keys");
    if keys.is_empty() || keys.len() > MAX_KEYS {
        return Err(vec![field(here, format!("must have 1 to {MAX_KEYS} keys"))]);
    }
    let (mut checked, mut errors) = (Vec::new(), Vec::new());
    for (index, key) in keys.iter().enumerate() {
        match check_key(&format!("{here}[{index}]"), key) {
            Ok(key) => checked.push(key),
            Err(error) => errors.push(error),
        }
    }
    let (mut kids, mut thumbprints) = (HashSet::new(), HashSet::new());
    for key in &checked {
        if !kids.insert(key.public.kid()) {
            errors.push(field(format!("{}.kid", key.field), "stands twice"));
        } else if !thumbprints.insert(key.jwk.thumbprint().map(|t| t.to_string()).unwrap_or_default()) {
            errors.push(field(&key.field, "stands twice"));
        }
    }
    if errors.is_empty() { Ok(checked) } else { Err(errors) }
}

/// Checks one JWK by the rules of every key that this server will ever verify with.
pub(super) fn check_key(at: &str, value: &Value) -> Result<CheckedKey, FieldError> {
    let jwk = Jwk::from_value(value).map_err(|reason| field(at, format!("is not usable: {reason}")))?;
    if jwk.is_private() {
        // It has travelled now: whoever sent it must not use it any more.
        return Err(field(
            at,
            "contains private key material: send the public members only, and make a new key, since this one is not secret any more",
        ));
    }
    let public = PublicKey::from_jwk(&jwk).map_err(|reason| field(at, format!("is not usable: {reason}")))?;
    if public.kid().chars().any(char::is_control) {
        return Err(field(format!("{at}.kid"), "must not contain control characters"));
    }
    // Kept is what was checked: the name and the algorithm that the key has from now on.
    let mut kept = jwk;
    kept.kid = Some(public.kid().to_owned());
    kept.alg = Some(public.algorithm().as_str().to_owned());
    kept.iss = None;
    Ok(CheckedKey { field: at.to_owned(), public, jwk: kept, not_after: None })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn p256(kid: &str) -> Value {
        // The sample key of RFC 7517 appendix A.1.
        json!({
            "kty": "EC", "crv": "P-256", "kid": kid,
            "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
            "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"
        })
    }

    fn ed25519(kid: &str) -> Value {
        // The sample key of RFC 8037 appendix A.2.
        json!({"kty": "OKP", "crv": "Ed25519", "kid": kid, "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})
    }

    fn reasons(set: &Value) -> Vec<(String, String)> {
        let errors = check_set("jwks", set).unwrap_err();
        errors.into_iter().map(|error| (error.field, error.reason)).collect()
    }

    #[test]
    fn good_keys_get_their_name_and_algorithm() {
        let keys = check_set("jwks", &json!({"keys": [p256("a"), ed25519("b")]})).unwrap();
        assert_eq!(keys[0].jwk.alg.as_deref(), Some("ES256"));
        assert_eq!((keys[1].jwk.kid.as_deref(), keys[1].jwk.alg.as_deref()), (Some("b"), Some("EdDSA")));
    }

    #[test]
    fn private_key_material_is_named_and_never_repeated() {
        let mut key = p256("a");
        key["d"] = json!("SECRET");
        let found = reasons(&json!({"keys": [key]}));
        assert_eq!(found[0].0, "jwks.keys[0]");
        assert!(found[0].1.contains("private key material") && !found[0].1.contains("SECRET"), "{found:?}");
    }

    #[test]
    fn a_key_or_a_name_that_stands_twice_is_refused() {
        assert_eq!(reasons(&json!({"keys": [p256("a"), ed25519("a")]}))[0].0, "jwks.keys[1].kid");
        assert_eq!(reasons(&json!({"keys": [p256("a"), p256("b")]}))[0].0, "jwks.keys[1]");
    }

    #[test]
    fn what_is_no_set_of_keys_is_refused() {
        for (set, at) in [
            (json!([]), "jwks"),
            (json!("x"), "jwks"),
            (json!({"keys": {}}), "jwks"),
            (json!({"keys": []}), "jwks.keys"),
            (json!({"keys": vec![p256("a"); 21]}), "jwks.keys"),
            (json!({"keys": [1]}), "jwks.keys[0]"),
            (json!({"keys": [{}]}), "jwks.keys[0]"),
            (json!({"keys": [{"kty": "oct", "k": "AAAA"}]}), "jwks.keys[0]"),
            (json!({"keys": [p256("a\nb")]}), "jwks.keys[0].kid"),
        ] {
            assert_eq!(reasons(&set)[0].0, at, "{set}");
        }
    }
}
