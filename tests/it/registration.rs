//! Machines that register themselves (RFC 7591, RFC 7592; identity-provider §5; proof-of-possession §1.5).

mod manage;
mod refusals;

use aws_lc_rs::digest;
use axum::body::Body;
use carnet_testkit::{Answer, ClientKeyPair};
use http::Request;
use serde_json::{Value, json};

use crate::harness::{ISSUER, NOW, Registered, TestIap, basic};

/// Makes an initial access token; returns its id and the token.
async fn initial(iap: &TestIap, participant: &str, body: Value) -> (String, String) {
    let path = format!("/participants/{participant}/initial-access-tokens");
    let made = iap.admin("POST", &path, Some(body)).await.expect(201).json();
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    (text("id"), text("initial_access_token"))
}

async fn send(iap: &TestIap, method: &str, path: &str, bearer: &str, body: Option<&Value>) -> Answer {
    let request =
        Request::builder().method(method).uri(path).header("authorization", format!("Bearer {bearer}"));
    let request = match body {
        Some(body) => request.header("content-type", "application/json").body(Body::from(body.to_string())),
        None => request.body(Body::empty()),
    };
    iap.public(request.unwrap()).await
}

async fn register(iap: &TestIap, bearer: &str, body: &Value) -> Answer {
    send(iap, "POST", "/register", bearer, Some(body)).await
}

/// A proof that whoever shows this bearer token holds the key, with other claims or another header than it should have.
fn proof_with(key: &ClientKeyPair, bearer: &str, change: impl FnOnce(&mut Value, &mut Value)) -> String {
    let signing = key.signing_key();
    let hash = digest::digest(&digest::SHA256, bearer.as_bytes());
    let mut header = json!({"alg": signing.algorithm().as_str(), "typ": "client-key-proof+jwt"});
    let mut claims = json!({
        "aud": ISSUER, "iat": NOW, "exp": NOW + 60,
        "jkt": signing.public_jwk().unwrap().thumbprint().unwrap().to_string(),
        "ath": carnet_token::base64url::encode(hash.as_ref()),
    });
    change(&mut header, &mut claims);
    signing.sign_compact(&header, &claims).unwrap()
}

fn proof(key: &ClientKeyPair, bearer: &str) -> String {
    proof_with(key, bearer, |_, _| ())
}

/// The metadata of a client with a key, with a proof.
fn with_key(key: &ClientKeyPair, bearer: &str) -> Value {
    json!({
        "token_endpoint_auth_method": "private_key_jwt", "jwks": key.jwks(), "jwks_proof": proof(key, bearer),
    })
}

/// Checks that an answer refuses the metadata; gives the description.
#[track_caller]
fn refused(answer: &Answer) -> String {
    let body = answer.json();
    assert_eq!(
        (answer.status.as_u16(), &body["error"]),
        (400, &json!("invalid_client_metadata")),
        "{}",
        answer.text()
    );
    assert_eq!((answer.header("cache-control"), answer.header("pragma")), ("no-store", "no-cache"));
    body["error_description"].as_str().unwrap().to_owned()
}

/// Checks that an answer refuses the bearer token.
#[track_caller]
fn unauthorized(answer: &Answer) {
    assert_eq!(
        (answer.status.as_u16(), &answer.json()["error"]),
        (401, &json!("invalid_token")),
        "{}",
        answer.text()
    );
    assert!(answer.header("www-authenticate").starts_with("Bearer "), "{:?}", answer.headers);
    assert_eq!(answer.header("cache-control"), "no-store");
}

/// What the token endpoint says to a client that authenticates by its secret.
async fn token_error(iap: &TestIap, client_id: &str, secret: &str) -> Value {
    let parameters = [("grant_type", "client_credentials")];
    let answer = iap.token(&parameters, &[("authorization", &basic(client_id, secret))]).await;
    answer.json()["error"].clone()
}

