//! Requests with bound tokens: a real verifier on loopback, a token endpoint beside it, and servers that misbehave.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, post};
use carnet_client::{
    ClientAuthentication, Clock, FetchPolicy, HeaderMap, Method, ProofKind, Resource, ResourceError,
    SigningKey, StatusCode, TokenError, TokenSource, Url,
};
use carnet_verifier::testing::{TestIssuer, TestSender};
use carnet_verifier::{
    AuthenticateLayer, Authenticated, ClientKeySource, Entropy, MemoryReplayStore, ReplayLimits, Verifier,
};

const KINDS: [ProofKind; 3] = [ProofKind::Shr, ProofKind::Dpop, ProofKind::MessageSignature];

/// An answer of a server that misbehaves.
type Instead = Option<fn() -> Response>;

/// Where requests are seen, and what is answered instead if it is set.
#[derive(Clone)]
struct Seen {
    authorizations: Arc<Mutex<Vec<String>>>,
    instead: Arc<Mutex<Instead>>,
}

struct Stage {
    issuer: Arc<TestIssuer>,
    sender: TestSender,
    base: Url,
    seen: Seen,
    /// `token_type` of the token endpoint's answers, if not the right one.
    token_type: Arc<Mutex<Option<&'static str>>>,
}

#[derive(Clone)]
struct TokenEndpoint {
    issuer: Arc<TestIssuer>,
    cnf: carnet_token::Confirmation,
    audience: String,
    token_type: Arc<Mutex<Option<&'static str>>>,
}

async fn token(State(state): State<TokenEndpoint>, headers: HeaderMap, form: String) -> Response {
    let asked = if headers.contains_key("dpop") {
        "DPoP"
    } else if form.contains("token_type=pop") && form.contains("req_cnf=") {
        "PoP"
    } else {
        "Bearer"
    };
    let token_type = state.token_type.lock().unwrap().unwrap_or(asked);
    let token = state.issuer.token(&state.audience).bound_to(state.cnf.clone()).mint().unwrap();
    axum::Json(serde_json::json!({"access_token": token, "token_type": token_type, "expires_in": 600}))
        .into_response()
}

async fn watch(State(seen): State<Seen>, request: Request, next: axum::middleware::Next) -> Response {
    for value in request.headers().get_all("authorization") {
        seen.authorizations.lock().unwrap().push(value.to_str().unwrap().to_owned());
    }
    let instead = *seen.instead.lock().unwrap();
    match instead {
        Some(answer) => answer(),
        None => next.run(request).await,
    }
}

async fn echo(Authenticated(identity): Authenticated, body: String) -> String {
    format!("{} {body}", identity.proof.name())
}

