//! What the token endpoint gives.

use std::time::Duration;

use carnet::db;
use carnet_db::{Engine, sqlx};
use carnet_testkit::{Answer, form};
use http::Request;
use serde_json::{Value, json};

use super::{GRANT, not_stored, post, verified};
use crate::harness::{DEFAULT_AUDIENCE, ISSUER, NOW, Registered, TestIap, basic, decode};

#[tokio::test]
async fn a_client_gets_an_access_token_by_client_secret_basic() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    let answer = iap.token_of(&client, &[]).await.expect(200);
    assert_eq!(answer.header("content-type"), "application/json");
    let body = answer.json();
    let mut members: Vec<&String> = body.as_object().unwrap().keys().collect();
    members.sort_unstable();
    assert_eq!(members, ["access_token", "expires_in", "scope", "token_type"]);
    assert_eq!((&body["token_type"], &body["expires_in"]), (&json!("Bearer"), &json!(600)));
    assert_eq!(body["scope"], "events:write logistics_objects:read logistics_objects:write");

    let (mut header, mut claims) = verified(&iap, answer, DEFAULT_AUDIENCE).await;
    assert_eq!(header["kid"].as_str().unwrap().len(), 43);
    assert_eq!(claims["jti"].as_str().unwrap().len(), 36);
    header["kid"] = "[kid]".into();
    claims["jti"] = "[jti]".into();
    assert_eq!(header, json!({"alg": "RS256", "typ": "at+jwt", "kid": "[kid]"}));
    assert_eq!(
        claims,
        json!({
            "iss": ISSUER,
            "sub": client.client_id,
            "client_id": client.client_id,
            "aud": [DEFAULT_AUDIENCE],
            "exp": NOW + 600,
            "iat": NOW,
            "nbf": NOW - 5,
            "jti": "[jti]",
            "scope": "events:write logistics_objects:read logistics_objects:write",
            "logistics_agent_uri": "https://1r.acme.example/logistics-objects/acme",
            "https://github.com/IATA-Cargo/ONE-Record/schema/iolIdentifier": "https://acme.example/acme",
            "https://github.com/IATA-Cargo/ONE-Record/schema/role": "FWD",
            "roles": ["FWD", "SHP"],
        })
    );
}

#[tokio::test]
async fn a_client_gets_an_access_token_by_client_secret_post() {
    let iap = TestIap::start().await;
    let participant = iap.participant("acme").await;
    let client = iap.client(&participant, json!({"token_endpoint_auth_method": "client_secret_post"})).await;
    let answer = iap.token(&post(&client), &[]).await;
    assert_eq!(verified(&iap, answer, DEFAULT_AUDIENCE).await.1["client_id"], client.client_id);
}

#[tokio::test]
async fn the_second_path_is_the_same_endpoint() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    let request = Request::post("/oauth2/token")
        .header("content-type", "application/x-www-form-urlencoded; charset=UTF-8")
        .header("authorization", basic(&client.client_id, &client.client_secret));
    let answer = iap.public(request.body(form(&[GRANT]).into()).unwrap()).await;
    verified(&iap, answer, DEFAULT_AUDIENCE).await;
}

#[tokio::test]
async fn two_tokens_are_never_the_same() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    let (one, two) = (iap.token_of(&client, &[]).await, iap.token_of(&client, &[]).await);
    let jti = |answer: &Answer| decode(answer.json()["access_token"].as_str().unwrap()).1["jti"].clone();
    assert_ne!(jti(&one), jti(&two));
}

#[tokio::test]
async fn basic_credentials_are_understood_in_both_spellings() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    // As libraries write it that encode whatever they can.
    let encode = |text: &str| text.bytes().map(|byte| format!("%{byte:02x}")).collect::<Vec<_>>().concat();
    let encoded = basic(&encode(&client.client_id), &encode(&client.client_secret));
    let _ = iap.token(&[GRANT], &[("authorization", &encoded)]).await.expect(200);
    let _ = iap
        .token(&[GRANT], &[("authorization", &basic(&client.client_id, &client.client_secret))])
        .await
        .expect(200);
}

