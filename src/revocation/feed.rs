use std::sync::{Arc, PoisonError, RwLock};

use carnet_ambient::Clock;
use carnet_db::Database;
use carnet_token::revocation::{MAX_ENTRIES, MAX_LENGTH};
use carnet_token::{SignError, SigningKey};
use tokio::sync::Mutex;

use super::documents::{Contents, sign};
use super::{Published, entry::Entry};
use crate::db::{self, revocation_feed::Signing};
use crate::keys::{Keys, Purpose};

/// The feed is signed at most this often, milliseconds.
const AT_MOST_EVERY: i64 = 250;
/// And at least this often: a quarter of its life, so that whoever is told that nothing has changed holds a feed that
/// lives on. Milliseconds.
const AT_LEAST_EVERY: i64 = 30_000;
/// Verifiers refuse a feed that has more entries or bytes; the log says so in time.
const MANY: usize = MAX_ENTRIES / 5 * 4;
const LONG: usize = MAX_LENGTH / 5 * 4;

/// The revocation feed as this node knows it, kept in step with the database.
#[derive(Clone, Debug)]
pub struct Feed(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    database: Database,
    clock: Clock,
    keys: Keys,
    issuer: String,
    current: RwLock<Option<Arc<Published>>>,
    // One refresh at a time: two would race each other for one epoch.
    refreshing: Mutex<()>,
}

/// Why the feed could not be brought up to date. What is known is served on until it expires.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FeedError {
    /// The database could not be read or written.
    #[error(transparent)]
    Database(#[from] db::Error),
    /// There is nothing to sign it with.
    #[error("the database holds no active trust-list key")]
    NoKey,
    /// The key does not sign.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// A task ended badly.
    #[error("internal: {0}")]
    Internal(String),
}

impl Feed {
    /// Takes over the feed that was signed last, or signs the first one. If that fails it is said in the log, and
    /// tried again by whoever follows the feed.
    pub async fn start(database: Database, clock: Clock, keys: Keys, issuer: String) -> Self {
        let (current, refreshing) = (RwLock::new(None), Mutex::new(()));
        let feed = Self(Arc::new(Inner { database, clock, keys, issuer, current, refreshing }));
        if let Err(error) = feed.refresh().await {
            tracing::error!(%error, "no revocation feed yet");
        }
        feed
    }

    /// What is served now; none before the first signing. It may have expired.
    #[must_use]
    pub fn current(&self) -> Option<Arc<Published>> {
        self.0.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Signs the feed if that is due, and takes over what was signed, here or elsewhere.
    ///
    /// # Errors
    /// When the database does not answer or nothing can be signed.
    pub async fn refresh(&self) -> Result<(), FeedError> {
        let _one_at_a_time = self.0.refreshing.lock().await;
        let pool = self.0.database.reader().pool();
        let newest = db::revocation_feed::newest(pool).await?;
        let head = db::negative_decision::feed_head(pool).await?;
        let now = self.0.database.time(&self.0.clock).await.map_err(db::Error::from)?;
        let ring = self.0.keys.current();
        let signed = match ring.signing_key(Purpose::TrustList) {
            Some(key) if is_due(newest.as_ref(), head, key.kid(), now) => {
                self.sign(newest.as_ref(), head, now, key).await
            }
            Some(_) => Ok(()),
            None => Err(FeedError::NoKey),
        };
        self.take_over().await?;
        signed
    }

    async fn sign(
        &self,
        last: Option<&Signing>,
        head: i64,
        now: i64,
        key: &SigningKey,
    ) -> Result<(), FeedError> {
        // What is decided after `head` was read belongs to the next signing. Decisions commit in their order, so that
        // none before it can still come.
        let mut decisions = db::negative_decision::in_feed(self.0.database.reader().pool(), now).await?;
        decisions.retain(|decision| decision.sequence <= head);
        let signing = Signing {
            epoch: last.map_or(0, |last| last.epoch) + 1,
            // It never falls, or verifiers would take the feed for an old one.
            sequence: last.map_or(0, |last| last.sequence).max(head),
            signed_at: now,
            kid: key.kid().to_owned(),
        };
        let (issuer, key, sequence) = (self.0.issuer.clone(), key.clone(), signing.sequence);
        // A long feed takes milliseconds that no request should wait for.
        let documents = tokio::task::spawn_blocking(move || {
            let entries = Entry::merge(decisions);
            let contents =
                Contents { issuer: &issuer, iat: now.div_euclid(1000), sequence, entries: &entries };
            let documents = sign(&contents, &key)?;
            let bytes = documents.first().map_or(0, |(_, whole)| whole.len());
            if entries.len() > MANY || bytes > LONG {
                tracing::error!(
                    entries = entries.len(),
                    bytes,
                    "the revocation feed comes close to what verifiers read: disable whole clients or participants \
                     instead of revoking token by token, or shorten tokens.max_lifetime"
                );
            }
            Ok::<_, SignError>(documents)
        });
        let documents = documents.await.map_err(|error| FeedError::Internal(error.to_string()))??;
        let mut tx = self.0.database.writer().begin().await.map_err(db::Error::from)?;
        for (since, jws) in &documents {
            if !db::revocation_feed::insert(&mut tx, &signing, *since, jws).await? {
                // Another node was first; its bytes are as good.
                tx.rollback().await.map_err(db::Error::from)?;
                return Ok(());
            }
        }
        db::revocation_feed::forget_before(&mut tx, signing.epoch).await?;
        tx.commit().await.map_err(db::Error::from)?;
        tracing::debug!(epoch = signing.epoch, seq = signing.sequence, "revocation feed signed");
        Ok(())
    }

    async fn take_over(&self) -> Result<(), FeedError> {
        let pool = self.0.database.reader().pool();
        let Some(newest) = db::revocation_feed::newest(pool).await? else { return Ok(()) };
        if self.current().is_some_and(|known| known.epoch == newest.epoch) {
            return Ok(());
        }
        let documents = db::revocation_feed::documents(pool, newest.epoch).await?;
        // Replaced while it was read: the next look finds the newer one.
        if documents.first().is_none_or(|(since, _)| *since != 0) {
            return Ok(());
        }
        let published = Published::new(newest.epoch, newest.sequence, newest.signed_at, documents);
        *self.0.current.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(published));
        Ok(())
    }
}

/// Whether the feed is to be signed anew at `now`, milliseconds since 1970-01-01 UTC.
fn is_due(last: Option<&Signing>, head: i64, kid: &str, now: i64) -> bool {
    let Some(last) = last else { return true };
    let age = now - last.signed_at;
    // A clock that was set back must not silence the feed until it has caught up.
    if (0..AT_MOST_EVERY).contains(&age) {
        return false;
    }
    head > last.sequence || last.kid != kid || !(0..AT_LEAST_EVERY).contains(&age)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feed_is_signed_at_every_change_but_not_too_often_and_before_it_is_old() {
        let last = Signing { epoch: 1, sequence: 5, signed_at: 100_000, kid: "k".to_owned() };
        let due = |head, kid, now| is_due(Some(&last), head, kid, now);
        assert!(is_due(None, 0, "k", 0));
        assert!(!due(6, "k", 100_249) && due(6, "k", 100_250));
        assert!(!due(5, "k", 129_999) && due(5, "k", 130_000));
        assert!(due(5, "other", 100_250) && !due(5, "other", 100_100));
        assert!(due(5, "k", 99_999), "the clock was set back");
    }
}
