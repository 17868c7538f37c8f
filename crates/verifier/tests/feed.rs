//! A verifier that follows the revocation feed of an IAP that goes back, forks, falls silent and lies.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[path = "support/feed.rs"]
mod feed;
#[path = "support/iap.rs"]
mod iap;

use std::sync::Arc;
use std::time::Duration;

use carnet_verifier::{
    BuildError, Challenge, Clock, FeedRules, FeedStanding, IssuerPolicy, KeySet, KeySource, ReadsWithoutFeed,
    Reason, RevocationSource, Verifier,
};
use feed::Feed;
use http::Method;
use iap::{Iap, NOW, Signer, builder, claims, clock};
use serde_json::{Value, json};

const SECOND: Duration = Duration::from_secs(1);
/// Longer than a poll takes to come, jitter included.
const POLL: Duration = Duration::from_secs(17);

struct Stage {
    iap: Iap,
    feed: Feed,
    clock: Clock,
    verifier: Verifier,
}

impl Stage {
    async fn set() -> Self {
        Self::with(FeedRules::default()).await
    }

    async fn with(rules: FeedRules) -> Self {
        let (iap, clock) = (Iap::start("one").await, clock());
        let feed = Feed::of(&iap, &clock);
        let verifier = builder(&clock).trust(iap.policy()).feed_rules(rules).build().unwrap();
        Self { iap, feed, clock, verifier }
    }

    /// A token that is good at the clock's present, with these claims.
    fn token(&self, more: &Value) -> String {
        let mut claims = claims(&self.iap.issuer, self.clock.now());
        for (name, value) in more.as_object().unwrap() {
            claims[name] = value.clone();
        }
        self.iap.signer.sign(self.iap.signer.header().to_string(), claims.to_string())
    }

    /// Let so much time pass, and every poll that falls into it.
    async fn pass(&self, time: Duration) {
        self.clock.advance(time);
        self.verifier.poll_feeds().await;
    }

    async fn ask(&self, method: &Method, token: &str) -> Result<(), Challenge> {
        self.verifier.verify_bearer_for(method, token).await.map(drop)
    }

    async fn code(&self, method: &Method) -> &'static str {
        self.code_of(method, &self.token(&json!({}))).await
    }

    async fn code_of(&self, method: &Method, token: &str) -> &'static str {
        self.ask(method, token).await.err().map_or("accepted", |challenge| challenge.reason().code())
    }

    fn standing(&self) -> FeedStanding {
        self.verifier.feed_state(&self.iap.issuer).unwrap().standing
    }

    fn seq(&self) -> Option<u64> {
        self.verifier.feed_state(&self.iap.issuer).unwrap().seq
    }
}

fn thumbprint(signer: &Signer) -> String {
    carnet_token::Jwk::from_value(&signer.jwk()).unwrap().thumbprint().unwrap().to_string()
}

