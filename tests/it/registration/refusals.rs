//! What a machine says of itself and does not get.

use axum::body::Body;
use carnet_testkit::ClientKeyPair;
use http::Request;
use serde_json::{Value, json};

use super::{initial, proof, proof_with, refused, register, send, text, unauthorized, with_key};
use crate::harness::{DEFAULT_AUDIENCE, ISSUER, NOW, TestIap, basic};

#[tokio::test]
async fn metadata_give_no_right_that_only_an_administrator_gives() {
    let iap = TestIap::start_with("[tokens]\nnetwork_audience = \"https://network.example\"").await;
    let participant = iap.participant("acme").await;
    let other = iap.participant("other").await;
    let (_, bearer) = initial(&iap, &participant, json!({})).await;
    for (member, value) in [
        ("scope", json!("admin:write")),
        ("scope", json!("admin:read logistics_objects:read")),
        ("scope", json!("ca:enrol")),
        ("require_bound_tokens", json!(false)),
        ("participant_id", json!(other)),
        ("participant_id", json!(participant)),
        ("kind", json!("administrator")),
        ("audiences", json!(["https://network.example"])),
        ("resource", json!("https://network.example")),
        ("introspects", json!([DEFAULT_AUDIENCE])),
        ("one_record_id", json!("https://other.example/other")),
        ("tls_client_auth_san_uri", json!("https://other.example/other")),
        ("tls_client_auth_subject_dn", json!("CN=other")),
        ("access_token_lifetime", json!(86_400)),
        ("client_id", json!("01ARZ3NDEKTSV4RRFFQ69G5FAV")),
        ("client_secret", json!("secret")),
        ("grant_types", json!(["authorization_code"])),
        ("redirect_uris", json!(["https://acme.example/callback"])),
        ("token_endpoint_auth_method", json!("none")),
        ("jwks_uri", json!("https://acme.example/jwks.json")),
        ("software_statement", json!("e30.e30.AA")),
        ("client_name", json!("a\u{202e}b")),
    ] {
        let said = refused(&register(&iap, &bearer, &json!({ member: value })).await);
        assert!(said.starts_with(member), "{member}: {said}");
    }
    // Nothing of it has used the token up.
    let _ = register(&iap, &bearer, &json!({})).await.expect(201);
}

#[tokio::test]
async fn a_key_without_a_proof_is_refused() {
    let iap = TestIap::start().await;
    let participant = iap.participant("acme").await;
    let (_, bearer) = initial(&iap, &participant, json!({})).await;
    let (_, another) = initial(&iap, &participant, json!({})).await;
    let (key, stranger) = (ClientKeyPair::es256("k1"), ClientKeyPair::es256("k1"));
    let jkt = key.signing_key().public_jwk().unwrap().thumbprint().unwrap().to_string();
    let claim =
        |name: &'static str, value: Value| proof_with(&key, &bearer, move |_, claims| claims[name] = value);
    let header =
        |name: &'static str, value: Value| proof_with(&key, &bearer, move |header, _| header[name] = value);
    let long_secret = "k".repeat(43);
    for (what, proof) in [
        ("none", json!(null)),
        ("an empty list", json!([])),
        ("no JWT", json!("x")),
        ("a JWT of nobody", json!("e30.e30.AAAA")),
        ("another key's", json!(proof(&stranger, &bearer))),
        (
            "another key's in this one's name",
            json!(proof_with(&stranger, &bearer, |_, claims| claims["jkt"] = json!(jkt))),
        ),
        ("for another registration", json!(proof(&key, &another))),
        ("for no registration", json!(claim("ath", json!(null)))),
        ("for another server", json!(claim("aud", json!("https://evil.example")))),
        ("for two servers", json!(claim("aud", json!([ISSUER, "https://evil.example"])))),
        ("for the endpoint", json!(claim("aud", json!(format!("{ISSUER}/register"))))),
        ("expired", json!(claim("exp", json!(NOW - 30)))),
        ("for too long", json!(claim("exp", json!(NOW + 331)))),
        ("without end", json!(claim("exp", json!(null)))),
        ("from the future", json!(claim("iat", json!(NOW + 31)))),
        ("a client assertion", json!(header("typ", json!("client-authentication+jwt")))),
        ("of no kind", json!(header("typ", json!(null)))),
        ("with another alg", json!(header("alg", json!("RS256")))),
        ("with a critical extension", json!(header("crit", json!(["exp"])))),
        (
            "with a symmetric key",
            json!(format!("{}.AAAA", header("alg", json!("HS256")).rsplit_once('.').unwrap().0)),
        ),
        ("a real assertion", json!(key.assertion("client", ISSUER, NOW))),
        ("a secret", json!(long_secret)),
    ] {
        let mut body = with_key(&key, &bearer);
        body["jwks_proof"] = proof;
        let said = refused(&register(&iap, &bearer, &body).await);
        assert!(said.contains("jwks.keys[0] comes without a proof"), "{what}: {said}");
    }
    // One proven key does not bring another one in.
    let body = json!({
        "jwks": {"keys": [key.jwk(), ClientKeyPair::es256("k2").jwk()]}, "jwks_proof": proof(&key, &bearer),
    });
    assert!(refused(&register(&iap, &bearer, &body).await).contains("jwks.keys[1]"));
    let _ = register(&iap, &bearer, &with_key(&key, &bearer)).await.expect(201);
}

