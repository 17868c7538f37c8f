//! Tables `journal` and `journal_head`.

use carnet_db::sqlx::{self, Any, AnyConnection, Executor, Row as _};
use carnet_db::{Row, Transaction};

use super::{Error, select};

const SELECT: &str = "SELECT sequence, at, actor, action, subject, salt, before_digest, after_digest, reason, \
                      previous_hash, hash FROM journal";

/// The action of the record by which a restore goes on.
pub(crate) const RESTORE: &str = "journal.restore";

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

/// Whether the journal still has the record `sequence` with this hash, or retention has removed it. Otherwise it is not
/// the journal that was seen: the database was set back, whatever number it has come to since.
pub async fn holds(connection: &mut AnyConnection, sequence: i64, hash: &str) -> Result<bool, Error> {
    if sequence == 0 {
        return Ok(true);
    }
    let query = "SELECT hash FROM journal WHERE sequence = $1";
    let found: Option<String> =
        sqlx::query_scalar(query).bind(sequence).fetch_optional(&mut *connection).await?;
    if let Some(found) = found {
        return Ok(found == hash);
    }
    // Read afterwards: it may have been removed just now.
    let start = start(&mut *connection).await?;
    Ok(start.sequence > sequence || (start.sequence == sequence && start.hash == hash))
}

/// The subjects of the records after `since` and up to `until`, each once, but for tokens: none if they are more than
/// `most`.
pub async fn subjects_between<'e>(
    executor: impl Executor<'e, Database = Any>,
    since: i64,
    until: i64,
    most: usize,
) -> Result<Option<Vec<String>>, Error> {
    let query = "SELECT DISTINCT subject FROM journal WHERE sequence > $1 AND sequence <= $2 \
                 AND substr(subject, 1, 6) <> 'token/' LIMIT $3";
    let limit = i64::try_from(most).unwrap_or(i64::MAX).saturating_add(1);
    let subjects: Vec<String> =
        sqlx::query_scalar(query).bind(since).bind(until).bind(limit).fetch_all(executor).await?;
    Ok(Some(subjects).filter(|subjects| subjects.len() <= most))
}

/// Whether a record of a restore is among those after `since` and up to `until`.
pub async fn has_restore<'e>(
    executor: impl Executor<'e, Database = Any>,
    since: i64,
    until: i64,
) -> Result<bool, Error> {
    let query = "SELECT COUNT(*) FROM journal WHERE sequence > $1 AND sequence <= $2 AND action = $3";
    let count: i64 =
        sqlx::query_scalar(query).bind(since).bind(until).bind(RESTORE).fetch_one(executor).await?;
    Ok(count > 0)
}

/// Who changed a subject after `since`, each with what they did and their reasons, each of these once.
pub async fn actors_on<'e>(
    executor: impl Executor<'e, Database = Any>,
    subject: &str,
    since: i64,
) -> Result<Vec<(String, String, String)>, Error> {
    let query = "SELECT DISTINCT actor, action, reason FROM journal WHERE subject = $1 AND at > $2";
    let rows = sqlx::query(query).bind(subject).bind(since).fetch_all(executor).await?;
    let triple = |row: &Row| Ok((row.try_get("actor")?, row.try_get("action")?, row.try_get("reason")?));
    rows.iter().map(triple).collect()
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
pub async fn after<'e>(
    executor: impl Executor<'e, Database = Any>,
    sequence: i64,
    limit: i64,
) -> Result<Vec<Record>, Error> {
    let query = select(SELECT, " WHERE sequence > $1 ORDER BY sequence LIMIT $2");
    sqlx::query(query).bind(sequence).bind(limit).fetch_all(executor).await?.iter().map(record).collect()
}

/// The last record's sequence and hash, of one moment.
pub async fn head_with_hash<'e>(executor: impl Executor<'e, Database = Any>) -> Result<(i64, String), Error> {
    let query = "SELECT sequence, hash FROM journal_head WHERE singleton = 1";
    Ok(sqlx::query_as(query).fetch_one(executor).await?)
}

