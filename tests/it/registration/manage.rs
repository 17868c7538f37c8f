//! What a client does with its own registration.

use std::time::Duration;

use carnet_testkit::{Answer, ClientKeyPair};
use serde_json::{Value, json};

use super::{initial, outcome, proof, refused, register, send, text, token_error, unauthorized, with_key};
use crate::harness::TestIap;

/// A client that registered itself, and the token of its registration.
struct Own {
    client_id: String,
    token: String,
    answer: Value,
}

impl Own {
    fn of(answer: &Value) -> Self {
        let (client_id, token) = (text(&answer["client_id"]), text(&answer["registration_access_token"]));
        Self { client_id: client_id.to_owned(), token: token.to_owned(), answer: answer.clone() }
    }

    async fn send(&self, iap: &TestIap, method: &str, body: Option<&Value>) -> Answer {
        send(iap, method, &format!("/register/{}", self.client_id), &self.token, body).await
    }

    async fn put(&self, iap: &TestIap, mut body: Value) -> Answer {
        body["client_id"] = json!(self.client_id);
        self.send(iap, "PUT", Some(&body)).await
    }
}

async fn own(iap: &TestIap, participant: &str, body: Value) -> Own {
    let (_, bearer) = initial(iap, participant, json!({})).await;
    Own::of(&register(iap, &bearer, &body).await.expect(201).json())
}

#[tokio::test]
async fn a_client_reads_its_registration_and_nobody_elses() {
    let iap = TestIap::start().await;
    let participant = iap.participant("acme").await;
    let (client, other) =
        (own(&iap, &participant, json!({})).await, own(&iap, &participant, json!({})).await);
    let read = client.send(&iap, "GET", None).await.expect(200);
    assert_eq!(read.header("cache-control"), "no-store");
    let mut expected = client.answer.clone();
    for name in ["client_secret", "client_secret_expires_at"] {
        expected.as_object_mut().unwrap().remove(name);
    }
    assert_eq!(read.json(), expected);
    let administered = iap.client(&participant, json!({})).await.client_id;
    for method in ["GET", "PUT", "DELETE"] {
        let body = (method == "PUT").then(|| json!({"client_id": client.client_id}));
        for (path, token) in [
            (client.client_id.as_str(), other.token.as_str()),
            (&other.client_id, &client.token),
            (&administered, &client.token),
            ("nobody", &client.token),
            ("%00", &client.token),
            (&client.client_id, ""),
            (&client.client_id, "carnet_rat_x"),
        ] {
            let path = format!("/register/{path}");
            unauthorized(&send(&iap, method, &path, token, body.as_ref()).await);
        }
    }
    let _ = client.send(&iap, "GET", None).await.expect(200);
    let _ = other.send(&iap, "GET", None).await.expect(200);
}

#[tokio::test]
async fn a_client_replaces_what_it_says_of_itself_and_the_token_with_it() {
    let iap = TestIap::start().await;
    let participant = iap.participant("acme").await;
    let client = own(&iap, &participant, json!({"client_name": "old"})).await;
    let secret = text(&client.answer["client_secret"]).to_owned();
    let body = json!({"client_name": "new", "scope": "events:write", "client_secret": secret});
    let answer = client.put(&iap, body).await.expect(200).json();
    assert_eq!((&answer["client_name"], &answer["scope"]), (&json!("new"), &json!("events:write")));
    assert!(answer.get("client_secret").is_none());
    unauthorized(&client.send(&iap, "GET", None).await);
    let client = Own::of(&answer);
    let image = iap.app.registry.current().unwrap();
    assert_eq!(image.client(&client.client_id).unwrap().client().scopes[..], ["events:write"]);
    assert_eq!(token_error(&iap, &client.client_id, &secret).await, "invalid_request");

    for (member, value) in [
        ("scope", json!("logistics_objects:write events:write")),
        ("scope", json!("admin:write")),
        ("client_secret", json!("wrong")),
        ("token_endpoint_auth_method", json!("client_secret_post")),
        ("require_bound_tokens", json!(false)),
        ("participant_id", json!(participant)),
        ("registration_access_token", json!(client.token)),
        ("registration_client_uri", json!("https://x.example")),
        ("jwks_uri", json!("https://x.example")),
    ] {
        let said = refused(&client.put(&iap, json!({ member: value })).await);
        assert!(said.starts_with(member), "{member}: {said}");
    }
    for id in [json!(null), json!("01ARZ3NDEKTSV4RRFFQ69G5FAV"), json!(1)] {
        let said = refused(&client.send(&iap, "PUT", Some(&json!({"client_id": id}))).await);
        assert!(said.starts_with("client_id"), "{said}");
    }
    // What was refused has changed nothing, not even the token.
    let answer = client.put(&iap, json!({"client_name": "newer"})).await.expect(200).json();
    assert_eq!((&answer["client_name"], &answer["scope"]), (&json!("newer"), &json!("events:write")));
}