#[tokio::test]
async fn a_key_belongs_to_one_client() {
    let iap = TestIap::start().await;
    let participant = iap.participant("acme").await;
    let key = ClientKeyPair::es256("k1");
    let further = json!({"token_endpoint_auth_method": "private_key_jwt", "jwks": key.jwks()});
    let _ = iap.client(&participant, further).await;
    let other = iap.participant("other").await;
    let (_, bearer) = initial(&iap, &other, json!({})).await;
    let said = refused(&register(&iap, &bearer, &with_key(&key, &bearer)).await);
    assert!(said.contains("registered for another client"), "{said}");
    let mut private = key.jwk();
    private["d"] = json!("c2VjcmV0LXNlY3JldA");
    let body = json!({"jwks": {"keys": [private]}, "jwks_proof": proof(&key, &bearer)});
    let said = refused(&register(&iap, &bearer, &body).await);
    assert!(said.contains("private key material") && !said.contains("c2VjcmV0"), "{said}");
    let symmetric = json!({"jwks": {"keys": [{"kty": "oct", "k": "AAAA"}]}});
    refused(&register(&iap, &bearer, &symmetric).await);
    refused(&register(&iap, &bearer, &json!({"token_endpoint_auth_method": "private_key_jwt"})).await);
    let _ = register(&iap, &bearer, &json!({})).await.expect(201);
}

#[tokio::test]
async fn only_a_good_initial_access_token_registers() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    let (_, bearer) = initial(&iap, &client.participant_id, json!({"uses": 5})).await;
    let administration = iap.administration_token("admin:write").await;
    let access_token = iap.access_token(&client, &[]).await;
    let made = register(&iap, &bearer, &json!({})).await.expect(201).json();
    for wrong in [
        "",
        "x",
        &format!("carnet_iat_{}", "A".repeat(43)),
        &format!("{bearer}x"),
        &administration,
        &access_token,
        &client.client_secret,
        text(&made["registration_access_token"]),
    ] {
        unauthorized(&register(&iap, wrong, &json!({})).await);
    }
    let raw = async |headers: &[(&str, &str)]| {
        let mut request = Request::post("/register").header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        iap.public(request.body(Body::from("{}")).unwrap()).await
    };
    let good = format!("Bearer {bearer}");
    unauthorized(&raw(&[]).await);
    unauthorized(&raw(&[("authorization", &good), ("authorization", &good)]).await);
    unauthorized(&raw(&[("authorization", &basic(&client.client_id, &client.client_secret))]).await);
    unauthorized(&raw(&[("authorization", &bearer)]).await);
    assert_eq!(raw(&[("authorization", &good)]).await.status, 201);

    let path = format!("/participants/{}", client.participant_id);
    let _ = iap.admin("POST", &format!("{path}/disable"), None).await.expect(200);
    unauthorized(&register(&iap, &bearer, &json!({})).await);
    let _ = iap.admin("POST", &format!("{path}/enable"), None).await.expect(200);
    let _ = register(&iap, &bearer, &json!({})).await.expect(201);
}

#[tokio::test]
async fn what_is_no_metadata_is_refused() {
    let iap = TestIap::start().await;
    let participant = iap.participant("acme").await;
    let (_, bearer) = initial(&iap, &participant, json!({})).await;
    let post = async |content_type: &str, body: String| {
        let request = Request::post("/register").header("authorization", format!("Bearer {bearer}"));
        iap.public(request.header("content-type", content_type).body(Body::from(body)).unwrap()).await
    };
    for body in ["", "x", "[]", "null", "1", r#"{"scope":"events:write","scope":"admin:write"}"#, "{}{}"] {
        refused(&post("application/json", body.to_owned()).await);
    }
    let deep = format!("{}{}", "[".repeat(500), "]".repeat(500));
    refused(&post("application/json", format!(r#"{{"x":{deep}}}"#)).await);
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "application/jsonp"] {
        let _ = post(content_type, "{}".to_owned()).await.expect(415);
    }
    let large = format!(r#"{{"x":"{}"}}"#, "a".repeat(70_000));
    let _ = post("application/json", large).await.expect(413);
    for method in ["GET", "PUT", "DELETE"] {
        let answer = send(&iap, method, "/register", &bearer, None).await.expect(405);
        assert_eq!(answer.header("allow"), "POST");
    }
    let _ = post("application/json; charset=utf-8", "{}".to_owned()).await.expect(201);
}
