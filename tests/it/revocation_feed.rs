//! The revocation feed (identity-provider §6, federation §4), read as a stranger would: by its published keys and
//! another library.

use std::time::Duration;

use axum::body::Body;
use carnet::revocation::Feed;
use carnet_testkit::{Answer, ClientKeyPair};
use http::Request;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Value, json};

use crate::harness::{ISSUER, NOW, TestIap, decode};

/// Lets a second pass, and does what followers do.
async fn tick(iap: &TestIap) {
    iap.pass(Duration::from_secs(1)).await;
    iap.app.feed.refresh().await.unwrap();
}

async fn ask(iap: &TestIap, method: &str, path: &str, etag: &str) -> Answer {
    let request = Request::builder().method(method).uri(path).header("if-none-match", etag);
    iap.public(request.body(Body::empty()).unwrap()).await
}

/// The claims of a feed, verified by the published list keys with an independent library.
async fn feed(iap: &TestIap, path: &str) -> Value {
    let answer = iap.get(path).await.expect(200);
    assert_eq!(answer.header("content-type"), "application/jwt");
    let text = answer.text();
    let header = jsonwebtoken::decode_header(&text).unwrap();
    assert_eq!(header.typ.as_deref(), Some("iap-revocations+jwt"));
    let keys: JwkSet =
        serde_json::from_slice(&iap.get("/trusted-iaps/keys.json").await.expect(200).body).unwrap();
    let jwk = keys.find(header.kid.as_deref().unwrap()).unwrap();
    let mut validation = Validation::new(Algorithm::ES256);
    validation.set_issuer(&[ISSUER]);
    // The test's clock is not the machine's.
    validation.validate_exp = false;
    let key = DecodingKey::from_jwk(jwk).unwrap();
    let claims = jsonwebtoken::decode::<Value>(&text, &key, &validation).unwrap().claims;
    let mut members: Vec<&str> = claims.as_object().unwrap().keys().map(String::as_str).collect();
    members.sort_unstable();
    assert_eq!(members, ["entries", "exp", "iat", "iss", "seq", "since"]);
    let time = |name: &str| claims[name].as_i64().unwrap();
    assert_eq!(time("exp") - time("iat"), 120);
    assert!(time("exp") > iap.clock.now());
    claims
}

#[tokio::test]
async fn a_first_feed_is_empty_and_served_with_validators() {
    let iap = TestIap::start().await;
    let claims = feed(&iap, "/revocations").await;
    let (iat, exp) = (NOW, NOW + 120);
    assert_eq!(claims, json!({"iss": ISSUER, "iat": iat, "exp": exp, "seq": 0, "since": 0, "entries": []}));
    let answer = iap.get("/revocations").await.expect(200);
    assert_eq!(answer.header("cache-control"), "public, max-age=5");
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    let etag = answer.header("etag").to_owned();
    assert!(etag.starts_with('"') && etag.len() > 10, "{etag}");
    let head = ask(&iap, "HEAD", "/revocations", "\"x\"").await.expect(200);
    assert!(head.body.is_empty());
    assert_eq!(head.header("content-length"), answer.body.len().to_string());
    let known = ask(&iap, "GET", "/revocations", &etag).await.expect(304);
    assert!(known.body.is_empty());
    assert_eq!((known.header("etag"), known.header("cache-control")), (etag.as_str(), "public, max-age=5"));
    let _ = ask(&iap, "POST", "/revocations", "").await.expect(405);
}

#[tokio::test]
async fn every_decision_about_tokens_stands_in_the_feed_until_the_last_of_them_has_expired() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    let key = ClientKeyPair::es256("k1");
    let path = format!("/clients/{}", client.client_id);
    let _ = iap.admin("POST", &format!("{path}/keys"), Some(json!({"jwk": key.jwk()}))).await.expect(201);
    let token = iap.access_token(&client, &[]).await;
    let jti = decode(&token).1["jti"].clone();
    let _ = iap.about_token("/revoke", &client, &token).await.expect(200);
    let _ = iap.admin("DELETE", &format!("{path}/keys/k1"), None).await.expect(204);
    let secrets = iap.admin("GET", &format!("{path}/secrets"), None).await.expect(200).json();
    let secret = secrets["items"][0]["id"].as_str().unwrap().to_owned();
    let _ = iap.admin("DELETE", &format!("{path}/secrets/{secret}"), None).await.expect(204);
    let _ = iap.admin("POST", &format!("{path}/disable"), None).await.expect(200);
    let participant = format!("/participants/{}/disable", client.participant_id);
    let _ = iap.admin("POST", &participant, None).await.expect(200);
    tick(&iap).await;

    let thumbprint = key.signing_key().public_jwk().unwrap().thumbprint().unwrap().to_string();
    let until = NOW + 3600 + 60 + 8;
    let entries = json!([
        {"jti": jti, "until": NOW + 600 + 60},
        {"jkt": thumbprint, "until": until},
        {"client_id": client.client_id, "iat_before": NOW + 8, "until": until},
        {"agent_uri": "https://1r.acme.example/logistics-objects/acme", "iat_before": NOW + 8, "until": until},
    ]);
    let claims = feed(&iap, "/revocations").await;
    assert_eq!(claims["entries"], entries);
    let head = carnet::db::journal::head(iap.app.database.reader().pool()).await.unwrap();
    assert_eq!(claims["seq"], head, "the last decision is the journal's last record");

    // Once more, later: one entry, which reaches farther.
    let _ = iap.admin("POST", &format!("{path}/enable"), None).await.expect(200);
    let _ = iap.admin("POST", &format!("{path}/disable"), None).await.expect(200);
    tick(&iap).await;
    let claims = feed(&iap, "/revocations").await;
    let entries = claims["entries"].as_array().unwrap();
    assert_eq!(entries.len(), 4);
    assert_eq!(
        entries[3],
        json!({"client_id": client.client_id, "iat_before": NOW + 9, "until": until + 1}),
        "the last decision stands last"
    );

    iap.pass(Duration::from_secs(700)).await;
    iap.app.feed.refresh().await.unwrap();
    assert_eq!(feed(&iap, "/revocations").await["entries"].as_array().unwrap().len(), 3);
    iap.pass(Duration::from_mins(50)).await;
    iap.app.feed.refresh().await.unwrap();
    let last = feed(&iap, "/revocations").await;
    assert_eq!((&last["entries"], &last["seq"]), (&json!([]), &claims["seq"]), "the number never falls");
}

