use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use carnet_db::Database;

use crate::db;

/// How often the use of one secret is written down, milliseconds.
const EVERY: i64 = 60_000;
/// How long writing down what is left may take at a stop.
const AT_STOP: Duration = Duration::from_secs(1);

/// Remembers when the use of each secret was last written down, so that the token endpoint does not wait for the
/// database and does not write a row per token.
#[derive(Debug, Default)]
pub(super) struct SecretUse(Arc<Mutex<HashMap<String, Use>>>);

/// Times in milliseconds since 1970-01-01 UTC.
#[derive(Debug, Clone, Copy)]
struct Use {
    /// The last one.
    last: i64,
    /// The last one that was given to the database.
    sent: i64,
    /// The last one that the database has.
    written: i64,
}

impl SecretUse {
    /// Notes that a secret was used at `now`, milliseconds since 1970-01-01 UTC.
    pub fn note(&self, database: &Database, secret_id: &str, now: i64) {
        if !self.is_due(secret_id, now) {
            return;
        }
        let (uses, database, id) = (Self(Arc::clone(&self.0)), database.clone(), secret_id.to_owned());
        tokio::spawn(async move {
            match db::client_secret::touch(database.writer().pool(), &id, now).await {
                Ok(()) => uses.is_written(&id, now),
                Err(error) => tracing::debug!(%error, secret_id = id, "cannot note the use of a secret"),
            }
        });
    }

    /// Writes down what is not: at a stop, so that the last minute is not lost.
    pub async fn flush(&self, database: &Database) {
        let pending = self.pending();
        if pending.is_empty() {
            return;
        }
        // One transaction: each alone would be a write to the disk of its own.
        let write = async {
            let mut tx = database.writer().begin().await?;
            for (id, last) in &pending {
                db::client_secret::touch(&mut *tx, id, *last).await?;
            }
            Ok::<_, db::Error>(tx.commit().await?)
        };
        if let Err(error) = tokio::time::timeout(AT_STOP, write).await.unwrap_or(Err(db::Error::NoAnswer)) {
            tracing::warn!(%error, "when secrets were used in the last minute could not be written down");
            return;
        }
        for (id, last) in pending {
            self.is_written(&id, last);
        }
    }

    fn is_due(&self, secret_id: &str, now: i64) -> bool {
        let mut uses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = uses.get_mut(secret_id) {
            known.last = known.last.max(now);
            let due = now - known.sent >= EVERY;
            if due {
                known.sent = now;
            }
            return due;
        }
        uses.insert(secret_id.to_owned(), Use { last: now, sent: now, written: i64::MIN });
        true
    }

    fn is_written(&self, secret_id: &str, at: i64) {
        let mut uses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = uses.get_mut(secret_id) {
            known.written = known.written.max(at);
        }
    }

    fn pending(&self) -> Vec<(String, i64)> {
        let uses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        uses.iter()
            .filter(|(_, known)| known.last > known.written)
            .map(|(id, known)| (id.clone(), known.last))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_noted_at_most_once_a_minute() {
        let uses = SecretUse::default();
        let due: Vec<bool> = [0, 1, 59_999, 60_000, 60_001].map(|now| uses.is_due("a", now)).to_vec();
        assert_eq!(due, [true, false, false, true, false]);
        assert!(uses.is_due("b", 1));
    }

    #[test]
    fn what_the_database_does_not_have_yet_is_left_for_the_stop() {
        let uses = SecretUse::default();
        assert!(uses.is_due("a", 0));
        assert_eq!(uses.pending(), [("a".to_owned(), 0)]);
        uses.is_written("a", 0);
        assert!(uses.pending().is_empty());
        assert!(!uses.is_due("a", 1_000));
        assert_eq!(uses.pending(), [("a".to_owned(), 1_000)]);
    }
}
