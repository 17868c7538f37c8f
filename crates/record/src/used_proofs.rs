//! Proofs of possession are good once: kept in the server's own database, so that all nodes know, and a restart forgets
//! nothing.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};

use carnet_db::Database;
use carnet_token::base64url;
use carnet_verifier::{Claimant, ReplayError, ReplayKey, ReplayStore};

/// How many consumptions pass between two deletions of the expired ones.
const TIDY_EVERY: u32 = 256;

/// Seconds for which an expired one stays: the clock of another node may be behind.
const CLOCKS: i64 = 60;

/// The table `used_proof`.
#[derive(Debug)]
pub(crate) struct UsedProofs {
    database: Database,
    consumed: AtomicU32,
}

impl UsedProofs {
    pub(crate) fn new(database: &Database) -> Self {
        Self { database: database.clone(), consumed: AtomicU32::new(0) }
    }

    /// The unique key decides, between requests and between nodes.
    async fn take(&self, keys: &[ReplayKey], now: i64) -> Result<bool, carnet_db::Error> {
        let mut tx = self.database.writer().begin().await?;
        if self.consumed.fetch_add(1, Ordering::Relaxed).is_multiple_of(TIDY_EVERY) {
            sqlx::query("DELETE FROM used_proof WHERE keep_until < $1")
                .bind(now - CLOCKS)
                .execute(&mut *tx)
                .await?;
        }
        for key in keys {
            let done = sqlx::query(
                "INSERT INTO used_proof (replay_key, keep_until) VALUES ($1, $2) ON CONFLICT (replay_key) DO NOTHING",
            )
            .bind(base64url::encode(key.digest))
            .bind(key.keep_until)
            .execute(&mut *tx)
            .await?;
            if done.rows_affected() != 1 {
                tx.rollback().await?;
                return Ok(false);
            }
        }
        tx.commit().await?;
        Ok(true)
    }
}

impl ReplayStore for UsedProofs {
    fn consume<'a>(
        &'a self,
        _: &'a Claimant<'a>,
        keys: &'a [ReplayKey],
        now: i64,
    ) -> Pin<Box<dyn Future<Output = Result<(), ReplayError>> + Send + 'a>> {
        Box::pin(async move {
            match self.take(keys, now).await {
                Ok(true) => Ok(()),
                Ok(false) => Err(ReplayError::Replayed),
                // Nothing is let through of which it is not known whether it was used.
                Err(error) => {
                    tracing::error!(%error, "the record database does not tell which proofs were used");
                    Err(ReplayError::Unavailable)
                }
            }
        })
    }
}
