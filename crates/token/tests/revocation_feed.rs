//! Revocation feeds: what the issuer writes, what its reader takes, and what it refuses.

#![expect(clippy::unwrap_used, reason = "keys made in a test")]

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use carnet_token::revocation::{
    self, Entry, Feed, FeedClaims, FeedRefusal, MAX_ENTRIES, Revocations, RevokedBy, Unverified,
};
use carnet_token::{
    AccessToken, AccessTokenClaims, AccessTokenTyp, Algorithm, ClaimNames, Confirmation, IssuerRules, KeyRef,
    PublicKey, SigningKey, Thumbprint, access_token,
};
use serde_json::{Value, json};

const NOW: i64 = 1_800_000_000;
const ISSUER: &str = "https://iap.example";
const AGENT: &str = "https://1r.widgetco.example/logistics-objects/me";
const COMPANY: &str = "https://widgetco.example/1elmeeab";

fn key(kid: &str) -> (SigningKey, PublicKey) {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let key = SigningKey::from_pkcs8_der(kid, Algorithm::Es256, pair.to_pkcs8v1().unwrap().as_ref()).unwrap();
    let public = PublicKey::from_jwk(key.public_jwk().unwrap()).unwrap();
    (key, public)
}

struct Desk {
    key: SigningKey,
    public: PublicKey,
}

impl Desk {
    fn new() -> Self {
        let (key, public) = key("list");
        Self { key, public }
    }

    fn text(&self, seq: u64, since: u64, entries: &[Entry]) -> String {
        let claims =
            FeedClaims { iss: ISSUER, iat: NOW, exp: NOW + revocation::LIFETIME, seq, since, entries };
        revocation::sign(&claims, &self.key).unwrap()
    }

    fn feed(&self, seq: u64, since: u64, entries: &[Entry]) -> Feed {
        self.read(&self.text(seq, since, entries), NOW).unwrap()
    }

    fn read(&self, text: &str, now: i64) -> Result<Feed, FeedRefusal> {
        Unverified::parse(text)?.verify(&self.public, ISSUER, now)
    }

    fn signed(&self, header: &Value, claims: &Value) -> String {
        self.key.sign_compact(header, claims).unwrap()
    }
}

fn header() -> Value {
    json!({"alg": "ES256", "typ": "iap-revocations+jwt", "kid": "list"})
}

fn claims() -> Value {
    json!({
        "iss": ISSUER, "iat": NOW, "exp": NOW + 120, "seq": 7, "since": 0,
        "entries": [{"jti": "token-1", "until": NOW + 600}],
    })
}

fn with(mut object: Value, name: &str, value: Value) -> Value {
    object[name] = value;
    object
}

fn without(mut object: Value, name: &str) -> Value {
    object.as_object_mut().unwrap().remove(name);
    object
}

fn entry(value: &Value) -> Value {
    with(claims(), "entries", json!([value]))
}

#[test]
fn the_reader_reads_what_the_issuer_wrote() {
    let desk = Desk::new();
    let digest = Thumbprint::of(b"key");
    let entries = [
        Entry::jti("token-1").until(NOW + 600),
        Entry::client_id("widgetco").iat_before(NOW).until(NOW + 3600),
        Entry::agent_uri(AGENT),
        Entry::kid("2027-01"),
        Entry::jkt(digest),
        Entry::certificate(digest).iat_before(NOW - 5),
    ];
    let feed = desk.feed(42, 40, &entries);
    assert_eq!((feed.seq(), feed.since(), feed.expires_at()), (42, 40, NOW + 120));
    assert_eq!(feed.entries(), entries);
    let names: Vec<_> = feed.entries().iter().map(|entry| entry.by().name()).collect();
    assert_eq!(names, ["jti", "client_id", "agent_uri", "kid", "jkt", "x5t#S256"]);
    assert_eq!(feed.entries()[4].value(), digest.to_string());
}

