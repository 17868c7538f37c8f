use std::io;
use std::sync::Arc;

use carnet_ambient::{Clock, Entropy};
use carnet_db::{Database, Engine};
use carnet_token::proof::nonce::NonceKey;

use super::discovery::Documents;
use super::imported_secret::ImportedSecrets;
use super::own_token::OwnKeys;
use super::replay::ReplayStore;
use super::secret_use::SecretUse;
use super::throttle::Throttle;
use crate::app::App;
use crate::config::Config;
use crate::keys::Keys;
use crate::operations::Context;
use crate::registry::Follower;
use crate::revocation::Feed;
use crate::telemetry::Metrics;

/// What the public routes need of the application.
#[derive(Debug, Clone)]
pub struct State(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    config: Arc<Config>,
    clock: Clock,
    entropy: Entropy,
    database: Database,
    registry: Follower,
    keys: Keys,
    metrics: Metrics,
    token_endpoint: String,
    documents: Documents,
    replay: ReplayStore,
    nonces: NonceKey,
    secret_use: SecretUse,
    throttle: Throttle,
    imported: ImportedSecrets,
    own_keys: OwnKeys,
    feed: Feed,
    operations: Context,
}

impl State {
    /// Prepares the public documents and reads which assertions were used before the last clean stop.
    ///
    /// # Errors
    /// When the data folder cannot be read and written.
    pub async fn new(app: &App) -> io::Result<Self> {
        let config = &app.config;
        let (now, skew) = (app.clock.now(), config.tokens().clock_skew);
        let replay = ReplayStore::open(&app.database, config.data_dir(), now, skew).await?;
        replay.register(&app.metrics);
        // One key for all nodes, which share what was used as well; a single process forgets its key when it stops.
        let shared = app.database.engine() == Engine::Postgres;
        let key = if shared { app.keys.secret_mac("nonces of DPoP proofs") } else { app.entropy.bytes() };
        let nonces = NonceKey::new(&key, *b"endpoint");
        Ok(Self(Arc::new(Inner {
            token_endpoint: config.token_endpoint(),
            documents: Documents::prepare(config, app.keys.current()),
            replay,
            nonces,
            secret_use: SecretUse::default(),
            throttle: Throttle::new(&app.clock, &app.entropy, *config.throttle()),
            imported: ImportedSecrets::new(&app.entropy, *config.throttle()),
            own_keys: OwnKeys::default(),
            feed: app.feed.clone(),
            operations: Context::new(app),
            config: Arc::clone(config),
            clock: app.clock.clone(),
            entropy: app.entropy.clone(),
            database: app.database.clone(),
            registry: app.registry.clone(),
            keys: app.keys.clone(),
            metrics: app.metrics.clone(),
        })))
    }

    /// Writes down what must survive a clean stop. Call it when the listeners have stopped: from then on no
    /// assertion is taken.
    ///
    /// # Errors
    /// When it cannot be written; assertions from before the next start are then refused.
    pub async fn save(&self) -> io::Result<()> {
        // First what security hangs on: whoever stops this process may not wait for the rest.
        let saved = self.0.replay.save(self.0.clock.now()).await;
        self.0.secret_use.flush(&self.0.database).await;
        saved
    }

    pub(super) fn config(&self) -> &Config {
        &self.0.config
    }

    pub(super) fn clock(&self) -> &Clock {
        &self.0.clock
    }

    pub(super) fn entropy(&self) -> &Entropy {
        &self.0.entropy
    }

    pub(super) fn database(&self) -> &Database {
        &self.0.database
    }

    pub(super) fn registry(&self) -> &Follower {
        &self.0.registry
    }

    pub(super) fn keys(&self) -> &Keys {
        &self.0.keys
    }

    pub(super) fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    pub(super) fn token_endpoint(&self) -> &str {
        &self.0.token_endpoint
    }

    pub(super) fn documents(&self) -> &Documents {
        &self.0.documents
    }

    pub(super) fn replay(&self) -> &ReplayStore {
        &self.0.replay
    }

    pub(super) fn nonces(&self) -> &NonceKey {
        &self.0.nonces
    }

    pub(super) fn throttle(&self) -> &Throttle {
        &self.0.throttle
    }

    pub(super) fn imported(&self) -> &ImportedSecrets {
        &self.0.imported
    }

    pub(super) fn own_keys(&self) -> &OwnKeys {
        &self.0.own_keys
    }

    pub(super) fn feed(&self) -> &Feed {
        &self.0.feed
    }

    pub(super) fn operations(&self) -> &Context {
        &self.0.operations
    }

    pub(super) fn note_use(&self, secret_id: &str, now: i64) {
        self.0.secret_use.note(&self.0.database, secret_id, now);
    }
}
