//! Tables `journal` and `journal_head`.

use carnet_db::sqlx::{self, Any, AnyPool, Executor, Row as _};
use carnet_db::{Row, Transaction};

use super::Error;

/// A record as it stands in the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Dense from 1; also the change number that memory images follow.
    pub sequence: i64,
    /// Milliseconds since 1970-01-01 UTC.
    pub at: i64,
    /// Who did it.
    pub actor: String,
    /// What was done.
    pub action: String,
    /// To what, `kind/id`.
    pub subject: String,
    /// Makes the digests useless for guessing what they digest.
    pub salt: String,
    /// Salted digest of the subject before.
    pub before_digest: String,
    /// Salted digest of the subject after.
    pub after_digest: String,
    /// Why, in the actor's words; may be empty.
    pub reason: String,
    /// Hash of the record before.
    pub previous_hash: String,
    /// Hash of this record.
    pub hash: String,
}

fn record(row: &Row) -> Result<Record, Error> {
    Ok(Record {
        sequence: row.try_get("sequence")?,
        at: row.try_get("at")?,
        actor: row.try_get("actor")?,
        action: row.try_get("action")?,
        subject: row.try_get("subject")?,
        salt: row.try_get("salt")?,
        before_digest: row.try_get("before_digest")?,
        after_digest: row.try_get("after_digest")?,
        reason: row.try_get("reason")?,
        previous_hash: row.try_get("previous_hash")?,
        hash: row.try_get("hash")?,
    })
}

/// Takes the head's lock without a new sequence: what is checked from here on in this transaction stays true
/// until it ends, because every change of the registry ends in a journal record.
pub async fn lock(tx: &mut Transaction) -> Result<(), Error> {
    sqlx::query("UPDATE journal_head SET sequence = sequence WHERE singleton = 1").execute(&mut **tx).await?;
    Ok(())
}

/// Takes the next sequence and with it the head's lock; returns it with the hash of the record before.
pub async fn advance(tx: &mut Transaction) -> Result<(i64, String), Error> {
    let row = sqlx::query(
        "UPDATE journal_head SET sequence = sequence + 1 WHERE singleton = 1 RETURNING sequence, hash",
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok((row.try_get("sequence")?, row.try_get("hash")?))
}

/// Writes the record whose sequence was taken in this transaction, and its hash into the head.
pub async fn insert(tx: &mut Transaction, record: &Record) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO journal (sequence, at, actor, action, subject, salt, before_digest, after_digest, reason, \
         previous_hash, hash) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
    )
    .bind(record.sequence)
    .bind(record.at)
    .bind(&record.actor)
    .bind(&record.action)
    .bind(&record.subject)
    .bind(&record.salt)
    .bind(&record.before_digest)
    .bind(&record.after_digest)
    .bind(&record.reason)
    .bind(&record.previous_hash)
    .bind(&record.hash)
    .execute(&mut **tx)
    .await?;
    sqlx::query("UPDATE journal_head SET hash = $1 WHERE singleton = 1")
        .bind(&record.hash)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// The last sequence, which is the change number of the database.
pub async fn head<'e>(executor: impl Executor<'e, Database = Any>) -> Result<i64, Error> {
    Ok(sqlx::query_scalar("SELECT sequence FROM journal_head WHERE singleton = 1")
        .fetch_one(executor)
        .await?)
}

/// The subjects of the records after `since` and up to `until`, each once.
pub async fn subjects_between<'e>(
    executor: impl Executor<'e, Database = Any>,
    since: i64,
    until: i64,
) -> Result<Vec<String>, Error> {
    let query = "SELECT DISTINCT subject FROM journal WHERE sequence > $1 AND sequence <= $2";
    Ok(sqlx::query_scalar(query).bind(since).bind(until).fetch_all(executor).await?)
}

/// Who changed a subject after `since`, each with their reasons, each pair once.
pub async fn actors_on<'e>(
    executor: impl Executor<'e, Database = Any>,
    subject: &str,
    since: i64,
) -> Result<Vec<(String, String)>, Error> {
    let rows = sqlx::query("SELECT DISTINCT actor, reason FROM journal WHERE subject = $1 AND at > $2")
        .bind(subject)
        .bind(since)
        .fetch_all(executor)
        .await?;
    rows.iter().map(|row| Ok((row.try_get("actor")?, row.try_get("reason")?))).collect()
}

/// How often something was done to a subject after `since`, milliseconds since 1970-01-01 UTC.
pub async fn count_since<'e>(
    executor: impl Executor<'e, Database = Any>,
    subject: &str,
    action: &str,
    since: i64,
) -> Result<i64, Error> {
    let query = "SELECT COUNT(*) FROM journal WHERE subject = $1 AND action = $2 AND at > $3";
    Ok(sqlx::query_scalar(query).bind(subject).bind(action).bind(since).fetch_one(executor).await?)
}

/// Up to `limit` records after `sequence`, in order.
pub async fn after(pool: &AnyPool, sequence: i64, limit: i64) -> Result<Vec<Record>, Error> {
    sqlx::query(
        "SELECT sequence, at, actor, action, subject, salt, before_digest, after_digest, reason, previous_hash, \
         hash FROM journal WHERE sequence > $1 ORDER BY sequence LIMIT $2",
    )
    .bind(sequence)
    .bind(limit)
    .fetch_all(pool)
    .await?
    .iter()
    .map(record)
    .collect()
}