#[test]
fn attacks_on_the_header() {
    let desk = Desk::new();
    let rows = [
        ("an access token", with(header(), "typ", json!("at+jwt")), FeedRefusal::Typ),
        ("a trust list", with(header(), "typ", json!("iap-trust-list+jwt")), FeedRefusal::Typ),
        ("any JWT", with(header(), "typ", json!("JWT")), FeedRefusal::Typ),
        ("no typ", without(header(), "typ"), FeedRefusal::Typ),
        ("typ a list", with(header(), "typ", json!(["iap-revocations+jwt"])), FeedRefusal::Typ),
        ("alg none", with(header(), "alg", json!("none")), FeedRefusal::Alg),
        ("HMAC", with(header(), "alg", json!("HS256")), FeedRefusal::Alg),
        ("no alg", without(header(), "alg"), FeedRefusal::Alg),
        ("the alg of another key", with(header(), "alg", json!("EdDSA")), FeedRefusal::Alg),
        ("no kid", without(header(), "kid"), FeedRefusal::UnknownKid),
        ("empty kid", with(header(), "kid", json!("")), FeedRefusal::UnknownKid),
        ("another kid", with(header(), "kid", json!("other")), FeedRefusal::UnknownKid),
        ("crit", with(header(), "crit", json!(["exp"])), FeedRefusal::Crit),
        ("unencoded", with(header(), "b64", json!(false)), FeedRefusal::Crit),
        ("nested", with(header(), "cty", json!("JWT")), FeedRefusal::Malformed),
    ];
    assert!(desk.read(&desk.signed(&header(), &claims()), NOW).is_ok(), "without a fault");
    for (what, header, refusal) in rows {
        let read = desk.read(&desk.signed(&header, &claims()), NOW);
        assert_eq!(read.unwrap_err(), refusal, "{what}");
    }
}

#[test]
fn attacks_on_the_claims() {
    let desk = Desk::new();
    let rows = [
        ("another issuer", with(claims(), "iss", json!("https://iap2.example")), FeedRefusal::Issuer),
        ("a trailing slash", with(claims(), "iss", json!("https://iap.example/")), FeedRefusal::Issuer),
        ("iss a list", with(claims(), "iss", json!([ISSUER])), FeedRefusal::Issuer),
        ("no issuer", without(claims(), "iss"), FeedRefusal::Issuer),
        ("iat ahead", with(claims(), "iat", json!(NOW + 31)), FeedRefusal::NotYet),
        ("iat a text", with(claims(), "iat", json!("1800000000")), FeedRefusal::Claims),
        ("no iat", without(claims(), "iat"), FeedRefusal::Claims),
        ("expired", with(claims(), "exp", json!(NOW)), FeedRefusal::Expired),
        ("exp in milliseconds", with(claims(), "exp", json!((NOW + 120) * 1000)), FeedRefusal::Lifetime),
        ("more than a day", with(claims(), "exp", json!(NOW + 86_401)), FeedRefusal::Lifetime),
        ("exp before iat", with(claims(), "exp", json!(NOW - 1)), FeedRefusal::Lifetime),
        ("no exp", without(claims(), "exp"), FeedRefusal::Claims),
        ("no seq", without(claims(), "seq"), FeedRefusal::Claims),
        ("negative seq", with(claims(), "seq", json!(-1)), FeedRefusal::Claims),
        ("seq a fraction", with(claims(), "seq", json!(7.5)), FeedRefusal::Claims),
        ("seq a text", with(claims(), "seq", json!("7")), FeedRefusal::Claims),
        ("seq beyond 2^53", with(claims(), "seq", json!(9_007_199_254_740_993_u64)), FeedRefusal::Claims),
        ("since null", with(claims(), "since", Value::Null), FeedRefusal::Claims),
        ("since after seq", with(claims(), "since", json!(8)), FeedRefusal::Claims),
        ("no entries", without(claims(), "entries"), FeedRefusal::Claims),
        ("entries an object", with(claims(), "entries", json!({"jti": "x"})), FeedRefusal::Claims),
        ("a bare text", entry(&json!("token-1")), FeedRefusal::Entry),
        ("no subject", entry(&json!({"until": NOW})), FeedRefusal::Entry),
        ("an unknown subject", entry(&json!({"sub": "widgetco"})), FeedRefusal::Entry),
        ("two subjects", entry(&json!({"jti": "a", "client_id": "b"})), FeedRefusal::Entry),
        ("an empty subject", entry(&json!({"client_id": ""})), FeedRefusal::Entry),
        ("a long subject", entry(&json!({"jti": "x".repeat(2049)})), FeedRefusal::Entry),
        ("subject a number", entry(&json!({"jti": 1})), FeedRefusal::Entry),
        ("subject a list", entry(&json!({"client_id": ["a", "b"]})), FeedRefusal::Entry),
        ("no thumbprint", entry(&json!({"jkt": "short"})), FeedRefusal::Entry),
        (
            "a padded thumbprint",
            entry(&json!({"x5t#S256": format!("{}=", Thumbprint::of(b""))})),
            FeedRefusal::Entry,
        ),
        ("iat_before a text", entry(&json!({"jti": "a", "iat_before": "now"})), FeedRefusal::Entry),
        ("iat_before null", entry(&json!({"jti": "a", "iat_before": null})), FeedRefusal::Entry),
        ("until a list", entry(&json!({"jti": "a", "until": [NOW]})), FeedRefusal::Entry),
    ];
    assert_eq!(rows.len(), 34);
    for (what, claims, refusal) in rows {
        let read = desk.read(&desk.signed(&header(), &claims), NOW);
        assert_eq!(read.unwrap_err(), refusal, "{what}");
    }
}