#[tokio::test]
async fn each_kind_of_entry_stops_its_tokens_and_no_others() {
    let jkt = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs";
    let x5t = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU";
    let plain = json!({});
    let bound = json!({ "cnf": { "jkt": jkt, "x5t#S256": x5t } });
    let rows = [
        ("jti", json!({ "jti": "0b9e3a62" }), json!({ "jti": "another" })),
        ("client_id", json!({ "client_id": "widgetco" }), json!({ "client_id": "other", "sub": "other" })),
        (
            "agent_uri",
            json!({ "agent_uri": "https://1r.widgetco.example/agents/1" }),
            json!({ "logistics_agent_uri": "https://1r.widgetco.example/agents/2" }),
        ),
        (
            "agent_uri",
            json!({ "agent_uri": "https://widgetco.example/1elmeeab" }),
            json!({ "https://github.com/IATA-Cargo/ONE-Record/schema/iolIdentifier": "https://other.example/id" }),
        ),
        ("jkt", json!({ "jkt": jkt }), json!({ "cnf": { "jkt": x5t, "x5t#S256": x5t } })),
        ("x5t#S256", json!({ "x5t#S256": x5t }), json!({ "cnf": { "jkt": jkt, "x5t#S256": jkt } })),
    ];
    for (by, entry, other) in rows {
        let stage = Stage::set().await;
        let is_bound = by == "jkt" || by == "x5t#S256";
        let token = stage.token(if is_bound { &bound } else { &plain });
        // No proof is spoken yet: a bound token gets as far as the question for it.
        let good = if is_bound { "downgrade" } else { "accepted" };
        assert_eq!(stage.code_of(&Method::GET, &token).await, good, "{entry} before");
        stage.feed.revoke(entry.clone());
        stage.pass(POLL).await;
        for method in [Method::GET, Method::POST] {
            let challenge = stage.ask(&method, &token).await.unwrap_err();
            assert_eq!((challenge.status().as_u16(), challenge.error()), (401, Some("invalid_token")));
            assert_eq!((challenge.reason().code(), challenge.reason().detail()), ("revoked", Some(by)));
        }
        let other = stage.token(&other);
        assert_eq!(stage.code_of(&Method::POST, &other).await, good, "{entry} afterwards, another");
    }
}

#[tokio::test]
async fn a_revoked_key_of_the_issuer_stops_its_tokens() {
    let stage = Stage::set().await;
    let next = Signer::new("two");
    stage.iap.set(|behaviour| behaviour.keys = json!({ "keys": [stage.iap.signer.jwk(), next.jwk()] }));
    let sign = |signer: &Signer| {
        signer.sign(signer.header().to_string(), claims(&stage.iap.issuer, stage.clock.now()).to_string())
    };
    let (old, new) = (sign(&stage.iap.signer), sign(&next));
    assert_eq!(stage.code_of(&Method::GET, &old).await, "accepted");
    stage.feed.revoke(json!({ "kid": thumbprint(&stage.iap.signer) }));
    stage.pass(POLL).await;
    assert_eq!(
        stage.code_of(&Method::GET, &old).await,
        "revoked",
        "by its thumbprint, though its kid is `one`"
    );
    assert_eq!(stage.code_of(&Method::GET, &new).await, "accepted");
    stage.feed.revoke(json!({ "kid": "two" }));
    stage.pass(POLL).await;
    assert_eq!(stage.code_of(&Method::GET, &new).await, "revoked");
}

#[tokio::test]
async fn what_was_revoked_at_the_start_is_known_to_the_first_request() {
    let stage = Stage::set().await;
    stage.feed.revoke(json!({ "client_id": "widgetco" }));
    assert_eq!(stage.code(&Method::GET).await, "revoked");
}

#[tokio::test]
async fn a_client_that_is_enabled_again_gets_good_tokens() {
    let stage = Stage::set().await;
    let before = stage.token(&json!({}));
    stage.feed.revoke(json!({ "client_id": "widgetco", "iat_before": NOW, "until": NOW + 600 }));
    assert_eq!(stage.code_of(&Method::GET, &before).await, "revoked");
    stage.clock.advance(SECOND);
    assert_eq!(stage.code(&Method::GET).await, "accepted");
    assert_eq!(stage.code_of(&Method::GET, &before).await, "revoked");
}

#[tokio::test]
async fn changes_are_asked_for_by_number() {
    let stage = Stage::set().await;
    assert_eq!(stage.code(&Method::GET).await, "accepted");
    assert_eq!(stage.feed.asked(), [""]);
    stage.feed.revoke(json!({ "jti": "a" }));
    stage.feed.revoke(json!({ "jti": "b" }));
    stage.pass(POLL).await;
    assert_eq!((stage.feed.asked(), stage.seq()), (vec!["since=1".to_owned()], Some(3)));
    stage.pass(POLL).await;
    assert_eq!((stage.feed.asked(), stage.seq()), (vec!["since=3".to_owned()], Some(3)));
    let known = stage.verifier.feed_state(&stage.iap.issuer).unwrap();
    assert_eq!((known.entries, known.age, known.standing), (2, Some(Duration::ZERO), FeedStanding::Current));
    assert_eq!(stage.feed.key_fetches(), 1);
}