/// What the token endpoint says to a client that authenticates by its key.
async fn outcome(iap: &TestIap, client_id: &str, key: &ClientKeyPair) -> Value {
    let assertion = key.assertion(client_id, ISSUER, iap.clock.now());
    let parameters = [
        ("grant_type", "client_credentials"),
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
        ("client_assertion", assertion.as_str()),
    ];
    let answer = iap.token(&parameters, &[]).await.json();
    answer.get("error").unwrap_or(&answer["token_type"]).clone()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

#[tokio::test]
async fn a_machine_registers_itself_with_a_secret() {
    let iap = TestIap::start().await;
    let participant = iap.participant("acme").await;
    let (id, bearer) = initial(&iap, &participant, json!({})).await;
    let answer = register(&iap, &bearer, &json!({"client_name": "scanner", "logo_uri": "https://x"})).await;
    let answer = answer.expect(201);
    assert_eq!((answer.header("cache-control"), answer.header("pragma")), ("no-store", "no-cache"));
    let mut body = answer.json();
    let (client_id, secret) = (text(&body["client_id"]).to_owned(), text(&body["client_secret"]).to_owned());
    assert!(text(&body["registration_access_token"]).starts_with("carnet_rat_"));
    for name in ["client_secret", "registration_access_token"] {
        body.as_object_mut().unwrap().remove(name);
    }
    assert_eq!(
        body,
        json!({
            "client_id": client_id,
            "client_id_issued_at": NOW,
            "client_secret_expires_at": 0,
            "registration_client_uri": format!("{ISSUER}/register/{client_id}"),
            "client_name": "scanner",
            "token_endpoint_auth_method": "client_secret_basic",
            "grant_types": ["client_credentials"],
            "response_types": [],
            "scope": "logistics_objects:read logistics_objects:write events:write",
            "require_bound_tokens": true,
        })
    );
    let image = iap.app.registry.current().unwrap();
    let entry = image.client(&client_id).unwrap();
    let client = entry.client();
    assert_eq!(client.participant_id.as_deref(), Some(participant.as_str()));
    assert!(client.require_bound_tokens && client.audiences.is_empty() && client.introspects.is_empty());
    // It is known, but gets no token that anybody could use who has it.
    assert_eq!(token_error(&iap, &client_id, &secret).await, "invalid_request");
    assert_eq!(token_error(&iap, &client_id, &format!("{secret}x")).await, "invalid_client");
    let pool = iap.app.database.reader().pool();
    let last = carnet::db::journal::after(pool, 0, 1000).await.unwrap().pop().unwrap();
    assert_eq!((last.actor, last.action.as_str()), (format!("registration/{id}"), "client.create"));
}

#[tokio::test]
async fn a_machine_registers_itself_with_keys_that_it_proves() {
    let iap = TestIap::start().await;
    let participant = iap.participant("acme").await;
    let (_, bearer) = initial(&iap, &participant, json!({"uses": 2})).await;
    let (first, second) = (ClientKeyPair::es256("k1"), ClientKeyPair::rs256("k2"));
    let body = register(&iap, &bearer, &with_key(&first, &bearer)).await.expect(201).json();
    assert!(body.get("client_secret").is_none());
    assert_eq!(body["jwks"]["keys"][0]["kid"], "k1");
    let client_id = text(&body["client_id"]);
    // It gets tokens that are bound to its key.
    assert_eq!(outcome(&iap, client_id, &first).await, "PoP");
    assert_eq!(outcome(&iap, client_id, &ClientKeyPair::es256("k1")).await, "invalid_client");
    // Several keys, several proofs, in any order.
    let third = ClientKeyPair::es256("k3");
    let metadata = json!({
        "jwks": {"keys": [second.jwk(), third.jwk()]},
        "jwks_proof": [proof(&third, &bearer), proof(&second, &bearer)],
        "scope": "events:write",
    });
    let body = register(&iap, &bearer, &metadata).await.expect(201).json();
    assert_eq!((&body["scope"], body["jwks"]["keys"].as_array().unwrap().len()), (&json!("events:write"), 2));
}

#[tokio::test]
async fn a_token_is_good_for_as_many_registrations_as_it_says_and_no_longer_than_it_says() {
    let iap = TestIap::start().await;
    let participant = iap.participant("acme").await;
    let (id, bearer) = initial(&iap, &participant, json!({"uses": 2, "expires_in": 60})).await;
    for _ in 0..2 {
        let _ = register(&iap, &bearer, &json!({})).await.expect(201);
    }
    unauthorized(&register(&iap, &bearer, &json!({})).await);
    let path = format!("/participants/{participant}/initial-access-tokens");
    let list = iap.admin("GET", &path, None).await.expect(200);
    assert!(!list.text().contains("carnet_iat_"));
    assert_eq!(
        list.json()["items"],
        json!([{
            "id": id, "participant_id": participant, "status": "active", "uses": 2, "used": 2,
            "created_at": "2027-01-15T08:00:00.000Z", "expires_at": "2027-01-15T08:01:00.000Z",
        }])
    );
    let (_, expiring) = initial(&iap, &participant, json!({"expires_in": 60})).await;
    iap.pass(std::time::Duration::from_mins(1)).await;
    unauthorized(&register(&iap, &expiring, &json!({})).await);

    let (id, bearer) = initial(&iap, &participant, json!({})).await;
    for _ in 0..2 {
        let _ = iap.admin("DELETE", &format!("{path}/{id}"), None).await.expect(204);
    }
    unauthorized(&register(&iap, &bearer, &json!({})).await);
    let other = iap.participant("other").await;
    let foreign = format!("/participants/{other}/initial-access-tokens/{id}");
    let _ = iap.admin("DELETE", &foreign, None).await.expect(404);
    for (body, field) in [
        (json!({"expires_in": 59}), "expires_in"),
        (json!({"expires_in": 7_776_001}), "expires_in"),
        (json!({"uses": 0}), "uses"),
        (json!({"uses": 101}), "uses"),
    ] {
        let answer = iap.admin("POST", &path, Some(body)).await.expect(400);
        assert_eq!(answer.json()["errors"][0]["field"], field);
    }
}

#[tokio::test]
async fn of_two_machines_that_want_the_last_use_one_gets_it() {
    let iap = TestIap::start().await;
    let participant = iap.participant("acme").await;
    let (_, bearer) = initial(&iap, &participant, json!({})).await;
    let body = json!({});
    let all = tokio::join!(
        register(&iap, &bearer, &body),
        register(&iap, &bearer, &body),
        register(&iap, &bearer, &body)
    );
    let mut statuses = [all.0, all.1, all.2].map(|answer| answer.status.as_u16());
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 401, 401]);
}

