//! The tokens of everybody else.

use std::time::Duration;

use carnet_ambient::Clock;
use carnet_record::ReadsWithoutFeed;
use carnet_verifier::testing::{RevocationEntry, TestIssuer};
use http::StatusCode;

use crate::harness::{AIRLINE, BASE, FORWARDER, JSON, World, waybill};

#[tokio::test]
async fn tokens_that_are_not_good_are_refused() {
    let world = World::new().await;
    world.waybill("awb_1").await;
    let good = world.token(AIRLINE).mint().unwrap();
    let stranger = TestIssuer::new(&Clock::manual(world.clock.now_millis())).unwrap();
    let mut tampered = good.clone();
    let middle = good.find('.').unwrap() + 10;
    let swap = if &good[middle..=middle] == "A" { "B" } else { "A" };
    tampered.replace_range(middle..=middle, swap);
    let table = [
        ("tampered", tampered),
        ("expired", world.token(AIRLINE).age(10_000).mint().unwrap()),
        ("not yet valid", world.token(AIRLINE).age(-10_000).mint().unwrap()),
        (
            "for another audience",
            world.issuer.token("https://other.example").iol_identifier(AIRLINE).mint().unwrap(),
        ),
        ("of another key", stranger.token(BASE).iol_identifier(AIRLINE).mint().unwrap()),
        ("without a company", world.issuer.token(BASE).scope("logistics_objects:read").mint().unwrap()),
    ];
    for (what, token) in table {
        let answer = world.request("GET", "/airline/awb_1").bearer(&token).send().await;
        answer.problem(401);
        assert!(answer.header("www-authenticate").contains("invalid_token"), "{what}: {:?}", answer.headers);
    }
    assert_eq!(world.request("GET", "/airline/awb_1").bearer(&good).send().await.status, StatusCode::OK);
    // without a scheme it is no token.
    world.request("GET", "/airline/awb_1").header("authorization", &good).send().await.problem(401);
    let twice = world.request("GET", "/airline/awb_1").bearer(&good).bearer(&good).send().await;
    twice.problem(400);
}

#[tokio::test]
async fn a_token_without_a_company_is_told_the_realm() {
    let world = World::new().await;
    let token = world.issuer.token(BASE).scope("logistics_objects:read").mint().unwrap();
    let refused = world.request("GET", "/airline/awb_1").bearer(&token).send().await;
    assert_eq!(refused.problem(401), "no_company");
    let bad = world.request("GET", "/airline/awb_1").bearer("x.y.z").send().await;
    assert!(refused.header("www-authenticate").contains("realm=\""), "{:?}", refused.headers);
    assert_eq!(refused.header("www-authenticate"), bad.header("www-authenticate"));
}

/// A path, a word or a fragment would mean another company at every server.
#[tokio::test]
async fn a_token_whose_company_is_no_absolute_url_is_refused() {
    let world = World::new().await;
    for company in
        ["/airline", "airline", "x y", "#", "http://evil example/", "urn:x", "//one.example/airline"]
    {
        let answer = world.get("/airline/awb_1", company).send().await;
        answer.problem(401);
    }
}

#[tokio::test]
async fn a_token_grows_old() {
    let world = World::new().await;
    world.waybill("awb_1").await;
    let token = world.token(AIRLINE).mint().unwrap();
    world.clock.advance(Duration::from_secs(700));
    world.request("GET", "/airline/awb_1").bearer(&token).send().await.problem(401);
}

#[tokio::test]
async fn health_needs_no_token() {
    let world = World::new().await;
    let healthy = world.request("GET", "/healthz").send().await;
    assert_eq!((healthy.status, healthy.json()["status"].as_str()), (StatusCode::OK, Some("ok")));
    let ready = world.request("GET", "/readyz").send().await;
    assert_eq!(ready.status, StatusCode::OK, "{}", ready.text());
    assert_eq!(
        ready.json(),
        serde_json::json!({"status": "ready", "database": "ok", "keys": "ok", "revocations": "ok"})
    );
}

#[tokio::test]
async fn a_revoked_company_is_refused_and_no_other() {
    let world = World::with_feed(|_| {}).await;
    world.tell();
    world.waybill("awb_1").await;
    world.issuer.revoke(RevocationEntry::agent_uri(AIRLINE));
    world.tell();
    let refused = world.get("/airline/awb_1", AIRLINE).send().await;
    assert_eq!(refused.problem(401), "", "the caller is not told why");
    assert!(refused.header("www-authenticate").contains("invalid_token"), "{:?}", refused.headers);
    assert_eq!(world.get("/airline/awb_1", FORWARDER).send().await.status, StatusCode::OK);
}

#[tokio::test]
async fn without_a_revocation_feed_writing_stops_and_reading_goes_on() {
    let world = World::with_feed(|_| {}).await;
    let readiness = async || {
        let ready = world.request("GET", "/readyz").send().await;
        (ready.status, ready.json()["revocations"].as_str().unwrap().to_owned())
    };
    world.tell();
    world.waybill("awb_1").await;
    assert_eq!(readiness().await, (StatusCode::OK, "ok".to_owned()));
    world.clock.advance(Duration::from_mins(2));
    assert_eq!(readiness().await, (StatusCode::OK, "degraded".to_owned()));
    world.waybill("awb_2").await;
    world.clock.advance(Duration::from_mins(10));
    assert_eq!(readiness().await, (StatusCode::OK, "unavailable".to_owned()));
    let write = world.post("/airline/awb_3", AIRLINE, JSON, waybill().to_string()).send().await;
    write.problem(503);
    assert!(!write.header("retry-after").is_empty() && write.header("www-authenticate").is_empty());
    assert_eq!(world.get("/airline/awb_1", AIRLINE).send().await.status, StatusCode::OK);
    world.tell();
    world.waybill("awb_3").await;
    assert_eq!(readiness().await, (StatusCode::OK, "ok".to_owned()));
}

#[tokio::test]
async fn reading_stops_too_where_it_is_configured() {
    let world = World::with_feed(|config| config.reads_without_feed = ReadsWithoutFeed::Refuse).await;
    world.tell();
    world.waybill("awb_1").await;
    world.clock.advance(Duration::from_mins(12));
    world.get("/airline/awb_1", AIRLINE).send().await.problem(503);
    let ready = world.request("GET", "/readyz").send().await;
    assert_eq!(ready.status, StatusCode::SERVICE_UNAVAILABLE, "{}", ready.text());
}