#[tokio::test]
async fn polls_come_in_their_time_and_not_by_request() {
    let stage = Stage::set().await;
    for _ in 0..50 {
        assert_eq!(stage.code(&Method::GET).await, "accepted");
        stage.clock.advance(SECOND / 10);
        stage.verifier.poll_feeds().await;
    }
    assert_eq!(stage.feed.asked().len(), 1, "five seconds");
    stage.pass(8 * SECOND).await;
    assert_eq!(stage.feed.asked().len(), 0, "thirteen: ten per cent early at most");
    stage.pass(4 * SECOND).await;
    assert_eq!(stage.feed.asked().len(), 1, "seventeen: ten per cent late at most");
}

#[tokio::test]
async fn the_feed_is_followed_without_requests() {
    let stage = Stage::set().await;
    assert_eq!(stage.verifier.warm_up().await, Ok(()));
    stage.feed.revoke(json!({ "client_id": "widgetco" }));
    stage.clock.advance(POLL);
    let followed = tokio::time::timeout(Duration::from_secs(20), async {
        while stage.seq() != Some(2) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    followed.await.unwrap();
    assert_eq!(stage.code(&Method::GET).await, "revoked");
}

#[tokio::test]
async fn after_a_gap_the_whole_is_fetched() {
    let stage = Stage::set().await;
    assert_eq!(stage.code(&Method::GET).await, "accepted");
    stage.feed.asked();
    // A server that tells changes after a number that nobody has named.
    stage.feed.revoke(json!({ "jti": "a" }));
    stage.feed.revoke(json!({ "client_id": "widgetco" }));
    stage.feed.set(|book| book.claims = json!({ "since": 2, "entries": [] }));
    stage.pass(POLL).await;
    assert_eq!(stage.feed.asked(), ["since=1", ""]);
    assert_eq!(stage.seq(), Some(1), "the whole was a lie, too");
    stage.feed.set(|book| {
        book.claims = json!({});
        book.oldest = 3;
    });
    stage.pass(POLL).await;
    assert_eq!(stage.feed.asked(), ["since=1"], "a complete answer to a question for changes will do");
    assert_eq!((stage.code(&Method::GET).await, stage.seq()), ("revoked", Some(3)));
}

#[tokio::test]
async fn a_feed_that_goes_back_is_not_taken() {
    let stage = Stage::set().await;
    stage.feed.revoke(json!({ "client_id": "widgetco" }));
    stage.feed.revoke(json!({ "jti": "a" }));
    assert_eq!(stage.code(&Method::GET).await, "revoked");
    // Restored from a backup of before.
    stage.feed.set(|book| {
        book.seq = 1;
        book.changes.clear();
    });
    for _ in 0..10 {
        stage.pass(POLL).await;
    }
    assert_eq!((stage.code(&Method::GET).await, stage.seq()), ("revoked", Some(3)));
    assert_eq!(stage.standing(), FeedStanding::Degraded, "what is refused keeps nothing fresh");
}

#[tokio::test]
async fn one_number_has_one_content() {
    let stage = Stage::set().await;
    stage.feed.revoke(json!({ "client_id": "widgetco" }));
    assert_eq!(stage.code(&Method::GET).await, "revoked");
    stage.feed.asked();
    stage.feed.set(|book| book.claims = json!({ "since": 0, "entries": [] }));
    stage.pass(POLL).await;
    assert_eq!(stage.feed.asked(), ["since=2", ""], "looked at once more, as a whole");
    assert_eq!(stage.code(&Method::GET).await, "revoked");
    assert_eq!(stage.verifier.feed_state(&stage.iap.issuer).unwrap().age, Some(POLL), "not taken");
}

#[tokio::test]
async fn without_a_feed_changes_stop_after_ten_minutes() {
    let stage = Stage::set().await;
    stage.feed.revoke(json!({ "jti": "a-revoked-one" }));
    assert_eq!(stage.code(&Method::POST).await, "accepted");
    stage.feed.set(|book| book.status = 500);
    stage.pass(119 * SECOND).await;
    assert_eq!(stage.standing(), FeedStanding::Current);
    stage.pass(SECOND).await;
    assert_eq!(stage.standing(), FeedStanding::Degraded, "expired");
    stage.pass(599 * SECOND).await;
    assert_eq!((stage.standing(), stage.code(&Method::POST).await), (FeedStanding::Degraded, "accepted"));
    stage.pass(SECOND).await;
    assert_eq!(stage.standing(), FeedStanding::Lost);
    for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE, "PURGE".parse().unwrap()] {
        let challenge = stage.ask(&method, &stage.token(&json!({}))).await.unwrap_err();
        assert_eq!((challenge.status().as_u16(), challenge.error()), (503, None), "{method}");
        assert!(matches!(challenge.reason(), Reason::FeedUnavailable { retry_after: 1..=17 }), "{method}");
        assert!(challenge.headers().contains_key("retry-after"), "{method}");
    }
    for method in [Method::GET, Method::HEAD, Method::OPTIONS] {
        assert_eq!(stage.code(&method).await, "accepted", "{method}");
    }
    let revoked = stage.token(&json!({ "jti": "a-revoked-one" }));
    assert_eq!(stage.code_of(&Method::GET, &revoked).await, "revoked", "what was known stays known");
    assert_eq!(stage.code_of(&Method::POST, &revoked).await, "revoked");
    let whole = stage.verifier.verify_bearer(&stage.token(&json!({}))).await.unwrap_err();
    assert_eq!(whole.status(), 503, "without a method, it might change something");

    stage.feed.set(|book| book.status = 200);
    stage.pass(POLL).await;
    assert_eq!((stage.standing(), stage.code(&Method::POST).await), (FeedStanding::Current, "accepted"));
}

#[tokio::test]
async fn reads_can_be_refused_too() {
    let rules = FeedRules { reads_without_feed: ReadsWithoutFeed::Refuse, ..FeedRules::default() };
    let stage = Stage::with(rules).await;
    stage.feed.set(|book| book.status = 404);
    assert_eq!(stage.code(&Method::GET).await, "accepted", "missing from the start: degraded");
    stage.pass(599 * SECOND).await;
    assert_eq!(stage.code(&Method::GET).await, "accepted");
    stage.pass(SECOND).await;
    for method in [Method::GET, Method::POST] {
        assert_eq!(stage.code(&method).await, "revocations_unavailable", "{method}");
    }
}

#[tokio::test]
async fn a_clock_that_is_set_back_makes_no_feed_young() {
    let stage = Stage::set().await;
    assert_eq!(stage.code(&Method::POST).await, "accepted");
    stage.feed.set(|book| book.status = 500);
    stage.pass(720 * SECOND).await;
    stage.clock.set_millis(NOW * 1000);
    assert_eq!(
        (stage.standing(), stage.code(&Method::POST).await),
        (FeedStanding::Lost, "revocations_unavailable")
    );
}

#[tokio::test]
async fn feeds_that_are_not_good_are_not_taken() {
    type Change = Box<dyn Fn(&mut feed::Book)>;
    let claim = |name: &'static str, value: Value| -> Change {
        Box::new(move |book| book.claims = json!({ name: value.clone() }))
    };
    let rows: Vec<(&str, Change)> = vec![
        ("an access token's typ", Box::new(|book| book.typ = "at+jwt")),
        ("JSON", Box::new(|book| book.media_type = "application/json")),
        ("a redirect", Box::new(|book| book.status = 302)),
        ("not modified", Box::new(|book| book.status = 304)),
        ("an unknown key", Box::new(|book| book.signer = Arc::new(Signer::new("stranger")))),
        ("a key of the same name", Box::new(|book| book.signer = Arc::new(Signer::new("list-1")))),
        ("another issuer", claim("iss", json!("https://other.example"))),
        ("no issuer", claim("iss", Value::Null)),
        ("from the future", claim("iat", json!(NOW + 600))),
        ("expired", claim("exp", json!(NOW - 1))),
        ("for years", claim("exp", json!(NOW + 100_000_000))),
        ("an entry that is not known", claim("entries", json!([{ "sub": "widgetco" }]))),
        ("an entry of the wrong type", claim("entries", json!([{ "jti": 1 }]))),
        ("no entries", claim("entries", json!({}))),
        ("no number", claim("seq", json!("9"))),
        ("too large", claim("padding", json!("x".repeat(4 << 20)))),
    ];
    assert_eq!(rows.len(), 16);
    for (what, change) in rows {
        let stage = Stage::set().await;
        assert_eq!(stage.code(&Method::GET).await, "accepted", "{what}");
        stage.feed.revoke(json!({ "jti": "0b9e3a62" }));
        stage.feed.set(|book| change(book));
        stage.pass(POLL).await;
        assert_eq!((stage.seq(), stage.code(&Method::GET).await), (Some(1), "accepted"), "{what}");
        stage.pass(110 * SECOND).await;
        assert_eq!(stage.standing(), FeedStanding::Degraded, "{what}");
    }
}

