//! A server for two companies, tokens for three.

use axum::body::Body;
use carnet_ambient::{Clock, Entropy};
use carnet_db::testing::TestDatabase;
use carnet_record::{Company, Config, Server};
use carnet_verifier::IssuerPolicy;
use carnet_verifier::testing::{TestIssuer, TestToken};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

pub const BASE: &str = "https://one.example";
pub const AIRLINE: &str = "https://one.example/airline";
pub const FORWARDER: &str = "https://forwarder.example/id";
/// A company that keeps nothing on this server.
pub const HANDLER: &str = "https://handler.example/gha";
pub const JSON: &str = "application/ld+json";
pub const TURTLE: &str = "text/turtle";
pub const READ_WRITE: &str = "logistics_objects:read logistics_objects:write";

pub struct World {
    pub clock: Clock,
    pub issuer: TestIssuer,
    pub server: Server,
    pub router: axum::Router,
    database: TestDatabase,
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl World {
    pub async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub async fn with(change: impl FnOnce(&mut Config)) -> Self {
        Self::trusting(|issuer| issuer.policy().unwrap(), change).await
    }

    /// The issuer has a revocation feed; `tell` hands it in.
    pub async fn with_feed(change: impl FnOnce(&mut Config)) -> Self {
        Self::trusting(|issuer| issuer.policy_with_feed().unwrap(), change).await
    }

    pub async fn trusting(
        policy: impl FnOnce(&TestIssuer) -> IssuerPolicy,
        change: impl FnOnce(&mut Config),
    ) -> Self {
        // Without a global subscriber, a log line that another test reaches first may be switched off for all
        // threads, and a test that reads its log would miss it.
        let _ = tracing::subscriber::set_global_default(tracing_subscriber::registry());
        let clock = Clock::manual(1_800_000_000_000);
        let issuer = TestIssuer::new(&clock).unwrap();
        let mut config = Config::new(BASE.parse().unwrap(), issuer.issuer(), BASE);
        config.companies = vec![
            Company { path: "airline".to_owned(), identifier: None },
            Company { path: "forwarder".to_owned(), identifier: Some(FORWARDER.to_owned()) },
        ];
        change(&mut config);
        let database = TestDatabase::create().await;
        let server = Server::open_with(
            config,
            policy(&issuer),
            database.connect().await,
            clock.clone(),
            Entropy::seeded(42),
        )
        .await
        .unwrap();
        Self { clock, issuer, router: server.router(), server, database }
    }

    /// Another connection to its database.
    pub async fn database(&self) -> carnet_db::Database {
        self.database.connect().await
    }

    /// Hands the issuer's revocation feed in.
    pub fn tell(&self) {
        let feed = self.issuer.feed().unwrap();
        self.server.verifier().take_feed(self.issuer.issuer(), &feed).unwrap();
    }

    pub fn token(&self, company: &str) -> TestToken<'_> {
        self.issuer.token(BASE).iol_identifier(company).scope(READ_WRITE)
    }

    pub fn request(&self, method: &str, uri: &str) -> Call<'_> {
        Call { world: self, builder: Request::builder().method(method).uri(uri), body: Body::empty() }
    }

    pub fn get<'a>(&'a self, uri: &str, company: &str) -> Call<'a> {
        self.request("GET", uri).company(company)
    }

    pub fn post<'a>(&'a self, uri: &str, company: &str, media: &str, body: impl Into<Body>) -> Call<'a> {
        self.request("POST", uri).company(company).header("content-type", media).body(body)
    }

    /// Makes an air waybill at `{AIRLINE}/{id}` that names the forwarder.
    pub async fn waybill(&self, id: &str) -> String {
        let answer = self.post(&format!("/airline/{id}"), AIRLINE, JSON, waybill().to_string()).send().await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
        answer.location()
    }
}

/// An air waybill of the airline with a piece inside, for the forwarder.
pub fn waybill() -> Value {
    json!({
        "@context": {"@vocab": "http://onerecord.iata.org/"},
        "@type": "AirWaybill",
        "airlinePrefix": "020",
        "airWaybillNumber": "12345675",
        "pieceCount": 2,
        "forwarder": {"@id": FORWARDER},
        "weight": {"@type": "Value", "unit": "KGM", "value": {"@value": "20.50", "@type": "http://www.w3.org/2001/XMLSchema#decimal"}},
    })
}

pub struct Call<'a> {
    world: &'a World,
    builder: http::request::Builder,
    body: Body,
}

impl Call<'_> {
    pub fn company(self, company: &str) -> Self {
        let token = self.world.token(company).mint().unwrap();
        self.bearer(&token)
    }

    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.builder = self.builder.header(name, value);
        self
    }

    pub fn body(mut self, body: impl Into<Body>) -> Self {
        self.body = body.into();
        self
    }

    pub async fn send(self) -> Answer {
        let request = self.builder.body(self.body).unwrap();
        let response = self.world.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        Answer { status: parts.status, headers: parts.headers, body }
    }
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn location(&self) -> String {
        self.header("location").to_owned()
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// Checks that this is an error of the error model, and gives its reason code back.
    pub fn problem(&self, status: u16) -> String {
        assert_eq!(self.status.as_u16(), status, "{}", self.text());
        assert_eq!(self.header("content-type"), JSON);
        let body = self.json();
        assert_eq!(body["@context"], json!({"@vocab": "http://onerecord.iata.org/"}));
        assert_eq!(body["@type"], "Error");
        let id = body["@id"].as_str().unwrap();
        assert!(id.starts_with("urn:uuid:") && id.len() == 45, "{id}");
        assert!(body["title"].as_str().is_some_and(|title| !title.is_empty()));
        body["details"][0]["code"].as_str().unwrap_or_default().to_owned()
    }
}