#[test]
fn duplicate_members_are_refused() {
    let desk = Desk::new();
    let header = header().to_string();
    for payload in [
        claims().to_string().replacen('{', "{\"seq\":9,", 1),
        claims().to_string().replacen('{', "{\"\\u0065ntries\":[],", 1),
        claims().to_string().replacen("{\"jti\"", "{\"jti\":\"other\",\"jti\"", 1),
    ] {
        let text = desk.key.sign_parts(header.as_bytes(), payload.as_bytes()).unwrap();
        assert_eq!(desk.read(&text, NOW).unwrap_err(), FeedRefusal::Malformed, "{payload}");
    }
    let twice = header.replacen('{', "{\"kid\":\"other\",", 1);
    let text = desk.key.sign_parts(twice.as_bytes(), claims().to_string().as_bytes()).unwrap();
    assert_eq!(desk.read(&text, NOW).unwrap_err(), FeedRefusal::Malformed);
}

#[test]
fn only_the_key_itself_signs() {
    let desk = Desk::new();
    // The key that signs access tokens, under the name of the one that signs feeds.
    let (access_token_key, _) = key("list");
    let forged = access_token_key.sign_compact(&header(), &claims()).unwrap();
    assert_eq!(desk.read(&forged, NOW).unwrap_err(), FeedRefusal::Signature);
    let (head, signature) =
        desk.text(7, 0, &[]).rsplit_once('.').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let (_, other) = forged.rsplit_once('.').unwrap();
    assert_eq!(desk.read(&format!("{head}.{other}"), NOW).unwrap_err(), FeedRefusal::Signature);
    assert_eq!(desk.read(&format!("{head}."), NOW).unwrap_err(), FeedRefusal::Signature);
    for text in [head.clone(), format!("{head}.{signature}.x"), format!("{head}.{signature}="), String::new()]
    {
        assert_eq!(desk.read(&text, NOW).unwrap_err(), FeedRefusal::Malformed, "{text}");
    }
}

#[test]
fn what_is_too_large_is_refused() {
    let desk = Desk::new();
    let entries: Vec<_> = (0..=MAX_ENTRIES).map(|n| Entry::jti(n.to_string())).collect();
    let text = desk.text(7, 0, &entries);
    assert_eq!(desk.read(&text, NOW).unwrap_err(), FeedRefusal::TooMany);
    assert!(desk.read(&desk.text(7, 0, &entries[1..]), NOW).is_ok());
    let long = format!("{text}{}", "A".repeat(revocation::MAX_LENGTH));
    assert_eq!(desk.read(&long, NOW).unwrap_err(), FeedRefusal::Malformed);

    let mut held = Revocations::of(desk.feed(7, 0, &entries[1..]), NOW).unwrap();
    let one_more = desk.feed(8, 7, &[Entry::jti("one more")]);
    assert_eq!(held.apply(one_more, NOW), Err(FeedRefusal::TooMany));
    assert_eq!((held.seq(), held.len()), (7, MAX_ENTRIES), "nothing has changed");
}

#[test]
fn times_are_exact() {
    let desk = Desk::new();
    let text = desk.text(1, 0, &[]);
    for (now, result) in [
        (NOW - 31, Some(FeedRefusal::NotYet)),
        (NOW - 30, None),
        (NOW + 119, None),
        (NOW + 120, Some(FeedRefusal::Expired)),
    ] {
        assert_eq!(desk.read(&text, now).err(), result, "{now}");
    }
}