#[tokio::test]
async fn a_key_that_signs_access_tokens_signs_no_feed() {
    let (iap, clock) = (Iap::start("one").await, clock());
    let feed = Feed::of(&iap, &clock);
    // One key in two roles: whoever steals it from the one could speak in the other.
    let both = Arc::new(Signer::new("both"));
    iap.set(|behaviour| behaviour.keys = json!({ "keys": [both.jwk()] }));
    feed.set(|book| {
        book.keys = json!({ "keys": [both.jwk(), book.signer.jwk()] });
        book.signer = Arc::clone(&both);
    });
    let verifier = builder(&clock).trust(iap.policy()).build().unwrap();
    assert!(verifier.verify_bearer(&both.token(&iap.issuer)).await.is_ok());
    let state = verifier.feed_state(&iap.issuer).unwrap();
    assert_eq!((state.standing, state.seq), (FeedStanding::Degraded, None));
    assert_eq!(feed.asked().len(), 1, "it was asked");
}

#[tokio::test]
async fn a_new_key_is_looked_for_once() {
    let stage = Stage::set().await;
    assert_eq!(stage.code(&Method::GET).await, "accepted");
    let next = Signer::new("list-2");
    let jwk = next.jwk();
    stage.feed.set(|book| book.signer = Arc::new(next));
    stage.feed.revoke(json!({ "jti": "a" }));
    stage.pass(POLL).await;
    assert_eq!((stage.feed.key_fetches(), stage.seq()), (1, Some(1)), "within the cooldown");
    for _ in 0..3 {
        stage.pass(POLL).await;
    }
    assert_eq!((stage.feed.key_fetches(), stage.seq()), (2, Some(1)), "looked for, and not there");
    stage.feed.set(|book| book.keys = json!({ "keys": [jwk] }));
    for _ in 0..3 {
        stage.pass(POLL).await;
    }
    assert_eq!((stage.feed.key_fetches(), stage.seq()), (3, Some(2)));
    assert_eq!(stage.standing(), FeedStanding::Current);
}

