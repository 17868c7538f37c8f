//! The floor of `token.*`: what somebody would write in an evening who wants nothing but the answer.
//!
//! The same POST is parsed, the same credential checked, the same claims signed by the same prepared key, the same JSON
//! answered; on the same HTTP library, in the same thread. Nothing else: one route, no guard against foreign hosts and
//! headers, no bounds on connections, no audiences and scopes, no registry that changes, no log.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use ::http::{HeaderMap, StatusCode, header};
use aws_lc_rs::{constant_time, hmac};
use axum::extract::{Form, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use carnet_ambient::{Clock, Entropy};
use carnet_token::assertion::{AssertionRules, Unverified};
use carnet_token::{AccessTokenClaims, AccessTokenTyp, ClaimNames, PublicKey, SigningKey, access_token};
use serde::{Deserialize, Serialize};

use super::http::Credentials;
use super::iap::{AGENT, IDENTIFIER};
use super::measurement::Outcome;
use super::server;

const LIFETIME: i64 = 600;
const SKEW: i64 = 30;

/// What the bare endpoint knows.
pub struct Bare {
    issuer: String,
    token_endpoint: String,
    audience: String,
    key: SigningKey,
    mac_key: hmac::Key,
    secrets: HashMap<String, hmac::Tag>,
    keys: HashMap<String, PublicKey>,
    used: Mutex<HashMap<String, i64>>,
    clock: Clock,
    entropy: Entropy,
}

#[derive(Deserialize)]
struct TokenRequest {
    grant_type: String,
    client_assertion: Option<String>,
}

#[derive(Serialize)]
struct TokenResponse {
    access_token: String,
    token_type: &'static str,
    expires_in: i64,
    scope: &'static str,
}

impl Bare {
    /// An endpoint for an issuer, with a key that signs and without clients.
    pub fn new(issuer: &str, key: SigningKey) -> Self {
        let entropy = Entropy::system();
        Self {
            issuer: issuer.to_owned(),
            token_endpoint: format!("{issuer}/token"),
            audience: format!("{issuer}/record"),
            key,
            mac_key: hmac::Key::new(hmac::HMAC_SHA256, &entropy.bytes::<32>()),
            secrets: HashMap::new(),
            keys: HashMap::new(),
            used: Mutex::default(),
            clock: Clock::system(),
            entropy,
        }
    }

    pub fn with_secret(&mut self, client: &Credentials) {
        let mac = hmac::sign(&self.mac_key, client.client_secret.as_bytes());
        self.secrets.insert(client.client_id.clone(), mac);
    }

    pub fn with_key(&mut self, client_id: &str, key: PublicKey) {
        self.keys.insert(client_id.to_owned(), key);
    }

    /// Begins to answer.
    pub async fn serve(self) -> Outcome<SocketAddr> {
        server::plain(Router::new().route("/token", post(answer)).with_state(Arc::new(self))).await
    }

    fn by_secret(&self, headers: &HeaderMap) -> Option<String> {
        let basic = headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Basic ")?;
        let text = String::from_utf8(STANDARD.decode(basic).ok()?).ok()?;
        let (client_id, secret) = text.split_once(':')?;
        let mac = hmac::sign(&self.mac_key, secret.as_bytes());
        let known = self.secrets.get(client_id)?;
        constant_time::verify_slices_are_equal(mac.as_ref(), known.as_ref()).ok()?;
        Some(client_id.to_owned())
    }

    fn by_assertion(&self, assertion: &str) -> Option<String> {
        let unverified = Unverified::parse(assertion).ok()?;
        let client_id = unverified.unverified_client_id().to_owned();
        let rules = AssertionRules {
            issuer: &self.issuer,
            token_endpoint: &self.token_endpoint,
            accept_token_endpoint_aud: false,
            client_id: &client_id,
        };
        let key = self.keys.get(&client_id)?;
        let checked = unverified.verify(key, &rules, self.clock.now(), SKEW).ok()?;
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.insert(checked.replay_key, checked.keep_until).is_none().then_some(client_id)
    }

    fn mint(&self, client_id: &str) -> Option<TokenResponse> {
        let (iat, jti) = (self.clock.now(), self.entropy.uuid());
        let scope = "events:write logistics_objects:read logistics_objects:write";
        let claims = AccessTokenClaims {
            iss: &self.issuer,
            sub: client_id,
            client_id,
            aud: &[&self.audience],
            exp: iat + LIFETIME,
            iat,
            nbf: iat - 5,
            jti: &jti,
            scope: Some(scope),
            cnf: None,
            logistics_agent_uri: Some(AGENT),
            iol_identifier: Some(IDENTIFIER),
            role: Some("CAR"),
            roles: &["CAR"],
            names: ClaimNames::standard(),
        };
        let access_token = access_token::mint(&claims, AccessTokenTyp::AtJwt, &self.key).ok()?;
        Some(TokenResponse { access_token, token_type: "Bearer", expires_in: LIFETIME, scope })
    }
}

async fn answer(
    State(bare): State<Arc<Bare>>,
    headers: HeaderMap,
    Form(request): Form<TokenRequest>,
) -> Response {
    if request.grant_type != "client_credentials" {
        return StatusCode::BAD_REQUEST.into_response();
    }
    let client = match &request.client_assertion {
        Some(assertion) => bare.by_assertion(assertion),
        None => bare.by_secret(&headers),
    };
    let Some(client_id) = client else { return StatusCode::UNAUTHORIZED.into_response() };
    match bare.mint(&client_id) {
        Some(token) => Json(token).into_response(),
        None => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
