//! `Idempotency-Key`: a request that comes twice is done once.

use std::time::Duration;

use carnet_testkit::Answer;
use serde_json::{Value, json};

use crate::harness::{Registered, TestIap, basic};

const BOTH: &str = "admin:read admin:write";

fn airline(name: &str) -> Value {
    json!({
        "name": name, "roles": ["CAR"],
        "iol_identifier": format!("https://{name}.example/{name}"),
        "logistics_agent_uri": format!("https://{name}.example/lo/{name}"),
    })
}

async fn post(iap: &TestIap, token: &str, path: &str, key: &str, body: Option<Value>) -> Answer {
    iap.admin_with(token, "POST", path, &[("idempotency-key", key)], body).await
}

async fn count(iap: &TestIap, path: &str) -> usize {
    iap.admin("GET", path, None).await.expect(200).json()["items"].as_array().unwrap().len()
}

#[tokio::test]
async fn a_repeat_is_answered_again_and_done_once() {
    let iap = TestIap::start().await;
    let token = iap.administration_token(BOTH).await;
    let first = post(&iap, &token, "/participants", "k-1", Some(airline("acme"))).await.expect(201);
    assert_eq!(first.header("idempotent-replayed"), "");
    let records = carnet::db::journal::head(iap.app.database.reader().pool()).await.unwrap();
    for _ in 0..2 {
        let again = post(&iap, &token, "/participants", "k-1", Some(airline("acme"))).await.expect(201);
        assert_eq!(again.header("idempotent-replayed"), "true");
        assert_eq!(again.header("idempotent-secret-withheld"), "");
        assert_eq!(again.json(), first.json());
        for name in ["location", "etag", "content-type", "cache-control"] {
            assert_eq!(again.header(name), first.header(name), "{name}");
        }
    }
    assert_eq!(count(&iap, "/participants").await, 1);
    assert_eq!(carnet::db::journal::head(iap.app.database.reader().pool()).await.unwrap(), records);
    // The change is in the image as soon as the first one is answered.
    let participant = first.json()["id"].as_str().unwrap().to_owned();
    let client = iap.client(&participant, json!({})).await;
    let _ = iap.token_of(&client, &[]).await.expect(200);
}

#[tokio::test]
async fn a_secret_is_neither_kept_nor_shown_again() {
    let iap = TestIap::start().await;
    let participant = iap.participant("acme").await;
    let token = iap.administration_token(BOTH).await;
    let body = json!({ "participant_id": participant, "name": "machine", "require_bound_tokens": false });
    let first = post(&iap, &token, "/clients", "k", Some(body.clone())).await.expect(201);
    let mut shown = first.json();
    let client = Registered {
        participant_id: participant,
        client_id: shown["client_id"].as_str().unwrap().to_owned(),
        client_secret: shown["client_secret"].as_str().unwrap().to_owned(),
    };
    let _ = iap.token_of(&client, &[]).await.expect(200);

    let again = post(&iap, &token, "/clients", "k", Some(body)).await.expect(201);
    assert_eq!(again.header("idempotent-secret-withheld"), "true");
    shown.as_object_mut().unwrap().remove("client_secret");
    assert_eq!(again.json(), shown);

    let (pool, now) = (iap.app.database.reader().pool(), iap.clock.now_millis());
    let administrator = iap.credentials().client_id;
    let kept = carnet::db::idempotency_record::find(pool, &administrator, "k", now).await.unwrap().unwrap();
    assert!(!String::from_utf8(kept.body).unwrap().contains(&client.client_secret));
}

#[tokio::test]
async fn one_key_is_for_one_request() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    let token = iap.administration_token(BOTH).await;
    let secrets = format!("/clients/{}/secrets", client.client_id);
    let _ = post(&iap, &token, &secrets, "k", Some(json!({ "expires_in": 3600 }))).await.expect(201);
    let disable = format!("/clients/{}/disable", client.client_id);
    for (path, body) in [
        (secrets.as_str(), Some(json!({ "expires_in": 3601 }))),
        (secrets.as_str(), None),
        (disable.as_str(), Some(json!({ "expires_in": 3600 }))),
    ] {
        let answer = post(&iap, &token, path, "k", body).await.expect(422);
        assert_eq!(answer.header("content-type"), "application/problem+json");
        assert_eq!(answer.json()["type"], "urn:carnet:problem:idempotency-key-reused");
    }
    assert_eq!(count(&iap, &secrets).await, 2);
    let _ = iap.token_of(&client, &[]).await.expect(200);
}

#[tokio::test]
async fn of_the_same_request_at_once_one_is_done() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    let token = iap.administration_token(BOTH).await;
    let secrets = format!("/clients/{}/secrets", client.client_id);
    let ask = || post(&iap, &token, &secrets, "k", None);
    let (a, b, c, d) = tokio::join!(ask(), ask(), ask(), ask());
    let mut done = 0;
    for answer in [a, b, c, d] {
        match (answer.status.as_u16(), answer.header("idempotent-replayed")) {
            (201, "") => done += 1,
            (201, "true") => assert_eq!(answer.json().get("client_secret"), None),
            (409, "") => {
                assert_eq!(answer.json()["type"], "urn:carnet:problem:idempotency-key-in-use");
                assert_eq!(answer.header("retry-after"), "1");
            }
            other => panic!("{other:?}: {}", answer.text()),
        }
    }
    assert_eq!(done, 1);
    assert_eq!(count(&iap, &secrets).await, 2);
    assert_eq!(ask().await.expect(201).header("idempotent-replayed"), "true");
}