impl Stage {
    /// `nonces`: the server has just started and asks for them.
    async fn set(nonces: bool) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base: Url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let audience = base.as_str().trim_end_matches('/').to_owned();
        let clock = Clock::system();
        let (issuer, sender) = (Arc::new(TestIssuer::new(&clock).unwrap()), TestSender::new(&clock).unwrap());
        let keys = HashMap::from([("test-client".to_owned(), sender.key_set().unwrap())]);
        let policy = issuer.policy().unwrap().allow_bearer(true).client_keys(ClientKeySource::Static(keys));
        let mut builder = Verifier::builder(&audience).trust(policy);
        if !nonces {
            let store = MemoryReplayStore::first_start(&Entropy::system(), ReplayLimits::default());
            builder = builder.replay_store(Arc::new(store));
        }
        let verifier = builder.build().unwrap();
        let seen = Seen { authorizations: Arc::default(), instead: Arc::default() };
        let token_type = Arc::new(Mutex::new(None));
        let endpoint = TokenEndpoint {
            issuer: Arc::clone(&issuer),
            cnf: sender.confirmation().unwrap(),
            audience,
            token_type: Arc::clone(&token_type),
        };
        let resource = Router::new()
            .fallback(any(echo))
            .layer(AuthenticateLayer::new(verifier.clone()))
            .layer(axum::middleware::from_fn_with_state(seen.clone(), watch))
            .with_state(verifier);
        let router = Router::new().route("/token", post(token)).with_state(endpoint).merge(resource);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { issuer, sender, base, seen, token_type }
    }

    fn source(&self, kind: Option<ProofKind>, clock: Clock) -> TokenSource {
        let mut builder = TokenSource::builder(
            self.issuer.issuer(),
            ClientAuthentication::secret_basic("test-client", "s"),
        )
        .token_endpoint(self.base.join("/token").unwrap())
        .allow_insecure_loopback(true)
        .clock(clock);
        if let Some(kind) = kind {
            builder = builder.bound_to(self.sender.key().clone(), kind);
        }
        builder.build().unwrap()
    }

    fn resource(&self, kind: Option<ProofKind>, clock: Clock) -> Resource {
        let policy = FetchPolicy { allow_insecure_loopback: true, ..FetchPolicy::default() };
        Resource::new(self.source(kind, clock), policy).unwrap()
    }

    fn url(&self) -> Url {
        self.base.join("/logistics-objects/a%2Fb?note=a%20b+c&flag").unwrap()
    }

    fn sent(&self) -> usize {
        self.seen.authorizations.lock().unwrap().len()
    }
}

fn typed() -> HeaderMap {
    HeaderMap::from_iter([(http::header::CONTENT_TYPE, "application/ld+json".parse().unwrap())])
}

#[tokio::test]
async fn each_kind_of_proof_is_made_for_each_request() {
    let stage = Stage::set(false).await;
    for kind in KINDS {
        let resource = stage.resource(Some(kind), Clock::system());
        for _ in 0..2 {
            let answer = resource.send(&Method::GET, &stage.url(), &HeaderMap::new(), "").await.unwrap();
            assert_eq!((answer.status, &answer.body[..]), (StatusCode::OK, format!("{kind} ").as_bytes()));
        }
        let answer = resource.send(&Method::POST, &stage.url(), &typed(), "{\"@type\":1}").await.unwrap();
        let kinds = if kind == ProofKind::Dpop { "dpop+httpsig".to_owned() } else { kind.to_string() };
        assert_eq!(
            (answer.status, &answer.body[..]),
            (StatusCode::OK, format!("{kinds} {{\"@type\":1}}").as_bytes())
        );
    }
    assert_eq!(stage.sent(), 9, "nothing was sent twice");
}

#[tokio::test]
async fn a_nonce_that_is_asked_for_is_answered_once_and_kept() {
    let stage = Stage::set(true).await;
    for kind in [ProofKind::Shr, ProofKind::Dpop] {
        let resource = stage.resource(Some(kind), Clock::system());
        let before = stage.sent();
        for requests in [2, 3] {
            let answer = resource.send(&Method::GET, &stage.url(), &HeaderMap::new(), "").await.unwrap();
            assert_eq!((answer.status, stage.sent() - before), (StatusCode::OK, requests), "{kind}");
        }
    }
}

#[tokio::test]
async fn a_server_that_is_never_content_is_left_after_one_retry() {
    let stage = Stage::set(false).await;
    *stage.seen.instead.lock().unwrap() = Some(|| {
        let challenge = "DPoP error=\"use_dpop_nonce\"";
        (StatusCode::UNAUTHORIZED, [("www-authenticate", challenge), ("dpop-nonce", "another")])
            .into_response()
    });
    let resource = stage.resource(Some(ProofKind::Dpop), Clock::system());
    let answer = resource.send(&Method::GET, &stage.url(), &HeaderMap::new(), "").await.unwrap();
    assert_eq!((answer.status, stage.sent()), (StatusCode::UNAUTHORIZED, 2));
}

