//! The life of signing keys: announced → active → retiring → retired, by themselves, by command, or dropped.

use carnet::operations::{self, Context};
use carnet_token::{Jwk, PublicKey};
use serde_json::{Value, json};

use crate::harness::{NOW, Registered, TestIap, decode};

/// The shortest lives that the checks admit: caches of a second, a lead of eight.
const SHORT: &str = "[key_set]\nmax_age = 1\nstale_while_revalidate = 1\n[keys]\nmargin = 1\nannounce_lead = 8\n\
                     rotation_period = 20\n[tokens]\nmax_lifetime = 60\nlifetime = 60\n";

async fn keys(iap: &TestIap, ended: bool) -> Vec<Value> {
    let path = if ended { "/signing-keys?ended=true" } else { "/signing-keys" };
    iap.admin("GET", path, None).await.expect(200).json()["items"].as_array().unwrap().clone()
}

fn kid_of(keys: &[Value], alg: &str, state: &str) -> Option<String> {
    let mut found = keys
        .iter()
        .filter(|key| key["purpose"] == "access-token" && key["alg"] == alg && key["state"] == state)
        .map(|key| key["kid"].as_str().unwrap().to_owned());
    let first = found.next();
    assert!(
        found.next().is_none() || state == "retired" || state == "retiring",
        "two {state} keys for {alg}"
    );
    first
}

/// The `kid` of a new token of this client, which must verify under the published keys.
async fn signs(iap: &TestIap, client: &Registered) -> String {
    let answer = iap.token_of(client, &[]).await.expect(200).json();
    let token = answer["access_token"].as_str().unwrap().to_owned();
    let kid = decode(&token).0["kid"].as_str().unwrap().to_owned();
    let set = iap.get("/.well-known/jwks.json").await.expect(200).json();
    let key = set["keys"].as_array().unwrap().iter().find(|key| key["kid"] == kid.as_str()).unwrap();
    let public = PublicKey::from_jwk(&Jwk::from_value(key).unwrap()).unwrap();
    let (message, signature) = token.rsplit_once('.').unwrap();
    public.verify(message.as_bytes(), signature).unwrap();
    kid
}

#[tokio::test]
async fn a_successor_is_announced_then_signs_and_the_old_key_retires() {
    let iap = TestIap::start_with(SHORT).await;
    let acme = iap.acme().await;
    let first = signs(&iap, &acme).await;

    iap.tend_keys().await;
    let announced = kid_of(&keys(&iap, false).await, "RS256", "announced").unwrap();
    assert!(iap.published().await.contains(&announced), "it is published before it signs");
    assert_eq!(signs(&iap, &acme).await, first);

    // The lead alone is not enough: the active key has its period.
    iap.advance(9).await;
    iap.tend_keys().await;
    assert_eq!(signs(&iap, &acme).await, first);

    iap.advance(12).await;
    iap.tend_keys().await;
    assert_eq!(signs(&iap, &acme).await, announced);
    let now = keys(&iap, false).await;
    assert_eq!(kid_of(&now, "RS256", "retiring").as_deref(), Some(first.as_str()));
    let next = kid_of(&now, "RS256", "announced").expect("the next successor stands there at once");
    let published = iap.published().await;
    assert!([&first, &announced, &next].into_iter().all(|kid| published.contains(kid)));

    // Retiring lasts for the longest token and the caches: 60 + 2 · (1 + 1) + 1 s.
    iap.advance(66).await;
    iap.tend_keys().await;
    assert!(!iap.published().await.contains(&first));
    assert_eq!(kid_of(&keys(&iap, true).await, "RS256", "retired").as_deref(), Some(first.as_str()));
    carnet::audit::verify(&iap.app.database).await.unwrap();
}