#[tokio::test]
async fn an_issuer_without_a_feed_is_unaffected() {
    let (iap, clock) = (Iap::start("one").await, clock());
    let verifier = builder(&clock).trust(iap.policy()).build().unwrap();
    for _ in 0..5 {
        let token =
            iap.signer.sign(iap.signer.header().to_string(), claims(&iap.issuer, clock.now()).to_string());
        assert!(verifier.verify_bearer(&token).await.is_ok());
        clock.advance(1000 * SECOND);
        verifier.poll_feeds().await;
    }
    assert_eq!(verifier.feed_state(&iap.issuer).unwrap().standing, FeedStanding::NotAdvertised);
    assert_eq!(iap.hits.all().2, 0, "nothing else was asked");
    assert_eq!(verifier.feed_state("https://other.example"), None);
}

#[tokio::test]
async fn one_issuer_without_its_feed_does_not_stop_another() {
    let (one, two, clock) = (Iap::start("one").await, Iap::start("two").await, clock());
    let (silent, _spoken) = (Feed::of(&one, &clock), Feed::of(&two, &clock));
    silent.set(|book| book.status = 500);
    let verifier = builder(&clock).trust(one.policy()).trust(two.policy()).build().unwrap();
    let token = |iap: &Iap| {
        iap.signer.sign(iap.signer.header().to_string(), claims(&iap.issuer, clock.now()).to_string())
    };
    for iap in [&one, &two] {
        assert!(verifier.verify_bearer(&token(iap)).await.is_ok());
    }
    clock.advance(601 * SECOND);
    verifier.poll_feeds().await;
    assert_eq!(verifier.verify_bearer(&token(&one)).await.unwrap_err().status(), 503);
    assert!(verifier.verify_bearer(&token(&two)).await.is_ok());
}

