//! The registered keys of clients, asked of a real issuer on loopback; and a tripwire that nothing may touch.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[path = "support/iap.rs"]
mod iap;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::response::IntoResponse as _;
use carnet_verifier::testing::TestSender;
use carnet_verifier::{Clock, Entropy, IssuerPolicy, MemoryReplayStore, ProofKind, ReplayLimits, Verifier};
use http::{Request, StatusCode};
use iap::{Iap, NOW, builder, claims, clock};
use serde_json::{Value, json};

const OBJECT: &str = "https://1r.example/logistics-objects/1";

struct Stage {
    iap: Iap,
    tripwire: Iap,
    sender: TestSender,
    clock: Clock,
    verifier: Verifier,
    /// The key set that is published for the client `widgetco`; `None`: 500.
    published: Arc<Mutex<Option<Value>>>,
    asked: Arc<AtomicUsize>,
}

impl Stage {
    async fn set(policy: impl FnOnce(&Iap) -> IssuerPolicy) -> Self {
        let (iap, tripwire, clock) = (Iap::start("k1").await, Iap::start("k1").await, clock());
        let sender = TestSender::new(&clock).unwrap();
        let published =
            Arc::new(Mutex::new(Some(json!({"keys": [sender.key().public_jwk().unwrap().to_value()]}))));
        let asked = Arc::new(AtomicUsize::new(0));
        let (set, count) = (Arc::clone(&published), Arc::clone(&asked));
        iap.set(|behaviour| {
            behaviour.metadata = Some(json!({
                "issuer": iap.issuer,
                "jwks_uri": format!("{}/jwks", iap.issuer),
                "client_jwks_uri_template": format!("{}/clients/{{client_id}}/jwks", iap.issuer),
            }));
            behaviour.more = Some(Arc::new(move |uri| {
                let client = uri.path().strip_prefix("/clients/")?.strip_suffix("/jwks")?;
                count.fetch_add(1, Ordering::SeqCst);
                Some(match set.lock().unwrap().as_ref() {
                    None => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
                    Some(_) if client != "widgetco" => StatusCode::NOT_FOUND.into_response(),
                    Some(set) => {
                        ([("cache-control", "max-age=300")], axum::Json(set.clone())).into_response()
                    }
                })
            }));
        });
        let store = MemoryReplayStore::first_start(&Entropy::system(), ReplayLimits::default());
        let verifier = builder(&clock).trust(policy(&iap)).replay_store(Arc::new(store)).build().unwrap();
        Self { iap, tripwire, sender, clock, verifier, published, asked }
    }

    fn token(&self, cnf: Value, client: &str) -> String {
        let mut claims = claims(&self.iap.issuer, self.clock.now());
        claims["cnf"] = cnf;
        claims["client_id"] = client.into();
        claims["sub"] = client.into();
        self.iap.signer.sign(self.iap.signer.header().to_string(), claims.to_string())
    }

    async fn code(&self, kind: ProofKind, token: &str) -> &'static str {
        let request = Request::get(OBJECT).body(Vec::new()).unwrap();
        let request = self.sender.sign(kind, token, request, None).unwrap();
        self.judge(request).await
    }

    async fn judge(&self, request: Request<Vec<u8>>) -> &'static str {
        let (parts, _) = request.into_parts();
        self.verifier.verify(&parts).await.map_or_else(|challenge| challenge.reason().code(), |_| "accepted")
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

fn own(iap: &Iap) -> IssuerPolicy {
    iap.policy().allow_bearer(false)
}

#[tokio::test]
async fn a_key_is_asked_for_once_and_only_where_a_name_is_all_there_is() {
    let stage = Stage::set(own).await;
    let jkt = stage.sender.key().public_jwk().unwrap().thumbprint().unwrap().to_string();
    let (by_name, by_both) =
        (json!({"kid": "test-client-key"}), json!({"kid": "test-client-key", "jkt": jkt}));
    // The proof has the key and the token its thumbprint: nobody need be asked.
    for kind in [ProofKind::Shr, ProofKind::Dpop] {
        assert_eq!(stage.code(kind, &stage.token(by_both.clone(), "widgetco")).await, "accepted");
    }
    assert_eq!(stage.asked(), 0);
    for kind in [ProofKind::MessageSignature, ProofKind::Shr, ProofKind::Dpop] {
        for cnf in [&by_both, &by_name] {
            assert_eq!(
                stage.code(kind, &stage.token(cnf.clone(), "widgetco")).await,
                "accepted",
                "{kind} {cnf}"
            );
        }
    }
    assert_eq!(stage.asked(), 1);
    // A token that names nothing is nobody's, whoever shows what.
    let unbound = stage.iap.signer.token(&stage.iap.issuer);
    assert_eq!(stage.code(ProofKind::Shr, &unbound).await, "not_bound");
}

