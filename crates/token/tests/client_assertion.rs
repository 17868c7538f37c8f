//! The rules for `private_key_jwt` (RFC 7523 §3, rfc7523bis): one test for the one thing that is wrong.

#![expect(clippy::unwrap_used, reason = "keys made in a test")]

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair};
use carnet_token::assertion::{self, AssertionError, AssertionRules, Checked, TYP, Unverified};
use carnet_token::{Algorithm, PublicKey, SigningKey, base64url};
use serde_json::{Value, json};

const ISSUER: &str = "https://iap.example";
const TOKEN_ENDPOINT: &str = "https://iap.example/token";
const CLIENT: &str = "widgetco";
const NOW: i64 = 1_800_000_000;
const SKEW: i64 = 30;

const RULES: AssertionRules<'_> = AssertionRules {
    issuer: ISSUER,
    token_endpoint: TOKEN_ENDPOINT,
    accept_token_endpoint_aud: false,
    client_id: CLIENT,
};

struct Client {
    key: SigningKey,
    registered: PublicKey,
}

impl Client {
    fn new() -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let key = SigningKey::from_pkcs8_der("key-1", Algorithm::Es256, pair.to_pkcs8v1().unwrap().as_ref())
            .unwrap();
        let registered = PublicKey::from_jwk(key.public_jwk().unwrap()).unwrap();
        Self { key, registered }
    }

    fn check(&self, text: &str, rules: &AssertionRules<'_>) -> Result<Checked, AssertionError> {
        Unverified::parse(text)?.verify(&self.registered, rules, NOW, SKEW)
    }

    /// An assertion in which one claim is replaced (`null` removes it).
    fn claim(&self, name: &str, value: Value) -> Result<Checked, AssertionError> {
        self.check(&self.key.sign_compact(&header(), &replaced(claims(), name, value)).unwrap(), &RULES)
    }

    /// An assertion in which one header member is replaced (`null` removes it).
    fn header(&self, name: &str, value: Value) -> Result<Checked, AssertionError> {
        self.check(&self.key.sign_compact(&replaced(header(), name, value), &claims()).unwrap(), &RULES)
    }
}

fn accepted(answer: Result<Checked, AssertionError>) {
    assert_eq!(answer.unwrap().replay_key.len(), 43);
}

fn header() -> Value {
    json!({"alg": "ES256", "typ": TYP, "kid": "key-1"})
}

fn claims() -> Value {
    json!({"iss": CLIENT, "sub": CLIENT, "aud": ISSUER, "iat": NOW, "exp": NOW + 60, "jti": "fresh"})
}

fn replaced(mut object: Value, name: &str, value: Value) -> Value {
    let members = object.as_object_mut().unwrap();
    if value.is_null() {
        members.remove(name);
    } else {
        members.insert(name.to_owned(), value);
    }
    object
}

#[test]
fn an_assertion_of_our_own_making_is_accepted() {
    let client = Client::new();
    let text = assertion::make(CLIENT, ISSUER, NOW, 60, "fresh", &client.key).unwrap();
    let unverified = Unverified::parse(&text).unwrap();
    assert_eq!((unverified.unverified_client_id(), unverified.kid()), (CLIENT, Some("key-1")));
    let checked = client.check(&text, &RULES).unwrap();
    assert_eq!(checked.claims["aud"], ISSUER);
    assert_eq!(checked.keep_until, NOW + 60 + SKEW);
    assert_eq!(checked.replay_key.len(), 43);
}

#[test]
fn typ_missing_or_generic_is_accepted_because_todays_clients_send_that() {
    let client = Client::new();
    for typ in [json!(null), "JWT".into(), "jwt".into(), "application/client-authentication+jwt".into()] {
        accepted(client.header("typ", typ));
    }
}

#[test]
fn typ_of_another_kind_of_jwt_is_refused() {
    let client = Client::new();
    for typ in ["at+jwt", "dpop+jwt", "pop", "logout+jwt", ""] {
        assert_eq!(client.header("typ", typ.into()), Err(AssertionError::Typ), "{typ}");
    }
    assert_eq!(client.header("typ", json!(1)), Err(AssertionError::Typ));
}