#[tokio::test]
async fn a_feed_concerns_the_tokens_of_its_own_issuer_alone() {
    let (one, two, clock) = (Iap::start("one").await, Iap::start("two").await, clock());
    let (feed, _other) = (Feed::of(&one, &clock), Feed::of(&two, &clock));
    feed.revoke(json!({ "client_id": "widgetco" }));
    let verifier = builder(&clock).trust(one.policy()).trust(two.policy()).build().unwrap();
    let refused = verifier.verify_bearer(&one.signer.token(&one.issuer)).await.unwrap_err();
    assert_eq!(refused.reason().code(), "revoked");
    assert!(verifier.verify_bearer(&two.signer.token(&two.issuer)).await.is_ok());
}

#[tokio::test]
async fn no_address_in_a_token_or_a_feed_is_followed() {
    let (iap, tripwire, clock) = (Iap::start("one").await, Iap::start("one").await, clock());
    let feed = Feed::of(&iap, &clock);
    let away = |path: &str| format!("{}{path}", tripwire.issuer);
    feed.set(|book| {
        book.claims = json!({
            "revocations_uri": away("/revocations"), "jwks_uri": away("/jwks"), "next": away("/next"),
        });
    });
    feed.revoke(json!({ "agent_uri": away("/company"), "more": away("/entry") }));
    let verifier = builder(&clock).trust(iap.policy()).build().unwrap();
    let mut claims = claims(&iap.issuer, NOW);
    claims["revocations_uri"] = away("/revocations").into();
    claims["trust_list_jwks_uri"] = away("/trusted-iaps/keys.json").into();
    let token = iap.signer.sign(iap.signer.header().to_string(), claims.to_string());
    assert!(verifier.verify_bearer(&token).await.is_ok());
    clock.advance(POLL);
    verifier.poll_feeds().await;
    assert_eq!(verifier.feed_state(&iap.issuer).unwrap().seq, Some(2));
    assert_eq!(tripwire.hits.all(), (0, 0, 0));
}

#[tokio::test]
async fn a_feed_on_another_host_is_not_asked_and_missed() {
    let (iap, tripwire, clock) = (Iap::start("one").await, Iap::start("one").await, clock());
    for member in ["revocations_uri", "trust_list_jwks_uri"] {
        let feed = Feed::of(&iap, &clock);
        let mut metadata = feed::metadata(&iap.issuer);
        metadata[member] = format!("{}/elsewhere", tripwire.issuer).into();
        iap.set(|behaviour| behaviour.metadata = Some(metadata));
        let policy = iap.policy().allow_key_host(tripwire.issuer.trim_start_matches("http://"));
        let verifier = builder(&clock).trust(policy).build().unwrap();
        assert!(verifier.verify_bearer(&iap.signer.token(&iap.issuer)).await.is_ok());
        assert_eq!(verifier.feed_state(&iap.issuer).unwrap().standing, FeedStanding::Degraded, "{member}");
        assert_eq!((feed.asked().len(), feed.key_fetches()), (0, 0), "{member}");
    }
    assert_eq!(tripwire.hits.all(), (0, 0, 0));
}

