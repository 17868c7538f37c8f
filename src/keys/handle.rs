use std::sync::{Arc, PoisonError, RwLock};

use aws_lc_rs::hmac;
use carnet_db::Database;
use tokio::sync::Mutex;

use super::keyring::mac;
use super::seal;
use super::{KeyState, Keyring, KeysError, MasterKey, NewKey};
use crate::config::KeyLife;
use crate::db::{self, sealed_key::SealedKey};

/// The installation's keys as this node knows them, kept in step with the database.
#[derive(Clone, Debug)]
pub struct Keys(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    master: MasterKey,
    life: KeyLife,
    // Never changes: a rewrap only reseals it.
    secret_mac: hmac::Key,
    current: RwLock<Current>,
    // One refresh at a time: a second caller waits and then sees what the first one read.
    refreshing: Mutex<()>,
}

#[derive(Debug)]
struct Current {
    ring: Arc<Keyring>,
    states: Vec<(String, String)>,
}

/// Why a node's keys could not be brought up to date.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RefreshError {
    /// The database could not be read.
    #[error(transparent)]
    Database(#[from] db::Error),
    /// What stands there cannot be used.
    #[error("{0}; if the master key was changed (carnet keys rewrap), start this node with the new one")]
    Keys(#[from] KeysError),
    /// A task ended badly.
    #[error("internal: {0}")]
    Internal(String),
}

impl Keys {
    /// Opens the sealed keys.
    ///
    /// # Errors
    /// [`KeysError`]: the server must not start with these keys.
    pub fn open(rows: &[SealedKey], master: MasterKey, life: KeyLife) -> Result<Self, KeysError> {
        let ring = Keyring::open(rows, &master, &life, None)?;
        let secret_mac = ring.mac_key().clone();
        let current = RwLock::new(Current { ring: Arc::new(ring), states: states(rows) });
        Ok(Self(Arc::new(Inner { master, life, secret_mac, current, refreshing: Mutex::new(()) })))
    }

    /// The keys as of the last look at the database. Take it once for one answer.
    #[must_use]
    pub fn current(&self) -> Arc<Keyring> {
        Arc::clone(&self.0.current.read().unwrap_or_else(PoisonError::into_inner).ring)
    }

    /// What is kept of a client secret; see [`Keyring::secret_mac`].
    #[must_use]
    pub fn secret_mac(&self, secret: &str) -> [u8; 32] {
        mac(&self.0.secret_mac, secret)
    }

    /// How long keys live.
    #[must_use]
    pub fn life(&self) -> &KeyLife {
        &self.0.life
    }

    /// What this installation recognises its master key by.
    #[must_use]
    pub fn key_check_value(&self) -> String {
        self.0.master.key_check_value()
    }

    /// Seals a new key into the row `id`; `now` in milliseconds since 1970-01-01 UTC.
    ///
    /// # Errors
    /// [`KeysError::SealNew`] when the cryptographic library fails.
    pub fn seal(&self, key: &NewKey, state: KeyState, now: i64, id: String) -> Result<SealedKey, KeysError> {
        key.seal(&self.0.master, state, now, id)
    }

    /// Seals the key of a row for another master key.
    ///
    /// # Errors
    /// [`KeysError`] when it does not open, or the cryptographic library fails.
    pub fn reseal(&self, row: &SealedKey, new: &MasterKey) -> Result<String, KeysError> {
        let wrong = |source| KeysError::Seal { kid: row.kid.clone(), source };
        let purpose = row.purpose.parse().map_err(|_| wrong(super::SealError::Row))?;
        let jwk = seal::open(row, purpose, &self.0.master).map_err(wrong)?;
        let facts = seal::Facts { row: &row.id, kid: &row.kid, purpose, alg: &row.alg };
        Ok(seal::seal(&jwk, facts, new)?)
    }

    /// Looks whether the keys have changed, and opens them anew if so.
    ///
    /// # Errors
    /// When the database does not answer or the keys cannot be used; the known ones stay, and the caller must
    /// not count this as having looked.
    pub async fn refresh(&self, database: &Database) -> Result<(), RefreshError> {
        let _one_at_a_time = self.0.refreshing.lock().await;
        let found = db::sealed_key::states(database.reader().pool()).await?;
        if self.0.current.read().unwrap_or_else(PoisonError::into_inner).states == found {
            return Ok(());
        }
        let rows = db::sealed_key::live(database.reader().pool()).await?;
        let keys = self.clone();
        // Opening an RSA key takes milliseconds that no request should wait for.
        let opened = tokio::task::spawn_blocking(move || {
            let known = keys.current();
            let ring = Keyring::open(&rows, &keys.0.master, &keys.0.life, Some(&known))?;
            Ok::<_, KeysError>(Current { ring: Arc::new(ring), states: states(&rows) })
        });
        let opened = opened.await.map_err(|error| RefreshError::Internal(error.to_string()))??;
        *self.0.current.write().unwrap_or_else(PoisonError::into_inner) = opened;
        Ok(())
    }
}

fn states(rows: &[SealedKey]) -> Vec<(String, String)> {
    rows.iter().map(|row| (row.id.clone(), row.state.clone())).collect()
}