/// Which records a reader wants.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only what this actor did.
    pub actor: Option<String>,
    /// Only actions that begin so.
    pub action: String,
    /// Only what was done to this, `kind/id`.
    pub subject: Option<String>,
    /// Not before, milliseconds since 1970-01-01 UTC.
    pub since: Option<i64>,
    /// Not after, milliseconds since 1970-01-01 UTC.
    pub until: Option<i64>,
}

/// Up to `limit` records after `sequence` that pass the filter, in order.
pub async fn matching<'e>(
    executor: impl Executor<'e, Database = Any>,
    filter: &Filter,
    sequence: i64,
    limit: i64,
) -> Result<Vec<Record>, Error> {
    // In byte order everything that begins with a text lies between it and it with the last character behind.
    let query = select(
        SELECT,
        " WHERE sequence > $1 AND at >= $2 AND at <= $3 AND action >= $4 AND action < $5 \
         AND ($6 = '' OR actor = $7) AND ($8 = '' OR subject = $9) ORDER BY sequence LIMIT $10",
    );
    let (actor, subject) = (filter.actor.as_deref().unwrap_or(""), filter.subject.as_deref().unwrap_or(""));
    let rows = sqlx::query(query)
        .bind(sequence)
        .bind(filter.since.unwrap_or(i64::MIN))
        .bind(filter.until.unwrap_or(i64::MAX))
        .bind(&filter.action)
        .bind(format!("{}\u{10ffff}", filter.action))
        .bind(actor)
        .bind(actor)
        .bind(subject)
        .bind(subject)
        .bind(limit)
        .fetch_all(executor)
        .await?;
    rows.iter().map(record).collect()
}

/// Where the chain begins.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Start {
    /// The last record that was removed; 0 when none was.
    pub sequence: i64,
    /// Its hash.
    pub hash: String,
    /// When, milliseconds since 1970-01-01 UTC.
    pub trimmed_at: i64,
}

/// Where the chain begins.
pub async fn start<'e>(executor: impl Executor<'e, Database = Any>) -> Result<Start, Error> {
    let query = "SELECT sequence, hash, trimmed_at FROM journal_start WHERE singleton = 1";
    let (sequence, hash, trimmed_at) = sqlx::query_as(query).fetch_one(executor).await?;
    Ok(Start { sequence, hash, trimmed_at })
}

/// The last record before which every record is older than `cutoff` (milliseconds since 1970-01-01 UTC), itself
/// included, and its hash. Never `before` or a later one.
pub async fn last_older_than(
    tx: &mut Transaction,
    cutoff: i64,
    before: i64,
) -> Result<Option<(i64, String)>, Error> {
    // The clock may have been set back once: what counts is the first record that is young enough to stay.
    let query = "SELECT sequence, hash FROM journal WHERE sequence < $1 AND sequence < COALESCE((SELECT \
                 MIN(sequence) FROM journal WHERE at >= $2), $3) ORDER BY sequence DESC LIMIT 1";
    Ok(sqlx::query_as(query).bind(before).bind(cutoff).bind(before).fetch_optional(&mut **tx).await?)
}

/// Removes the records up to that of `start`, and notes where the chain begins now.
pub async fn trim(tx: &mut Transaction, start: &Start) -> Result<(), Error> {
    sqlx::query("DELETE FROM journal WHERE sequence <= $1").bind(start.sequence).execute(&mut **tx).await?;
    sqlx::query("UPDATE journal_start SET sequence = $1, hash = $2, trimmed_at = $3 WHERE singleton = 1")
        .bind(start.sequence)
        .bind(&start.hash)
        .bind(start.trimmed_at)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Moves the head to `sequence`, past records that are lost: for a restore, which must not use a number again that
/// others have seen. Returns the last record's sequence and hash.
pub async fn jump(tx: &mut Transaction, sequence: i64) -> Result<(i64, String), Error> {
    let known = head_with_hash(&mut **tx).await?;
    sqlx::query("UPDATE journal_head SET sequence = $1 WHERE singleton = 1 AND sequence < $2")
        .bind(sequence)
        .bind(sequence)
        .execute(&mut **tx)
        .await?;
    Ok(known)
}