#[test]
fn audience_other_than_the_issuer_is_refused() {
    let client = Client::new();
    for aud in [
        json!("https://other.example"),
        json!("https://iap.example/"),
        json!("https://IAP.example"),
        json!(TOKEN_ENDPOINT),
        json!([TOKEN_ENDPOINT]),
        json!(""),
        json!(1),
        json!({}),
        json!(null),
    ] {
        assert_eq!(client.claim("aud", aud.clone()), Err(AssertionError::Audience), "{aud}");
    }
}

#[test]
fn second_audience_is_refused() {
    let client = Client::new();
    for aud in [
        json!([ISSUER, TOKEN_ENDPOINT]),
        json!([ISSUER, ISSUER]),
        json!([ISSUER, 1]),
        json!([]),
        json!([[ISSUER]]),
    ] {
        assert_eq!(client.claim("aud", aud.clone()), Err(AssertionError::Audience), "{aud}");
    }
}

#[test]
fn audience_as_a_list_of_one_is_accepted() {
    accepted(Client::new().claim("aud", json!([ISSUER])));
}

#[test]
fn token_endpoint_as_audience_is_accepted_only_by_the_switch() {
    let client = Client::new();
    let text = assertion::make(CLIENT, TOKEN_ENDPOINT, NOW, 60, "fresh", &client.key).unwrap();
    assert_eq!(client.check(&text, &RULES), Err(AssertionError::Audience));
    let rules = AssertionRules { accept_token_endpoint_aud: true, ..RULES };
    accepted(client.check(&text, &rules));
    let both = replaced(claims(), "aud", json!([ISSUER, TOKEN_ENDPOINT]));
    let both = client.key.sign_compact(&header(), &both).unwrap();
    assert_eq!(client.check(&both, &rules), Err(AssertionError::Audience));
}

#[test]
fn issuer_that_is_not_the_subject_is_refused() {
    let client = Client::new();
    for (name, value) in [
        ("iss", json!("another")),
        ("sub", json!("another")),
        ("iss", json!(null)),
        ("sub", json!(null)),
        ("iss", json!(1)),
        ("sub", json!([CLIENT])),
    ] {
        assert_eq!(client.claim(name, value.clone()), Err(AssertionError::Client), "{name} {value}");
    }
}

#[test]
fn assertion_of_another_client_is_refused() {
    let client = Client::new();
    let text = assertion::make("another", ISSUER, NOW, 60, "fresh", &client.key).unwrap();
    assert_eq!(client.check(&text, &RULES), Err(AssertionError::Client));
}

#[test]
fn signature_of_another_key_is_refused() {
    let (client, other) = (Client::new(), Client::new());
    let text = assertion::make(CLIENT, ISSUER, NOW, 60, "fresh", &other.key).unwrap();
    assert_eq!(client.check(&text, &RULES), Err(AssertionError::Signature));
}

#[test]
fn missing_signature_is_refused() {
    let client = Client::new();
    let text = assertion::make(CLIENT, ISSUER, NOW, 60, "fresh", &client.key).unwrap();
    let (input, _) = text.rsplit_once('.').unwrap();
    assert_eq!(client.check(&format!("{input}."), &RULES), Err(AssertionError::Signature));
    assert_eq!(client.check(input, &RULES), Err(AssertionError::Malformed));
}

#[test]
fn kid_of_another_key_is_refused() {
    let client = Client::new();
    assert_eq!(client.header("kid", "key-2".into()), Err(AssertionError::UnknownKid));
    assert_eq!(client.header("kid", "".into()), Err(AssertionError::UnknownKid));
    assert_eq!(client.header("kid", json!(1)), Err(AssertionError::UnknownKid));
}

#[test]
fn missing_kid_is_left_to_the_caller_who_knows_how_many_keys_there_are() {
    accepted(Client::new().header("kid", json!(null)));
}

#[test]
fn hmac_is_refused() {
    let client = Client::new();
    for alg in ["HS256", "HS512", "none", "None", ""] {
        assert_eq!(client.header("alg", alg.into()), Err(AssertionError::Alg), "{alg}");
    }
    assert_eq!(client.header("alg", json!(null)), Err(AssertionError::Alg));
    assert_eq!(client.header("alg", json!(["ES256"])), Err(AssertionError::Alg));
}

#[test]
fn algorithm_other_than_the_registered_one_is_refused() {
    let client = Client::new();
    let pair = Ed25519KeyPair::generate().unwrap();
    let other =
        SigningKey::from_pkcs8_der("key-1", Algorithm::EdDsa, pair.to_pkcs8v1().unwrap().as_ref()).unwrap();
    let text = assertion::make(CLIENT, ISSUER, NOW, 60, "fresh", &other).unwrap();
    assert_eq!(client.check(&text, &RULES), Err(AssertionError::Alg));
    assert_eq!(client.header("alg", "RS256".into()), Err(AssertionError::Alg));
}

