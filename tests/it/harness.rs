use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use carnet::app::{App, Start};
use carnet::config::{Config, RawConfig};
use carnet::data_dir::Credentials;
use carnet::{oauth, operations, router};
use carnet_ambient::{Clock, Entropy};
use carnet_db::testing::TestDatabase;
use carnet_testkit::{Answer, form, send};
use http::Request;
use serde_json::{Value, json};

/// Where the test clock stands at first: 2027-01-15T08:00:00Z.
pub const NOW: i64 = 1_800_000_000;
/// The issuer of the installations under test.
pub const ISSUER: &str = "https://iap.example";
/// The audience that a new client has.
pub const DEFAULT_AUDIENCE: &str = "https://iap.example/record";

/// Where requests to the public listener come from unless a test says otherwise.
pub const PEER: &str = "192.0.2.1";

/// An identity provider of one test.
pub struct TestIap {
    pub app: App,
    pub clock: Clock,
    pub start: Start,
    pub oauth: oauth::State,
    public: Router,
    administration: Router,
    database: Arc<TestDatabase>,
    folder: Arc<tempfile::TempDir>,
}

/// A client as its registration answered.
#[derive(Debug, Clone)]
pub struct Registered {
    pub participant_id: String,
    pub client_id: String,
    pub client_secret: String,
}

impl TestIap {
    /// A fresh installation.
    pub async fn start() -> Self {
        Self::start_with("").await
    }

    /// A fresh installation with further configuration (TOML, beginning with a section).
    pub async fn start_with(toml: &str) -> Self {
        let database = Arc::new(TestDatabase::create().await);
        let folder = Arc::new(tempfile::tempdir().unwrap());
        Self::open(toml, database, folder, Clock::manual(NOW * 1000), 1).await
    }

    /// The same installation started again: same folder, same database, same clock.
    pub async fn restart(self) -> Self {
        self.restart_with("").await
    }

    /// The same with other further configuration.
    pub async fn restart_with(self, toml: &str) -> Self {
        let Self { app, clock, database, folder, oauth, .. } = self;
        oauth.save().await.unwrap();
        app.database.close().await;
        drop((app, oauth));
        Self::open(toml, database, folder, clock, 2).await
    }

    /// An installation in this place, made if it is not there.
    pub async fn open(
        toml: &str,
        database: Arc<TestDatabase>,
        folder: Arc<tempfile::TempDir>,
        clock: Clock,
        seed: u64,
    ) -> Self {
        // Without a global subscriber, a log line that another test reaches first may be switched off for all
        // threads, and a test that reads its log would miss it.
        let _ = tracing::subscriber::set_global_default(tracing_subscriber::registry());
        let mut raw = RawConfig::parse(Some(toml), []).unwrap();
        raw.server.issuer.get_or_insert_with(|| ISSUER.to_owned());
        raw.server.data_dir = Some(folder.path().join("data"));
        // Two of the four: an RSA key takes a while to make, and most tests need none for PS256.
        raw.keys.algorithms.get_or_insert_with(|| vec!["RS256".to_owned(), "ES256".to_owned()]);
        let mut config = Config::try_from(raw).unwrap();
        config.set_database(database.url().clone());
        let (app, start) = App::open(config, clock.clone(), Entropy::seeded(seed)).await.unwrap();
        let oauth = oauth::State::new(&app).await.unwrap();
        let public = router::public(&app, oauth.clone());
        let administration = router::administration(&app);
        Self { app, clock, start, oauth, public, administration, database, folder }
    }

    /// The folder that holds the data folder.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// The database of this test.
    pub fn database(&self) -> &TestDatabase {
        &self.database
    }

    /// Gives up the app, which unlocks the folder, and keeps what it was stored in.
    pub fn into_storage(self) -> (Arc<TestDatabase>, Arc<tempfile::TempDir>) {
        let Self { app, oauth, public, administration, database, folder, .. } = self;
        drop((app, oauth, public, administration));
        (database, folder)
    }

    /// Lets seconds pass, and looks at the database as a running node does.
    pub async fn advance(&self, seconds: u64) {
        self.clock.advance(std::time::Duration::from_secs(seconds));
        carnet::following::look(&self.app).await.unwrap();
    }

    /// Does what is due on the signing keys.
    pub async fn tend_keys(&self) {
        operations::signing_key::tend(&operations::Context::new(&self.app)).await.unwrap();
    }

