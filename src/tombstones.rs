//! `tombstones.log`: what was decided against, outside the database, so that no restore can undo it.
//!
//! Every node writes down every negative decision that it sees, in the order of the journal. A line says which records
//! of the journal it covers and names the hash of the line before, so that a decision that was left out shows, and so
//! does a line that was changed or removed.

mod line;
mod read;

use std::path::{Path, PathBuf};

pub use line::{Decision, Feed, Line};
pub use read::{Tombstones, read};

use crate::private_file::LineLog;

/// Its name in the data folder.
pub const FILE: &str = "tombstones.log";

/// The file, open for what comes.
#[derive(Debug)]
pub struct TombstoneFile {
    log: LineLog,
    installation: String,
    last: i64,
    hash: String,
}

/// Why a file of tombstones cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TombstonesError {
    /// It could not be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A line was changed, or is none.
    #[error(
        "{path}, line {line}: {reason}: take another node's file; on this node, move the file away, and the next start \
         writes it anew from the database"
    )]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
}

impl TombstoneFile {
    /// Opens the file of this installation, making it if it is missing. Every line is checked; a torn last one is cut
    /// off.
    ///
    /// # Errors
    /// [`TombstonesError`] when it cannot be used, or is another installation's.
    pub fn open(path: &Path, installation: &str) -> Result<Self, TombstonesError> {
        let mut chain = read::ChainOfLines::new(Some(installation));
        let log = LineLog::open(path, |number, text| chain.push(number, text));
        let log = log.map_err(|source| TombstonesError::Io { path: path.to_owned(), source })?;
        let (last, hash) = chain.end(path)?;
        Ok(Self { log, installation: installation.to_owned(), last, hash })
    }

    /// The last record of the journal that it covers.
    #[must_use]
    pub fn last(&self) -> i64 {
        self.last
    }

    /// Writes down that the journal up to `to` holds these decisions and no others after [`Self::last`].
    ///
    /// # Errors
    /// When it cannot be written; then nothing is.
    pub fn append(&mut self, to: i64, decisions: Vec<Decision>) -> std::io::Result<()> {
        // Whoever looked before somebody else wrote has nothing to add.
        if to <= self.last {
            return Ok(());
        }
        let after = self.last;
        let line = Line {
            installation: self.installation.clone(),
            from: self.last + 1,
            to,
            decisions: decisions.into_iter().filter(|decision| decision.sequence > after).collect(),
            previous: self.hash.clone(),
        };
        let (text, hash) = line.write();
        self.log.append(&[text])?;
        (self.last, self.hash) = (to, hash);
        Ok(())
    }
}
