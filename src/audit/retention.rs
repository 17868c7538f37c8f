use carnet_ambient::{Clock, Entropy};
use carnet_db::Database;

use super::{Entry, NOTHING, SUBJECT, TRIM, append};
use crate::db;
use crate::db::journal::Start;

/// Once a day is enough, and each time leaves a record.
const INTERVAL: u64 = 86_400_000;

/// Removes records that are older than `keep_days`, if a signed head covers them that this node holds outside the
/// database (`anchored`, its sequence). Returns the last record that was removed.
///
/// The table keeps that record's hash, from which the chain goes on, and a new record says so: a beginning that is
/// missing without such a record was cut off by somebody else.
///
/// # Errors
/// When the database refuses; nothing was removed then.
pub async fn trim(
    database: &Database,
    clock: &Clock,
    entropy: &Entropy,
    keep_days: i64,
    anchored: i64,
) -> Result<Option<i64>, db::Error> {
    // Not this machine's time alone: with a clock that runs ahead, it would remove what must be kept.
    let now = database.time(clock).await?;
    let mut tx = database.writer().begin().await?;
    // Several nodes: the first one takes the lock and does it.
    db::journal::lock(&mut tx).await?;
    let start = db::journal::start(&mut *tx).await?;
    let due = start.sequence == 0 || now.abs_diff(start.trimmed_at) >= INTERVAL;
    let cutoff = now - keep_days * 86_400_000;
    let last = db::journal::last_older_than(&mut tx, cutoff, anchored).await?;
    let Some((sequence, hash)) = last.filter(|_| due) else {
        tx.rollback().await?;
        return Ok(None);
    };
    let reason =
        format!("keep_days is {keep_days}; a head of record {anchored} was signed; the last hash is {hash}");
    let start = Start { sequence, hash, trimmed_at: now };
    db::journal::trim(&mut tx, &start).await?;
    let subject = format!("{SUBJECT}{sequence}");
    let actor = "server/retention";
    let entry =
        Entry { actor, action: TRIM, subject: &subject, before: NOTHING, after: NOTHING, reason: &reason };
    append(&mut tx, clock, entropy, entry).await?;
    tx.commit().await?;
    Ok(Some(sequence))
}