#[tokio::test]
async fn a_client_replaces_its_keys_and_proves_the_new_ones() {
    let iap = TestIap::start().await;
    let participant = iap.participant("acme").await;
    let (_, bearer) = initial(&iap, &participant, json!({})).await;
    let (old, new) = (ClientKeyPair::es256("k1"), ClientKeyPair::es256("k2"));
    let client = Own::of(&register(&iap, &bearer, &with_key(&old, &bearer)).await.expect(201).json());
    let method = "private_key_jwt";
    let both = |proof: Value| {
        let jwks = json!({"keys": [old.jwk(), new.jwk()]});
        json!({"token_endpoint_auth_method": method, "jwks": jwks, "jwks_proof": proof})
    };
    // A proof for the initial token is none for this request.
    for wrong in [json!(null), json!(proof(&new, &bearer)), json!(proof(&old, &client.token))] {
        let said = refused(&client.put(&iap, both(wrong)).await);
        assert!(said.contains("jwks.keys[1] comes without a proof"), "{said}");
    }
    refused(&client.put(&iap, json!({ "token_endpoint_auth_method": method })).await);
    let client = Own::of(&client.put(&iap, both(json!(proof(&new, &client.token)))).await.expect(200).json());
    for key in [&old, &new] {
        assert_eq!(outcome(&iap, &client.client_id, key).await, "PoP");
    }
    let body = json!({"token_endpoint_auth_method": method, "jwks": new.jwks()});
    let client = Own::of(&client.put(&iap, body).await.expect(200).json());
    assert_eq!(outcome(&iap, &client.client_id, &old).await, "invalid_client");
    assert_eq!(outcome(&iap, &client.client_id, &new).await, "PoP");
    // Left out is revoked, and revoked is for ever.
    let said = refused(&client.put(&iap, both(json!(proof(&old, &client.token)))).await);
    assert!(said.contains("is revoked"), "{said}");
    iap.pass(Duration::from_secs(1)).await;
    iap.app.feed.refresh().await.unwrap();
    let thumbprint = old.signing_key().public_jwk().unwrap().thumbprint().unwrap().to_string();
    assert!(feed_entries(&iap).await.iter().any(|entry| entry["jkt"] == json!(thumbprint)));
}

#[tokio::test]
async fn nobody_makes_the_feed_too_long_by_giving_up_keys() {
    let iap = TestIap::start().await;
    let participant = iap.participant("acme").await;
    let (_, bearer) = initial(&iap, &participant, json!({"uses": 2})).await;
    let body = |keys: &[ClientKeyPair], bearer: &str| {
        let jwks: Vec<Value> = keys.iter().map(|key| json!(key.jwk())).collect();
        let proofs: Vec<String> = keys.iter().map(|key| proof(key, bearer)).collect();
        json!({
            "token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": jwks}, "jwks_proof": proofs,
        })
    };
    let keys = |round: usize| -> Vec<ClientKeyPair> {
        (0..20).map(|at| ClientKeyPair::es256(&format!("k{round}-{at}"))).collect()
    };
    let mut held = keys(0);
    let mut client = Own::of(&register(&iap, &bearer, &body(&held, &bearer)).await.expect(201).json());
    for round in 1..=10 {
        held = keys(round);
        client = Own::of(&client.put(&iap, body(&held, &client.token)).await.expect(200).json());
    }
    let fewer = |count: usize| {
        let mut body = body(&held[..count], "");
        body["jwks_proof"] = json!(null);
        body
    };
    let said = refused(&client.put(&iap, fewer(19)).await);
    assert!(said.starts_with("jwks cannot be taken for the moment: 200 keys"), "{said}");
    // Another registration by the same token is as good as another key.
    let said = refused(&register(&iap, &bearer, &json!({})).await);
    assert!(said.starts_with("client_name cannot be taken for the moment"), "{said}");
    // What gives up nothing is taken.
    let client = Own::of(&client.put(&iap, fewer(20)).await.expect(200).json());
    iap.pass(Duration::from_secs(1)).await;
    iap.app.feed.refresh().await.unwrap();
    assert_eq!(feed_entries(&iap).await.len(), 200);
    iap.pass(Duration::from_secs(3700)).await;
    let _ = client.put(&iap, fewer(19)).await.expect(200);
    let _ = register(&iap, &bearer, &json!({})).await.expect(201);
}

async fn feed_entries(iap: &TestIap) -> Vec<Value> {
    let (_, claims) = crate::harness::decode(&iap.get("/revocations").await.expect(200).text());
    claims["entries"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_client_ends_its_registration_for_ever() {
    let iap = TestIap::start().await;
    let participant = iap.participant("acme").await;
    let client = own(&iap, &participant, json!({})).await;
    let secret = text(&client.answer["client_secret"]).to_owned();
    let answer = client.send(&iap, "DELETE", None).await.expect(204);
    assert!(answer.body.is_empty());
    assert_eq!(answer.header("cache-control"), "no-store");
    for method in ["GET", "DELETE"] {
        unauthorized(&client.send(&iap, method, None).await);
    }
    assert_eq!(token_error(&iap, &client.client_id, &secret).await, "invalid_client");
    iap.pass(Duration::from_secs(1)).await;
    iap.app.feed.refresh().await.unwrap();
    assert!(feed_entries(&iap).await.iter().any(|entry| entry["client_id"] == json!(client.client_id)));
    // Enabled again it is a client that nobody can authenticate as.
    let path = format!("/clients/{}/enable", client.client_id);
    assert_eq!(iap.admin("POST", &path, None).await.expect(200).json()["status"], "active");
    assert_eq!(token_error(&iap, &client.client_id, &secret).await, "invalid_client");
    unauthorized(&client.send(&iap, "GET", None).await);
}

#[tokio::test]
async fn a_client_that_is_disabled_does_not_change_its_registration() {
    let iap = TestIap::start().await;
    let participant = iap.participant("acme").await;
    let client = own(&iap, &participant, json!({})).await;
    for path in [format!("/clients/{}", client.client_id), format!("/participants/{participant}")] {
        let _ = iap.admin("POST", &format!("{path}/disable"), None).await.expect(200);
        for method in ["GET", "DELETE"] {
            unauthorized(&client.send(&iap, method, None).await);
        }
        unauthorized(&client.put(&iap, json!({})).await);
        let _ = iap.admin("POST", &format!("{path}/enable"), None).await.expect(200);
        let _ = client.send(&iap, "GET", None).await.expect(200);
    }
}
