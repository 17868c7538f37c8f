//! Table `revocation_feed`: the feed as it was signed last, the same bytes for every node.

use carnet_db::Transaction;
use carnet_db::sqlx::{self, Any, Executor, Row as _};

use super::Error;

/// A signing of the feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signing {
    /// Dense from 1: which signing it is.
    pub epoch: i64,
    /// The highest decision in it.
    pub sequence: i64,
    /// Milliseconds since 1970-01-01 UTC, by the database's clock.
    pub signed_at: i64,
    /// The key that signed it.
    pub kid: String,
}

/// The last signing.
pub async fn newest<'e>(executor: impl Executor<'e, Database = Any>) -> Result<Option<Signing>, Error> {
    let row = sqlx::query(
        "SELECT epoch, sequence, signed_at, kid FROM revocation_feed WHERE since = 0 ORDER BY epoch DESC LIMIT 1",
    )
    .fetch_optional(executor)
    .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Signing {
        epoch: row.try_get("epoch")?,
        sequence: row.try_get("sequence")?,
        signed_at: row.try_get("signed_at")?,
        kid: row.try_get("kid")?,
    }))
}

/// The documents of a signing, with the decision after which each begins, in that order.
pub async fn documents<'e>(
    executor: impl Executor<'e, Database = Any>,
    epoch: i64,
) -> Result<Vec<(i64, String)>, Error> {
    let query = "SELECT since, jws FROM revocation_feed WHERE epoch = $1 ORDER BY since";
    Ok(sqlx::query_as(query).bind(epoch).fetch_all(executor).await?)
}

/// Stores a document of a signing; `false` when another node has stored that one.
pub async fn insert(tx: &mut Transaction, signing: &Signing, since: i64, jws: &str) -> Result<bool, Error> {
    let done = sqlx::query(
        "INSERT INTO revocation_feed (epoch, since, sequence, signed_at, kid, jws) \
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (epoch, since) DO NOTHING",
    )
    .bind(signing.epoch)
    .bind(since)
    .bind(signing.sequence)
    .bind(signing.signed_at)
    .bind(&signing.kid)
    .bind(jws)
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Forgets the signings before `epoch`.
pub async fn forget_before(tx: &mut Transaction, epoch: i64) -> Result<(), Error> {
    sqlx::query("DELETE FROM revocation_feed WHERE epoch < $1").bind(epoch).execute(&mut **tx).await?;
    Ok(())
}
