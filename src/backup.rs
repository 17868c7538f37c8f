//! Backups: everything of an installation in one encrypted file, which any engine can be restored from.
//!
//! The file is a header line and then chunks, each a JWE (RFC 7516) of its own under a key that is made for this file.
//! A chunk's protected header has its number, whether it is the last one, and the hash of the file's header, so that
//! nothing can be cut, swapped, repeated or taken over from another backup. The file's key is wrapped to a recipient's
//! public key, so that the machine that makes backups cannot read them, or under a passphrase.

mod chunks;
mod content;
mod opening;
mod replay;
mod restore;
mod verify;
mod wrap;
mod write;

use std::path::PathBuf;

pub use content::Manifest;
pub use opening::{Opening, Sealing};
pub use restore::{Restored, Restoring, restore};
pub use verify::{Summary, verify};
pub use wrap::generate_recipient;
pub use write::{Source, write};

use crate::audit::Broken;
use crate::tombstones::TombstonesError;
use crate::{data_dir, db, keys};

/// Why there is no backup, or nothing was restored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The database failed.
    #[error(transparent)]
    Database(#[from] db::Error),
    /// The master key cannot be used.
    #[error(transparent)]
    Keys(#[from] keys::KeysError),
    /// The data folder cannot be used.
    #[error(transparent)]
    DataDir(#[from] data_dir::DataDirError),
    /// The tombstones cannot be used.
    #[error(transparent)]
    Tombstones(#[from] TombstonesError),
    /// A key or passphrase cannot be used.
    #[error("{0}")]
    Key(String),
    /// The file does not open with this key or passphrase.
    #[error("the backup does not open: another passphrase or key, or its header was changed")]
    DoesNotOpen,
    /// The file is no backup, or not a whole one.
    #[error("the backup cannot be used: {0}")]
    Damaged(String),
    /// The journal in the backup does not hold.
    #[error("the backup cannot be used: {0}")]
    Journal(#[from] Broken),
    /// It was made with another schema.
    #[error(
        "the backup was made by carnet {version} with schema {made}, this program has schema {own}: restore it with the \
         program that made it, then upgrade"
    )]
    Schema {
        /// The program that made it.
        version: String,
        /// Its schema.
        made: i64,
        /// This program's.
        own: i64,
    },
    /// The database is not of this program's schema.
    #[error(
        "the database's schema is at migration {applied}, this program's at {own}: make the backup with the program that \
         serves"
    )]
    OtherSchema {
        /// The database's.
        applied: i64,
        /// This program's.
        own: i64,
    },
    /// The place is not empty.
    #[error("{0} is not empty: restore into a new data folder and a new database")]
    NotEmpty(String),
    /// The tombstones do not go with the backup.
    #[error("nothing was restored: {0}")]
    Unsafe(String),
    /// A task ended badly.
    #[error("internal: {0}")]
    Internal(String),
}

impl From<carnet_db::Error> for BackupError {
    fn from(error: carnet_db::Error) -> Self {
        Self::Database(error.into())
    }
}

fn damaged<T>(what: impl Into<String>) -> Result<T, BackupError> {
    Err(BackupError::Damaged(what.into()))
}