    /// The keys that are published, by `kid`.
    pub async fn published(&self) -> Vec<String> {
        let set = self.get("/.well-known/jwks.json").await.expect(200).json();
        set["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
    }

    /// Sends a request to the public listener; `Host` is added if it has none.
    pub async fn public(&self, request: Request<Body>) -> Answer {
        self.public_from(PEER, request).await
    }

    /// The same over a connection from an address.
    pub async fn public_from(&self, peer: &str, mut request: Request<Body>) -> Answer {
        let peer = SocketAddr::new(peer.parse::<IpAddr>().unwrap(), 40_000);
        request.extensions_mut().insert(ConnectInfo(peer));
        request.headers_mut().entry("host").or_insert("iap.example".parse().unwrap());
        send(&self.public, request).await
    }

    /// `GET` on the public listener.
    pub async fn get(&self, path: &str) -> Answer {
        self.public(Request::get(path).body(Body::empty()).unwrap()).await
    }

    /// A token request with these form parameters and headers.
    pub async fn token(&self, parameters: &[(&str, &str)], headers: &[(&str, &str)]) -> Answer {
        self.token_from(PEER, parameters, headers).await
    }

    /// The same over a connection from an address.
    pub async fn token_from(
        &self,
        peer: &str,
        parameters: &[(&str, &str)],
        headers: &[(&str, &str)],
    ) -> Answer {
        self.post_form_from(peer, "/token", parameters, headers).await
    }

    /// A form sent to the public listener.
    pub async fn post_form(
        &self,
        path: &str,
        parameters: &[(&str, &str)],
        headers: &[(&str, &str)],
    ) -> Answer {
        self.post_form_from(PEER, path, parameters, headers).await
    }

    async fn post_form_from(
        &self,
        peer: &str,
        path: &str,
        parameters: &[(&str, &str)],
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut request = Request::post(path).header("content-type", "application/x-www-form-urlencoded");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.public_from(peer, request.body(form(parameters).into()).unwrap()).await
    }

    /// A client-credentials request by `client_secret_basic` with further parameters.
    pub async fn token_of(&self, client: &Registered, parameters: &[(&str, &str)]) -> Answer {
        let mut all = vec![("grant_type", "client_credentials")];
        all.extend_from_slice(parameters);
        self.token(&all, &[("authorization", &basic(&client.client_id, &client.client_secret))]).await
    }

    /// An access token of a client.
    pub async fn access_token(&self, client: &Registered, parameters: &[(&str, &str)]) -> String {
        let answer = self.token_of(client, parameters).await.expect(200);
        answer.json()["access_token"].as_str().unwrap().to_owned()
    }

    /// A client that speaks for the default audience.
    pub async fn record_server(&self) -> Registered {
        let participant = self.participant("record").await;
        self.client(&participant, json!({"introspects": [DEFAULT_AUDIENCE]})).await
    }

    /// A form with a token, by a client that authenticates with its secret.
    pub async fn about_token(&self, path: &str, client: &Registered, token: &str) -> Answer {
        let authorization = basic(&client.client_id, &client.client_secret);
        self.post_form(path, &[("token", token)], &[("authorization", &authorization)]).await
    }

    /// What introspection answers a client about a token.
    pub async fn introspect(&self, client: &Registered, token: &str) -> Value {
        self.about_token("/introspect", client, token).await.expect(200).json()
    }

    /// Lets time pass and has the registry polled, as its follower would.
    pub async fn pass(&self, time: std::time::Duration) {
        self.clock.advance(time);
        self.app.registry.refresh().await.unwrap();
    }

    /// Sends a request to the administration listener as it is; `Host` is added if it has none.
    pub async fn administration(&self, mut request: Request<Body>) -> Answer {
        request.headers_mut().entry("host").or_insert("127.0.0.1:8081".parse().unwrap());
        send(&self.administration, request).await
    }

    /// The credentials that the first start wrote.
    pub fn credentials(&self) -> Credentials {
        let text = std::fs::read(self.app.data_dir.credentials_path()).unwrap();
        serde_json::from_slice(&text).unwrap()
    }

    /// A new administration token with these scopes.
    pub async fn administration_token(&self, scope: &str) -> String {
        let credentials = self.credentials();
        let authorization = basic(&credentials.client_id, &credentials.client_secret);
        let parameters = [("grant_type", "client_credentials"), ("scope", scope)];
        let answer = self.token(&parameters, &[("authorization", &authorization)]).await.expect(200);
        answer.json()["access_token"].as_str().unwrap().to_owned()
    }

    /// A request to the admin API (`path` without `/admin/v1`) by an administrator with both scopes.
    pub async fn admin(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        let token = self.administration_token("admin:read admin:write").await;
        let request = Request::builder()
            .method(method)
            .uri(format!("/admin/v1{path}"))
            .header("authorization", format!("Bearer {token}"));
        let request = match body {
            Some(body) => request.header("content-type", "application/json").body(body.to_string().into()),
            None => request.body(Body::empty()),
        };
        self.administration(request.unwrap()).await
    }

    /// An administrator of their own name, who may ask for these scopes.
    pub async fn administrator(&self, name: &str, scopes: &[&str]) -> Registered {
        let body = json!({ "name": name, "scopes": scopes });
        let made = self.admin("POST", "/administrators", Some(body)).await.expect(201).json();
        Registered {
            participant_id: String::new(),
            client_id: made["client_id"].as_str().unwrap().to_owned(),
            client_secret: made["client_secret"].as_str().unwrap().to_owned(),
        }
    }

    /// A new administration token of an administrator, with all scopes that they may ask for.
    pub async fn token_for(&self, administrator: &Registered) -> String {
        let answer = self.token_of(administrator, &[]).await.expect(200);
        answer.json()["access_token"].as_str().unwrap().to_owned()
    }

    /// A request to the admin API (`path` without `/admin/v1`) with this token and further headers.
    pub async fn admin_with(
        &self,
        token: &str,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Value>,
    ) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("/admin/v1{path}"))
            .header("authorization", format!("Bearer {token}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = match body {
            Some(body) => request.header("content-type", "application/json").body(body.to_string().into()),
            None => request.body(Body::empty()),
        };
        self.administration(request.unwrap()).await
    }

