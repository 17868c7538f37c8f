//! Requests with proofs, through the axum layer: what honest clients send is served, and what was captured is worthless.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::FromRef;
use axum::routing::any;
use carnet_verifier::testing::{TestIssuer, TestSender, Thumbprint};
use carnet_verifier::{
    AuthenticateLayer, Authenticated, ClientCertificate, ClientKeySource, Clock, Entropy, IssuerPolicy,
    MemoryReplayStore, NonceKey, ProofKind, ProofKinds, ReplayLimits, RouteRules, Verifier, VerifierBuilder,
};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

const AUDIENCE: &str = "https://1r.example";
const OBJECT: &str = "https://1r.example/logistics-objects/1a8ded38?embedded=true&note=a%20b+c";
const KEY_PROOFS: [ProofKind; 3] = [ProofKind::Shr, ProofKind::Dpop, ProofKind::MessageSignature];
const WITH_BODY: [ProofKind; 2] = [ProofKind::Shr, ProofKind::MessageSignature];

#[derive(Clone)]
struct App(Verifier);

impl FromRef<App> for Verifier {
    fn from_ref(app: &App) -> Self {
        app.0.clone()
    }
}

struct Stage {
    clock: Clock,
    issuer: TestIssuer,
    sender: TestSender,
}

impl Stage {
    fn set() -> Self {
        let clock = Clock::manual(1_800_000_000_000);
        let (issuer, sender) = (TestIssuer::new(&clock).unwrap(), TestSender::new(&clock).unwrap());
        Self { clock, issuer, sender }
    }

    fn policy(&self) -> IssuerPolicy {
        let keys = HashMap::from([("test-client".to_owned(), self.sender.key_set().unwrap())]);
        self.issuer.policy().unwrap().allow_bearer(false).client_keys(ClientKeySource::Static(keys))
    }

    fn builder(&self) -> VerifierBuilder {
        let store = MemoryReplayStore::first_start(&Entropy::system(), ReplayLimits::default());
        Verifier::builder(AUDIENCE)
            .trust(self.policy())
            .clock(self.clock.clone())
            .replay_store(Arc::new(store))
    }

    fn token(&self) -> String {
        self.issuer.token(AUDIENCE).bound_to(self.sender.confirmation().unwrap()).mint().unwrap()
    }

    fn get(&self, kind: ProofKind) -> Request<Vec<u8>> {
        self.sender.sign(kind, &self.token(), Request::get(OBJECT).body(Vec::new()).unwrap(), None).unwrap()
    }

    fn post(&self, kind: ProofKind) -> Request<Vec<u8>> {
        let request = Request::post("https://1r.example/notifications")
            .header("content-type", "application/ld+json")
            .body(b"{\"@type\":\"Notification\"}".to_vec())
            .unwrap();
        self.sender.sign(kind, &self.token(), request, None).unwrap()
    }
}

/// Says back what it read, and who sent it.
async fn echo(Authenticated(identity): Authenticated, body: String) -> String {
    format!("{} {} {body}", identity.proof.name(), identity.client_id.unwrap_or_default())
}

fn app(verifier: &Verifier) -> Router {
    let nested = Router::new().route("/{*rest}", any(echo));
    Router::new()
        .nest("/nested", nested)
        .fallback(any(echo))
        .layer(AuthenticateLayer::new(verifier.clone()))
        .with_state(App(verifier.clone()))
}

/// Sends it as a server gets it: in origin form.
async fn send(verifier: &Verifier, request: &Request<Vec<u8>>) -> (StatusCode, HeaderMap, String) {
    send_to(&app(verifier), request).await
}

async fn send_to(router: &Router, request: &Request<Vec<u8>>) -> (StatusCode, HeaderMap, String) {
    let mut sent = Request::new(Body::from(request.body().clone()));
    *sent.method_mut() = request.method().clone();
    *sent.uri_mut() = request.uri().path_and_query().unwrap().as_str().parse().unwrap();
    *sent.headers_mut() = request.headers().clone();
    if let Some(certificate) = request.extensions().get::<ClientCertificate>() {
        sent.extensions_mut().insert(certificate.clone());
    }
    let response: Response<Body> = router.clone().oneshot(sent).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (parts.status, parts.headers, String::from_utf8(body.to_vec()).unwrap())
}

