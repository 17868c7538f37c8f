//! Revocation (RFC 7009; identity-provider §5), and by administrators.

use std::time::Duration;

use axum::body::Body;
use carnet::audit;
use carnet::registry::SigningAlgorithm;
use carnet_db::sqlx;
use carnet_testkit::Answer;
use http::Request;
use serde_json::{Value, json};

use crate::harness::{NOW, Registered, TestIap, basic, decode};

async fn records(iap: &TestIap) -> i64 {
    audit::verify(&iap.app.database).await.unwrap()
}

async fn is_active(iap: &TestIap, server: &Registered, token: &str) -> bool {
    iap.introspect(server, token).await["active"] == json!(true)
}

#[track_caller]
fn done(answer: &Answer) {
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(answer.body.is_empty());
    assert_eq!((answer.header("cache-control"), answer.header("pragma")), ("no-store", "no-cache"));
}

/// The administrator of the first start, as a client.
fn administrator(iap: &TestIap) -> Registered {
    let credentials = iap.credentials();
    Registered {
        participant_id: String::new(),
        client_id: credentials.client_id,
        client_secret: credentials.client_secret.to_string(),
    }
}

#[tokio::test]
async fn a_client_takes_its_token_back_once() {
    let iap = TestIap::start().await;
    let (client, server) = (iap.acme().await, iap.record_server().await);
    let (token, other) = (iap.access_token(&client, &[]).await, iap.access_token(&client, &[]).await);
    assert!(is_active(&iap, &server, &token).await);
    let before = records(&iap).await;
    done(&iap.about_token("/revoke", &client, &token).await);
    assert!(!is_active(&iap, &server, &token).await);
    assert!(is_active(&iap, &server, &other).await);
    assert_eq!(records(&iap).await, before + 1);
    done(&iap.about_token("/revoke", &client, &token).await);
    assert_eq!(records(&iap).await, before + 1);
    // It has revoked a token, not itself.
    let _ = iap.access_token(&client, &[]).await;
}

#[tokio::test]
async fn what_is_no_token_of_this_server_is_as_good_as_revoked() {
    let iap = TestIap::start().await;
    let (client, server) = (iap.acme().await, iap.record_server().await);
    let token = iap.access_token(&client, &[]).await;
    let keys = iap.app.keys.current();
    let key = keys.access_token_key(SigningAlgorithm::Es256).unwrap();
    let (mut header, claims) = decode(&token);
    header["alg"] = json!("ES256");
    header["kid"] = json!(key.kid());
    let with = |name: &str, value: Value| {
        let mut claims = claims.clone();
        claims[name] = value;
        key.sign_compact(&header, &claims).unwrap()
    };
    let stranger = carnet_testkit::ClientKeyPair::es256(key.kid());
    let before = records(&iap).await;
    let (signed, _) = token.rsplit_once('.').unwrap();
    for wrong in [
        "x".to_owned(),
        format!("{signed}.AAAA"),
        // Somebody else's signature over the id of a good token must not end it.
        stranger.signing_key().sign_compact(&header, &claims).unwrap(),
        with("iss", json!("https://evil.example")),
        with("exp", json!(NOW)),
        client.client_secret.clone(),
        format!("carnet_at_{}", "A".repeat(43)),
    ] {
        done(&iap.about_token("/revoke", &client, &wrong).await);
    }
    assert_eq!(records(&iap).await, before);
    assert!(is_active(&iap, &server, &token).await);
    // A token for a server that is called otherwise now can be revoked all the same.
    done(&iap.about_token("/revoke", &client, &with("aud", json!("https://gone.example"))).await);
    assert!(!is_active(&iap, &server, &token).await);
}

#[tokio::test]
async fn another_clients_token_is_left_alone_and_its_holder_told_so() {
    let iap = TestIap::start().await;
    let (client, server) = (iap.acme().await, iap.record_server().await);
    let token = iap.access_token(&client, &[]).await;
    let sibling = iap.client(&client.participant_id, json!({})).await;
    for other in [&server, &sibling] {
        let answer = iap.about_token("/revoke", other, &token).await.expect(400);
        assert_eq!(answer.json()["error"], "invalid_grant");
        assert!(is_active(&iap, &server, &token).await);
    }
    let _ = iap.post_form("/revoke", &[("token", &token)], &[]).await.expect(401);
    let authorization = basic(&client.client_id, &server.client_secret);
    let wrong = iap.post_form("/revoke", &[("token", &token)], &[("authorization", &authorization)]).await;
    assert_eq!(wrong.expect(401).json()["error"], "invalid_client");
    let _ = iap.about_token("/revoke", &client, "").await.expect(400);
    assert!(is_active(&iap, &server, &token).await);
}

#[tokio::test]
async fn an_administration_token_is_ended_by_its_administrator_alone() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    let (token, other) =
        (iap.administration_token("admin:read").await, iap.administration_token("admin:read").await);
    let works = async |token: &str| {
        let request = Request::get("/admin/v1/clients").header("authorization", format!("Bearer {token}"));
        iap.administration(request.body(Body::empty()).unwrap()).await.status == 200
    };
    assert!(works(&token).await);
    done(&iap.about_token("/revoke", &client, &token).await);
    assert!(works(&token).await);
    done(&iap.about_token("/revoke", &administrator(&iap), &token).await);
    assert!(!works(&token).await);
    assert!(works(&other).await);
}