    /// The same as this administrator, with a new token of all their scopes.
    pub async fn admin_as(
        &self,
        administrator: &Registered,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> Answer {
        let token = self.token_for(administrator).await;
        self.admin_with(&token, method, path, &[], body).await
    }

    /// Registers a participant `https://{name}.example/{name}`; returns its id.
    pub async fn participant(&self, name: &str) -> String {
        let body = json!({
            "name": name,
            "iol_identifier": format!("https://{name}.example/{name}"),
            "logistics_agent_uri": format!("https://1r.{name}.example/logistics-objects/{name}"),
            "roles": ["FWD", "SHP"],
        });
        let answer = self.admin("POST", "/participants", Some(body)).await.expect(201);
        answer.json()["id"].as_str().unwrap().to_owned()
    }

    /// Registers a client by `client_secret_basic` that may use unbound tokens, with further members.
    pub async fn client(&self, participant_id: &str, further: Value) -> Registered {
        let mut body = json!({
            "participant_id": participant_id,
            "name": "test client",
            "token_endpoint_auth_method": "client_secret_basic",
            "require_bound_tokens": false,
        });
        for (name, value) in further.as_object().unwrap() {
            body[name] = value.clone();
        }
        let answer = self.admin("POST", "/clients", Some(body)).await.expect(201).json();
        Registered {
            participant_id: participant_id.to_owned(),
            client_id: answer["client_id"].as_str().unwrap().to_owned(),
            client_secret: answer["client_secret"].as_str().unwrap_or_default().to_owned(),
        }
    }

    /// A participant `acme` and its client, ready for tokens.
    pub async fn acme(&self) -> Registered {
        let participant = self.participant("acme").await;
        self.client(&participant, json!({})).await
    }
}

/// An `Authorization: Basic` value (RFC 6749 §2.3.1); ids and secrets of this server need no encoding.
pub fn basic(client_id: &str, secret: &str) -> String {
    use base64::Engine;
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{client_id}:{secret}")))
}

/// The header and claims of a JWT, unverified.
pub fn decode(token: &str) -> (Value, Value) {
    let mut parts = token.split('.').map(|part| carnet_token::base64url::decode(part).unwrap_or_default());
    let mut next = || serde_json::from_slice(&parts.next().unwrap()).unwrap();
    (next(), next())
}
