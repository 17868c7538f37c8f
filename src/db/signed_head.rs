//! Table `signed_head`: heads of the journal that the audit key has signed.

use carnet_db::sqlx::{self, Any, Executor, Row as _};
use carnet_db::{Row, Transaction};

use super::{Error, select};

const SELECT: &str = "SELECT sequence, hash, signed_at, kid, jws FROM signed_head";

/// A signed head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedHead {
    /// The last record that it covers.
    pub sequence: i64,
    /// That record's hash.
    pub hash: String,
    /// Milliseconds since 1970-01-01 UTC.
    pub signed_at: i64,
    /// The audit key.
    pub kid: String,
    /// The signature with everything that it covers.
    pub jws: String,
}

fn signed_head(row: &Row) -> Result<SignedHead, Error> {
    Ok(SignedHead {
        sequence: row.try_get("sequence")?,
        hash: row.try_get("hash")?,
        signed_at: row.try_get("signed_at")?,
        kid: row.try_get("kid")?,
        jws: row.try_get("jws")?,
    })
}

/// Adds a head, unless another node was first with one for the same sequence.
pub async fn insert(tx: &mut Transaction, head: &SignedHead) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO signed_head (sequence, hash, signed_at, kid, jws) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (sequence) DO NOTHING",
    )
    .bind(head.sequence)
    .bind(&head.hash)
    .bind(head.signed_at)
    .bind(&head.kid)
    .bind(&head.jws)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The head of the highest sequence.
pub async fn newest<'e>(executor: impl Executor<'e, Database = Any>) -> Result<Option<SignedHead>, Error> {
    let query = select(SELECT, " ORDER BY sequence DESC LIMIT 1");
    sqlx::query(query).fetch_optional(executor).await?.as_ref().map(signed_head).transpose()
}

/// Up to `limit` heads after `sequence`, in order.
pub async fn after<'e>(
    executor: impl Executor<'e, Database = Any>,
    sequence: i64,
    limit: i64,
) -> Result<Vec<SignedHead>, Error> {
    let query = select(SELECT, " WHERE sequence > $1 ORDER BY sequence LIMIT $2");
    let rows = sqlx::query(query).bind(sequence).bind(limit).fetch_all(executor).await?;
    rows.iter().map(signed_head).collect()
}
