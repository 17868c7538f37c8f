//! Tokens that are bound to their sender: DPoP at the token endpoint (RFC 9449 §5), and `token_type=pop` (proof-of-possession
//! §1.5, §2.3).

use carnet_testkit::{Answer, ClientKeyPair};
use carnet_token::proof::dpop;
use carnet_token::{PublicKey, base64url};
use serde_json::{Value, json};

use crate::harness::{DEFAULT_AUDIENCE, ISSUER, NOW, Registered, TestIap, basic, decode};

const GRANT: (&str, &str) = ("grant_type", "client_credentials");

/// A client with a secret and these keys.
async fn client(iap: &TestIap, further: Value, keys: &[&ClientKeyPair]) -> Registered {
    let participant = iap.participant("acme").await;
    let mut members = json!({"require_bound_tokens": false});
    if !keys.is_empty() {
        members["jwks"] = json!({"keys": keys.iter().map(|key| key.jwk()).collect::<Vec<_>>()});
    }
    members.as_object_mut().unwrap().extend(further.as_object().unwrap().clone());
    iap.client(&participant, members).await
}

fn thumbprint(key: &ClientKeyPair) -> String {
    PublicKey::from_jwk(key.signing_key().public_jwk().unwrap()).unwrap().thumbprint().to_string()
}

fn making<'a>(url: &'a str, jti: &'a str) -> dpop::Making<'a> {
    dpop::Making { method: "POST", url, now: NOW, jti, access_token: None, nonce: None }
}

fn proof(key: &ClientKeyPair, jti: &str) -> String {
    dpop::make(&making(&format!("{ISSUER}/token"), jti), key.signing_key()).unwrap()
}

async fn ask(iap: &TestIap, client: &Registered, proofs: &[&str], parameters: &[(&str, &str)]) -> Answer {
    let authorization = basic(&client.client_id, &client.client_secret);
    let mut headers = vec![("authorization", authorization.as_str())];
    headers.extend(proofs.iter().map(|proof| ("dpop", *proof)));
    iap.token(&[&[GRANT][..], parameters].concat(), &headers).await
}

#[track_caller]
fn refused(answer: &Answer, error: &str) -> String {
    let body = answer.json();
    assert_eq!((answer.status.as_u16(), &body["error"]), (400, &json!(error)), "{}", answer.text());
    assert_eq!(answer.header("cache-control"), "no-store");
    body["error_description"].as_str().unwrap().to_owned()
}

/// What the client got, and what its token is bound to.
#[track_caller]
fn bound(answer: &Answer) -> (String, Value) {
    assert_eq!(answer.status, 200, "{}", answer.text());
    let body = answer.json();
    let (_, claims) = decode(body["access_token"].as_str().unwrap());
    (body["token_type"].as_str().unwrap().to_owned(), claims["cnf"].clone())
}

#[tokio::test]
async fn a_dpop_proof_binds_the_token_to_its_key() {
    let iap = TestIap::start().await;
    let keys = [ClientKeyPair::es256("e1"), ClientKeyPair::rs256("r1")];
    let client = client(&iap, json!({}), &[&keys[0], &keys[1]]).await;
    for key in &keys {
        let kid = key.signing_key().kid();
        let answer = ask(&iap, &client, &[&proof(key, kid)], &[]).await;
        assert_eq!(bound(&answer), ("DPoP".to_owned(), json!({"kid": kid, "jkt": thumbprint(key)})));
    }
    // Without one it is a bearer token: this client may have such.
    assert_eq!(bound(&ask(&iap, &client, &[], &[]).await), ("Bearer".to_owned(), Value::Null));
}

#[tokio::test]
async fn a_proof_names_the_address_that_was_used() {
    let iap = TestIap::start().await;
    let key = ClientKeyPair::es256("k1");
    let client = client(&iap, json!({}), &[&key]).await;
    let authorization = basic(&client.client_id, &client.client_secret);
    let alias = dpop::make(&making(&format!("{ISSUER}/oauth2/token"), "a"), key.signing_key()).unwrap();
    refused(&ask(&iap, &client, &[&alias], &[]).await, "invalid_dpop_proof");
    let headers = [("authorization", authorization.as_str()), ("dpop", alias.as_str())];
    let answer = iap.post_form("/oauth2/token", &[GRANT], &headers).await;
    assert_eq!(bound(&answer).0, "DPoP");
}

