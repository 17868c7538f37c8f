use std::sync::Arc;

use carnet_ambient::{Clock, Entropy};
use carnet_db::{Database, Transaction};
use serde::Serialize;
use tracing::Instrument as _;

use super::client_secret::Hashing;
use super::negative::Against;
use super::{Actor, Call, Refusal};
use crate::app::App;
use crate::audit::{self, Entry};
use crate::config::Config;
use crate::db;
use crate::keys::Keys;
use crate::registry::Follower;
use crate::telemetry::Metrics;
use crate::telemetry::traces::span;

/// What operations work with.
#[derive(Clone, Debug)]
pub struct Context {
    /// The database.
    pub database: Database,
    /// The memory image, brought up to date after each change.
    pub registry: Follower,
    /// The installation's keys.
    pub keys: Keys,
    /// The time.
    pub clock: Clock,
    /// Randomness.
    pub entropy: Entropy,
    /// The validated configuration.
    pub config: Arc<Config>,
    /// The request in which they run.
    pub(super) call: Call,
    /// Where slow hashes are computed.
    pub(super) hashing: Hashing,
    /// What is measured.
    pub metrics: Metrics,
}

/// The part of a [`Context`] with which credentials are made and journaled: all that the first start has.
#[derive(Clone, Copy)]
pub(super) struct Means<'a> {
    pub(super) keys: &'a Keys,
    pub(super) clock: &'a Clock,
    pub(super) entropy: &'a Entropy,
}

/// Which page of a list is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListRequest {
    /// The page begins after this key; empty for the first page.
    pub after: String,
    /// How many items at most, 1 to 200.
    pub limit: i64,
}

/// What the journal says of one change.
pub(super) struct Change<'a, B: Serialize, A: Serialize> {
    pub(super) action: &'static str,
    pub(super) subject: String,
    pub(super) before: Option<&'a B>,
    pub(super) after: Option<&'a A>,
    pub(super) reason: &'a str,
}

impl Context {
    /// The operations' share of the application.
    #[must_use]
    pub fn new(app: &App) -> Self {
        Self {
            database: app.database.clone(),
            registry: app.registry.clone(),
            keys: app.keys.clone(),
            clock: app.clock.clone(),
            entropy: app.entropy.clone(),
            config: Arc::clone(&app.config),
            call: Call::default(),
            hashing: Hashing::new(),
            metrics: app.metrics.clone(),
        }
    }

    /// The same for the operations of one request.
    #[must_use]
    pub fn within(&self, call: Call) -> Self {
        Self { call, ..self.clone() }
    }

    pub(super) fn means(&self) -> Means<'_> {
        Means { keys: &self.keys, clock: &self.clock, entropy: &self.entropy }
    }

    /// Writes down that the journal's record `sequence` is a decision against something.
    pub(super) async fn decide_against(
        &self,
        tx: &mut Transaction,
        sequence: i64,
        against: Against<'_>,
    ) -> Result<(), db::Error> {
        self.means().decide_against(tx, sequence, self.config.tokens(), against).await
    }

    /// Begins a transaction in which nobody else changes the registry.
    ///
    /// Some rules span tables (an identifier and an agent URI share one namespace), so that no constraint could
    /// decide a race between two administrators; the journal's lock does.
    pub(super) async fn begin(&self) -> Result<Transaction, Refusal> {
        let waiting = async {
            let mut tx = self.database.writer().begin().await.map_err(db::Error::from)?;
            db::journal::lock(&mut tx).await?;
            Ok(tx)
        };
        waiting.instrument(span!("database", carnet.statement = "begin")).await
    }

    /// Commits, and lets the next request of this node see the change; or lets the transaction wait for the end of this
    /// request, if more is to be written with it.
    pub(super) async fn commit(&self, tx: Transaction) -> Result<(), Refusal> {
        match self.call.park(tx) {
            Some(tx) => self.finish(tx).await,
            None => Ok(()),
        }
    }

    /// Commits in any case.
    pub(super) async fn finish(&self, tx: Transaction) -> Result<(), Refusal> {
        let committed = tx.commit().instrument(span!("database", carnet.statement = "commit"));
        committed.await.map_err(db::Error::from)?;
        let began = self.clock.monotonic();
        if let Err(error) = self.keys.refresh(&self.database).await {
            // The image counts as no younger than the keys: this node shall go stale, or it would sign on with keys that
            // may be revoked, for as long as somebody changes something here.
            tracing::warn!(%error, "the signing keys could not be brought up to date at once");
            return Ok(());
        }
        if let Err(error) = self.registry.refresh_as_of(began).await {
            // The change stands all the same; the follower's next poll will read it.
            tracing::warn!(%error, "the memory image could not be brought up to date at once");
        }
        Ok(())
    }
}

impl Means<'_> {
    /// Writes the change into the journal, in its transaction; returns the record's sequence.
    pub(super) async fn journal<B: Serialize, A: Serialize>(
        &self,
        tx: &mut Transaction,
        actor: &Actor,
        change: Change<'_, B, A>,
    ) -> Result<i64, db::Error> {
        let Change { action, subject, before, after, reason } = change;
        let reason = &actor.reason(reason);
        let entry = Entry { actor: actor.as_str(), action, subject: &subject, before, after, reason };
        audit::append(tx, self.clock, self.entropy, entry).await
    }
}
