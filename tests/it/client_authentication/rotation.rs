//! A new secret, and an end for the older ones, in one step.

use std::time::Duration;

use axum::body::Body;
use carnet_testkit::ClientKeyPair;
use http::Request;
use serde_json::{Value, json};

use super::{fields, pass, secrets_of, text, with_secret};
use crate::harness::{Registered, TestIap};

async fn rotate(iap: &TestIap, client: &Registered, body: Option<Value>) -> Value {
    iap.admin("POST", &format!("{}/rotate", secrets_of(client)), body).await.expect(201).json()
}

#[tokio::test]
async fn the_older_secret_works_for_a_day_beside_the_new_one() {
    let iap = TestIap::start().await;
    let old = iap.acme().await;
    let rotated = rotate(&iap, &old, None).await;
    let new = with_secret(&old, &text(&rotated["client_secret"]));
    assert_eq!(rotated["expires_at"], Value::Null);
    assert_eq!(rotated["older"].as_array().unwrap().len(), 1);
    assert_eq!(rotated["older"][0]["expires_at"], "2027-01-16T08:00:00.000Z");
    pass(&iap, Duration::from_secs(86_399)).await;
    let _ = iap.token_of(&old, &[]).await.expect(200);
    let _ = iap.token_of(&new, &[]).await.expect(200);
    pass(&iap, Duration::from_secs(1)).await;
    let _ = iap.token_of(&old, &[]).await.expect(401);
    let _ = iap.token_of(&new, &[]).await.expect(200);
}

#[tokio::test]
async fn the_list_shows_what_rotation_did() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    let rotated = rotate(&iap, &client, Some(json!({ "keep": 3600, "expires_in": 7200 }))).await;
    let list = iap.admin("GET", &secrets_of(&client), None).await.expect(200);
    assert!(!list.text().contains("carnetsecret"), "a secret is shown once");
    let mut items = list.json()["items"].as_array().unwrap().clone();
    items.sort_by_key(|item| text(&item["expires_at"]));
    assert_eq!(items[0]["expires_at"], "2027-01-15T09:00:00.000Z");
    assert_eq!(
        (&items[1]["expires_at"], &items[1]["id"]),
        (&json!("2027-01-15T10:00:00.000Z"), &rotated["id"])
    );
}

#[tokio::test]
async fn keeping_nothing_ends_the_older_ones_at_once() {
    let iap = TestIap::start().await;
    let old = iap.acme().await;
    let rotated = rotate(&iap, &old, Some(json!({ "keep": 0 }))).await;
    let _ = iap.token_of(&old, &[]).await.expect(401);
    let _ = iap.token_of(&with_secret(&old, &text(&rotated["client_secret"])), &[]).await.expect(200);
}

#[tokio::test]
async fn rotation_prolongs_no_secret_and_wakes_none_up() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    let short = json!({ "expires_in": 60 });
    let short = iap.admin("POST", &secrets_of(&client), Some(short)).await.expect(201).json();
    let revoked = iap.admin("POST", &secrets_of(&client), None).await.expect(201).json();
    let path = format!("{}/{}", secrets_of(&client), text(&revoked["id"]));
    let _ = iap.admin("DELETE", &path, None).await.expect(204);
    let rotated = rotate(&iap, &client, Some(json!({ "keep": 3600 }))).await;
    assert_eq!(rotated["older"].as_array().unwrap().len(), 2, "the revoked one is none of them");
    let list = iap.admin("GET", &secrets_of(&client), None).await.expect(200).json();
    let of = |id: &Value| {
        list["items"].as_array().unwrap().iter().find(|item| item["id"] == *id).cloned().unwrap()
    };
    assert_eq!(of(&short["id"])["expires_at"], "2027-01-15T08:01:00.000Z");
    assert_eq!(of(&revoked["id"])["status"], "revoked");
    let _ = iap.token_of(&with_secret(&client, &text(&revoked["client_secret"])), &[]).await.expect(401);
    pass(&iap, Duration::from_mins(1)).await;
    let _ = iap.token_of(&with_secret(&client, &text(&short["client_secret"])), &[]).await.expect(401);
    let _ = iap.token_of(&client, &[]).await.expect(200);
}

