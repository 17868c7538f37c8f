//! Table `installation`: one row, made by the first start.

use carnet_db::Transaction;
use carnet_db::sqlx::{self, Any, Executor, Row as _};

use super::Error;

/// What the first start decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installation {
    /// ULID of this installation; the data directory carries the same.
    pub id: String,
    /// Proves possession of the master key.
    pub key_check_value: String,
    /// The issuer, for ever: tokens, certificates and trust lists of others name it.
    pub issuer: String,
    /// Milliseconds since 1970-01-01 UTC.
    pub created_at: i64,
}

/// Makes the row if it is not there; `false` when another start was first.
pub async fn insert(tx: &mut Transaction, installation: &Installation) -> Result<bool, Error> {
    let done = sqlx::query(
        "INSERT INTO installation (singleton, id, key_check_value, issuer, created_at) VALUES (1, $1, $2, $3, $4) \
         ON CONFLICT (singleton) DO NOTHING",
    )
    .bind(&installation.id)
    .bind(&installation.key_check_value)
    .bind(&installation.issuer)
    .bind(installation.created_at)
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Lets the installation know another master key; `false` when it is not the expected one that it knew.
pub async fn change_key_check_value(tx: &mut Transaction, from: &str, to: &str) -> Result<bool, Error> {
    let done = sqlx::query("UPDATE installation SET key_check_value = $1 WHERE key_check_value = $2")
        .bind(to)
        .bind(from)
        .execute(&mut **tx)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Finds the row.
pub async fn find<'e>(executor: impl Executor<'e, Database = Any>) -> Result<Option<Installation>, Error> {
    let row =
        sqlx::query("SELECT id, key_check_value, issuer, created_at FROM installation WHERE singleton = 1")
            .fetch_optional(executor)
            .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Installation {
        id: row.try_get("id")?,
        key_check_value: row.try_get("key_check_value")?,
        issuer: row.try_get("issuer")?,
        created_at: row.try_get("created_at")?,
    }))
}