#[tokio::test]
async fn a_proof_that_does_not_fit_is_refused_and_uses_nothing_up() {
    let iap = TestIap::start().await;
    let key = ClientKeyPair::es256("k1");
    let client = client(&iap, json!({}), &[&key]).await;
    let url = format!("{ISSUER}/token");
    let make = |making: dpop::Making<'_>| dpop::make(&making, key.signing_key()).unwrap();
    let good = make(making(&url, "j"));
    let (head, signature) = good.rsplit_once('.').unwrap();
    let (header, payload) = head.split_once('.').unwrap();
    let with_private = {
        let mut header: Value = serde_json::from_slice(&base64url::decode(header).unwrap()).unwrap();
        header["jwk"]["d"] = "AAAA".into();
        format!("{}.{payload}.{signature}", base64url::encode(header.to_string()))
    };
    for (proof, told) in [
        (make(dpop::Making { method: "GET", ..making(&url, "j") }), "htm"),
        (make(making("https://evil.example/token", "j")), "htu"),
        (make(making(&format!("{ISSUER}/token/"), "j")), "htu"),
        (make(dpop::Making { now: NOW - 91, ..making(&url, "j") }), "iat"),
        (make(dpop::Making { now: NOW + 31, ..making(&url, "j") }), "iat"),
        (format!("{head}.AAAA"), "signature"),
        (with_private, "private members"),
        ("a.b.c".to_owned(), "malformed"),
        (String::new(), "malformed"),
        (key.assertion(&client.client_id, ISSUER, NOW), "typ"),
    ] {
        let description = refused(&ask(&iap, &client, &[&proof], &[]).await, "invalid_dpop_proof");
        assert!(description.contains(told), "{told}: {description}");
    }
    refused(&ask(&iap, &client, &[&good, &good], &[]).await, "invalid_dpop_proof");
    // Refused for another reason: the proof is still good.
    refused(&ask(&iap, &client, &[&good], &[("scope", "nonsense")]).await, "invalid_scope");
    refused(&ask(&iap, &client, &[&good], &[("resource", "https://other.example")]).await, "invalid_target");
    assert_eq!(bound(&ask(&iap, &client, &[&good], &[]).await).0, "DPoP");
}

#[tokio::test]
async fn a_proof_is_good_once() {
    let iap = TestIap::start().await;
    let key = ClientKeyPair::es256("k1");
    let client = client(&iap, json!({}), &[&key]).await;
    let used = proof(&key, "j");
    let _ = ask(&iap, &client, &[&used], &[]).await.expect(200);
    assert!(refused(&ask(&iap, &client, &[&used], &[]).await, "invalid_dpop_proof").contains("used before"));
    // Made anew with the same jti it is the same proof.
    refused(&ask(&iap, &client, &[&proof(&key, "j")], &[]).await, "invalid_dpop_proof");
    let iap = iap.restart().await;
    refused(&ask(&iap, &client, &[&used], &[]).await, "invalid_dpop_proof");
    let _ = ask(&iap, &client, &[&proof(&key, "j2")], &[]).await.expect(200);
}

#[tokio::test]
async fn a_key_that_is_not_registered_binds_nothing_unless_any_may() {
    let iap = TestIap::start().await;
    let (key, stranger) = (ClientKeyPair::es256("k1"), ClientKeyPair::es256("k1"));
    let client = client(&iap, json!({}), &[&key]).await;
    let description =
        refused(&ask(&iap, &client, &[&proof(&stranger, "j")], &[]).await, "invalid_dpop_proof");
    assert!(description.contains("register it"), "{description}");
    let iap = iap.restart_with("[tokens]\ndpop_key_policy = \"any\"").await;
    let answer = ask(&iap, &client, &[&proof(&stranger, "j")], &[]).await;
    assert_eq!(bound(&answer), ("DPoP".to_owned(), json!({"jkt": thumbprint(&stranger)})));
    let answer = ask(&iap, &client, &[&proof(&key, "j")], &[]).await;
    assert_eq!(bound(&answer).1["kid"], "k1");
}

