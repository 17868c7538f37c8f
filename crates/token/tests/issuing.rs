//! A token as it is issued, and what its receiver reads from it.

#![expect(clippy::unwrap_used, reason = "keys made in a test")]

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use carnet_token::access_token::{self, Unverified};
use carnet_token::compact::Compact;
use carnet_token::{
    AccessTokenClaims, AccessTokenTyp, Algorithm, ClaimNames, Confirmation, IssuerRules, KeyRef, PublicKey,
    Refusal, SigningKey, Thumbprint,
};
use serde_json::json;

const NOW: i64 = 1_800_000_000;

fn claims() -> AccessTokenClaims<'static> {
    AccessTokenClaims {
        iss: "https://iap.example",
        sub: "widgetco",
        client_id: "widgetco",
        aud: &["https://1r.example", "https://2r.example"],
        exp: NOW + 600,
        iat: NOW,
        nbf: NOW - 5,
        jti: "token-1",
        scope: Some("events:write logistics_objects:read"),
        cnf: None,
        logistics_agent_uri: Some("https://1r.widgetco.example/logistics-objects/me"),
        iol_identifier: Some("https://widgetco.example/1elmeeab"),
        role: Some("SHP"),
        roles: &["SHP", "FWD"],
        names: ClaimNames::standard(),
    }
}

fn key() -> (SigningKey, PublicKey) {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let key = SigningKey::from_pkcs8_der("k", Algorithm::Es256, pair.to_pkcs8v1().unwrap().as_ref()).unwrap();
    let public = PublicKey::from_jwk(key.public_jwk().unwrap()).unwrap();
    (key, public)
}

#[test]
fn the_receiver_reads_what_the_issuer_wrote() {
    let (key, public) = key();
    let confirmation = Confirmation::key(KeyRef::new("client-key", Thumbprint::of(b"key")));
    let claims = AccessTokenClaims { cnf: Some(&confirmation), ..claims() };
    let text = access_token::mint(&claims, AccessTokenTyp::AtJwt, &key).unwrap();
    let rules = IssuerRules::new("https://iap.example");
    let token =
        Unverified::parse(&text).unwrap().verify(&rules, &public, &["https://2r.example"], NOW, 30).unwrap();
    assert_eq!(token.issuer(), "https://iap.example");
    assert_eq!((token.subject(), token.client_id()), (Some("widgetco"), Some("widgetco")));
    assert_eq!(token.audience().collect::<Vec<_>>(), claims.aud);
    assert_eq!(token.scopes().collect::<Vec<_>>(), ["events:write", "logistics_objects:read"]);
    assert_eq!((token.jti(), token.expires_at(), token.issued_at()), (Some("token-1"), NOW + 600, Some(NOW)));
    assert_eq!(token.agent_uri(), claims.logistics_agent_uri);
    assert_eq!(token.iol_identifier(), claims.iol_identifier);
    assert_eq!((token.role(), token.roles()), (Some("SHP"), &["SHP".to_owned(), "FWD".to_owned()][..]));
    assert_eq!(token.confirmation(), Some(&confirmation));
}

#[test]
fn the_wire_form_is_that_of_the_specification() {
    let text = access_token::mint(&claims(), AccessTokenTyp::Jwt, &key().0).unwrap();
    let compact = Compact::parse(&text).unwrap();
    assert_eq!(json!(compact.header()), json!({"alg": "ES256", "typ": "JWT", "kid": "k"}));
    assert_eq!(
        json!(compact.payload()),
        json!({
            "iss": "https://iap.example", "sub": "widgetco", "client_id": "widgetco",
            "aud": ["https://1r.example", "https://2r.example"],
            "exp": NOW + 600, "iat": NOW, "nbf": NOW - 5, "jti": "token-1",
            "scope": "events:write logistics_objects:read",
            "logistics_agent_uri": "https://1r.widgetco.example/logistics-objects/me",
            "https://github.com/IATA-Cargo/ONE-Record/schema/iolIdentifier": "https://widgetco.example/1elmeeab",
            "https://github.com/IATA-Cargo/ONE-Record/schema/role": "SHP", "roles": ["SHP", "FWD"]
        })
    );
}

#[test]
fn what_is_not_known_is_not_written() {
    let claims = AccessTokenClaims {
        scope: None,
        logistics_agent_uri: None,
        iol_identifier: None,
        role: None,
        roles: &[],
        ..claims()
    };
    let text = access_token::mint(&claims, AccessTokenTyp::AtJwt, &key().0).unwrap();
    let compact = Compact::parse(&text).unwrap();
    let mut names: Vec<_> = compact.payload().keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["aud", "client_id", "exp", "iat", "iss", "jti", "nbf", "sub"]);
}

#[test]
fn key_of_another_kid_is_refused_though_its_signature_fits() {
    let (key, public) = key();
    let mut other = key.public_jwk().unwrap().clone();
    other.kid = Some("other".to_owned());
    let other = PublicKey::from_jwk(&other).unwrap();
    let text = access_token::mint(&claims(), AccessTokenTyp::AtJwt, &key).unwrap();
    let verify = |key: &PublicKey| {
        let rules = IssuerRules::new("https://iap.example");
        Unverified::parse(&text).unwrap().verify(&rules, key, &["https://1r.example"], NOW, 30).map(|_| ())
    };
    assert_eq!(verify(&public), Ok(()));
    assert_eq!(verify(&other), Err(Refusal::UnknownKid));
}

#[test]
fn empty_audience_never_matches_not_even_a_server_without_a_name() {
    let (key, public) = key();
    let claims = AccessTokenClaims { aud: &[""], ..claims() };
    let text = access_token::mint(&claims, AccessTokenTyp::AtJwt, &key).unwrap();
    let rules = IssuerRules::new("https://iap.example");
    let verify = |audiences: &[&str]| {
        Unverified::parse(&text).unwrap().verify(&rules, &public, audiences, NOW, 30).map(|_| ())
    };
    assert_eq!(verify(&[""]), Err(Refusal::AtAud));
    assert_eq!(verify(&[]), Err(Refusal::AtAud));
}

#[test]
fn kid_of_more_than_256_bytes_is_refused_before_any_lookup() {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let key = SigningKey::from_pkcs8_der("k", Algorithm::Es256, pair.to_pkcs8v1().unwrap().as_ref()).unwrap();
    let with_kid = |length: usize| {
        let header = json!({"alg": "ES256", "typ": "at+jwt", "kid": "k".repeat(length)});
        let text = key.sign_compact(&header, &claims()).unwrap();
        Unverified::parse(&text).map(|token| token.kid().map(str::len))
    };
    assert_eq!(with_kid(256).unwrap(), Some(256));
    assert_eq!(with_kid(257).unwrap_err(), Refusal::UnknownKid);
}
