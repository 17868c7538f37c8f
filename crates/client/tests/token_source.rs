//! The token source and the JSON client against a small server on loopback.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use carnet_client::{
    Algorithm, Api, ApiError, ClientAuthentication, Clock, Entropy, FetchPolicy, Method, SigningKey,
    TokenError, TokenSource, TokenSourceBuilder,
};
use http::{HeaderMap, StatusCode, Uri};
use serde_json::{Value, json};

const NOW: i64 = 1_800_000_000;

/// One request as the server saw it.
#[derive(Clone, Debug)]
struct Seen {
    path: String,
    authorization: Option<String>,
    body: String,
}

impl Seen {
    fn parameter(&self, name: &str) -> Option<String> {
        let mut all = url::form_urlencoded::parse(self.body.as_bytes()).filter(|(key, _)| key == name);
        all.next().map(|(_, value)| value.into_owned())
    }
}

type Planned = (u16, Vec<(&'static str, String)>, String);

#[derive(Clone)]
struct Server {
    issuer: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    /// Status, fields, body of the next answers of the token endpoint; `TOKEN` is replaced by a new number.
    answer: Arc<Mutex<Planned>>,
    metadata: Arc<Mutex<Option<Value>>>,
    delay: Arc<Mutex<Duration>>,
}

impl Server {
    async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self {
            issuer: format!("http://{}", listener.local_addr().unwrap()),
            seen: Arc::default(),
            answer: Arc::new(Mutex::new((200, Vec::new(), granted(600)))),
            metadata: Arc::default(),
            delay: Arc::default(),
        };
        let router = Router::new().fallback(answer).with_state(server.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        server
    }

    fn set(&self, status: u16, body: impl Into<String>) {
        *self.answer.lock().unwrap() = (status, Vec::new(), body.into());
    }

    fn asked(&self, path: &str) -> Vec<Seen> {
        self.seen.lock().unwrap().iter().filter(|seen| seen.path == path).cloned().collect()
    }

    fn source(&self, authentication: ClientAuthentication, clock: &Clock) -> TokenSourceBuilder {
        TokenSource::builder(&self.issuer, authentication)
            .allow_insecure_loopback(true)
            .clock(clock.clone())
            .entropy(Entropy::seeded(1))
    }

    fn basic(&self, clock: &Clock) -> TokenSource {
        self.source(ClientAuthentication::secret_basic("widgetco", "s3cret"), clock).build().unwrap()
    }
}

fn granted(expires_in: i64) -> String {
    json!({ "access_token": "token-TOKEN", "token_type": "Bearer", "expires_in": expires_in }).to_string()
}

fn clock() -> Clock {
    Clock::manual(NOW * 1000)
}

async fn answer(State(server): State<Server>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let number = {
        let mut seen = server.seen.lock().unwrap();
        seen.push(Seen {
            path: uri.path().to_owned(),
            authorization: headers.get("authorization").map(|value| value.to_str().unwrap().to_owned()),
            body: String::from_utf8(body.to_vec()).unwrap(),
        });
        seen.iter().filter(|seen| seen.path == "/token").count()
    };
    match uri.path() {
        "/.well-known/openid-configuration" => {
            let plain =
                json!({ "issuer": server.issuer, "token_endpoint": format!("{}/token", server.issuer) });
            axum::Json(server.metadata.lock().unwrap().clone().unwrap_or(plain)).into_response()
        }
        "/token" => {
            let delay = *server.delay.lock().unwrap();
            tokio::time::sleep(delay).await;
            let (status, fields, body) = server.answer.lock().unwrap().clone();
            let mut response = Response::builder().status(status).header("content-type", "application/json");
            for (name, value) in fields {
                response = response.header(name, value);
            }
            response.body(body.replace("TOKEN", &number.to_string()).into()).unwrap()
        }
        "/admin/v1/once" if headers["authorization"] == "Bearer token-1" => {
            StatusCode::UNAUTHORIZED.into_response()
        }
        "/admin/v1/refused" => {
            let problem = json!({
                "type": "about:blank", "title": "Conflict", "status": 409, "detail": "taken",
                "errors": [{ "field": "iol_identifier", "reason": "belongs to another participant" }],
            });
            (StatusCode::CONFLICT, axum::Json(problem)).into_response()
        }
        "/admin/v1/html" => "<html>".into_response(),
        "/admin/v1/nothing" => StatusCode::NO_CONTENT.into_response(),
        path => axum::Json(json!({ "path": path, "query": uri.query() })).into_response(),
    }
}

#[tokio::test]
async fn client_secret_basic_is_sent_in_the_header_alone() {
    let (server, clock) = (Server::start().await, clock());
    let source = server
        .source(ClientAuthentication::secret_basic("1PpG/Q 1", "z/tZ9:X2="), &clock)
        .scope("logistics_objects:read")
        .scope("logistics_objects:write")
        .resource("https://1r.example")
        .resource("https://2r.example")
        .build()
        .unwrap();
    let token = source.token().await.unwrap();
    assert_eq!((token.expose(), token.expires_at()), ("token-1", NOW + 600));
    let seen = &server.asked("/token")[0];
    assert_eq!(seen.authorization.as_deref(), Some("Basic MVBwRyUyRlErMTp6JTJGdFo5JTNBWDIlM0Q="));
    assert_eq!(
        seen.body,
        "grant_type=client_credentials&scope=logistics_objects%3Aread+logistics_objects%3Awrite\
         &resource=https%3A%2F%2F1r.example&resource=https%3A%2F%2F2r.example"
    );
}

#[tokio::test]
async fn client_secret_post_is_sent_in_the_form_alone() {
    let (server, clock) = (Server::start().await, clock());
    let authentication = ClientAuthentication::secret_post("widgetco", "s3cret/+");
    server.source(authentication, &clock).build().unwrap().token().await.unwrap();
    let seen = &server.asked("/token")[0];
    assert_eq!(seen.authorization, None);
    assert_eq!(seen.parameter("client_id").as_deref(), Some("widgetco"));
    assert_eq!(seen.parameter("client_secret").as_deref(), Some("s3cret/+"));
}

#[tokio::test]
async fn private_key_jwt_makes_a_short_assertion_for_the_issuer_alone() {
    let (server, clock) = (Server::start().await, clock());
    let authentication = ClientAuthentication::private_key_jwt("widgetco", key());
    let source = server.source(authentication, &clock).build().unwrap();
    source.token().await.unwrap();
    clock.advance(Duration::from_secs(700));
    source.token().await.unwrap();
    let seen = server.asked("/token");
    let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    assert_eq!(seen[0].parameter("client_assertion_type").as_deref(), Some(kind));
    assert_eq!(seen[0].parameter("client_secret"), None);
    let part = |assertion: &str, number: usize| -> Value {
        let bytes = carnet_token::base64url::decode(assertion.split('.').nth(number).unwrap()).unwrap();
        serde_json::from_slice(&bytes).unwrap()
    };
    let assertions: Vec<String> =
        seen.iter().map(|seen| seen.parameter("client_assertion").unwrap()).collect();
    let (header, claims) = (part(&assertions[0], 0), part(&assertions[0], 1));
    assert_eq!((&header["kid"], &header["alg"]), (&json!("widgetco-1"), &json!("ES256")));
    assert_eq!(header["typ"], "client-authentication+jwt");
    assert_eq!((&claims["iss"], &claims["sub"]), (&json!("widgetco"), &json!("widgetco")));
    assert!(claims["aud"] == json!(server.issuer) || claims["aud"] == json!([server.issuer]));
    assert!(claims["exp"].as_i64().unwrap() - NOW <= 300);
    assert_ne!(claims["jti"], part(&assertions[1], 1)["jti"], "an assertion is used once");
}

#[tokio::test]
async fn a_token_is_used_until_it_is_renewed_ahead_of_its_end() {
    let (server, clock) = (Server::start().await, clock());
    let source = server.basic(&clock);
    for _ in 0..10 {
        assert_eq!(source.token().await.unwrap().expose(), "token-1");
    }
    clock.advance(Duration::from_secs(400));
    assert_eq!(source.token().await.unwrap().expose(), "token-1");
    assert_eq!(server.asked("/token").len(), 1);
    clock.advance(Duration::from_mins(2));
    assert_eq!(source.token().await.unwrap().expose(), "token-1", "the old one while the new one is fetched");
    let renewed = tokio::time::timeout(Duration::from_secs(20), async {
        while source.token().await.unwrap().expose() != "token-2" {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    renewed.await.unwrap();
    assert_eq!(server.asked("/token").len(), 2);
    assert_eq!(server.asked("/.well-known/openid-configuration").len(), 1);
}

#[tokio::test]
async fn an_old_token_serves_while_renewal_fails() {
    let (server, clock) = (Server::start().await, clock());
    let source = server.basic(&clock);
    source.token().await.unwrap();
    server.set(500, "");
    clock.advance(Duration::from_secs(550));
    for _ in 0..5 {
        assert_eq!(source.token().await.unwrap().expose(), "token-1");
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    assert_eq!(server.asked("/token").len(), 2, "the back-off holds");
    clock.advance(Duration::from_mins(1));
    assert!(source.token().await.is_err());
}

#[tokio::test]
async fn a_hundred_callers_cost_one_request() {
    let (server, clock) = (Server::start().await, clock());
    *server.delay.lock().unwrap() = Duration::from_millis(50);
    let source = server.basic(&clock);
    let callers: Vec<_> = (0..100)
        .map(|_| {
            let source = source.clone();
            tokio::spawn(async move { source.token().await.unwrap().expose().to_owned() })
        })
        .collect();
    for caller in callers {
        assert_eq!(caller.await.unwrap(), "token-1");
    }
    assert_eq!(server.asked("/token").len(), 1);
}

#[tokio::test]
async fn a_refusal_carries_error_and_description_and_is_not_repeated_at_once() {
    let (server, clock) = (Server::start().await, clock());
    let source = server.basic(&clock);
    let body = json!({ "error": "invalid_client", "error_description": "no such\u{7} secret" }).to_string();
    *server.answer.lock().unwrap() = (401, vec![("retry-after", "7".to_owned())], body);
    let expected = TokenError::OAuth {
        status: 401,
        error: "invalid_client".to_owned(),
        description: Some("no such secret".to_owned()),
        retry_after: Some(7),
    };
    for _ in 0..20 {
        let error = source.token().await.unwrap_err();
        assert_eq!(error, expected);
        assert_eq!(error.to_string(), "invalid_client (status 401): no such secret");
    }
    assert_eq!(server.asked("/token").len(), 1);
    server.set(200, granted(600));
    clock.advance(Duration::from_secs(8));
    assert!(source.token().await.is_ok());
}

#[tokio::test]
async fn an_answer_that_is_not_rfc_6749_is_refused() {
    let (server, clock) = (Server::start().await, clock());
    for (status, body) in [
        (200, "<html>".to_owned()),
        (200, "[]".to_owned()),
        (200, "{}".to_owned()),
        (200, json!({ "access_token": "a" }).to_string()),
        (200, json!({ "access_token": "", "token_type": "Bearer" }).to_string()),
        (200, json!({ "access_token": 7, "token_type": "Bearer" }).to_string()),
        (200, json!({ "access_token": "a\r\nb: c", "token_type": "Bearer" }).to_string()),
        (200, json!({ "access_token": "a", "token_type": "Bearer", "expires_in": "600" }).to_string()),
        (200, json!({ "access_token": "a", "token_type": "Bearer", "expires_in": -1 }).to_string()),
        (200, "{\"access_token\":\"a\",\"access_token\":\"b\",\"token_type\":\"Bearer\"}".to_owned()),
        (201, granted(600)),
        (500, "oops".to_owned()),
        (400, "{}".to_owned()),
    ] {
        server.set(status, body.clone());
        let error = server.basic(&clock).token().await.unwrap_err();
        assert!(matches!(error, TokenError::Answer { .. }), "{body}: {error}");
    }
}

#[tokio::test]
async fn the_type_of_the_token_is_looked_at() {
    let (server, clock) = (Server::start().await, clock());
    for (token_type, usable) in
        [("Bearer", true), ("bearer", true), ("DPoP", false), ("PoP", false), ("mac", false)]
    {
        server.set(200, json!({ "access_token": "a", "token_type": token_type }).to_string());
        let outcome = server.basic(&clock).token().await;
        assert_eq!(outcome.is_ok(), usable, "{token_type}");
        if let Err(error) = outcome {
            assert_eq!(error, TokenError::TokenType(token_type.to_owned()));
        }
    }
}

#[tokio::test]
async fn metadata_cannot_send_the_secret_elsewhere() {
    let (server, thief, clock) = (Server::start().await, Server::start().await, clock());
    for metadata in [
        json!({ "issuer": server.issuer, "token_endpoint": format!("{}/token", thief.issuer) }),
        json!({ "issuer": server.issuer, "token_endpoint": "https://thief.example/token" }),
        json!({ "issuer": thief.issuer, "token_endpoint": format!("{}/token", server.issuer) }),
        json!({ "issuer": format!("{}/", server.issuer), "token_endpoint": format!("{}/token", server.issuer) }),
        json!({ "issuer": server.issuer }),
        json!([]),
    ] {
        *server.metadata.lock().unwrap() = Some(metadata.clone());
        let error = server.basic(&clock).token().await.unwrap_err();
        assert!(matches!(error, TokenError::Metadata(_)), "{metadata}: {error}");
    }
    assert!(server.asked("/token").is_empty() && thief.seen.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_redirect_of_the_token_endpoint_is_not_followed() {
    let (server, thief, clock) = (Server::start().await, Server::start().await, clock());
    let location = format!("{}/token", thief.issuer);
    *server.answer.lock().unwrap() = (307, vec![("location", location)], String::new());
    assert!(matches!(server.basic(&clock).token().await, Err(TokenError::Fetch(_))));
    assert!(thief.seen.lock().unwrap().is_empty());
}

#[test]
fn a_configuration_that_cannot_work_is_refused() {
    let build = |issuer: &str, authentication| TokenSource::builder(issuer, authentication).build().err();
    let basic = || ClientAuthentication::secret_basic("a", "b");
    for issuer in ["http://iap.example", "http://127.0.0.1:1", "https://10.0.0.1", "iap.example", ""] {
        assert!(build(issuer, basic()).is_some(), "{issuer}");
    }
    assert!(build("https://iap.example", basic()).is_none());
    assert!(build("https://iap.example:8443", basic()).is_none());
    assert!(build("https://iap.example", ClientAuthentication::secret_basic("", "b")).is_some());
    let long = ClientAuthentication::PrivateKeyJwt {
        client_id: "a".to_owned(),
        key: Box::new(key()),
        lifetime: 301,
    };
    assert!(build("https://iap.example", long).is_some());
}

#[tokio::test]
async fn nothing_secret_is_shown_by_debug() {
    let (server, clock) = (Server::start().await, clock());
    let source = server.basic(&clock);
    let token = source.token().await.unwrap();
    let shown = format!("{source:?} {token:?} {:?}", token.authorization().unwrap());
    assert!(!shown.contains("s3cret") && !shown.contains("token-1"), "{shown}");
}

fn api(server: &Server, clock: &Clock) -> Api {
    let base = format!("{}/admin/v1", server.issuer).parse().unwrap();
    let policy = FetchPolicy { allow_insecure_loopback: true, ..FetchPolicy::default() };
    Api::new(base, server.basic(clock), policy).unwrap()
}

#[tokio::test]
async fn the_api_shows_the_token_and_escapes_each_segment() {
    let (server, clock) = (Server::start().await, clock());
    let api = api(&server, &clock);
    let answer = api.get(&["clients", "a/../b?c"], &[("limit", "5"), ("cursor", "x&y")]).await.unwrap();
    assert_eq!(answer.body["path"], "/admin/v1/clients/a%2F..%2Fb%3Fc");
    assert_eq!(answer.body["query"], "limit=5&cursor=x%26y");
    api.post(&["participants"], &json!({ "name": "Widgetco" })).await.unwrap();
    let seen = &server.asked("/admin/v1/participants")[0];
    assert_eq!(
        (seen.authorization.as_deref(), seen.body.as_str()),
        (Some("Bearer token-1"), "{\"name\":\"Widgetco\"}")
    );
    assert_eq!(api.call(Method::DELETE, &["nothing"], &[], None).await.unwrap().body, Value::Null);
    let climbed = api.get(&["..", "."], &[]).await.unwrap();
    assert!(climbed.body["path"].as_str().unwrap().starts_with("/admin/v1/"));
}

#[tokio::test]
async fn a_401_is_tried_once_more_with_a_new_token() {
    let (server, clock) = (Server::start().await, clock());
    let api = api(&server, &clock);
    assert!(api.get(&["once"], &[]).await.is_ok());
    let shown: Vec<_> = server.asked("/admin/v1/once").into_iter().map(|seen| seen.authorization).collect();
    assert_eq!(shown, [Some("Bearer token-1".to_owned()), Some("Bearer token-2".to_owned())]);
}

#[tokio::test]
async fn a_problem_document_is_read() {
    let (server, clock) = (Server::start().await, clock());
    let api = api(&server, &clock);
    let Err(ApiError::Problem(problem)) = api.get(&["refused"], &[]).await else { unreachable!() };
    assert_eq!((problem.status, problem.to_string().as_str()), (409, "409 Conflict: taken"));
    assert_eq!(problem.errors[0].field, "iol_identifier");
    assert_eq!(api.get(&["html"], &[]).await, Err(ApiError::Answer(200)));
}

fn key() -> SigningKey {
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let der = pair.to_pkcs8v1().unwrap();
    SigningKey::from_pkcs8_der("widgetco-1", Algorithm::Es256, der.as_ref()).unwrap()
}
