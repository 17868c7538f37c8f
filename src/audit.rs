//! The journal: append-only, hash-chained, written in the transaction of the change that it records.
//!
//! Its sequence is the change number that memory images follow. Appending takes the head's row lock until
//! the transaction ends, so that records commit in the order of their sequence and none can be skipped.

use aws_lc_rs::digest;
use carnet_ambient::{Clock, Entropy};
use carnet_db::Transaction;
use carnet_db::sqlx::AnyPool;
use carnet_token::base64url;
use serde::Serialize;

use crate::db;
use crate::db::journal::Record;

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

/// Where the chain breaks.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Broken {
    /// The database could not be read.
    #[error(transparent)]
    Database(#[from] db::Error),
    /// A sequence is missing or stands twice.
    #[error("the journal is broken: record {expected} should follow, found {found}")]
    Gap {
        /// The sequence that should stand there.
        expected: i64,
        /// The sequence that does.
        found: i64,
    },
    /// A record was changed, or the one before it.
    #[error("the journal is broken: record {0} does not carry the hash of its content and its predecessor")]
    Hash(i64),
    /// The head does not belong to the last record.
    #[error("the journal is broken: its head says {head} records, the last one is {last}")]
    Head {
        /// What the head says.
        head: i64,
        /// The last record.
        last: i64,
    },
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

/// Walks the whole chain; returns how many records it has.
///
/// # Errors
/// The first place where it breaks.
pub async fn verify(pool: &AnyPool) -> Result<i64, Broken> {
    let (mut last, mut previous) = (0, String::new());
    loop {
        let records = db::journal::after(pool, last, 1000).await?;
        if records.is_empty() {
            break;
        }
        for record in records {
            if record.sequence != last + 1 {
                return Err(Broken::Gap { expected: last + 1, found: record.sequence });
            }
            if record.previous_hash != previous || record.hash != hash(&record) {
                return Err(Broken::Hash(record.sequence));
            }
            last = record.sequence;
            previous = record.hash;
        }
    }
    let head = db::journal::head(pool).await?;
    if head == last { Ok(last) } else { Err(Broken::Head { head, last }) }
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
fn hash(record: &Record) -> String {
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