#[tokio::test]
async fn a_stampede_costs_one_poll() {
    let stage = Stage::set().await;
    let token = stage.token(&json!({}));
    let tasks: Vec<_> = (0..100)
        .map(|_| {
            let (verifier, token) = (stage.verifier.clone(), token.clone());
            tokio::spawn(async move { verifier.verify_bearer(&token).await.is_ok() })
        })
        .collect();
    for task in tasks {
        assert!(task.await.unwrap());
    }
    assert_eq!((stage.feed.asked().len(), stage.feed.key_fetches()), (1, 1));
    assert_eq!(stage.iap.hits.all(), (1, 1, 0), "and the metadata was read once for all");
}

#[tokio::test]
async fn a_feed_can_be_handed_in_where_there_is_no_network() {
    let (iap, clock) = (Iap::start("one").await, clock());
    let keys = |keys: Value| KeySet::parse(keys.to_string().as_bytes()).unwrap();
    let signer = Signer::new("list");
    let policy = IssuerPolicy::new("https://iap.invalid")
        .allow_bearer(true)
        .keys(KeySource::Static(keys(json!({ "keys": [iap.signer.jwk()] }))))
        .revocations(RevocationSource::Local(keys(json!({ "keys": [signer.jwk()] }))));
    let verifier = builder(&clock).trust(policy).build().unwrap();
    let token = iap.signer.token("https://iap.invalid");
    assert!(verifier.verify_bearer(&token).await.is_ok());
    let text = |signer: &Signer, seq: u64| {
        let header = json!({ "alg": "ES256", "typ": "iap-revocations+jwt", "kid": signer.kid });
        let claims = json!({
            "iss": "https://iap.invalid", "iat": NOW, "exp": NOW + 120, "seq": seq,
            "entries": [{ "client_id": "widgetco" }],
        });
        signer.sign(header.to_string(), claims.to_string())
    };
    let stranger = verifier.take_feed("https://iap.invalid", &text(&iap.signer, 5)).unwrap_err();
    assert_eq!(stranger.to_string(), "no such trust-list key");
    assert_eq!(verifier.take_feed("https://iap.invalid", &text(&signer, 5)), Ok(5));
    assert_eq!(verifier.verify_bearer(&token).await.unwrap_err().reason().code(), "revoked");
    assert!(verifier.take_feed("https://iap.invalid", &text(&signer, 4)).is_err(), "it goes back");
    assert!(verifier.take_feed("https://other.invalid", &text(&signer, 6)).is_err());
    assert_eq!(iap.hits.all(), (0, 0, 0));
    clock.advance(720 * SECOND);
    assert_eq!(verifier.feed_state("https://iap.invalid").unwrap().standing, FeedStanding::Lost);
}

#[test]
fn times_out_of_range_are_refused() {
    let build = |rules: FeedRules| {
        builder(&clock()).trust(IssuerPolicy::new("https://iap.example")).feed_rules(rules).build().err()
    };
    for poll in [Duration::from_millis(999), Duration::from_secs(61)] {
        let error = build(FeedRules { poll, ..FeedRules::default() });
        assert!(matches!(error, Some(BuildError::FeedRules { min: 1, max: 60, .. })), "{error:?}");
    }
    let error = build(FeedRules { grace: Duration::from_secs(601), ..FeedRules::default() });
    assert!(matches!(error, Some(BuildError::FeedRules { max: 600, .. })), "{error:?}");
    assert!(build(FeedRules { poll: SECOND, grace: Duration::ZERO, ..FeedRules::default() }).is_none());
}