#[tokio::test]
async fn of_the_same_request_at_once_the_slower_is_not_told_that_its_identifier_is_taken() {
    let iap = TestIap::start().await;
    let token = iap.administration_token(BOTH).await;
    let ask = || post(&iap, &token, "/participants", "k", Some(airline("acme")));
    let (a, b, c) = tokio::join!(ask(), ask(), ask());
    for answer in [a, b, c] {
        if answer.status.as_u16() != 201 {
            assert_eq!(
                answer.json()["type"],
                "urn:carnet:problem:idempotency-key-in-use",
                "{}",
                answer.text()
            );
        }
    }
    assert_eq!(count(&iap, "/participants").await, 1);
}

#[tokio::test]
async fn what_is_refused_can_be_sent_again_with_the_same_key() {
    let iap = TestIap::start().await;
    let token = iap.administration_token(BOTH).await;
    let mut wrong = airline("acme");
    wrong["roles"] = json!([]);
    let _ = post(&iap, &token, "/participants", "k", Some(wrong)).await.expect(400);
    let _ = post(&iap, &token, "/participants/x/disable", "k", None).await.expect(404);
    let _ = post(&iap, &token, "/participants", "k", Some(airline("acme"))).await.expect(201);
}

#[tokio::test]
async fn what_changes_nothing_is_kept_too() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    let token = iap.administration_token(BOTH).await;
    let enable = format!("/clients/{}/enable", client.client_id);
    let first = post(&iap, &token, &enable, "k", None).await.expect(200);
    let _ = iap.admin("POST", &format!("/clients/{}/disable", client.client_id), None).await.expect(200);
    let again = post(&iap, &token, &enable, "k", None).await.expect(200);
    assert_eq!((again.header("idempotent-replayed"), again.json()), ("true", first.json()));
    let _ = iap.token_of(&client, &[]).await.expect(401);
}

#[tokio::test]
async fn a_key_is_free_again_after_24_hours() {
    let iap = TestIap::start().await;
    let ada = iap.administrator("Ada", &["admin:read", "admin:write"]).await;
    let token = iap.token_for(&ada).await;
    let _ = post(&iap, &token, "/participants", "k", Some(airline("acme"))).await.expect(201);
    iap.clock.advance(Duration::from_hours(24) - Duration::from_millis(1));
    iap.app.registry.refresh().await.unwrap();
    let token = iap.token_for(&ada).await;
    let _ = post(&iap, &token, "/participants", "k", Some(airline("other"))).await.expect(422);
    let pool = iap.app.database.writer().pool();
    let sweep = |at: i64| carnet::db::idempotency_record::forget_expired(pool, at);
    assert_eq!(sweep(iap.clock.now_millis()).await.unwrap(), 0);
    iap.clock.advance(Duration::from_millis(1));
    let other = post(&iap, &token, "/participants", "k", Some(airline("other"))).await.expect(201);
    assert_eq!(other.json()["name"], "other");
    assert_eq!(sweep(iap.clock.now_millis()).await.unwrap(), 0, "the old one made room for the new one");
    assert_eq!(sweep(iap.clock.now_millis() + 86_400_000).await.unwrap(), 1);
}

#[tokio::test]
async fn one_administrators_key_is_nothing_to_another() {
    let iap = TestIap::start().await;
    for name in ["ada", "bob"] {
        let administrator = iap.administrator(name, &["admin:read", "admin:write"]).await;
        let token = iap.token_for(&administrator).await;
        let made = post(&iap, &token, "/participants", "k", Some(airline(name))).await.expect(201);
        assert_eq!(made.header("idempotent-replayed"), "");
    }
}

#[tokio::test]
async fn what_is_no_key_is_refused_and_other_methods_do_not_look_at_it() {
    let iap = TestIap::start().await;
    let token = iap.administration_token(BOTH).await;
    let long = "x".repeat(256);
    for headers in [
        &[("idempotency-key", "")][..],
        &[("idempotency-key", "a b")],
        &[("idempotency-key", long.as_str())],
        &[("idempotency-key", "a"), ("idempotency-key", "a")],
    ] {
        let answer = iap.admin_with(&token, "POST", "/participants", headers, Some(airline("acme"))).await;
        let problem = answer.expect(400).json();
        assert_eq!(problem["errors"][0]["field"], "idempotency-key", "{headers:?}");
    }
    assert_eq!(count(&iap, "/participants").await, 0);
    let participant = iap.participant("acme").await;
    let path = format!("/participants/{participant}");
    for name in ["one", "two"] {
        let key = [("idempotency-key", "k")];
        let changed = iap.admin_with(&token, "PATCH", &path, &key, Some(json!({ "name": name }))).await;
        assert_eq!(changed.expect(200).json()["name"], name);
    }
}

#[tokio::test]
async fn a_key_opens_nothing_without_a_token() {
    let iap = TestIap::start().await;
    let token = iap.administration_token(BOTH).await;
    let _ = post(&iap, &token, "/participants", "k", Some(airline("acme"))).await.expect(201);
    let _ = post(&iap, "carnet_at_x", "/participants", "k", Some(airline("acme"))).await.expect(401);
    let basic = basic("x", "y");
    let _ = post(&iap, &basic, "/participants", "k", Some(airline("acme"))).await.expect(401);
}