#[tokio::test]
async fn what_signs_no_more_has_no_private_half_in_the_database() {
    let iap = TestIap::start_with(SHORT).await;
    iap.tend_keys().await;
    iap.advance(30).await;
    iap.tend_keys().await;
    let rows = carnet::db::sealed_key::all(iap.app.database.reader().pool()).await.unwrap();
    let retiring: Vec<_> = rows.iter().filter(|row| row.state == "retiring").collect();
    assert_eq!(retiring.len(), 2);
    assert!(retiring.iter().all(|row| row.jwe.is_empty() && row.public_jwk.is_some()));
}

#[tokio::test]
async fn two_nodes_that_tend_at_once_rotate_once() {
    let iap = TestIap::start_with(SHORT).await;
    iap.tend_keys().await;
    iap.advance(30).await;
    let context = Context::new(&iap.app);
    let tend = || operations::signing_key::tend(&context);
    let (a, b, c) = tokio::join!(tend(), tend(), tend());
    a.and(b).and(c).unwrap();
    let all = keys(&iap, true).await;
    for alg in ["RS256", "ES256"] {
        let count = |state: &str| {
            let of =
                |key: &&Value| key["purpose"] == "access-token" && key["alg"] == alg && key["state"] == state;
            all.iter().filter(of).count()
        };
        assert_eq!((count("announced"), count("active"), count("retiring")), (1, 1, 1), "{alg}");
    }
}

#[tokio::test]
async fn a_rotation_by_command_waits_for_the_lead() {
    let iap = TestIap::start_with(SHORT).await;
    let acme = iap.acme().await;
    let rotate = json!({ "alg": "RS256", "reason": "before the holidays" });
    let problem = iap.admin("POST", "/signing-keys/rotate", Some(rotate.clone())).await.expect(409).json();
    assert!(problem["detail"].as_str().unwrap().contains("no announced successor"), "{problem}");
    iap.tend_keys().await;
    let problem = iap.admin("POST", "/signing-keys/rotate", Some(rotate.clone())).await.expect(409).json();
    assert!(problem["detail"].as_str().unwrap().contains("another 8 s"), "{problem}");
    iap.advance(8).await;
    let done = iap.admin("POST", "/signing-keys/rotate", Some(rotate)).await.expect(200).json();
    assert_eq!(done["active"], signs(&iap, &acme).await.as_str());
    assert!(iap.published().await.contains(&done["announced"].as_str().unwrap().to_owned()));
}

#[tokio::test]
async fn a_revoked_key_is_gone_at_once_and_its_successor_signs() {
    let iap = TestIap::start_with(SHORT).await;
    let acme = iap.acme().await;
    iap.tend_keys().await;
    let stolen = signs(&iap, &acme).await;
    let announced = kid_of(&keys(&iap, false).await, "RS256", "announced").unwrap();
    let path = format!("/signing-keys/{stolen}/revoke");
    let done = iap.admin("POST", &path, Some(json!({ "reason": "stolen" }))).await.expect(200).json();
    assert_eq!((&done["was"], &done["active"]), (&json!("active"), &json!(announced)));
    assert_eq!(done["signed_since"], "2027-01-15T08:00:00.000Z");
    assert_eq!(signs(&iap, &acme).await, announced);
    assert!(!iap.published().await.contains(&stolen));
    let _ = iap.admin("POST", &path, None).await.expect(409);
    let decisions =
        carnet::db::negative_decision::in_feed(iap.app.database.reader().pool(), NOW * 1000).await.unwrap();
    let feed =
        decisions.iter().find(|decision| decision.kind == "signing_key").unwrap().feed.clone().unwrap();
    assert_eq!((feed.member.as_str(), feed.value), ("kid", stolen.clone()));
    let rows = carnet::db::sealed_key::all(iap.app.database.reader().pool()).await.unwrap();
    assert!(rows.iter().find(|row| row.kid == stolen).unwrap().jwe.is_empty());
}