#[test]
fn members_beside_the_subject_are_ignored() {
    let desk = Desk::new();
    let entry =
        entry(&json!({"client_id": "widgetco", "reason": "keyCompromise", "aud": "https://1r.example"}));
    let feed = desk.read(&desk.signed(&header(), &entry), NOW).unwrap();
    assert_eq!(feed.entries(), [Entry::client_id("widgetco")]);
}

/// An access token that is bound to a key and to a certificate, and the key that has signed it.
fn token(iat: i64) -> (AccessToken, PublicKey) {
    let (key, public) = key("2027-01");
    let confirmation = Confirmation::key_and_certificate(
        KeyRef::new("client-key", Thumbprint::of(b"key")),
        Thumbprint::of(b"certificate"),
    );
    let claims = AccessTokenClaims {
        iss: ISSUER,
        sub: "widgetco",
        client_id: "widgetco",
        aud: &["https://1r.example"],
        exp: iat + 600,
        iat,
        nbf: iat,
        jti: "token-1",
        scope: None,
        cnf: Some(&confirmation),
        logistics_agent_uri: Some(AGENT),
        iol_identifier: Some(COMPANY),
        role: None,
        roles: &[],
        names: ClaimNames::standard(),
    };
    let text = access_token::mint(&claims, AccessTokenTyp::AtJwt, &key).unwrap();
    let token = access_token::Unverified::parse(&text)
        .unwrap()
        .verify(&IssuerRules::new(ISSUER), &public, &["https://1r.example"], iat, 30)
        .unwrap();
    (token, public)
}

#[test]
fn each_entry_finds_its_tokens_and_no_others() {
    let desk = Desk::new();
    let (token, key) = token(NOW);
    let found = |entry: Entry| {
        let held = Revocations::of(desk.feed(1, 0, &[entry]), NOW).unwrap();
        held.find(&token, &key)
    };
    let hits = [
        (Entry::jti("token-1"), RevokedBy::Jti),
        (Entry::client_id("widgetco"), RevokedBy::ClientId),
        (Entry::agent_uri(AGENT), RevokedBy::AgentUri),
        (Entry::agent_uri(COMPANY), RevokedBy::AgentUri),
        (Entry::kid("2027-01"), RevokedBy::Kid),
        (Entry::kid(key.thumbprint().to_string()), RevokedBy::Kid),
        (Entry::jkt(Thumbprint::of(b"key")), RevokedBy::Jkt),
        (Entry::certificate(Thumbprint::of(b"certificate")), RevokedBy::Certificate),
    ];
    for (entry, by) in hits {
        assert_eq!(found(entry.clone()), Some(by), "{entry:?}");
    }
    let misses = [
        Entry::jti("token-2"),
        Entry::jti("widgetco"),
        Entry::client_id("token-1"),
        Entry::client_id("Widgetco"),
        Entry::agent_uri("https://1r.widgetco.example/logistics-objects"),
        Entry::agent_uri(ISSUER),
        Entry::kid("client-key"),
        Entry::jkt(Thumbprint::of(b"certificate")),
        Entry::jkt(key.thumbprint()),
        Entry::certificate(Thumbprint::of(b"key")),
    ];
    for entry in misses {
        assert_eq!(found(entry.clone()), None, "{entry:?}");
    }
}

#[test]
fn the_second_of_the_revocation_is_in() {
    let desk = Desk::new();
    let held =
        Revocations::of(desk.feed(1, 0, &[Entry::client_id("widgetco").iat_before(NOW)]), NOW).unwrap();
    for (iat, revoked) in [(NOW - 1, true), (NOW, true), (NOW + 1, false)] {
        let (token, key) = token(iat);
        assert_eq!(held.find(&token, &key).is_some(), revoked, "{}", iat - NOW);
    }
}

