use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use carnet_db::Database;

use crate::db;

/// How often the use of one secret is written down, milliseconds.
const EVERY: i64 = 60_000;

/// Remembers when the use of each secret was last written down, so that the token endpoint does not wait for the
/// database and does not write a row per token.
#[derive(Debug, Default)]
pub(super) struct SecretUse(Mutex<HashMap<String, i64>>);

impl SecretUse {
    /// Notes that a secret was used at `now`, milliseconds since 1970-01-01 UTC.
    pub fn note(&self, database: &Database, secret_id: &str, now: i64) {
        if !self.is_due(secret_id, now) {
            return;
        }
        let (database, id) = (database.clone(), secret_id.to_owned());
        tokio::spawn(async move {
            if let Err(error) = db::client_secret::touch(database.writer().pool(), &id, now).await {
                tracing::debug!(%error, secret_id = id, "cannot note the use of a secret");
            }
        });
    }

    fn is_due(&self, secret_id: &str, now: i64) -> bool {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match noted.get_mut(secret_id) {
            Some(at) if now - *at < EVERY => false,
            Some(at) => {
                *at = now;
                true
            }
            None => {
                noted.insert(secret_id.to_owned(), now);
                true
            }
        }
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
}