#[tokio::test]
async fn a_client_or_key_that_is_unknown_costs_one_question_in_half_a_minute() {
    let stage = Stage::set(own).await;
    for _ in 0..5 {
        let token = stage.token(json!({"kid": "test-client-key"}), "stranger");
        assert_eq!(stage.code(ProofKind::Shr, &token).await, "unknown_pop_kid");
        let token = stage.token(json!({"kid": "another"}), "widgetco");
        assert_eq!(stage.code(ProofKind::MessageSignature, &token).await, "unknown_pop_kid");
    }
    assert_eq!(stage.asked(), 2);
    // A key that was registered meanwhile is found after that time.
    let mut jwk = stage.sender.key().public_jwk().unwrap().to_value();
    jwk["kid"] = "another".into();
    *stage.published.lock().unwrap() = Some(json!({"keys": [jwk]}));
    stage.clock.advance(Duration::from_secs(31));
    let token = stage.token(json!({"kid": "another"}), "widgetco");
    assert_eq!(stage.code(ProofKind::Shr, &token).await, "accepted");
    assert_eq!(stage.asked(), 3);
}

#[tokio::test]
async fn an_issuer_that_does_not_answer_is_at_fault_and_not_the_sender() {
    let stage = Stage::set(own).await;
    *stage.published.lock().unwrap() = None;
    let token = stage.token(json!({"kid": "test-client-key"}), "widgetco");
    for _ in 0..3 {
        assert_eq!(stage.code(ProofKind::Shr, &token).await, "keys_unavailable");
    }
    assert_eq!(stage.asked(), 1);
}

#[tokio::test]
async fn somebody_elses_issuer_is_not_asked_for_its_clients() {
    let stage = Stage::set(|iap| IssuerPolicy::foreign(&iap.issuer)).await;
    let token = stage.token(json!({"kid": "test-client-key"}), "widgetco");
    assert_eq!(stage.code(ProofKind::Shr, &token).await, "unknown_pop_kid");
    assert_eq!(stage.asked(), 0);
}

#[tokio::test]
async fn no_address_in_a_token_or_proof_is_ever_asked() {
    let stage = Stage::set(own).await;
    let wire = format!("{}/keys", stage.tripwire.issuer);
    let jkt = stage.sender.key().public_jwk().unwrap().thumbprint().unwrap().to_string();
    for cnf in [
        json!({"jku": wire, "kid": "test-client-key"}),
        json!({"jku": wire, "jkt": jkt}),
        json!({"jku": wire}),
        json!({"jwk": {"kty": "EC", "x5u": wire}}),
    ] {
        let token = stage.token(cnf, "widgetco");
        for kind in [ProofKind::Shr, ProofKind::Dpop, ProofKind::MessageSignature] {
            stage.code(kind, &token).await;
        }
    }
    // In the header and the claims of a signed request, which is otherwise good.
    let key = stage.sender.key();
    let header = json!({
        "alg": "ES256", "typ": "pop", "kid": "test-client-key", "jku": wire, "x5u": wire, "x5c": ["AAAA"],
    });
    let payload = json!({
        "at": stage.token(json!({"kid": "test-client-key", "jkt": jkt}), "widgetco"), "ts": NOW, "m": "GET",
        "u": "1r.example", "p": "/logistics-objects/1", "cnf": {"jku": wire}, "jku": wire,
    });
    let proof = key.sign_compact(&header, &payload).unwrap();
    let request =
        Request::get(OBJECT).header("authorization", format!("PoP {proof}")).body(Vec::new()).unwrap();
    assert_eq!(stage.judge(request).await, "accepted", "such names are ignored, not obeyed");
    // As the address of a proof, and as an issuer.
    let elsewhere = Request::get(&wire).body(Vec::new()).unwrap();
    let token = stage.token(json!({"jkt": jkt}), "widgetco");
    for kind in [ProofKind::Shr, ProofKind::Dpop] {
        let request = stage.sender.sign(kind, &token, elsewhere.clone(), None).unwrap();
        assert_ne!(stage.judge(request).await, "accepted");
    }
    let mut foreign = claims(&stage.tripwire.issuer, NOW);
    foreign["cnf"] = json!({"jkt": jkt});
    let foreign = stage.tripwire.signer.sign(stage.tripwire.signer.header().to_string(), foreign.to_string());
    assert_eq!(stage.code(ProofKind::Shr, &foreign).await, "untrusted_issuer");
    assert_eq!(stage.tripwire.hits.all(), (0, 0, 0), "the tripwire was touched");
}

#[tokio::test]
async fn what_is_malformed_causes_no_fetch_at_all() {
    let stage = Stage::set(own).await;
    let get = |authorization: &str, dpop: &[&str]| {
        let mut request = Request::get(OBJECT).header("authorization", authorization);
        for proof in dpop {
            request = request.header("dpop", *proof);
        }
        request.body(Vec::new()).unwrap()
    };
    let huge = format!("PoP {}", "a".repeat(20_000));
    for (request, code) in [
        (get("PoP", &[]), "malformed_credentials"),
        (get("PoP a b", &[]), "malformed_credentials"),
        (get("PoP a.b.c", &[]), "malformed"),
        (get(&huge, &[]), "malformed"),
        (get("DPoP a.b.c", &[]), "proof_missing"),
        (get("DPoP a.b.c", &["a.b.c"]), "malformed"),
        (get("DPoP a.b.c", &["a.b.c", "a.b.c"]), "malformed"),
        (get("Basic YTpi", &[]), "no_credentials"),
    ] {
        assert_eq!(stage.judge(request).await, code);
    }
    assert_eq!((stage.iap.hits.all(), stage.asked()), ((0, 0, 0), 0));
}
