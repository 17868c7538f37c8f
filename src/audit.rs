//! The journal: append-only, hash-chained, written in the transaction of the change that it records.
//!
//! Its sequence is the change number that memory images follow. Appending takes the head's row lock until
//! the transaction ends, so that records commit in the order of their sequence and none can be skipped.
//!
//! The chain alone proves little: whoever can rewrite the database can rewrite all of it. [`Head`]s signed by the
//! audit key and kept outside the database are what it is held against.

mod chain;
mod check;
mod head;
mod heads_file;
mod retention;

pub use chain::{Broken, Chain, Restore};
pub use check::{CheckError, Finding, Report, check};
pub use head::{AuditKeys, Head, HeadError, public_key};
pub use heads_file::{
    FILE as HEADS_FILE, HeadsError, HeadsFile, Line, newest as newest_head, write_new as write_heads,
};
pub use retention::trim;

use aws_lc_rs::digest;
use carnet_ambient::{Clock, Entropy};
use carnet_db::{Database, Transaction};
use carnet_token::base64url;
use serde::Serialize;

use crate::db;
use crate::db::journal::{RESTORE, Record};

/// The action of the record that tells what retention has removed.
const TRIM: &str = "journal.trim";
/// The subject of both: the journal, with the record up to which.
const SUBJECT: &str = "journal/";

/// What is recorded of one change.
#[derive(Debug)]
pub struct Entry<'a, B: Serialize, A: Serialize> {
    /// Who did it: `client/ID`, or `local/USER` for a command on the data directory.
    pub actor: &'a str,
    /// What was done, `noun.verb`.
    pub action: &'static str,
    /// To what, `kind/id`.
    pub subject: &'a str,
    /// The subject before the change; only its salted digest is kept.
    pub before: Option<&'a B>,
    /// The subject after the change; only its salted digest is kept.
    pub after: Option<&'a A>,
    /// Why, in the actor's words; may be empty.
    pub reason: &'a str,
}

/// Appends a record; returns its sequence.
///
/// # Errors
/// When the database refuses; the caller's transaction is then lost.
pub async fn append<B: Serialize, A: Serialize>(
    tx: &mut Transaction,
    clock: &Clock,
    entropy: &Entropy,
    entry: Entry<'_, B, A>,
) -> Result<i64, db::Error> {
    let (sequence, previous_hash) = db::journal::advance(tx).await?;
    let salt = base64url::encode(entropy.bytes::<16>());
    let mut record = Record {
        sequence,
        at: clock.now_millis(),
        actor: entry.actor.to_owned(),
        action: entry.action.to_owned(),
        subject: entry.subject.to_owned(),
        before_digest: salted(&salt, entry.before),
        after_digest: salted(&salt, entry.after),
        salt,
        reason: entry.reason.to_owned(),
        previous_hash,
        hash: String::new(),
    };
    record.hash = hash(&record);
    db::journal::insert(tx, &record).await?;
    Ok(sequence)
}

/// Goes on after a restore: the next record is `sequence`, past whatever the restore has lost. It names the record
/// that it follows, so that the chain explains the gap itself.
///
/// # Errors
/// When the database refuses; the caller's transaction is then lost.
pub async fn resume(
    tx: &mut Transaction,
    clock: &Clock,
    entropy: &Entropy,
    sequence: i64,
    actor: &str,
    reason: &str,
) -> Result<Restore, db::Error> {
    let (after, hash) = db::journal::jump(tx, sequence - 1).await?;
    let subject = format!("{SUBJECT}{after}");
    let entry = Entry { actor, action: RESTORE, subject: &subject, before: NOTHING, after: NOTHING, reason };
    let sequence = append(tx, clock, entropy, entry).await?;
    Ok(Restore { sequence, after, hash })
}

const NOTHING: Option<&()> = None;

/// Walks the whole chain; returns its last sequence.
///
/// # Errors
/// The first place where it breaks.
pub async fn verify(database: &Database) -> Result<i64, Broken> {
    let mut tx = database.snapshot().await.map_err(db::Error::from)?;
    Ok(Chain::walk(&mut tx, |_| {}).await?.last())
}

fn salted<T: Serialize>(salt: &str, value: Option<&T>) -> String {
    let Some(value) = value else { return String::new() };
    let text = serde_json::to_string(value).unwrap_or_default();
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(salt.as_bytes());
    context.update(b"\n");
    context.update(text.as_bytes());
    base64url::encode(context.finish().as_ref())
}

/// SHA-256 over every member with its length before it, so that no two records share an encoding.
#[must_use]
pub fn hash(record: &Record) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(b"carnet-journal-1");
    context.update(&record.sequence.to_be_bytes());
    context.update(&record.at.to_be_bytes());
    for member in [
        &record.actor,
        &record.action,
        &record.subject,
        &record.salt,
        &record.before_digest,
        &record.after_digest,
        &record.reason,
        &record.previous_hash,
    ] {
        context.update(&(member.len() as u64).to_be_bytes());
        context.update(member.as_bytes());
    }
    base64url::encode(context.finish().as_ref())
}
