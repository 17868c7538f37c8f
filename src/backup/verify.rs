use std::collections::BTreeMap;
use std::path::Path;

use carnet_token::json;

use super::content::{Entry, LEFT_OUT, Manifest};
use super::wrap::{FileKey, Wrapped};
use super::{BackupError, Opening, chunks, damaged};
use crate::audit::{Chain, Line};
use crate::db::journal::{Record, Start};
use crate::db::table::{self, Cell};
use crate::keys::MasterKey;

/// What a backup that is whole and sound holds.
#[derive(Debug)]
pub struct Summary {
    /// What it is of.
    pub manifest: Manifest,
    /// How many rows each table has.
    pub rows: BTreeMap<String, i64>,
    pub(super) master: MasterKey,
    pub(super) anchors: Vec<Line>,
}

/// Opens a backup and checks all of it: every chunk, the number of rows, the master key, the chain of the journal.
///
/// # Errors
/// [`BackupError`]: it must not be restored.
pub fn verify(path: &Path, opening: &Opening) -> Result<Summary, BackupError> {
    verify_with(path, |wrapped| opening.open(wrapped))
}

pub(super) fn verify_with(
    path: &Path,
    open: impl FnOnce(&Wrapped) -> Result<FileKey, BackupError>,
) -> Result<Summary, BackupError> {
    let mut check = Check::default();
    chunks::read(path, open, |line| check.take(entry(line)?))?;
    check.end()
}

pub(super) fn entry(line: &str) -> Result<Entry, BackupError> {
    let value = json::parse(line.as_bytes()).or_else(|_| damaged("a line of its content is no JSON"))?;
    serde_json::from_value(value).or_else(|_| damaged("a line of its content is not known here"))
}

#[derive(Default)]
struct Check {
    manifest: Option<Manifest>,
    master: Option<MasterKey>,
    anchors: Vec<Line>,
    table: Option<(String, Vec<String>)>,
    rows: BTreeMap<String, i64>,
    chain: Option<Chain>,
    ended: bool,
}

impl Check {
    fn take(&mut self, entry: Entry) -> Result<(), BackupError> {
        if self.ended || self.manifest.is_some() == matches!(entry, Entry::Manifest(_)) {
            return damaged("its content is out of order");
        }
        match entry {
            Entry::Manifest(manifest) => {
                if manifest.schema != table::schema() {
                    let (version, made) = (manifest.version, manifest.schema);
                    return Err(BackupError::Schema { version, made, own: table::schema() });
                }
                self.chain = Some(Chain::begin(Start {
                    sequence: manifest.start_sequence,
                    hash: manifest.start_hash.clone(),
                    trimmed_at: 0,
                }));
                self.manifest = Some(manifest);
            }
            Entry::MasterKey(text) => {
                let master = MasterKey::from_text(&text);
                self.master = Some(master.or_else(|reason| damaged(format!("its master key: {reason}")))?);
            }
            Entry::Anchor(line) => self.anchors.push(line),
            Entry::Table { name, columns } => {
                let known = table::names().contains(&name) && !LEFT_OUT.contains(&name.as_str());
                if !known || self.rows.insert(name.clone(), 0).is_some() {
                    return damaged(format!("the table {name} is not known, or stands twice"));
                }
                self.table = Some((name, columns));
            }
            Entry::Row(row) => self.row(row)?,
            Entry::End { rows } => {
                if rows != self.rows {
                    return damaged("rows are missing");
                }
                self.ended = true;
            }
        }
        Ok(())
    }

    fn row(&mut self, row: Vec<Cell>) -> Result<(), BackupError> {
        let Some((name, columns)) = &self.table else { return damaged("a row has no table") };
        if row.len() != columns.len() {
            return damaged(format!("a row of {name} does not have its columns"));
        }
        if let Some(count) = self.rows.get_mut(name) {
            *count += 1;
        }
        let named: BTreeMap<&str, Cell> = columns.iter().map(String::as_str).zip(row).collect();
        match name.as_str() {
            "journal" => {
                let damaged = || BackupError::Damaged("a record of its journal is none".to_owned());
                let record = record(&named).ok_or_else(damaged)?;
                self.chain.as_mut().ok_or_else(damaged)?.push(&record)?;
            }
            "journal_start" => {
                let start = (number(&named, "sequence"), text(&named, "hash"));
                let told = self.chain.as_ref().map(Chain::start);
                if told.map(|told| (Some(told.sequence), Some(told.hash.clone()))) != Some(start) {
                    return damaged("its journal begins elsewhere than it says");
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn end(self) -> Result<Summary, BackupError> {
        let (Some(manifest), Some(master), Some(chain), true) =
            (self.manifest, self.master, self.chain, self.ended)
        else {
            return damaged("something that every backup has is missing");
        };
        if master.key_check_value() != manifest.key_check_value {
            return damaged("its master key is another installation's");
        }
        if let Some(name) = table::names()
            .iter()
            .find(|name| !LEFT_OUT.contains(&name.as_str()) && !self.rows.contains_key(*name))
        {
            return damaged(format!("the table {name} is missing"));
        }
        chain.end((manifest.sequence, &manifest.hash))?;
        Ok(Summary { manifest, rows: self.rows, master, anchors: self.anchors })
    }
}

fn text(row: &BTreeMap<&str, Cell>, name: &str) -> Option<String> {
    match row.get(name)? {
        Cell::Text(text) => Some(text.clone()),
        _ => None,
    }
}

fn number(row: &BTreeMap<&str, Cell>, name: &str) -> Option<i64> {
    match row.get(name)? {
        Cell::Number(number) => Some(*number),
        _ => None,
    }
}

fn record(row: &BTreeMap<&str, Cell>) -> Option<Record> {
    Some(Record {
        sequence: number(row, "sequence")?,
        at: number(row, "at")?,
        actor: text(row, "actor")?,
        action: text(row, "action")?,
        subject: text(row, "subject")?,
        salt: text(row, "salt")?,
        before_digest: text(row, "before_digest")?,
        after_digest: text(row, "after_digest")?,
        reason: text(row, "reason")?,
        previous_hash: text(row, "previous_hash")?,
        hash: text(row, "hash")?,
    })
}