#[tokio::test]
async fn one_client_cannot_make_the_feed_too_long() {
    let iap = TestIap::start().await;
    let (client, server) = (iap.acme().await, iap.record_server().await);
    let mut tx = iap.app.database.writer().begin().await.unwrap();
    for _ in 0..200 {
        let entry = audit::Entry::<(), ()> {
            actor: "local/test",
            action: "token.revoke",
            subject: &format!("client/{}", client.client_id),
            before: None,
            after: None,
            reason: "",
        };
        audit::append(&mut tx, &iap.clock, &iap.app.entropy, entry).await.unwrap();
    }
    tx.commit().await.unwrap();
    iap.app.registry.refresh().await.unwrap();
    let token = iap.access_token(&client, &[]).await;
    let answer = iap.about_token("/revoke", &client, &token).await.expect(503);
    assert_eq!(
        (answer.header("retry-after"), &answer.json()["error"]),
        ("60", &json!("temporarily_unavailable"))
    );
    assert!(is_active(&iap, &server, &token).await);
    // Others are not held up by it, and it ends.
    let other = iap.client(&client.participant_id, json!({})).await;
    let others = iap.access_token(&other, &[]).await;
    done(&iap.about_token("/revoke", &other, &others).await);
    iap.pass(Duration::from_secs(3601)).await;
    let token = iap.access_token(&client, &[]).await;
    done(&iap.about_token("/revoke", &client, &token).await);
    assert!(!is_active(&iap, &server, &token).await);
}

#[tokio::test]
async fn all_clients_together_cannot_make_the_feed_too_long() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    let token = iap.access_token(&client, &[]).await;
    sqlx::query(
        "INSERT INTO negative_decision (sequence, kind, value, at, feed_member, feed_value, feed_until) \
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) \
         SELECT 100000 + i, 'token', CAST(i AS TEXT), 0, 'jti', CAST(i AS TEXT), $1 FROM n",
    )
    .bind((NOW + 60) * 1000)
    .execute(iap.app.database.writer().pool())
    .await
    .unwrap();
    let answer = iap.about_token("/revoke", &client, &token).await.expect(503);
    assert_eq!(answer.header("retry-after"), "60");
    // What administrators decide finds room.
    let path = format!("/clients/{}/disable", client.client_id);
    let _ = iap.admin("POST", &path, None).await.expect(200);
    let _ = iap.admin("POST", &path.replace("disable", "enable"), None).await.expect(200);
    iap.pass(Duration::from_secs(61)).await;
    let token = iap.access_token(&client, &[]).await;
    done(&iap.about_token("/revoke", &client, &token).await);
}

#[tokio::test]
async fn an_administrator_revokes_one_token_or_all_of_a_client() {
    let iap = TestIap::start().await;
    let (client, server) = (iap.acme().await, iap.record_server().await);
    let revoke = async |body: Value| iap.admin("POST", "/tokens/revoke", Some(body)).await;
    let (one, two) = (iap.access_token(&client, &[]).await, iap.access_token(&client, &[]).await);
    let jti = decode(&one).1["jti"].clone();
    for _ in 0..2 {
        assert_eq!(revoke(json!({ "jti": jti })).await.expect(200).json(), json!({ "jti": jti }));
    }
    assert!(!is_active(&iap, &server, &one).await);
    assert!(is_active(&iap, &server, &two).await);

    let before = |at: i64| json!({"client_id": client.client_id, "issued_before": at});
    let _ = revoke(before(NOW)).await.expect(200);
    assert!(is_active(&iap, &server, &two).await);
    let _ = revoke(before(NOW + 1)).await.expect(200);
    assert!(!is_active(&iap, &server, &two).await);
    iap.pass(Duration::from_secs(1)).await;
    let three = iap.access_token(&client, &[]).await;
    assert!(is_active(&iap, &server, &three).await);
    let answer = revoke(json!({ "client_id": client.client_id })).await.expect(200);
    assert_eq!(answer.json(), json!({ "client_id": client.client_id }));
    assert!(!is_active(&iap, &server, &three).await);
    // The client itself goes on, after the time by which nodes may lag.
    iap.pass(Duration::from_secs(9)).await;
    let four = iap.access_token(&client, &[]).await;
    assert!(is_active(&iap, &server, &four).await);
}

#[tokio::test]
async fn a_revocation_that_makes_no_sense_names_its_member() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    let before = records(&iap).await;
    for (body, field) in [
        (json!({}), "jti"),
        (json!({"jti": "x", "client_id": client.client_id}), "jti"),
        (json!({"jti": ""}), "jti"),
        (json!({"jti": "a b"}), "jti"),
        (json!({"jti": "\u{0}"}), "jti"),
        (json!({"jti": "a".repeat(129)}), "jti"),
        (json!({"jti": "x", "issued_before": NOW}), "issued_before"),
        (json!({"issued_before": NOW}), "jti"),
        (json!({"client_id": "nobody"}), "client_id"),
        (json!({"client_id": "\u{0}"}), "client_id"),
        (json!({"client_id": client.client_id, "issued_before": 0}), "issued_before"),
        (json!({"client_id": client.client_id, "issued_before": NOW + 60}), "issued_before"),
        (json!({"client_id": client.client_id, "issued_before": i64::MIN}), "issued_before"),
    ] {
        let answer = iap.admin("POST", "/tokens/revoke", Some(body.clone())).await.expect(400);
        assert_eq!(answer.json()["errors"][0]["field"], field, "{body}");
    }
    assert_eq!(records(&iap).await, before);
}
