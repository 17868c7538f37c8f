//! `audit-heads.log`: what a node keeps of the journal's signed heads outside the database.
//!
//! The first keys in it are pinned; a later one was taken over when the node itself signed with it, while everything
//! that was known before still stood in the database. A database that was made anew, with an audit key of its own, therefore shows.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{AuditKeys, Head, HeadError, Restore};
use crate::private_file::{self, LineLog};

/// Its name in the data folder.
pub const FILE: &str = "audit-heads.log";

/// One line of the file.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// A public audit key.
    Key(Value),
    /// A signed head.
    Head(String),
    /// A restore of this installation, made on this machine or before this file was begun.
    Restore(Restore),
}

/// The file, open for what comes.
#[derive(Debug)]
pub struct HeadsFile {
    log: LineLog,
    keys: AuditKeys,
    last: Option<Head>,
    restores: Vec<Restore>,
}

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HeadsError {
    /// It could not be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A line is none of its lines.
    #[error("{path}, line {line}: {reason}: move the file away and find out who wrote it")]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
}

impl Line {
    /// Reads a line.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        serde_json::from_value(carnet_token::json::parse(text.as_bytes()).ok()?).ok()
    }

    fn text(&self) -> String {
        // Texts, numbers and JSON values always serialise.
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl HeadsFile {
    /// Opens the file, making it if it is missing.
    ///
    /// # Errors
    /// [`HeadsError`] when it cannot be used, or holds something else.
    pub fn open(path: &Path) -> Result<Self, HeadsError> {
        let (mut keys, mut newest, mut restores) = (AuditKeys::default(), None, Vec::new());
        let mut wrong = None;
        let log = LineLog::open(path, |number, text| match Line::parse(text) {
            Some(Line::Key(jwk)) => {
                if keys.add(&jwk).is_none() {
                    wrong.get_or_insert((number, "not a public key".to_owned()));
                }
            }
            Some(Line::Head(jws)) => newest = Some((number, jws)),
            Some(Line::Restore(restore)) => restores.push(restore),
            None => {
                wrong.get_or_insert((number, "not a line of this file".to_owned()));
            }
        });
        let log = log.map_err(|source| HeadsError::Io { path: path.to_owned(), source })?;
        let last = match newest.map(|(number, jws)| (number, Head::open(&jws, &keys))) {
            Some((_, Ok((head, _)))) => Some(head),
            Some((number, Err(error))) => {
                wrong.get_or_insert((number, error.to_string()));
                None
            }
            None => None,
        };
        match wrong {
            Some((line, reason)) => Err(HeadsError::Line { path: path.to_owned(), line, reason }),
            None => Ok(Self { log, keys, last, restores }),
        }
    }

    /// The newest head in it.
    #[must_use]
    pub fn last(&self) -> Option<&Head> {
        self.last.as_ref()
    }

    /// Whether it knows of this restore.
    #[must_use]
    pub fn knows(&self, restore: &Restore) -> bool {
        self.restores.contains(restore)
    }

    /// Notes a restore, unless it is known.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn add_restore(&mut self, restore: &Restore) -> std::io::Result<()> {
        if self.knows(restore) {
            return Ok(());
        }
        self.log.append(&[Line::Restore(restore.clone()).text()])?;
        self.restores.push(restore.clone());
        Ok(())
    }

    /// Its keys.
    #[must_use]
    pub fn keys(&self) -> &AuditKeys {
        &self.keys
    }

    /// Adds a public audit key, unless it is known.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn add_key(&mut self, jwk: &Value) -> std::io::Result<()> {
        let mut one = AuditKeys::default();
        let Some(kid) = one.add(jwk) else { return Err(std::io::ErrorKind::InvalidData.into()) };
        if self.keys.contains(&kid) {
            return Ok(());
        }
        self.log.append(&[Line::Key(jwk.clone()).text()])?;
        self.keys.add(jwk);
        Ok(())
    }

    /// Adds a signed head of this installation, if its signature fits and it lies after those that are there.
    ///
    /// # Errors
    /// [`HeadError`] when it does not; an I/O error when it cannot be written.
    pub fn add_head(&mut self, jws: &str, installation: &str) -> std::io::Result<Result<(), HeadError>> {
        let head = match Head::open(jws, &self.keys) {
            Ok((head, _)) if head.installation == installation => head,
            Ok(_) => return Ok(Err(HeadError::Form)),
            Err(error) => return Ok(Err(error)),
        };
        if self.last.as_ref().is_none_or(|last| last.sequence < head.sequence) {
            self.log.append(&[Line::Head(jws.to_owned()).text()])?;
            self.last = Some(head);
        }
        Ok(Ok(()))
    }
}

/// The newest head in a file that a key of the file has signed, for whoever only wants to know how far the journal went;
/// nothing is changed.
///
/// # Errors
/// When it cannot be read.
pub fn newest(path: &Path) -> std::io::Result<Option<Head>> {
    let (mut keys, mut heads) = (AuditKeys::default(), Vec::new());
    private_file::read_lines(path, |_, text| match Line::parse(text) {
        Some(Line::Key(jwk)) => {
            keys.add(&jwk);
        }
        Some(Line::Head(jws)) => heads.push(jws),
        Some(Line::Restore(_)) | None => {}
    })?;
    Ok(heads.iter().rev().find_map(|jws| Head::open(jws, &keys).ok()).map(|(head, _)| head))
}

/// Writes a file that must not be there yet, from lines.
///
/// # Errors
/// When it cannot be written, or is there.
pub fn write_new(path: &Path, lines: &[Line]) -> std::io::Result<()> {
    let text: String = lines.iter().map(|line| line.text() + "\n").collect();
    private_file::create(path, text.as_bytes())
}