#[tokio::test]
async fn the_client_id_may_stand_beside_basic_credentials() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    let _ = iap.token_of(&client, &[("client_id", &client.client_id)]).await.expect(200);
}

#[tokio::test]
async fn empty_and_unknown_parameters_count_for_nothing() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    let parameters = [
        ("scope", ""),
        ("resource", ""),
        ("client_secret", ""),
        ("client_assertion", ""),
        ("audience", "x"),
        ("unknown", "1"),
        ("unknown", "2"),
    ];
    let _ = iap.token_of(&client, &parameters).await.expect(200);
}

#[tokio::test]
async fn scopes_come_in_one_order() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    for scope in [
        "logistics_objects:write logistics_objects:read",
        "logistics_objects:read logistics_objects:write",
        "logistics_objects:read  logistics_objects:write logistics_objects:read",
    ] {
        let answer = iap.token_of(&client, &[("scope", scope)]).await.expect(200);
        assert_eq!(answer.json()["scope"], "logistics_objects:read logistics_objects:write");
    }
}

#[tokio::test]
async fn a_resource_server_decides_about_type_and_algorithm_of_its_tokens() {
    let iap = TestIap::start().await;
    let audience = "https://1r.other.example";
    let server = json!({
        "identifier": audience, "name": "other", "access_token_typ": "JWT", "signing_alg": "ES256",
        "scopes": ["logistics_objects:read"],
    });
    let _ = iap.admin("POST", "/resource-servers", Some(server)).await.expect(201);
    let participant = iap.participant("acme").await;
    let client = iap.client(&participant, json!({"audiences": [audience, DEFAULT_AUDIENCE]})).await;

    let (header, claims) = verified(&iap, iap.token_of(&client, &[]).await, audience).await;
    assert_eq!((&header["typ"], &header["alg"]), (&json!("JWT"), &json!("ES256")));
    assert_eq!((&claims["aud"], &claims["scope"]), (&json!([audience]), &json!("logistics_objects:read")));

    let answer = iap.token_of(&client, &[("resource", DEFAULT_AUDIENCE)]).await;
    let (header, _) = verified(&iap, answer, DEFAULT_AUDIENCE).await;
    assert_eq!((&header["typ"], &header["alg"]), (&json!("at+jwt"), &json!("RS256")));

    let both = [("resource", audience), ("resource", DEFAULT_AUDIENCE), ("resource", audience)];
    let (header, claims) = verified(&iap, iap.token_of(&client, &both).await, audience).await;
    assert_eq!((&header["typ"], &header["alg"]), (&json!("at+jwt"), &json!("RS256")));
    assert_eq!(claims["aud"], json!([audience, DEFAULT_AUDIENCE]));
}

#[tokio::test]
async fn a_client_decides_about_algorithm_and_lifetime_of_its_tokens() {
    let iap = TestIap::start().await;
    let participant = iap.participant("acme").await;
    let client =
        iap.client(&participant, json!({"signing_alg": "ES256", "access_token_lifetime": 120})).await;
    let answer = iap.token_of(&client, &[]).await;
    assert_eq!(answer.json()["expires_in"], 120);
    let (header, claims) = verified(&iap, answer, DEFAULT_AUDIENCE).await;
    assert_eq!((&header["alg"], &claims["exp"]), (&json!("ES256"), &json!(NOW + 120)));
}