#[tokio::test]
async fn impossible_times_are_refused_and_nothing_is_changed() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    let path = format!("{}/rotate", secrets_of(&client));
    for (body, field) in [
        (json!({ "keep": -1 }), "keep"),
        (json!({ "keep": 7_776_001 }), "keep"),
        (json!({ "keep": i64::MAX }), "keep"),
        (json!({ "keep": "1d" }), "keep"),
        (json!({ "expires_in": 59 }), "expires_in"),
        (json!({ "kepe": 60 }), "kepe"),
    ] {
        assert_eq!(fields(&iap.admin("POST", &path, Some(body.clone())).await, 400), [field], "{body}");
    }
    let both = Some(json!({ "keep": -1, "expires_in": 0 }));
    assert_eq!(fields(&iap.admin("POST", &path, both).await, 400), ["keep", "expires_in"]);
    let list = iap.admin("GET", &secrets_of(&client), None).await.expect(200).json();
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
    assert_eq!(list["items"][0]["expires_at"], Value::Null);
    assert_eq!(iap.admin("POST", "/clients/nobody/secrets/rotate", None).await.status.as_u16(), 404);
}

#[tokio::test]
async fn a_client_that_signs_has_nothing_to_rotate() {
    let iap = TestIap::start().await;
    let participant = iap.participant("acme").await;
    let key = ClientKeyPair::es256("k");
    let further = json!({"token_endpoint_auth_method": "private_key_jwt", "jwks": key.jwks()});
    let client = iap.client(&participant, further).await;
    let answer = iap.admin("POST", &format!("{}/rotate", secrets_of(&client)), None).await;
    assert_eq!(fields(&answer, 409), ["token_endpoint_auth_method"]);
}

#[tokio::test]
async fn a_client_with_ten_secrets_rotates_only_by_ending_them() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    for _ in 0..9 {
        let _ = iap.admin("POST", &secrets_of(&client), None).await.expect(201);
    }
    let answer = iap.admin("POST", &format!("{}/rotate", secrets_of(&client)), None).await;
    assert_eq!(fields(&answer, 409), ["client_secret"]);
    let rotated = rotate(&iap, &client, Some(json!({ "keep": 0 }))).await;
    assert_eq!(rotated["older"].as_array().unwrap().len(), 10);
    let _ = iap.token_of(&client, &[]).await.expect(401);
}

#[tokio::test]
async fn with_an_administrators_older_secrets_its_tokens_end() {
    let iap = TestIap::start().await;
    let administrator = Registered {
        participant_id: String::new(),
        client_id: iap.credentials().client_id,
        client_secret: String::new(),
    };
    let token = iap.administration_token("admin:read").await;
    let rotated = rotate(&iap, &administrator, Some(json!({ "keep": 0 }))).await;
    let request = Request::get("/admin/v1/clients").header("authorization", format!("Bearer {token}"));
    let _ = iap.administration(request.body(Body::empty()).unwrap()).await.expect(401);
    let new = with_secret(&administrator, &text(&rotated["client_secret"]));
    let _ = iap.token_of(&new, &[("scope", "admin:read")]).await.expect(200);
}

#[tokio::test]
async fn the_journal_has_one_record_of_a_rotation() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    let pool = iap.app.database.reader().pool();
    let before = carnet::db::journal::head(pool).await.unwrap();
    let _ = rotate(&iap, &client, None).await;
    let records = carnet::db::journal::after(pool, before, 10).await.unwrap();
    let said: Vec<(&str, String)> =
        records.iter().map(|record| (record.action.as_str(), record.subject.clone())).collect();
    assert_eq!(said, [("client_secret.rotate", format!("client/{}", client.client_id))]);
    carnet::audit::verify(&iap.app.database).await.unwrap();
}
