//! An IAP on loopback that misbehaves on command, and a tripwire that must never be touched.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use carnet_verifier::{Clock, Entropy, IssuerPolicy, Verifier, VerifierBuilder};
use http::{HeaderMap, StatusCode, Uri};
use serde_json::{Value, json};

pub const AUDIENCE: &str = "https://1r.example";
/// Thursday noon, somewhere in 2027.
pub const NOW: i64 = 1_800_000_000;

/// An ES256 key that signs whatever bytes it is given: no honest library would write these tokens.
pub struct Signer {
    pub pair: aws_lc_rs::signature::EcdsaKeyPair,
    pub kid: String,
}

impl Signer {
    pub fn new(kid: &str) -> Self {
        use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
        Self { pair: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap(), kid: kid.to_owned() }
    }

    pub fn jwk(&self) -> Value {
        use aws_lc_rs::signature::KeyPair as _;
        let point = self.pair.public_key().as_ref();
        json!({
            "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "key_ops": ["verify"], "kid": self.kid,
            "x": b64(&point[1..33]), "y": b64(&point[33..65]),
        })
    }

    #[expect(clippy::disallowed_methods, reason = "the attacker's own randomness")]
    pub fn signature(&self, input: &str) -> Vec<u8> {
        let random = aws_lc_rs::rand::SystemRandom::new();
        self.pair.sign(&random, input.as_bytes()).unwrap().as_ref().to_vec()
    }

    pub fn sign(&self, header: impl AsRef<[u8]>, payload: impl AsRef<[u8]>) -> String {
        let input = format!("{}.{}", b64(header.as_ref()), b64(payload.as_ref()));
        let signature = b64(&self.signature(&input));
        format!("{input}.{signature}")
    }

    pub fn header(&self) -> Value {
        json!({ "alg": "ES256", "typ": "at+jwt", "kid": self.kid })
    }

    pub fn token(&self, issuer: &str) -> String {
        self.sign(self.header().to_string(), claims(issuer, NOW).to_string())
    }
}

pub fn b64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub fn claims(issuer: &str, now: i64) -> Value {
    json!({
        "iss": issuer, "sub": "widgetco", "client_id": "widgetco", "aud": [AUDIENCE],
        "exp": now + 600, "iat": now, "nbf": now - 5, "jti": "0b9e3a62", "scope": "logistics_objects:read",
        "logistics_agent_uri": "https://1r.widgetco.example/agents/1",
        "https://github.com/IATA-Cargo/ONE-Record/schema/iolIdentifier": "https://widgetco.example/1elmeeab",
        "https://github.com/IATA-Cargo/ONE-Record/schema/role": "SHP", "roles": ["SHP"],
    })
}

/// What the IAP does next.
#[derive(Clone)]
pub struct Behaviour {
    pub keys: Value,
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Option<String>,
    pub metadata: Option<Value>,
    pub delay: Duration,
    /// Send an entity tag, and 304 to whoever shows it.
    pub etag: Option<String>,
    /// What answers before everything else.
    pub more: Option<More>,
}

/// Further addresses of the IAP.
pub type More = Arc<dyn Fn(&Uri) -> Option<Response> + Send + Sync>;

#[derive(Default)]
pub struct Hits {
    pub metadata: AtomicUsize,
    pub keys: AtomicUsize,
    pub not_modified: AtomicUsize,
    pub other: AtomicUsize,
}

impl Hits {
    /// Metadata, key set, anything else.
    pub fn all(&self) -> (usize, usize, usize) {
        let read = |counter: &AtomicUsize| counter.load(Ordering::SeqCst);
        (read(&self.metadata), read(&self.keys), read(&self.other))
    }
}

pub struct Iap {
    pub issuer: String,
    pub signer: Signer,
    pub hits: Arc<Hits>,
    pub behaviour: Arc<Mutex<Behaviour>>,
}

#[derive(Clone)]
struct Shared {
    issuer: String,
    hits: Arc<Hits>,
    behaviour: Arc<Mutex<Behaviour>>,
}

impl Iap {
    pub async fn start(kid: &str) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let signer = Signer::new(kid);
        let behaviour = Arc::new(Mutex::new(Behaviour {
            keys: json!({ "keys": [signer.jwk()] }),
            status: 200,
            headers: vec![(
                "cache-control",
                "max-age=300, stale-while-revalidate=300, stale-if-error=3600".into(),
            )],
            body: None,
            metadata: None,
            delay: Duration::ZERO,
            etag: None,
            more: None,
        }));
        let hits = Arc::new(Hits::default());
        let state =
            Shared { issuer: issuer.clone(), hits: Arc::clone(&hits), behaviour: Arc::clone(&behaviour) };
        let router = Router::new().fallback(answer).with_state(state);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { issuer, signer, hits, behaviour }
    }

    pub fn set(&self, change: impl FnOnce(&mut Behaviour)) {
        change(&mut self.behaviour.lock().unwrap());
    }

    pub fn policy(&self) -> IssuerPolicy {
        IssuerPolicy::new(&self.issuer).allow_bearer(true)
    }
}

pub fn builder(clock: &Clock) -> VerifierBuilder {
    Verifier::builder(AUDIENCE).allow_insecure_loopback(true).clock(clock.clone()).entropy(Entropy::seeded(1))
}

pub fn clock() -> Clock {
    Clock::manual(NOW * 1000)
}

async fn answer(State(shared): State<Shared>, uri: Uri, headers: HeaderMap) -> Response {
    let behaviour = shared.behaviour.lock().unwrap().clone();
    if let Some(response) = behaviour.more.as_ref().and_then(|more| more(&uri)) {
        return response;
    }
    match uri.path() {
        "/.well-known/openid-configuration" => {
            shared.hits.metadata.fetch_add(1, Ordering::SeqCst);
            let plain = json!({ "issuer": shared.issuer, "jwks_uri": format!("{}/jwks", shared.issuer) });
            axum::Json(behaviour.metadata.unwrap_or(plain)).into_response()
        }
        "/jwks" => {
            shared.hits.keys.fetch_add(1, Ordering::SeqCst);
            tokio::time::sleep(behaviour.delay).await;
            let mut response = Response::builder()
                .status(behaviour.status)
                .header("content-type", "application/jwk-set+json");
            for (name, value) in behaviour.headers {
                response = response.header(name, value);
            }
            if let Some(etag) = behaviour.etag {
                response = response.header("etag", &etag);
                if headers.get("if-none-match").is_some_and(|shown| *shown == *etag) {
                    shared.hits.not_modified.fetch_add(1, Ordering::SeqCst);
                    return response
                        .status(StatusCode::NOT_MODIFIED)
                        .body(axum::body::Body::empty())
                        .unwrap();
                }
            }
            let body = behaviour.body.unwrap_or_else(|| behaviour.keys.to_string());
            response.body(body.into()).unwrap()
        }
        _ => {
            shared.hits.other.fetch_add(1, Ordering::SeqCst);
            StatusCode::NOT_FOUND.into_response()
        }
    }
}