#[tokio::test]
async fn nonces_are_asked_for_when_they_are_required_and_given_with_every_answer() {
    let iap = TestIap::start_with("[tokens]\nrequire_dpop_nonces = true").await;
    let key = ClientKeyPair::es256("k1");
    let client = client(&iap, json!({}), &[&key]).await;
    let answer = ask(&iap, &client, &[&proof(&key, "j")], &[]).await;
    refused(&answer, "use_dpop_nonce");
    let nonce = answer.header("dpop-nonce").to_owned();
    assert!(!nonce.is_empty());
    let url = format!("{ISSUER}/token");
    let with = |nonce: &str, jti: &str| {
        dpop::make(&dpop::Making { nonce: Some(nonce), ..making(&url, jti) }, key.signing_key()).unwrap()
    };
    refused(&ask(&iap, &client, &[&with("n-1", "j")], &[]).await, "use_dpop_nonce");
    let answer = ask(&iap, &client, &[&with(&nonce, "j")], &[]).await;
    assert_eq!((bound(&answer).0.as_str(), answer.header("dpop-nonce")), ("DPoP", nonce.as_str()));
    refused(&ask(&iap, &client, &[&with(&nonce, "j")], &[]).await, "invalid_dpop_proof");
    // It tells the time: a proof under an old one is refused however young it is.
    iap.advance(180).await;
    let answer = ask(&iap, &client, &[&with(&nonce, "j2")], &[]).await;
    refused(&answer, "use_dpop_nonce");
    assert_ne!(answer.header("dpop-nonce"), nonce);
    // Nothing of the kind is said to whoever does not use DPoP.
    assert_eq!(ask(&iap, &client, &[], &[]).await.expect(200).header("dpop-nonce"), "");
}

#[tokio::test]
async fn token_type_pop_binds_to_a_registered_key() {
    let iap = TestIap::start().await;
    let (one, other) = (ClientKeyPair::es256("one"), ClientKeyPair::rs256("other"));
    let client = client(&iap, json!({}), &[&one]).await;
    let answer = ask(&iap, &client, &[], &[("token_type", "pop")]).await;
    assert_eq!(bound(&answer), ("PoP".to_owned(), json!({"kid": "one", "jkt": thumbprint(&one)})));
    let path = format!("/clients/{}/keys", client.client_id);
    let _ = iap.admin("POST", &path, Some(json!({"jwk": other.jwk()}))).await.expect(201);
    let several = refused(&ask(&iap, &client, &[], &[("token_type", "pop")]).await, "invalid_request");
    assert!(several.contains("req_cnf"), "{several}");
    let req_cnf = base64url::encode(json!({"kid": "other"}).to_string());
    for parameters in [&[("req_cnf", req_cnf.as_str())][..], &[("token_type", "PoP"), ("req_cnf", &req_cnf)]]
    {
        let answer = ask(&iap, &client, &[], parameters).await;
        assert_eq!(bound(&answer), ("PoP".to_owned(), json!({"kid": "other", "jkt": thumbprint(&other)})));
    }
}

#[tokio::test]
async fn req_cnf_names_a_registered_key_and_nothing_else() {
    let iap = TestIap::start().await;
    let key = ClientKeyPair::es256("k1");
    let client = client(&iap, json!({}), &[&key]).await;
    let encoded = |value: Value| base64url::encode(value.to_string());
    for req_cnf in [
        encoded(json!({"jwk": ClientKeyPair::es256("k1").jwk()})),
        encoded(json!({"kid": "k1", "jwk": key.jwk()})),
        encoded(json!({"kid": "another"})),
        encoded(json!({"kid": 1})),
        encoded(json!({})),
        encoded(json!(["k1"])),
        base64url::encode("{\"kid\":\"another\",\"kid\":\"k1\"}"),
        "k1".to_owned(),
        "{\"kid\":\"k1\"}".to_owned(),
        format!("{}=", encoded(json!({"kid": "k1"}))),
    ] {
        refused(&ask(&iap, &client, &[], &[("req_cnf", &req_cnf)]).await, "invalid_request");
    }
    let good = encoded(json!({"kid": "k1"}));
    refused(
        &ask(&iap, &client, &[], &[("token_type", "bearer"), ("req_cnf", &good)]).await,
        "invalid_request",
    );
    refused(&ask(&iap, &client, &[], &[("token_type", "mac")]).await, "invalid_request");
    let both = ask(&iap, &client, &[&proof(&key, "j")], &[("token_type", "pop")]).await;
    assert!(refused(&both, "invalid_request").contains("one of them"));
}

