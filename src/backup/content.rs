use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::audit;
use crate::db::table::Cell;

/// Tables whose rows end with the installation that is lost: whoever was given a token or an answer, or waits for an
/// approval, asks again; the feed is signed anew.
pub(super) const LEFT_OUT: [&str; 6] = [
    "administration_token",
    "approval",
    "idempotency_record",
    "initial_access_token",
    "registration",
    "revocation_feed",
];

/// What the backup is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The program that made it.
    pub version: String,
    /// The newest migration that it knew.
    pub schema: i64,
    /// When, milliseconds since 1970-01-01 UTC.
    pub created_at: i64,
    /// The installation.
    pub installation: String,
    /// Its issuer.
    pub issuer: String,
    /// What it recognises its master key by.
    pub key_check_value: String,
    /// The last record that retention had removed from the journal; 0 when none was.
    pub start_sequence: i64,
    /// Its hash.
    pub start_hash: String,
    /// The last record of the journal.
    pub sequence: i64,
    /// Its hash.
    pub hash: String,
}

/// A line of a backup's content.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Entry {
    /// First of all.
    Manifest(Manifest),
    /// The text of the master key's file.
    MasterKey(Zeroizing<String>),
    /// A line of `audit-heads.log`.
    Anchor(audit::Line),
    /// The rows that follow are this table's.
    Table { name: String, columns: Vec<String> },
    /// A row.
    Row(Vec<Cell>),
    /// Last of all: how many rows each table has.
    End { rows: BTreeMap<String, i64> },
}