#[tokio::test]
async fn a_participant_has_a_limited_number_of_self_registered_clients() {
    let iap = TestIap::start_with("[registry]\nmax_self_registered_clients = 1").await;
    let participant = iap.participant("acme").await;
    let (_, bearer) = initial(&iap, &participant, json!({"uses": 3})).await;
    let first = register(&iap, &bearer, &json!({})).await.expect(201).json();
    assert!(refused(&register(&iap, &bearer, &json!({})).await).contains("1 at most"));
    // Another participant has a number of its own; and a registration that ends makes room.
    let other = iap.participant("other").await;
    let (_, others) = initial(&iap, &other, json!({})).await;
    let _ = register(&iap, &others, &json!({})).await.expect(201);
    let path = format!("/register/{}", text(&first["client_id"]));
    let token = text(&first["registration_access_token"]);
    let _ = send(&iap, "DELETE", &path, token, None).await.expect(204);
    let _ = register(&iap, &bearer, &json!({})).await.expect(201);
}

#[tokio::test]
async fn where_no_machine_may_register_itself_there_is_no_such_address() {
    let iap = TestIap::start_with("[registry]\nmax_self_registered_clients = 0").await;
    let client: Registered = iap.acme().await;
    let (_, bearer) = initial(&iap, &client.participant_id, json!({})).await;
    let _ = register(&iap, &bearer, &json!({})).await.expect(404);
    let document = iap.get("/.well-known/openid-configuration").await.expect(200).json();
    assert!(document.get("registration_endpoint").is_none());
}
