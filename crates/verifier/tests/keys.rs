//! The life of a key set against an IAP that fails, lies, rotates and is flooded.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[path = "support/iap.rs"]
mod iap;

use std::net::IpAddr;
use std::time::Duration;

use carnet_verifier::{BuildError, Clock, FetchPolicy, IssuerPolicy, KeyLimits, Reason, Verifier};
use iap::{AUDIENCE, Iap, NOW, Signer, builder, claims, clock};
use serde_json::json;

const SECOND: Duration = Duration::from_secs(1);

fn verifier(iap: &Iap, clock: &Clock) -> Verifier {
    builder(clock).trust(iap.policy()).build().unwrap()
}

/// A token that is good at the clock's present.
fn token(iap: &Iap, signer: &Signer, clock: &Clock) -> String {
    signer.sign(signer.header().to_string(), claims(&iap.issuer, clock.now()).to_string())
}

/// What must never stand in a key set.
fn private_jwk(signer: &Signer, kid: &str) -> serde_json::Value {
    use aws_lc_rs::encoding::AsBigEndian as _;
    let mut jwk = signer.jwk();
    jwk["kid"] = kid.into();
    jwk["d"] = iap::b64(signer.pair.private_key().as_be_bytes().unwrap().as_ref()).into();
    jwk
}

async fn code(verifier: &Verifier, token: &str) -> &'static str {
    match verifier.verify_bearer(token).await {
        Ok(_) => "accepted",
        Err(challenge) => challenge.reason().code(),
    }
}

#[tokio::test]
async fn a_stampede_costs_one_fetch() {
    let (iap, clock) = (Iap::start("one").await, clock());
    iap.set(|behaviour| behaviour.delay = Duration::from_millis(50));
    let verifier = verifier(&iap, &clock);
    let token = iap.signer.token(&iap.issuer);
    let tasks: Vec<_> = (0..100)
        .map(|_| {
            let (verifier, token) = (verifier.clone(), token.clone());
            tokio::spawn(async move { code(&verifier, &token).await })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap(), "accepted");
    }
    assert_eq!(iap.hits.all(), (1, 1, 0));
}

#[tokio::test]
async fn senders_that_hang_up_cause_no_further_fetch() {
    let (iap, clock) = (Iap::start("one").await, clock());
    iap.set(|behaviour| behaviour.delay = Duration::from_millis(300));
    let verifier = verifier(&iap, &clock);
    let token = iap.signer.token(&iap.issuer);
    for _ in 0..20 {
        let _ = tokio::time::timeout(Duration::from_millis(2), verifier.verify_bearer(&token)).await;
    }
    assert_eq!(code(&verifier, &token).await, "accepted");
    assert_eq!(iap.hits.all(), (1, 1, 0));
}

#[tokio::test]
async fn a_flood_of_unknown_kids_is_bounded() {
    let (iap, clock) = (Iap::start("one").await, clock());
    let verifier = verifier(&iap, &clock);
    let stranger = |n: u32| Signer::new(&format!("made-up-{n}")).token(&iap.issuer);
    for n in 0..200 {
        assert_eq!(code(&verifier, &stranger(n)).await, "unknown_kid");
    }
    assert_eq!(iap.hits.all(), (1, 1, 0), "only the first fetch");
    clock.advance(31 * SECOND);
    for n in 200..400 {
        assert_eq!(code(&verifier, &stranger(n)).await, "unknown_kid");
    }
    assert_eq!(iap.hits.all(), (1, 2, 0), "one per cooldown");
    assert_eq!(code(&verifier, &iap.signer.token(&iap.issuer)).await, "accepted", "good keys stay");
}

#[tokio::test]
async fn an_empty_key_set_does_not_open_the_cooldown() {
    let (iap, clock) = (Iap::start("one").await, clock());
    iap.set(|behaviour| behaviour.keys = json!({ "keys": [] }));
    let verifier = verifier(&iap, &clock);
    for _ in 0..50 {
        assert_eq!(code(&verifier, &iap.signer.token(&iap.issuer)).await, "unknown_kid");
    }
    assert_eq!(iap.hits.all(), (1, 1, 0));
}