#[tokio::test]
async fn a_participant_that_is_disabled_after_a_change_takes_the_tokens_from_before_with_it() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    iap.pass(Duration::from_secs(1)).await;
    let path = format!("/participants/{}", client.participant_id);
    let change = json!({"logistics_agent_uri": "https://1r.acme.example/new"});
    let _ = iap.admin("PATCH", &path, Some(change)).await.expect(200);
    let _ = iap.admin("POST", &format!("{path}/disable"), None).await.expect(200);
    tick(&iap).await;
    let (iat_before, until) = (NOW + 9, NOW + 1 + 3600 + 60 + 8);
    // Its tokens still carry the former URI.
    let entries = json!([
        {"agent_uri": "https://1r.acme.example/new", "iat_before": iat_before, "until": until},
        {"client_id": client.client_id, "iat_before": iat_before, "until": until},
    ]);
    assert_eq!(feed(&iap, "/revocations").await["entries"], entries);

    // Once all of them have expired, the company is enough.
    let other = iap.participant("other").await;
    iap.client(&other, json!({})).await;
    iap.pass(Duration::from_secs(1)).await;
    let path = format!("/participants/{other}");
    let _ = iap.admin("PATCH", &path, Some(json!({"name": "Other"}))).await.expect(200);
    iap.pass(Duration::from_secs(3700)).await;
    let _ = iap.admin("POST", &format!("{path}/disable"), None).await.expect(200);
    tick(&iap).await;
    let entries = feed(&iap, "/revocations").await["entries"].clone();
    assert_eq!(entries.as_array().unwrap().len(), 1, "{entries}");
}

#[tokio::test]
async fn a_feed_is_signed_at_changes_and_before_it_is_old_and_no_304_outlives_it() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    let etag = async || iap.get("/revocations").await.expect(200).header("etag").to_owned();
    let first = etag().await;
    let _ = iap.admin("POST", &format!("/clients/{}/disable", client.client_id), None).await.expect(200);
    iap.clock.advance(Duration::from_millis(249));
    iap.app.feed.refresh().await.unwrap();
    assert_eq!(etag().await, first, "at most four times a second");
    iap.clock.advance(Duration::from_millis(1));
    iap.app.feed.refresh().await.unwrap();
    let second = etag().await;
    assert_ne!(second, first);
    let _ = ask(&iap, "GET", "/revocations", &first).await.expect(200);
    iap.pass(Duration::from_millis(29_900)).await;
    iap.app.feed.refresh().await.unwrap();
    let _ = ask(&iap, "GET", "/revocations", &second).await.expect(304);
    iap.pass(Duration::from_millis(100)).await;
    iap.app.feed.refresh().await.unwrap();
    assert_eq!(feed(&iap, "/revocations").await["iat"], iap.clock.now());
    let _ = ask(&iap, "GET", "/revocations", &second).await.expect(200);
}

#[tokio::test]
async fn an_expired_feed_is_not_served() {
    let iap = TestIap::start().await;
    let etag = iap.get("/revocations").await.expect(200).header("etag").to_owned();
    iap.clock.advance(Duration::from_secs(117));
    assert_eq!(iap.get("/revocations").await.expect(200).header("cache-control"), "public, max-age=3");
    iap.clock.advance(Duration::from_secs(3));
    for path in ["/revocations", "/revocations?since=0"] {
        let answer = ask(&iap, "GET", path, &etag).await.expect(503);
        assert_eq!((answer.header("retry-after"), answer.header("cache-control")), ("2", "no-store"));
        assert_eq!(answer.header("content-type"), "application/problem+json");
    }
    iap.app.feed.refresh().await.unwrap();
    let _ = feed(&iap, "/revocations").await;
}