#[tokio::test]
async fn a_client_that_needs_bound_tokens_gets_them_and_never_others() {
    let iap = TestIap::start().await;
    let key = ClientKeyPair::es256("k1");
    let client = client(&iap, json!({"require_bound_tokens": true}), &[&key]).await;
    for parameters in [&[][..], &[("token_type", "bearer")], &[("token_type", "pop")]] {
        assert_eq!(bound(&ask(&iap, &client, &[], parameters).await).0, "PoP", "{parameters:?}");
    }
    assert_eq!(bound(&ask(&iap, &client, &[&proof(&key, "j")], &[]).await).0, "DPoP");
}

#[tokio::test]
async fn the_key_of_an_assertion_is_the_one_that_is_meant() {
    let iap = TestIap::start().await;
    let (one, other) = (ClientKeyPair::es256("one"), ClientKeyPair::es256("other"));
    let method = json!({"token_endpoint_auth_method": "private_key_jwt"});
    let client = client(&iap, method, &[&one, &other]).await;
    let kind = ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
    for (key, kid) in [(&one, "one"), (&other, "other")] {
        let assertion = key.assertion(&client.client_id, ISSUER, NOW);
        let parameters = [GRANT, kind, ("client_assertion", &assertion), ("token_type", "pop")];
        assert_eq!(bound(&iap.token(&parameters, &[]).await).1["kid"], kid);
        // By itself the assertion binds nothing: who authenticates so may still want a bearer token.
        let assertion = key.assertion(&client.client_id, ISSUER, NOW);
        let answer = iap.token(&[GRANT, kind, ("client_assertion", &assertion)], &[]).await;
        assert_eq!(bound(&answer), ("Bearer".to_owned(), Value::Null));
    }
    // Authentication by one key, possession of another: both were shown.
    let assertion = one.assertion(&client.client_id, ISSUER, NOW);
    let parameters = [GRANT, kind, ("client_assertion", assertion.as_str())];
    let answer = iap.token(&parameters, &[("dpop", &proof(&other, "j"))]).await;
    assert_eq!(bound(&answer).1["kid"], "other");
}

#[tokio::test]
async fn a_key_that_has_expired_binds_nothing() {
    let iap = TestIap::start().await;
    let key = ClientKeyPair::es256("k1");
    let client = client(&iap, json!({}), &[]).await;
    let path = format!("/clients/{}/keys", client.client_id);
    let body = json!({"jwk": key.jwk(), "expires_in": 3600});
    let _ = iap.admin("POST", &path, Some(body)).await.expect(201);
    let _ = ask(&iap, &client, &[], &[("token_type", "pop")]).await.expect(200);
    iap.advance(3601).await;
    refused(&ask(&iap, &client, &[], &[("token_type", "pop")]).await, "invalid_request");
}

#[tokio::test]
async fn the_network_audience_is_for_bound_tokens_alone() {
    let network = "https://one-record.example/network";
    let iap = TestIap::start_with(&format!("[tokens]\nnetwork_audience = \"{network}\"")).await;
    let key = ClientKeyPair::es256("k1");
    let anywhere = client(&iap, json!({}), &[&key]).await;
    let resource = ("resource", network);
    let unbound = refused(&ask(&iap, &anywhere, &[], &[resource]).await, "invalid_target");
    assert!(unbound.contains("must be bound"), "{unbound}");
    let beside = [resource, ("resource", DEFAULT_AUDIENCE), ("token_type", "pop")];
    refused(&ask(&iap, &anywhere, &[], &beside).await, "invalid_target");
    // Who is registered for single servers does not get to all of them this way.
    let other = ClientKeyPair::es256("k2");
    let participant = iap.participant("other").await;
    let held = json!({"audiences": [DEFAULT_AUDIENCE], "jwks": other.jwks(), "require_bound_tokens": true});
    let held = iap.client(&participant, held).await;
    refused(&ask(&iap, &held, &[], &[resource]).await, "invalid_target");
    let answer = ask(&iap, &anywhere, &[], &[resource, ("token_type", "pop")]).await.expect(200);
    let (_, claims) = decode(answer.json()["access_token"].as_str().unwrap());
    assert_eq!((&claims["aud"], &claims["cnf"]["kid"]), (&json!([network]), &json!("k1")));
}

#[tokio::test]
async fn discovery_says_that_dpop_is_understood() {
    let iap = TestIap::start().await;
    let document = iap.get("/.well-known/oauth-authorization-server").await.json();
    assert_eq!(
        document["dpop_signing_alg_values_supported"],
        json!(["RS256", "PS256", "ES256", "EdDSA", "Ed25519"])
    );
}