#[tokio::test]
async fn a_failing_key_set_does_not_open_the_cooldown() {
    let (iap, clock) = (Iap::start("one").await, clock());
    let verifier = verifier(&iap, &clock);
    assert_eq!(code(&verifier, &iap.signer.token(&iap.issuer)).await, "accepted");
    iap.set(|behaviour| behaviour.status = 500);
    clock.advance(31 * SECOND);
    for n in 0..50 {
        let token = Signer::new(&format!("made-up-{n}")).token(&iap.issuer);
        assert_eq!(code(&verifier, &token).await, "keys_unavailable", "whether it exists is not known");
        clock.advance(SECOND / 10);
    }
    assert_eq!(iap.hits.all().1, 2);
    assert_eq!(code(&verifier, &iap.signer.token(&iap.issuer)).await, "accepted", "good keys stay");
}

#[tokio::test]
async fn the_token_bucket_holds_without_a_cooldown() {
    let (iap, clock) = (Iap::start("one").await, clock());
    let limits = KeyLimits { cooldown: Duration::ZERO, ..KeyLimits::default() };
    let verifier = builder(&clock).trust(iap.policy()).key_limits(limits).build().unwrap();
    for n in 0..100 {
        let token = Signer::new(&format!("made-up-{n}")).token(&iap.issuer);
        assert_eq!(code(&verifier, &token).await, "unknown_kid");
    }
    assert_eq!(iap.hits.all().1, 11, "the first fetch and ten a minute");
}

#[tokio::test]
async fn a_kid_that_was_looked_for_in_vain_is_remembered() {
    let (iap, clock) = (Iap::start("one").await, clock());
    let limits = KeyLimits { cooldown: Duration::ZERO, ..KeyLimits::default() };
    let verifier = builder(&clock).trust(iap.policy()).key_limits(limits).build().unwrap();
    let token = Signer::new("made-up").token(&iap.issuer);
    for _ in 0..20 {
        assert_eq!(code(&verifier, &token).await, "unknown_kid");
    }
    assert_eq!(iap.hits.all().1, 2);
    clock.advance(61 * SECOND);
    assert_eq!(code(&verifier, &token).await, "unknown_kid");
    assert_eq!(iap.hits.all().1, 3);
}

#[tokio::test]
async fn a_new_key_is_found_once_for_all_who_wait() {
    let (iap, clock) = (Iap::start("one").await, clock());
    let verifier = verifier(&iap, &clock);
    assert_eq!(code(&verifier, &iap.signer.token(&iap.issuer)).await, "accepted");
    let next = Signer::new("two");
    iap.set(|behaviour| {
        behaviour.keys = json!({ "keys": [iap.signer.jwk(), next.jwk()] });
        behaviour.delay = Duration::from_millis(30);
    });
    clock.advance(31 * SECOND);
    let token = token(&iap, &next, &clock);
    let tasks: Vec<_> = (0..50)
        .map(|_| {
            let (verifier, token) = (verifier.clone(), token.clone());
            tokio::spawn(async move { code(&verifier, &token).await })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap(), "accepted");
    }
    assert_eq!(iap.hits.all().1, 2);
}

#[tokio::test]
async fn a_key_that_is_gone_is_dropped_at_the_next_refresh() {
    let (iap, clock) = (Iap::start("one").await, clock());
    let verifier = verifier(&iap, &clock);
    assert_eq!(code(&verifier, &iap.signer.token(&iap.issuer)).await, "accepted");
    let next = Signer::new("two");
    // The rest of the set has a fault; the withdrawal counts all the same.
    let broken = json!({ "kty": "EC", "crv": "P-256", "kid": "broken", "x": "AA", "y": "AA" });
    iap.set(|behaviour| behaviour.keys = json!({ "keys": [next.jwk(), broken] }));
    clock.advance(601 * SECOND);
    assert_eq!(code(&verifier, &token(&iap, &next, &clock)).await, "accepted");
    assert_eq!(code(&verifier, &token(&iap, &iap.signer, &clock)).await, "unknown_kid");
}