#[test]
fn of_two_entries_for_one_subject_both_hold() {
    let desk = Desk::new();
    let wide = Entry::client_id("widgetco").until(NOW + 60);
    let narrow = Entry::client_id("widgetco").iat_before(NOW - 100).until(NOW + 3600);
    let (young, key) = token(NOW);
    for order in [[wide.clone(), narrow.clone()], [narrow, wide]] {
        let mut held = Revocations::of(desk.feed(1, 0, &order), NOW).unwrap();
        assert_eq!((held.len(), held.find(&young, &key)), (2, Some(RevokedBy::ClientId)));
        held.apply(desk.feed(1, 1, &[]), NOW + 90).unwrap();
        assert_eq!((held.len(), held.find(&young, &key)), (1, None), "the wide one has ended");
    }
    let later = Entry::client_id("widgetco").iat_before(NOW).until(NOW + 7200);
    let mut held = Revocations::of(
        desk.feed(1, 0, &[Entry::client_id("widgetco").iat_before(NOW - 9).until(NOW + 60)]),
        NOW,
    )
    .unwrap();
    held.apply(desk.feed(2, 1, &[later]), NOW).unwrap();
    assert_eq!(held.len(), 1, "one says all that the other says");
}

#[test]
fn changes_are_added_and_a_complete_feed_replaces() {
    let desk = Desk::new();
    let (token, key) = token(NOW);
    let mut held = Revocations::of(desk.feed(3, 0, &[Entry::jti("a")]), NOW).unwrap();
    held.apply(desk.feed(5, 3, &[Entry::jti("token-1")]), NOW).unwrap();
    assert_eq!((held.seq(), held.len(), held.find(&token, &key)), (5, 2, Some(RevokedBy::Jti)));
    held.apply(desk.feed(6, 4, &[Entry::jti("token-1"), Entry::jti("b")]), NOW).unwrap();
    assert_eq!((held.seq(), held.len()), (6, 3), "changes that overlap are known already");
    held.apply(desk.feed(7, 0, &[Entry::jti("b")]), NOW).unwrap();
    assert_eq!((held.seq(), held.len(), held.find(&token, &key)), (7, 1, None));
}

#[test]
fn rollback_fork_and_gap_change_nothing() {
    let desk = Desk::new();
    let entry = || Entry::jti("a").until(NOW + 600);
    let start = || Revocations::of(desk.feed(5, 0, &[entry()]), NOW).unwrap();
    let rows = [
        (desk.feed(4, 0, &[entry()]), FeedRefusal::Rollback),
        (desk.feed(4, 4, &[]), FeedRefusal::Rollback),
        (desk.feed(0, 0, &[]), FeedRefusal::Rollback),
        (desk.feed(7, 6, &[Entry::jti("b")]), FeedRefusal::Gap),
        (desk.feed(5, 0, &[]), FeedRefusal::Fork),
        (desk.feed(5, 0, &[Entry::jti("b")]), FeedRefusal::Fork),
        (desk.feed(5, 0, &[entry(), Entry::jti("b")]), FeedRefusal::Fork),
        (desk.feed(5, 0, &[Entry::jti("a").until(NOW + 500)]), FeedRefusal::Fork),
        (desk.feed(5, 5, &[Entry::jti("b")]), FeedRefusal::Fork),
    ];
    for (feed, refusal) in rows {
        let (mut held, what) = (start(), format!("{feed:?}"));
        assert_eq!(held.apply(feed, NOW), Err(refusal), "{what}");
        assert_eq!((held.seq(), held.len()), (5, 1), "{what}");
    }
    assert_eq!(Revocations::of(desk.feed(5, 4, &[]), NOW).unwrap_err(), FeedRefusal::Gap);
    let mut held = start();
    held.apply(desk.feed(5, 0, &[entry()]), NOW).unwrap();
    held.apply(desk.feed(5, 5, &[]), NOW).unwrap();
    assert_eq!((held.seq(), held.len()), (5, 1), "signed anew");
}

#[test]
fn what_has_ended_is_forgotten_and_makes_no_fork() {
    let desk = Desk::new();
    let entries = [Entry::jti("a").until(NOW + 10), Entry::jti("b")];
    let mut held = Revocations::of(desk.feed(5, 0, &entries), NOW).unwrap();
    assert_eq!(held.len(), 2);
    // The issuer has dropped the first one a moment before the reader's clock says so.
    held.apply(desk.feed(5, 0, &entries[1..]), NOW + 5).unwrap();
    assert_eq!(held.len(), 2);
    held.apply(desk.feed(5, 5, &[]), NOW + 39).unwrap();
    assert_eq!(held.len(), 2, "clocks may differ");
    held.apply(desk.feed(5, 5, &[]), NOW + 40).unwrap();
    assert_eq!(held.len(), 1);
    // And still has it when the reader has not.
    held.apply(desk.feed(5, 0, &entries), NOW + 40).unwrap();
    assert_eq!(held.len(), 1);
}