#[tokio::test]
async fn a_key_without_a_successor_can_be_revoked_too() {
    let iap = TestIap::start_with(SHORT).await;
    let acme = iap.acme().await;
    let stolen = signs(&iap, &acme).await;
    let _ = iap.admin("POST", &format!("/signing-keys/{stolen}/revoke"), None).await.expect(200);
    assert_ne!(signs(&iap, &acme).await, stolen);
}

#[tokio::test]
async fn revoking_what_is_no_signing_key_is_not_found() {
    let iap = TestIap::start().await;
    let rows = carnet::db::sealed_key::all(iap.app.database.reader().pool()).await.unwrap();
    let mac = rows.iter().find(|row| row.purpose == "secret-mac").unwrap().kid.clone();
    for kid in [mac.as_str(), "unknown", "%00", &"a".repeat(64)] {
        let _ = iap.admin("POST", &format!("/signing-keys/{kid}/revoke"), None).await.expect(404);
    }
    let long = json!({ "reason": "x".repeat(501) });
    let _ = iap.admin("POST", "/signing-keys/unknown/revoke", Some(long)).await.expect(400);
    let _ = iap.admin("POST", "/signing-keys/rotate", Some(json!({ "alg": "HS256" }))).await.expect(400);
    let _ = iap.admin("GET", "/signing-keys?ended=yes", None).await.expect(400);
}

#[tokio::test]
async fn no_cache_may_keep_the_set_past_its_next_change() {
    let iap = TestIap::start().await;
    iap.tend_keys().await;
    let cache = |answer: &carnet_testkit::Answer| answer.header("cache-control").to_owned();
    let path = "/.well-known/jwks.json";
    assert_eq!(
        cache(&iap.get(path).await),
        "public, max-age=300, stale-while-revalidate=300, stale-if-error=3600"
    );
    iap.advance(86_400 - 400).await;
    assert!(cache(&iap.get(path).await).contains("max-age=300, stale-while-revalidate=100,"));
    iap.advance(390).await;
    assert!(cache(&iap.get(path).await).contains("max-age=10, stale-while-revalidate=0,"));
    // Overdue, because nobody tended the keys: the change is imminent.
    iap.advance(100).await;
    assert!(cache(&iap.get(path).await).contains("max-age=1, stale-while-revalidate=0,"));
}

#[tokio::test]
async fn four_algorithms_sign_at_once() {
    let iap = TestIap::start_with("[keys]\nalgorithms = ['RS256', 'PS256', 'ES256', 'EdDSA']\n").await;
    let participant = iap.participant("acme").await;
    for alg in ["RS256", "PS256", "ES256", "EdDSA"] {
        let client = iap.client(&participant, json!({ "signing_alg": alg })).await;
        let token = iap.token_of(&client, &[]).await.expect(200).json();
        assert_eq!(decode(token["access_token"].as_str().unwrap()).0["alg"], alg);
        signs(&iap, &client).await;
    }
}

#[tokio::test]
async fn an_algorithm_that_is_not_configured_cannot_be_registered() {
    let iap = TestIap::start().await;
    let participant = iap.participant("acme").await;
    let body = json!({ "participant_id": participant, "name": "x", "signing_alg": "EdDSA" });
    let problem = iap.admin("POST", "/clients", Some(body)).await.expect(400).json();
    assert_eq!(problem["errors"][0]["field"], "signing_alg");
    let body = json!({ "identifier": "https://1r.example/x", "name": "x", "signing_alg": "PS256" });
    let problem = iap.admin("POST", "/resource-servers", Some(body)).await.expect(400).json();
    assert_eq!(problem["errors"][0]["field"], "signing_alg");
}

#[tokio::test]
async fn the_keys_survive_a_restart_in_every_state() {
    let iap = TestIap::start_with(SHORT).await;
    iap.tend_keys().await;
    iap.advance(30).await;
    iap.tend_keys().await;
    let before = iap.published().await;
    assert_eq!(before.len(), 6);
    let iap = iap.restart().await;
    assert_eq!(iap.published().await, before);
}