#[tokio::test]
async fn rule_8_a_bound_token_is_never_sent_as_a_bearer_token_whatever_the_server_says() {
    let stage = Stage::set(false).await;
    *stage.seen.instead.lock().unwrap() = Some(|| {
        let challenge = "Bearer realm=\"only bearer here\", error=\"invalid_token\"";
        (StatusCode::UNAUTHORIZED, [("www-authenticate", challenge)]).into_response()
    });
    for kind in KINDS {
        let resource = stage.resource(Some(kind), Clock::system());
        // Not even if the caller insists.
        let own = HeaderMap::from_iter([(http::header::AUTHORIZATION, "Bearer mine".parse().unwrap())]);
        let answer = resource.send(&Method::GET, &stage.url(), &own, "").await.unwrap();
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        let token = stage.source(Some(kind), Clock::system()).token().await.unwrap();
        assert!(token.is_bound() && token.authorization().is_none());
    }
    let sent = stage.seen.authorizations.lock().unwrap().clone();
    assert_eq!(sent.len(), 6, "once more with a new token, each");
    assert!(sent.iter().all(|value| !value.starts_with("Bearer")), "{sent:?}");
}

#[tokio::test]
async fn a_token_of_another_type_than_was_asked_for_is_no_token() {
    let stage = Stage::set(false).await;
    for (kind, given) in [
        (Some(ProofKind::Dpop), "Bearer"),
        (Some(ProofKind::Shr), "Bearer"),
        (Some(ProofKind::Shr), "DPoP"),
        (Some(ProofKind::Dpop), "PoP"),
        (None, "DPoP"),
    ] {
        *stage.token_type.lock().unwrap() = Some(given);
        let error = stage.source(kind, Clock::system()).token().await.unwrap_err();
        assert_eq!(error, TokenError::TokenType(given.to_owned()), "{kind:?}");
    }
}

#[tokio::test]
async fn a_clock_that_is_wrong_is_corrected_by_the_servers() {
    let stage = Stage::set(false).await;
    for kind in KINDS {
        let resource = stage.resource(Some(kind), Clock::system_off_by(-120_000));
        let before = stage.sent();
        for requests in [2, 3] {
            let answer = resource.send(&Method::GET, &stage.url(), &HeaderMap::new(), "").await.unwrap();
            assert_eq!((answer.status, stage.sent() - before), (StatusCode::OK, requests), "{kind}");
        }
    }
}

#[tokio::test]
async fn what_cannot_be_signed_is_not_sent() {
    let stage = Stage::set(false).await;
    let resource = stage.resource(Some(ProofKind::Shr), Clock::system());
    let twice = stage.base.join("/x?a=1&a=2").unwrap();
    for (url, body) in [(twice, ""), (stage.url(), "a body without a type")] {
        let error = resource.send(&Method::POST, &url, &HeaderMap::new(), body).await.unwrap_err();
        assert!(matches!(error, ResourceError::Token(TokenError::Proof(_))), "{error}");
    }
    assert_eq!(stage.sent(), 0);
}

#[tokio::test]
async fn without_a_key_tokens_are_bearer_tokens_as_ever() {
    let stage = Stage::set(false).await;
    let resource = stage.resource(None, Clock::system());
    // This one is bound all the same, and the server refuses it.
    let answer = resource.send(&Method::GET, &stage.url(), &HeaderMap::new(), "").await.unwrap();
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert!(stage.seen.authorizations.lock().unwrap().iter().all(|value| value.starts_with("Bearer ")));
}

#[test]
fn a_binding_that_could_prove_nothing_is_refused_at_once() {
    let clock = Clock::system();
    let sender = TestSender::new(&clock).unwrap();
    let build = |key: SigningKey, kind| {
        TokenSource::builder("https://iap.example", ClientAuthentication::secret_basic("c", "s"))
            .bound_to(key, kind)
            .build()
    };
    assert!(build(sender.key().clone(), ProofKind::Mtls).is_err());
    assert!(build(sender.key().clone(), ProofKind::Dpop).is_ok());
}