#[tokio::test]
async fn since_gives_what_is_new_and_never_less() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    let mut seen = vec![0];
    for round in 0..7 {
        let body = json!({ "jti": format!("token-{round}") });
        let _ = iap.admin("POST", "/tokens/revoke", Some(body)).await.expect(200);
        tick(&iap).await;
        seen.push(feed(&iap, "/revocations").await["seq"].as_i64().unwrap());
    }
    let _ = client;
    for (at, since) in seen.iter().enumerate() {
        let claims = feed(&iap, &format!("/revocations?since={since}")).await;
        let entries: Vec<&str> = claims["entries"]
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| entry["jti"].as_str().unwrap())
            .collect();
        let lacking: Vec<String> = (at..7).map(|round| format!("token-{round}")).collect();
        assert!(
            entries.ends_with(&lacking.iter().map(String::as_str).collect::<Vec<_>>()),
            "{since}: {claims}"
        );
        assert!(entries.len() <= 2 * lacking.len().max(1), "{since}: {claims}");
        assert!(claims["since"].as_i64().unwrap() <= *since);
        assert_eq!(claims["seq"], seen[7]);
    }
    // Who has seen everything gets nothing; who claims to have seen more gets the whole.
    assert_eq!(feed(&iap, &format!("/revocations?since={}", seen[7])).await["entries"], json!([]));
    for path in ["/revocations?since=9007199254740992", "/revocations", "/revocations?since=0&x=1"] {
        let claims = feed(&iap, path).await;
        assert_eq!((&claims["since"], claims["entries"].as_array().unwrap().len()), (&json!(0), 7), "{path}");
    }
    for wrong in ["-1", "x", "", "1e3", "0x10", "99999999999999999999", "1&since=1", "%00"] {
        let answer = iap.get(&format!("/revocations?since={wrong}")).await.expect(400);
        assert_eq!(answer.header("content-type"), "application/problem+json", "{wrong}");
        assert_eq!(answer.header("cache-control"), "no-store", "{wrong}");
    }
}

#[tokio::test]
async fn every_node_serves_the_same_bytes() {
    let iap = TestIap::start().await;
    let app = &iap.app;
    let node = async || {
        let (database, keys) = (app.database.clone(), app.keys.clone());
        Feed::start(database, iap.clock.clone(), keys, ISSUER.to_owned()).await
    };
    let (first, second) = (node().await, node().await);
    let bytes = |feed: &Feed| feed.current().unwrap().after(0).unwrap().bytes.clone();
    assert_eq!(bytes(&first), bytes(&app.feed));
    assert_eq!(bytes(&first), bytes(&second));
    for round in 0..5 {
        let body = json!({ "jti": format!("token-{round}") });
        let _ = iap.admin("POST", "/tokens/revoke", Some(body)).await.expect(200);
        iap.pass(Duration::from_secs(1)).await;
        let known = bytes(&first);
        // All of them find it due at the same moment; one signs.
        let (a, b, c) = tokio::join!(first.refresh(), second.refresh(), app.feed.refresh());
        for refreshed in [a, b, c] {
            refreshed.unwrap();
        }
        for feed in [&first, &second, &app.feed] {
            feed.refresh().await.unwrap();
        }
        assert_ne!(bytes(&first), known);
        assert_eq!(bytes(&first), bytes(&second));
        assert_eq!(bytes(&first), bytes(&app.feed));
        let [a, b] = [&first, &second].map(|feed| feed.current().unwrap().epoch);
        assert_eq!((a, b), (round + 2, round + 2), "one signing for each change");
    }
}

#[tokio::test]
async fn a_feed_survives_a_restart() {
    let iap = TestIap::start().await;
    let _ = iap.admin("POST", "/tokens/revoke", Some(json!({ "jti": "x" }))).await.expect(200);
    tick(&iap).await;
    let before = iap.get("/revocations").await.expect(200).body;
    let iap = iap.restart().await;
    assert_eq!(iap.get("/revocations").await.expect(200).body, before);
}

#[tokio::test]
async fn list_keys_are_two_and_sign_no_tokens() {
    let iap = TestIap::start().await;
    let kids = async |path: &str| -> Vec<String> {
        let set = iap.get(path).await.expect(200);
        assert_eq!(set.header("content-type"), "application/jwk-set+json");
        let keys = set.json()["keys"].as_array().unwrap().clone();
        assert!(keys.iter().all(|key| key.get("d").is_none()));
        keys.iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
    };
    let (lists, tokens) = (kids("/trusted-iaps/keys.json").await, kids("/.well-known/jwks.json").await);
    assert_eq!(lists.len(), 2);
    assert!(lists.iter().all(|kid| !tokens.contains(kid)));
    let document = iap.get("/.well-known/openid-configuration").await.expect(200).json();
    assert_eq!(document["trust_list_jwks_uri"], format!("{ISSUER}/trusted-iaps/keys.json"));
    assert_eq!(document["revocations_uri"], format!("{ISSUER}/revocations"));
}