fn challenge(headers: &HeaderMap) -> String {
    headers["www-authenticate"].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn every_kind_of_proof_is_accepted_once() {
    let stage = Stage::set();
    let verifier = stage.builder().build().unwrap();
    for kind in KEY_PROOFS {
        let request = stage.get(kind);
        let (status, _, body) = send(&verifier, &request).await;
        assert_eq!((status, body), (StatusCode::OK, format!("{kind} test-client ")));
        let (status, headers, _) = send(&verifier, &request).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
        assert!(challenge(&headers).contains("the proof was used before"), "{headers:?}");
    }
    for kind in WITH_BODY {
        let request = stage.post(kind);
        let (status, _, body) = send(&verifier, &request).await;
        assert_eq!(
            (status, body),
            (StatusCode::OK, format!("{kind} test-client {{\"@type\":\"Notification\"}}"))
        );
        assert_eq!(send(&verifier, &request).await.0, StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test]
async fn a_body_that_was_changed_never_reaches_the_handler() {
    let stage = Stage::set();
    let verifier = stage.builder().build().unwrap();
    for kind in WITH_BODY {
        let mut request = stage.post(kind);
        *request.body_mut() = b"{}".to_vec();
        let (status, headers, _) = send(&verifier, &request).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
        assert!(challenge(&headers).contains("error=\"invalid_pop_proof\""), "{headers:?}");
        // One that was added to a request without.
        let mut request = stage.get(kind);
        *request.body_mut() = b"{}".to_vec();
        assert_eq!(send(&verifier, &request).await.0, StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test]
async fn writes_need_a_proof_of_the_body_unless_the_route_says_otherwise() {
    let stage = Stage::set();
    let verifier = stage.builder().build().unwrap();
    let request = stage.post(ProofKind::Dpop);
    let (status, headers, _) = send(&verifier, &request).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert!(challenge(&headers).contains("does not cover all"), "{headers:?}");
    let lax = AuthenticateLayer::new(verifier.clone()).route(RouteRules::new().cover_body(false));
    let router = Router::new().fallback(any(echo)).layer(lax).with_state(App(verifier.clone()));
    assert_eq!(send_to(&router, &request).await.0, StatusCode::OK, "a refused proof was not used up");
}

#[tokio::test]
async fn a_route_may_ask_for_a_kind_of_proof() {
    let stage = Stage::set();
    let verifier = stage.builder().build().unwrap();
    let kinds = ProofKinds::NONE.with(ProofKind::MessageSignature);
    let layer = AuthenticateLayer::new(verifier.clone()).route(RouteRules::new().kinds(kinds));
    let router = Router::new().fallback(any(echo)).layer(layer).with_state(App(verifier));
    assert_eq!(send_to(&router, &stage.get(ProofKind::Shr)).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(send_to(&router, &stage.get(ProofKind::MessageSignature)).await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_nested_router_sees_the_path_that_was_signed() {
    let stage = Stage::set();
    let verifier = stage.builder().build().unwrap();
    for kind in KEY_PROOFS {
        let request = Request::get("https://1r.example/nested/a%2Fb?x=1").body(Vec::new()).unwrap();
        let request = stage.sender.sign(kind, &stage.token(), request, None).unwrap();
        assert_eq!(send(&verifier, &request).await.0, StatusCode::OK, "{kind}");
    }
    // The extractor alone, within the nested router.
    let nested = Router::new().route("/{*rest}", any(echo));
    let router = Router::new().nest("/nested", nested).with_state(App(verifier));
    let request = Request::get("https://1r.example/nested/a").body(Vec::new()).unwrap();
    let request = stage.sender.sign(ProofKind::Shr, &stage.token(), request, None).unwrap();
    assert_eq!(send_to(&router, &request).await.0, StatusCode::OK);
}

#[tokio::test]
async fn without_the_layer_a_write_is_our_own_fault_and_never_let_through() {
    let stage = Stage::set();
    let verifier = stage.builder().build().unwrap();
    let router = Router::new().fallback(any(echo)).with_state(App(verifier));
    for kind in KEY_PROOFS {
        assert_eq!(send_to(&router, &stage.post(kind)).await.0, StatusCode::INTERNAL_SERVER_ERROR, "{kind}");
        assert_eq!(send_to(&router, &stage.get(kind)).await.0, StatusCode::OK, "{kind}");
    }
}

#[tokio::test]
async fn what_a_malicious_server_has_seen_is_worthless() {
    let stage = Stage::set();
    let verifier = stage.builder().build().unwrap();
    let token = stage.token();
    let bearer =
        Request::get(OBJECT).header("authorization", format!("Bearer {token}")).body(Vec::new()).unwrap();
    let (status, headers, _) = send(&verifier, &bearer).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert!(challenge(&headers).contains("error=\"invalid_token\""));
    // Under a key of its own.
    let thief = TestSender::new(&stage.clock).unwrap();
    for kind in KEY_PROOFS {
        let request = thief.sign(kind, &token, Request::get(OBJECT).body(Vec::new()).unwrap(), None).unwrap();
        assert_eq!(send(&verifier, &request).await.0, StatusCode::UNAUTHORIZED, "{kind}");
    }
    // As it was sent to the malicious server, sent on to the honest one.
    let elsewhere = OBJECT.replace("1r.example", "evil.example");
    for kind in KEY_PROOFS {
        let request = Request::get(&elsewhere).body(Vec::new()).unwrap();
        let request = stage.sender.sign(kind, &token, request, None).unwrap();
        assert_eq!(send(&verifier, &request).await.0, StatusCode::UNAUTHORIZED, "{kind}");
    }
}

#[tokio::test]
async fn a_proof_for_one_server_of_a_process_is_refused_at_its_neighbour() {
    let stage = Stage::set();
    let verifier = stage.builder().audience("https://2r.example").build().unwrap();
    let neighbour = verifier.at_origin("https://2r.example").unwrap();
    for kind in KEY_PROOFS {
        let request = stage.get(kind);
        assert_eq!(send(&neighbour, &request).await.0, StatusCode::UNAUTHORIZED, "{kind}");
        assert_eq!(send(&verifier, &request).await.0, StatusCode::OK, "{kind}");
    }
    assert!(verifier.at_origin("1r.example").is_none());
}

#[tokio::test]
async fn a_host_field_moves_no_proof() {
    let stage = Stage::set();
    let verifier = stage.builder().build().unwrap();
    for kind in KEY_PROOFS {
        let request = Request::get("https://evil.example/x").body(Vec::new()).unwrap();
        let mut request = stage.sender.sign(kind, &stage.token(), request, None).unwrap();
        for name in ["host", "x-forwarded-host", "forwarded"] {
            request.headers_mut().insert(name, "evil.example".parse().unwrap());
        }
        assert_eq!(send(&verifier, &request).await.0, StatusCode::UNAUTHORIZED, "{kind}");
    }
}

#[tokio::test]
async fn a_certificate_bound_token_is_used_over_its_connection_alone() {
    let stage = Stage::set();
    let verifier = stage.builder().build().unwrap();
    let certificate = b"the certificate in DER".to_vec();
    let bound = carnet_token::Confirmation::certificate(Thumbprint::of(&certificate));
    let token = stage.issuer.token(AUDIENCE).bound_to(bound).mint().unwrap();
    let with = |certificate: Option<ClientCertificate>| {
        let mut request =
            Request::get(OBJECT).header("authorization", format!("Bearer {token}")).body(Vec::new()).unwrap();
        certificate.map(|certificate| request.extensions_mut().insert(certificate));
        request
    };
    let (status, _, body) =
        send(&verifier, &with(Some(ClientCertificate::Presented(certificate.clone())))).await;
    assert_eq!((status, body.as_str()), (StatusCode::OK, "mtls test-client "));
    for other in
        [None, Some(ClientCertificate::Untrusted), Some(ClientCertificate::Presented(b"other".to_vec()))]
    {
        let (status, headers, _) = send(&verifier, &with(other)).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
        assert!(challenge(&headers).contains("error=\"invalid_token\""));
    }
}

#[tokio::test]
async fn after_a_start_nonces_are_asked_for_until_it_is_known_what_was_used() {
    let stage = Stage::set();
    let used_before = stage.get(ProofKind::Dpop);
    // The same server before its start.
    assert_eq!(send(&stage.builder().build().unwrap(), &used_before).await.0, StatusCode::OK);
    let verifier =
        Verifier::builder(AUDIENCE).trust(stage.policy()).clock(stage.clock.clone()).build().unwrap();
    for (kind, error) in [(ProofKind::Dpop, "use_dpop_nonce"), (ProofKind::Shr, "use_pop_nonce")] {
        let (status, headers, _) = send(&verifier, &stage.get(kind)).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
        assert!(challenge(&headers).contains(&format!("error=\"{error}\"")), "{headers:?}");
        let nonce = headers["dpop-nonce"].to_str().unwrap().to_owned();
        let request = Request::get(OBJECT).body(Vec::new()).unwrap();
        let request = stage.sender.sign(kind, &stage.token(), request, Some(&nonce)).unwrap();
        assert_eq!(send(&verifier, &request).await.0, StatusCode::OK);
        assert_eq!(send(&verifier, &request).await.0, StatusCode::UNAUTHORIZED, "once");
    }
    assert_eq!(send(&verifier, &used_before).await.0, StatusCode::UNAUTHORIZED);
    let (status, headers, _) = send(&verifier, &stage.get(ProofKind::MessageSignature)).await;
    assert_eq!((status, headers["retry-after"].to_str().unwrap()), (StatusCode::SERVICE_UNAVAILABLE, "31"));
    stage.clock.advance(Duration::from_secs(31));
    // What was used before is still within its window, and refused.
    let (status, headers, _) = send(&verifier, &used_before).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert!(challenge(&headers).contains("made before this server started"), "{headers:?}");
    for kind in KEY_PROOFS {
        assert_eq!(send(&verifier, &stage.get(kind)).await.0, StatusCode::OK, "{kind}");
    }
}

#[tokio::test]
async fn required_nonces_are_handed_out_ahead_and_belong_to_their_server() {
    let stage = Stage::set();
    let one = stage.builder().require_nonces(true).build().unwrap();
    let other = stage.builder().require_nonces(true).build().unwrap();
    let with = |nonce: &str| {
        let request = Request::get(OBJECT).body(Vec::new()).unwrap();
        stage.sender.sign(ProofKind::Dpop, &stage.token(), request, Some(nonce)).unwrap()
    };
    let (status, headers, _) = send(&one, &stage.get(ProofKind::Dpop)).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    let nonce = headers["dpop-nonce"].to_str().unwrap().to_owned();
    assert_eq!(send(&other, &with(&nonce)).await.0, StatusCode::UNAUTHORIZED, "of another node");
    let (status, headers, _) = send(&one, &with(&nonce)).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(headers["dpop-nonce"], nonce, "the next one, here the same");
    stage.clock.advance(Duration::from_mins(1));
    let (_, headers, _) = send(&one, &with(&nonce)).await;
    assert_ne!(headers["dpop-nonce"], nonce);
    // Nodes that share key and store share nonces.
    let shared = NonceKey::new(&[7; 32], *b"cluster1");
    let node = stage.builder().require_nonces(true).nonce_key(shared.clone()).build().unwrap();
    let another = stage.builder().require_nonces(true).nonce_key(shared).build().unwrap();
    assert_eq!(send(&node, &with(&another.nonce())).await.0, StatusCode::OK);
}

#[tokio::test]
async fn nodes_with_one_store_accept_a_proof_once_between_them() {
    let stage = Stage::set();
    let store = Arc::new(MemoryReplayStore::first_start(&Entropy::system(), ReplayLimits::default()));
    let node = || stage.builder().replay_store(Arc::clone(&store) as _).build().unwrap();
    let (one, other) = (node(), node());
    for kind in KEY_PROOFS {
        let request = stage.get(kind);
        let (first, second) = tokio::join!(send(&one, &request), send(&other, &request));
        let mut answers = [first.0.as_u16(), second.0.as_u16()];
        answers.sort_unstable();
        assert_eq!(answers, [200, 401], "{kind}");
    }
}

#[tokio::test]
async fn a_clock_that_was_set_back_brings_no_proof_back_to_life() {
    let stage = Stage::set();
    let verifier = stage.builder().build().unwrap();
    let requests = KEY_PROOFS.map(|kind| stage.get(kind));
    for request in &requests {
        assert_eq!(send(&verifier, request).await.0, StatusCode::OK);
    }
    let start = stage.clock.now_millis();
    // Long enough for the store to forget them, which it does when the next one comes.
    stage.clock.advance(Duration::from_mins(30));
    assert_eq!(send(&verifier, &stage.get(ProofKind::Shr)).await.0, StatusCode::OK);
    stage.clock.set_millis(start);
    for request in &requests {
        assert_eq!(send(&verifier, request).await.0, StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test]
async fn a_full_store_refuses_with_a_time_to_come_back() {
    let stage = Stage::set();
    let limits = ReplayLimits { capacity: 100, ..ReplayLimits::default() };
    let store = MemoryReplayStore::first_start(&Entropy::system(), limits);
    let verifier = stage.builder().replay_store(Arc::new(store)).build().unwrap();
    for _ in 0..5 {
        assert_eq!(send(&verifier, &stage.get(ProofKind::Shr)).await.0, StatusCode::OK);
    }
    let (status, headers, _) = send(&verifier, &stage.get(ProofKind::Shr)).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(headers.contains_key("retry-after") && !headers.contains_key("www-authenticate"));
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_not_read_to_its_end() {
    let stage = Stage::set();
    let verifier = stage.builder().build().unwrap();
    let layer = AuthenticateLayer::new(verifier.clone()).route(RouteRules::new().body_limit(10));
    let router = Router::new().fallback(any(echo)).layer(layer).with_state(App(verifier));
    for kind in WITH_BODY {
        assert_eq!(send_to(&router, &stage.post(kind)).await.0, StatusCode::PAYLOAD_TOO_LARGE, "{kind}");
    }
}

#[tokio::test]
async fn a_stranger_makes_the_server_read_nothing() {
    let stage = Stage::set();
    let verifier = stage.builder().build().unwrap();
    let honest = stage.post(ProofKind::Shr);
    let expired = stage.issuer.token(AUDIENCE).age(700).mint().unwrap();
    for authorization in ["Bearer a.b.c", "PoP a.b.c", &format!("PoP {expired}")] {
        let mut request = Request::post("/notifications").body(untouchable()).unwrap();
        *request.headers_mut() = honest.headers().clone();
        request.headers_mut().insert("authorization", authorization.parse().unwrap());
        let response = app(&verifier).oneshot(request).await.unwrap();
        assert!(response.status().is_client_error());
    }
}

/// A body that nobody may poll.
fn untouchable() -> Body {
    Body::from_stream(futures_util::stream::poll_fn(
        |_| -> std::task::Poll<Option<Result<axum::body::Bytes, std::io::Error>>> {
            unreachable!("the body of a stranger was read")
        },
    ))
}

#[tokio::test]
async fn a_key_that_only_has_a_name_is_looked_up_by_issuer_and_client() {
    let stage = Stage::set();
    let verifier = stage.builder().build().unwrap();
    let by_name = carnet_token::Confirmation::key(carnet_token::KeyRef::from_kid(stage.sender.key().kid()));
    let token = |client: &str| {
        stage.issuer.token(AUDIENCE).client_id(client).bound_to(by_name.clone()).mint().unwrap()
    };
    for kind in KEY_PROOFS {
        for (client, expected) in
            [("test-client", StatusCode::OK), ("other-client", StatusCode::UNAUTHORIZED)]
        {
            let request = Request::get(OBJECT).body(Vec::new()).unwrap();
            let request = stage.sender.sign(kind, &token(client), request, None).unwrap();
            assert_eq!(send(&verifier, &request).await.0, expected, "{kind} {client}");
        }
    }
}

#[tokio::test]
async fn the_rules_are_those_of_the_issuer_whose_token_it_is() {
    // liboauth2 before 2.4.0 applied those of the first one that was configured.
    let stage = Stage::set();
    let lax = TestIssuer::named("https://lax.invalid", &stage.clock).unwrap();
    let verifier = stage.builder().trust(lax.policy().unwrap().allow_bearer(true)).build().unwrap();
    let bearer = |token: String| {
        Request::get(OBJECT).header("authorization", format!("Bearer {token}")).body(Vec::new()).unwrap()
    };
    assert_eq!(send(&verifier, &bearer(lax.token(AUDIENCE).mint().unwrap())).await.0, StatusCode::OK);
    let (status, ..) = send(&verifier, &bearer(stage.issuer.token(AUDIENCE).mint().unwrap())).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn metadata_says_what_is_spoken() {
    let stage = Stage::set();
    let verifier = stage.builder().build().unwrap();
    let document = verifier.resource_metadata(AUDIENCE, &["logistics_objects:read"]);
    assert_eq!(document["resource"], AUDIENCE);
    assert_eq!(document["authorization_servers"], serde_json::json!(["https://iap.invalid"]));
    assert_eq!(document["pop_methods_supported"], serde_json::json!(["shr", "dpop", "mtls", "httpsig"]));
    assert_eq!(document["pop_required"], true);
    assert_eq!(document["tls_client_certificate_bound_access_tokens"], true);
    let lax = Verifier::builder(AUDIENCE).trust(stage.policy().proofs(ProofKinds::NONE).allow_bearer(true));
    let document = lax.build().unwrap().resource_metadata(AUDIENCE, &[]);
    assert_eq!(document["pop_required"], false);
    assert!(document.get("dpop_signing_alg_values_supported").is_none());
    assert!(document.get("scopes_supported").is_none());
}

#[test]
fn an_audience_that_is_no_address_needs_one() {
    let stage = Stage::set();
    let built = Verifier::builder("urn:example:1r").trust(stage.policy()).build();
    assert!(built.unwrap_err().to_string().contains("origin()"));
    assert!(
        Verifier::builder("urn:example:1r")
            .origin("https://1r.example")
            .trust(stage.policy())
            .build()
            .is_ok()
    );
    assert!(Verifier::builder(AUDIENCE).origin("1r.example").trust(stage.policy()).build().is_err());
}

#[test]
fn nonces_that_outlive_a_start_need_a_store_that_does() {
    let stage = Stage::set();
    let key = NonceKey::new(&[7; 32], *b"cluster1");
    let built = Verifier::builder(AUDIENCE).trust(stage.policy()).nonce_key(key.clone()).build();
    assert!(built.unwrap_err().to_string().contains("replay_store()"));
    assert!(stage.builder().nonce_key(key).build().is_ok());
}

#[tokio::test]
async fn a_query_has_a_body_that_the_head_does_not_show() {
    let stage = Stage::set();
    let verifier = stage.builder().build().unwrap();
    let request = Request::builder().method("QUERY").uri(OBJECT).body(Vec::new()).unwrap();
    let (parts, _) = stage.sender.sign(ProofKind::Shr, &stage.token(), request, None).unwrap().into_parts();
    assert_eq!(verifier.verify(&parts).await.unwrap_err().reason().code(), "body_unread");
}
