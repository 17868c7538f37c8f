//! Key sets of one issuer (RFC 7517 §5): each key is judged alone, the set only by whether it can be read.

#![expect(clippy::unwrap_used, reason = "keys made in a test")]

use std::collections::HashSet;

use aws_lc_rs::encoding::AsBigEndian as _;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use carnet_token::jwk::{KeyError, MAX_KEYS};
use carnet_token::{Algorithm, KeySet, KeySetError, SigningKey, base64url};
use serde_json::{Value, json};

fn key(kid: &str) -> Value {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let key = SigningKey::from_pkcs8_der(kid, Algorithm::Es256, pair.to_pkcs8v1().unwrap().as_ref()).unwrap();
    key.public_jwk().unwrap().to_value()
}

/// A key with its private half, and without.
fn pair(kid: &str) -> (Value, Value) {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let secret = pair.private_key().as_be_bytes().unwrap();
    let key = SigningKey::from_pkcs8_der(kid, Algorithm::Es256, pair.to_pkcs8v1().unwrap().as_ref()).unwrap();
    let public = key.public_jwk().unwrap().to_value();
    let mut private = public.clone();
    private["d"] = base64url::encode(secret.as_ref()).into();
    (private, public)
}

fn set(keys: &[Value]) -> KeySet {
    KeySet::parse(json!({"keys": keys}).to_string().as_bytes()).unwrap()
}

fn reasons(set: &KeySet) -> Vec<KeyError> {
    set.withheld().iter().map(|key| key.reason).collect()
}

#[test]
fn a_bad_key_does_not_spoil_the_others() {
    let set =
        set(&[key("a"), json!({"kty": "oct", "k": "AAAA", "kid": "b"}), json!("x"), json!({}), key("c")]);
    assert_eq!(set.len(), 2);
    assert_eq!((set.get("a").unwrap().kid(), set.get("c").unwrap().kid()), ("a", "c"));
    assert_eq!(reasons(&set), [KeyError::Symmetric, KeyError::Malformed, KeyError::Malformed]);
    assert_eq!(set.withheld()[0].kid.as_deref(), Some("b"));
}

#[test]
fn unknown_members_are_tolerated() {
    let mut jwk = key("a");
    jwk["future"] = json!({"x": [1]});
    let text = json!({"keys": [jwk], "future": true}).to_string();
    assert_eq!(KeySet::parse(text.as_bytes()).unwrap().len(), 1);
}

#[test]
fn two_keys_of_one_kid_are_both_withheld() {
    let set = set(&[key("a"), key("a"), key("b"), key("a")]);
    assert_eq!(set.len(), 1);
    assert!(set.get("a").is_none());
    assert_eq!(reasons(&set), [KeyError::DuplicateKid; 3]);
}

#[test]
fn one_key_listed_twice_is_used() {
    let jwk = key("a");
    let set = set(&[jwk.clone(), jwk]);
    assert_eq!((set.len(), set.withheld().len()), (1, 0));
}

#[test]
fn a_key_without_kid_goes_by_its_thumbprint() {
    let mut jwk = key("a");
    jwk.as_object_mut().unwrap().remove("kid");
    let set = set(&[jwk]);
    let key = set.iter().next().unwrap();
    assert_eq!(key.kid(), key.thumbprint().to_string());
    assert!(set.get(key.kid()).is_some());
}

#[test]
fn a_key_without_alg_serves_the_algorithm_of_its_type() {
    let mut jwk = key("a");
    jwk.as_object_mut().unwrap().remove("alg");
    assert_eq!(set(&[jwk]).get("a").unwrap().algorithm(), Algorithm::Es256);
}

#[test]
fn the_only_key_of_an_algorithm_is_found_and_two_are_not_guessed_between() {
    assert_eq!(set(&[key("a")]).only(Algorithm::Es256).unwrap().kid(), "a");
    assert!(set(&[key("a")]).only(Algorithm::Rs256).is_none());
    assert!(set(&[key("a"), key("b")]).only(Algorithm::Es256).is_none());
}

#[test]
fn a_key_whose_private_half_stands_in_the_set_is_withheld_under_every_name() {
    let (mut private, mut public) = pair("a");
    public["kid"] = "b".into();
    for (name, value) in
        [("kid", json!("a")), ("use", json!("enc")), ("key_ops", json!(["sign"])), ("alg", json!("ECDH-ES"))]
    {
        private[name] = value;
        for keys in [[private.clone(), public.clone()], [public.clone(), private.clone()]] {
            let set = set(&keys);
            assert!(set.is_empty(), "{name}: {set:?}");
            assert_eq!(reasons(&set), [KeyError::PrivateKeyPublished; 2], "{name}");
            assert_eq!(set.leaked().collect::<HashSet<_>>().len(), 1, "{name}");
        }
    }
    // An invented private half takes nobody's key away.
    private["d"] = base64url::encode([7; 32]).into();
    let set = set(&[private, public]);
    assert!(set.get("b").is_some());
    assert_eq!(set.leaked().count(), 0);
}

#[test]
fn a_key_that_leaked_before_can_be_withheld_from_a_later_set() {
    let (private, public) = pair("a");
    let leaked: HashSet<_> = set(&[private]).leaked().collect();
    let mut later = set(&[public, key("b")]);
    later.withhold(&leaked);
    assert!(later.get("a").is_none() && later.get("b").is_some());
    assert_eq!(reasons(&later), [KeyError::PrivateKeyPublished]);
}

#[test]
fn kid_that_is_empty_or_too_long_withholds_the_key() {
    assert_eq!(reasons(&set(&[with_kid("")])), [KeyError::Kid]);
    assert_eq!(reasons(&set(&[with_kid(&"k".repeat(257))])), [KeyError::Kid]);
}

fn with_kid(kid: &str) -> Value {
    let mut jwk = key("a");
    jwk["kid"] = kid.into();
    jwk
}

#[test]
fn more_than_a_hundred_keys_are_refused_whole() {
    let jwk = key("a");
    assert_eq!(set(&vec![jwk.clone(); MAX_KEYS]).len(), 1);
    let text = json!({"keys": vec![jwk; MAX_KEYS + 1]}).to_string();
    assert_eq!(KeySet::parse(text.as_bytes()).unwrap_err(), KeySetError::TooManyKeys);
}

#[test]
fn what_is_no_key_set_is_refused_whole() {
    for text in [
        "",
        "[]",
        "{}",
        r#"{"keys":{}}"#,
        r#"{"keys":[],"keys":[]}"#,
        r#"{"keys":[}"#,
        "<html>",
        r#"{"keys":null}"#,
    ] {
        assert_eq!(KeySet::parse(text.as_bytes()).unwrap_err(), KeySetError::Malformed, "{text}");
    }
    assert!(KeySet::parse(br#"{"keys":[]}"#).unwrap().is_empty());
}
