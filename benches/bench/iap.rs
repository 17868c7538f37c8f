//! An identity provider in this process, put together as `carnet serve` does it.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use carnet::app::App;
use carnet::config::{Config, RawConfig};
use carnet::http::{Limits, Listener};
use carnet::keys::Keyring;
use carnet::operations::{self, Actor, Context};
use carnet::registry::SigningAlgorithm;
use carnet::{oauth, router};
use carnet_ambient::{Clock, Entropy};
use carnet_testkit::ClientKeyPair;
use carnet_token::SigningKey;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::http::Credentials;
use super::measurement::Outcome;

/// What the tokens of the participant say.
pub const AGENT: &str = "https://1r.bench.example/logistics-objects/bench";
/// Its ONE Record ID.
pub const IDENTIFIER: &str = "https://bench.example/bench";

/// An identity provider that answers.
pub struct Iap {
    pub app: App,
    pub address: SocketAddr,
}

impl Iap {
    /// Opens a data folder, or makes it, and begins to answer.
    pub async fn start(folder: &Path, stop: CancellationToken) -> Outcome<Self> {
        let socket = TcpListener::bind("127.0.0.1:0").await?;
        let address = socket.local_addr()?;
        let app = open(folder, address).await?;
        let router = router::public(&app, oauth::State::new(&app).await?);
        let traffic = app.metrics.traffic("public");
        let listener = Listener { socket, tls: None, router, limits: Limits::default(), traffic };
        tokio::spawn(listener.serve(stop));
        tokio::spawn(carnet::following::follow(app.clone()));
        // Reading a large registry takes longer than its image counts as fresh.
        app.registry.refresh().await?;
        Ok(Self { app, address })
    }

    /// The key that signs with an algorithm.
    pub fn signing_key(&self, algorithm: SigningAlgorithm) -> Outcome<SigningKey> {
        let key = keyring(&self.app).access_token_key(algorithm).cloned();
        key.ok_or_else(|| format!("there is no active key for {algorithm}").into())
    }

    /// Registers the participant; its machines follow.
    pub async fn participant(&self) -> Outcome<String> {
        let new = json!({
            "name": "Bench", "iol_identifier": IDENTIFIER, "logistics_agent_uri": AGENT, "roles": ["CAR"],
        });
        let new = serde_json::from_value(new)?;
        Ok(operations::participant::create(&Context::new(&self.app), &Actor::local(), new).await?.id)
    }

    /// Registers a client with a secret.
    pub async fn with_secret(&self, participant: &str, algorithm: SigningAlgorithm) -> Outcome<Credentials> {
        let created = self.client(participant, algorithm, json!({})).await?;
        let secret = created.secret.as_ref().ok_or("the client got no secret")?;
        Ok(Credentials {
            client_id: created.details.client.id.clone(),
            client_secret: secret.expose().to_owned(),
        })
    }

    /// Registers a client with a key; returns its id.
    pub async fn with_key(
        &self,
        participant: &str,
        algorithm: SigningAlgorithm,
        key: &ClientKeyPair,
    ) -> Outcome<String> {
        let method = json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks": key.jwks() });
        Ok(self.client(participant, algorithm, method).await?.details.client.id)
    }

    async fn client(
        &self,
        participant: &str,
        algorithm: SigningAlgorithm,
        method: Value,
    ) -> Outcome<operations::client::Created> {
        let mut new = json!({
            "participant_id": participant, "name": "bench", "require_bound_tokens": false,
            "signing_alg": algorithm.as_str(),
        });
        if let (Some(new), Value::Object(method)) = (new.as_object_mut(), method) {
            new.extend(method);
        }
        let new = serde_json::from_value(new)?;
        Ok(operations::client::create(&Context::new(&self.app), &Actor::local(), new).await?)
    }
}

/// Opens a data folder, or makes it, for an issuer at this address.
pub async fn open(folder: &Path, address: SocketAddr) -> Outcome<App> {
    let mut raw = RawConfig::default();
    raw.server.data_dir = Some(folder.to_owned());
    raw.server.listen = Some(address.to_string());
    let config = Config::try_from(raw)?;
    Ok(App::open(config, Clock::system(), Entropy::system()).await?.0)
}

/// The keys as they are now.
pub fn keyring(app: &App) -> Arc<Keyring> {
    app.keys.current()
}