#[tokio::test]
async fn an_administrator_gets_an_opaque_token_for_five_minutes() {
    let iap = TestIap::start().await;
    let credentials = iap.credentials();
    let header = basic(&credentials.client_id, &credentials.client_secret);
    for (parameters, scope) in [
        (&[GRANT][..], "admin:read admin:write"),
        (&[GRANT, ("scope", "admin:read")], "admin:read"),
        (&[GRANT, ("scope", "admin:write admin:read")], "admin:read admin:write"),
    ] {
        let answer = iap.token(parameters, &[("authorization", &header)]).await.expect(200);
        not_stored(&answer);
        let mut body = answer.json();
        let token = body["access_token"].take();
        let random = token.as_str().unwrap().strip_prefix("carnet_at_").unwrap();
        assert!(random.len() == 43 && random.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert_eq!(
            body,
            json!({"access_token": null, "token_type": "Bearer", "expires_in": 300, "scope": scope})
        );
    }
}

#[tokio::test]
async fn the_use_of_a_secret_is_noted() {
    let iap = TestIap::start().await;
    let participant = iap.participant("acme").await;
    let mut clients = Vec::new();
    for name in ["one", "two", "three"] {
        clients.push(iap.client(&participant, json!({ "name": name })).await);
    }
    let used = async |client: &Registered| {
        let path = format!("/clients/{}/secrets", client.client_id);
        iap.admin("GET", &path, None).await.expect(200).json()["items"][0]["last_used_at"].clone()
    };
    assert_eq!(used(&clients[0]).await, Value::Null);
    for client in &clients[..2] {
        let _ = iap.token_of(client, &[]).await.expect(200);
    }
    for client in &clients[..2] {
        for _ in 0..200 {
            if used(client).await != Value::Null {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert!(used(client).await.as_str().unwrap().starts_with("2027-01-15T08:00:00"));
    }
    assert_eq!(used(&clients[2]).await, Value::Null);
}

#[tokio::test]
async fn a_secret_that_somebody_holds_is_noted_later_and_nobody_waits_for_it() {
    let iap = TestIap::start().await;
    let participant = iap.participant("acme").await;
    let mut secrets = Vec::new();
    for _ in 0..2 {
        let client = iap.client(&participant, json!({})).await;
        let path = format!("/clients/{}/secrets", client.client_id);
        let list = iap.admin("GET", &path, None).await.expect(200).json();
        secrets.push(list["items"][0]["id"].as_str().unwrap().to_owned());
    }
    secrets.sort();
    let database = &iap.app.database;
    // On SQLite whoever writes holds everything, and everything waits for it.
    let rows_are_held = database.engine() == Engine::Postgres;
    let mut holder = None;
    if rows_are_held {
        let tx = holder.insert(database.writer().begin().await.unwrap());
        let hold = "SELECT id FROM client_secret WHERE id = $1 FOR UPDATE";
        sqlx::query(hold).bind(&secrets[0]).execute(&mut **tx).await.unwrap();
    }
    let uses: Vec<(String, i64)> = secrets.iter().map(|id| (id.clone(), NOW * 1000)).collect();
    let touch = || tokio::time::timeout(Duration::from_secs(5), db::client_secret::touch(database, &uses));
    let mut written = touch().await.unwrap().unwrap();
    written.sort();
    assert_eq!(written, secrets[usize::from(rows_are_held)..]);
    if let Some(tx) = holder {
        tx.rollback().await.unwrap();
    }
    assert_eq!(touch().await.unwrap().unwrap(), secrets[..usize::from(rows_are_held)]);
}

#[tokio::test]
async fn a_stop_waits_for_a_secret_that_somebody_holds() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    let database = &iap.app.database;
    let mut holder = None;
    if database.engine() == Engine::Postgres {
        let tx = holder.insert(database.writer().begin().await.unwrap());
        let hold = "SELECT id FROM client_secret WHERE client_id = $1 FOR UPDATE";
        sqlx::query(hold).bind(&client.client_id).execute(&mut **tx).await.unwrap();
    }
    let _ = iap.token_of(&client, &[]).await.expect(200);
    let release = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        drop(holder);
    };
    let (saved, ()) = tokio::join!(iap.oauth.save(), release);
    saved.unwrap();
    let path = format!("/clients/{}/secrets", client.client_id);
    let list = iap.admin("GET", &path, None).await.expect(200).json();
    assert_eq!(list["items"][0]["last_used_at"], "2027-01-15T08:00:00.000Z");
}