#[test]
fn critical_extension_is_refused() {
    let client = Client::new();
    assert_eq!(client.header("crit", json!(["exp"])), Err(AssertionError::Crit));
    assert_eq!(client.header("b64", false.into()), Err(AssertionError::Crit));
}

#[test]
fn duplicate_claim_is_refused() {
    let client = Client::new();
    let body = format!(r#"{{"aud":"https://other.example",{}"#, &claims().to_string()[1..]);
    let text = client.key.sign_parts(header().to_string().as_bytes(), body.as_bytes()).unwrap();
    assert_eq!(client.check(&text, &RULES), Err(AssertionError::Malformed));
}

#[test]
fn missing_exp_is_refused() {
    assert_eq!(Client::new().claim("exp", json!(null)), Err(AssertionError::Claims));
}

#[test]
fn dates_that_are_no_numbers_are_refused() {
    let client = Client::new();
    for name in ["exp", "iat", "nbf"] {
        for value in [json!("1800000060"), json!(true), json!([1])] {
            assert_eq!(client.claim(name, value), Err(AssertionError::Claims), "{name}");
        }
    }
}

#[test]
fn expired_assertion_is_refused() {
    let client = Client::new();
    accepted(client.claim("exp", json!(NOW - SKEW + 1)));
    assert_eq!(client.claim("exp", json!(NOW - SKEW)), Err(AssertionError::Expired));
}

#[test]
fn exp_more_than_five_minutes_ahead_is_refused() {
    let client = Client::new();
    accepted(client.claim("exp", json!(NOW + 300)));
    accepted(client.claim("exp", json!(NOW + 300 + SKEW)));
    assert_eq!(client.claim("exp", json!(NOW + 301 + SKEW)), Err(AssertionError::Lifetime));
    assert_eq!(client.claim("exp", json!((NOW + 60) * 1000)), Err(AssertionError::Lifetime));
}

#[test]
fn iat_in_the_future_is_refused() {
    let client = Client::new();
    accepted(client.claim("iat", json!(NOW + SKEW)));
    assert_eq!(client.claim("iat", json!(NOW + SKEW + 1)), Err(AssertionError::NotYet));
}

#[test]
fn nbf_in_the_future_is_refused() {
    let client = Client::new();
    accepted(client.claim("nbf", json!(NOW + SKEW)));
    assert_eq!(client.claim("nbf", json!(NOW + SKEW + 1)), Err(AssertionError::NotYet));
}

#[test]
fn missing_iat_is_accepted() {
    accepted(Client::new().claim("iat", json!(null)));
}

#[test]
fn missing_or_empty_or_endless_jti_is_refused() {
    let client = Client::new();
    for jti in [json!(null), json!(""), json!(7), json!("j".repeat(assertion::MAX_JTI_LENGTH + 1))] {
        assert_eq!(client.claim("jti", jti), Err(AssertionError::Claims));
    }
}

#[test]
fn replay_key_is_the_same_for_the_same_jti_and_another_for_every_other() {
    let client = Client::new();
    let key = |client_id: &str, jti: &str, exp: i64| {
        let text = assertion::make(client_id, ISSUER, NOW, exp, jti, &client.key).unwrap();
        client.check(&text, &AssertionRules { client_id, ..RULES }).unwrap().replay_key
    };
    // Another lifetime, another (random) ECDSA signature: still the same jti.
    assert_eq!(key("a", "j", 60), key("a", "j", 61));
    assert_ne!(key("a", "j", 60), key("a", "k", 60));
    assert_ne!(key("a", "j", 60), key("b", "j", 60));
    assert_ne!(key("a\nb", "c", 60), key("a", "b\nc", 60));
}

#[test]
fn huge_assertion_is_refused_before_it_is_read() {
    let client = Client::new();
    assert_eq!(client.check(&"a".repeat(10_000_000), &RULES), Err(AssertionError::Malformed));
    let text = format!("{}.{}.AAAA.AAAA.AAAA", base64url::encode("{}"), base64url::encode("{}"));
    assert_eq!(client.check(&text, &RULES), Err(AssertionError::Malformed));
}