#[tokio::test]
async fn stale_keys_are_used_while_one_fetch_runs_behind() {
    let (iap, clock) = (Iap::start("one").await, clock());
    let verifier = verifier(&iap, &clock);
    assert_eq!(code(&verifier, &iap.signer.token(&iap.issuer)).await, "accepted");
    iap.set(|behaviour| behaviour.delay = Duration::from_secs(2));
    clock.advance(400 * SECOND);
    let token = token(&iap, &iap.signer, &clock);
    let asked = tokio::time::timeout(Duration::from_millis(1500), async {
        for _ in 0..20 {
            assert_eq!(code(&verifier, &token).await, "accepted");
        }
    });
    asked.await.unwrap();
    let renewed = tokio::time::timeout(Duration::from_secs(20), async {
        while verifier.status()[0].age != Some(Duration::ZERO) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    renewed.await.unwrap();
    assert_eq!(iap.hits.all().1, 2);
}

#[tokio::test]
async fn a_304_keeps_the_keys() {
    let (iap, clock) = (Iap::start("one").await, clock());
    iap.set(|behaviour| behaviour.etag = Some("\"v1\"".to_owned()));
    let verifier = verifier(&iap, &clock);
    assert_eq!(code(&verifier, &iap.signer.token(&iap.issuer)).await, "accepted");
    clock.advance(700 * SECOND);
    assert_eq!(code(&verifier, &token(&iap, &iap.signer, &clock)).await, "accepted");
    assert_eq!(iap.hits.not_modified.load(std::sync::atomic::Ordering::SeqCst), 1);
    assert_eq!(iap.hits.all().1, 2);
}

#[tokio::test]
async fn a_304_to_a_question_without_a_condition_is_a_failure() {
    let (iap, clock) = (Iap::start("one").await, clock());
    let verifier = verifier(&iap, &clock);
    assert_eq!(code(&verifier, &iap.signer.token(&iap.issuer)).await, "accepted");
    iap.set(|behaviour| behaviour.status = 304);
    clock.advance(700 * SECOND);
    assert_eq!(code(&verifier, &token(&iap, &iap.signer, &clock)).await, "accepted", "stale-if-error");
    assert!(verifier.status()[0].degraded);
    clock.advance(3300 * SECOND);
    assert_eq!(code(&verifier, &token(&iap, &iap.signer, &clock)).await, "keys_unavailable");
}

#[tokio::test]
async fn a_key_whose_private_half_was_published_is_never_trusted_again() {
    let (iap, clock) = (Iap::start("one").await, clock());
    let verifier = verifier(&iap, &clock);
    assert_eq!(code(&verifier, &iap.signer.token(&iap.issuer)).await, "accepted");
    let next = Signer::new("two");
    let mut renamed = iap.signer.jwk();
    renamed["kid"] = "leaked".into();
    iap.set(|behaviour| {
        behaviour.keys =
            json!({ "keys": [private_jwk(&iap.signer, "leaked"), iap.signer.jwk(), next.jwk()] });
    });
    clock.advance(601 * SECOND);
    assert_eq!(code(&verifier, &token(&iap, &iap.signer, &clock)).await, "unknown_kid");
    assert_eq!(code(&verifier, &token(&iap, &next, &clock)).await, "accepted");
    // The issuer takes the private half back; the world has read it.
    iap.set(|behaviour| behaviour.keys = json!({ "keys": [iap.signer.jwk(), renamed, next.jwk()] }));
    clock.advance(601 * SECOND);
    assert_eq!(code(&verifier, &token(&iap, &iap.signer, &clock)).await, "unknown_kid");
    assert_eq!(code(&verifier, &token(&iap, &next, &clock)).await, "accepted");
}

#[tokio::test]
async fn old_keys_serve_a_failing_issuer_until_the_limit() {
    let (iap, clock) = (Iap::start("one").await, clock());
    let verifier = verifier(&iap, &clock);
    assert_eq!(code(&verifier, &iap.signer.token(&iap.issuer)).await, "accepted");
    iap.set(|behaviour| behaviour.status = 503);
    clock.advance(3000 * SECOND);
    assert_eq!(code(&verifier, &token(&iap, &iap.signer, &clock)).await, "accepted");
    assert!(verifier.status()[0].degraded);
    clock.advance(900 * SECOND);
    let challenge = verifier.verify_bearer(&token(&iap, &iap.signer, &clock)).await.unwrap_err();
    assert_eq!(challenge.status(), 503);
    assert!(challenge.retry_after().is_some() && challenge.www_authenticate().is_empty());
    iap.set(|behaviour| behaviour.status = 200);
    clock.advance(90 * SECOND);
    assert_eq!(code(&verifier, &token(&iap, &iap.signer, &clock)).await, "accepted");
    assert!(!verifier.status()[0].degraded);
}

#[tokio::test]
async fn a_foreign_issuer_that_blocks_its_key_set_loses_its_keys_within_the_hour() {
    let (iap, clock) = (Iap::start("one").await, clock());
    iap.set(|behaviour| {
        behaviour.headers = vec![(
            "cache-control",
            "max-age=86400, stale-while-revalidate=86400, stale-if-error=86400".into(),
        )];
    });
    let policy = IssuerPolicy::foreign(&iap.issuer).allow_bearer(true);
    let verifier = builder(&clock).trust(policy).build().unwrap();
    assert_eq!(code(&verifier, &iap.signer.token(&iap.issuer)).await, "accepted");
    iap.set(|behaviour| behaviour.status = 500);
    clock.advance(3599 * SECOND);
    assert_eq!(code(&verifier, &token(&iap, &iap.signer, &clock)).await, "accepted");
    tokio::time::sleep(Duration::from_millis(100)).await;
    clock.advance(2 * SECOND);
    assert_eq!(code(&verifier, &token(&iap, &iap.signer, &clock)).await, "keys_unavailable");
}

#[tokio::test]
async fn an_issuer_that_is_down_at_the_start_is_our_trouble() {
    let (iap, clock) = (Iap::start("one").await, clock());
    iap.set(|behaviour| behaviour.status = 500);
    let verifier = verifier(&iap, &clock);
    assert_eq!(verifier.warm_up().await, Err(vec![iap.issuer.clone()]));
    for _ in 0..50 {
        let challenge = verifier.verify_bearer(&iap.signer.token(&iap.issuer)).await.unwrap_err();
        assert!(matches!(challenge.reason(), Reason::KeysUnavailable { retry_after: 1..=2 }));
    }
    assert_eq!(iap.hits.all().1, 1, "the back-off holds");
    iap.set(|behaviour| behaviour.status = 200);
    clock.advance(2 * SECOND);
    assert_eq!(code(&verifier, &iap.signer.token(&iap.issuer)).await, "accepted");
}

#[tokio::test]
async fn a_poisoned_key_set_never_replaces_a_good_one() {
    let (iap, clock) = (Iap::start("one").await, clock());
    let verifier = verifier(&iap, &clock);
    assert_eq!(code(&verifier, &iap.signer.token(&iap.issuer)).await, "accepted");
    let many: Vec<_> = (0..101).map(|n| json!({ "kty": "EC", "kid": n.to_string() })).collect();
    let poisons = [
        "<html>".to_owned(),
        "[]".to_owned(),
        "{\"keys\":{}}".to_owned(),
        "{\"keys\":[],\"keys\":[]}".to_owned(),
        json!({ "keys": many }).to_string(),
        format!("{{\"keys\":[{}]}}", " ".repeat(300 * 1024)),
        format!("{{\"keys\":{}{}}}", "[".repeat(5000), "]".repeat(5000)),
    ];
    for poison in poisons {
        clock.advance(620 * SECOND);
        iap.set(|behaviour| behaviour.body = Some(poison.clone()));
        let short: String = poison.chars().take(40).collect();
        assert_eq!(code(&verifier, &token(&iap, &iap.signer, &clock)).await, "accepted", "{short}");
        assert!(verifier.status()[0].degraded, "{short}");
        iap.set(|behaviour| behaviour.body = None);
        clock.advance(120 * SECOND);
        assert_eq!(code(&verifier, &token(&iap, &iap.signer, &clock)).await, "accepted");
        assert!(!verifier.status()[0].degraded, "{short}");
    }
}

#[tokio::test]
async fn metadata_cannot_send_us_elsewhere() {
    let (tripwire, clock) = (Iap::start("one").await, clock());
    for (issuer, jwks_uri) in [
        (None, format!("{}/jwks", tripwire.issuer)),
        (None, "http://169.254.169.254/latest/meta-data/".to_owned()),
        (None, "http://10.0.0.1/jwks".to_owned()),
        (None, "file:///etc/passwd".to_owned()),
        (None, "http://user@HOST/jwks".to_owned()),
        (Some(tripwire.issuer.clone()), "http://HOST/jwks".to_owned()),
        (Some("http://HOST/".to_owned()), "http://HOST/jwks".to_owned()),
    ] {
        let iap = Iap::start("one").await;
        let host = iap.issuer.trim_start_matches("http://").to_owned();
        let named = issuer.unwrap_or_else(|| iap.issuer.clone()).replace("HOST", &host);
        let jwks_uri = jwks_uri.replace("HOST", &host);
        iap.set(|behaviour| behaviour.metadata = Some(json!({ "issuer": named, "jwks_uri": jwks_uri })));
        let verifier = verifier(&iap, &clock);
        assert_eq!(code(&verifier, &iap.signer.token(&iap.issuer)).await, "keys_unavailable", "{jwks_uri}");
        assert_eq!(iap.hits.all(), (1, 0, 0), "{named} {jwks_uri}");
    }
    assert_eq!(tripwire.hits.all(), (0, 0, 0));
}

#[tokio::test]
async fn a_redirect_of_the_key_set_is_not_followed() {
    let (iap, tripwire, clock) = (Iap::start("one").await, Iap::start("two").await, clock());
    iap.set(|behaviour| {
        behaviour.status = 302;
        behaviour.headers = vec![("location", format!("{}/jwks", tripwire.issuer))];
    });
    assert_eq!(code(&verifier(&iap, &clock), &iap.signer.token(&iap.issuer)).await, "keys_unavailable");
    assert_eq!(tripwire.hits.all(), (0, 0, 0));
}

#[tokio::test]
async fn a_name_that_resolves_inwards_is_not_connected_to() {
    let (iap, clock) = (Iap::start("one").await, clock());
    let port = iap.issuer.rsplit(':').next().unwrap();
    for address in ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:127.0.0.1", "fd00::1"] {
        let mut policy = FetchPolicy { allow_insecure_loopback: true, ..FetchPolicy::default() };
        policy.hosts.insert("rebind.example".into(), vec![address.parse::<IpAddr>().unwrap()]);
        let issuer = format!("https://rebind.example:{port}");
        let verifier = builder(&clock)
            .fetch_policy(policy)
            .trust(IssuerPolicy::new(&issuer).allow_bearer(true))
            .build()
            .unwrap();
        assert_eq!(code(&verifier, &iap.signer.token(&issuer)).await, "keys_unavailable", "{address}");
    }
    assert_eq!(iap.hits.all(), (0, 0, 0));
}

#[tokio::test]
async fn a_token_that_could_never_be_accepted_causes_no_fetch() {
    let (iap, clock) = (Iap::start("one").await, clock());
    let verifier = verifier(&iap, &clock);
    let with = |name: &str, value: serde_json::Value| {
        let mut claims = claims(&iap.issuer, NOW);
        claims[name] = value;
        iap.signer.sign(iap.signer.header().to_string(), claims.to_string())
    };
    for (token, expected) in [
        (with("exp", json!(NOW - 31)), "at_expired"),
        (with("aud", json!("https://other.example")), "at_aud"),
        (with("iss", json!("https://stranger.example")), "untrusted_issuer"),
        (with("nbf", json!(NOW + 3600)), "at_not_yet"),
        ("a.b.c".to_owned(), "malformed"),
    ] {
        assert_eq!(code(&verifier, &token).await, expected);
    }
    assert_eq!(iap.hits.all(), (0, 0, 0));
}

#[test]
fn a_configuration_that_cannot_work_is_refused() {
    let build =
        |policy: IssuerPolicy| Verifier::builder(AUDIENCE).trust(policy).build().err().map(|e| e.to_string());
    for issuer in [
        "http://iap.example",
        "http://127.0.0.1:8080",
        "https://127.0.0.1",
        "https://169.254.169.254",
        "https://user@iap.example",
        "https://iap.example?x",
        "https://iap.example#x",
        "iap.example",
        "",
    ] {
        assert!(build(IssuerPolicy::new(issuer)).is_some(), "{issuer}");
    }
    assert_eq!(build(IssuerPolicy::new("https://iap.example:8443")), None);
    assert!(build(IssuerPolicy::new("https://iap.example").algorithms([])).is_some());
    assert_eq!(Verifier::builder(AUDIENCE).build().unwrap_err(), BuildError::NoIssuer);
    let twice = Verifier::builder(AUDIENCE)
        .trust(IssuerPolicy::new("https://iap.example"))
        .trust(IssuerPolicy::new("https://iap.example"));
    assert!(matches!(twice.build().unwrap_err(), BuildError::DuplicateIssuer(_)));
    let skewed = Verifier::builder(AUDIENCE).trust(IssuerPolicy::new("https://iap.example")).skew(-1);
    assert_eq!(skewed.build().unwrap_err(), BuildError::Skew(-1));
}
