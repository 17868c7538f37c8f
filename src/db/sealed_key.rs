//! Table `sealed_key`: private keys of the installation, each sealed by the master key.

use carnet_db::sqlx::{self, Any, Executor};
use carnet_db::{Row, Transaction};

use super::{Error, Page, Reading, select, taken};

const TABLE: &str = "sealed_key";
const SELECT: &str = "SELECT id, kid, purpose, alg, state, public_jwk, jwe, created_at, announced_at, activated_at, \
                      retires_at FROM sealed_key";

/// A key as it is kept.
#[derive(Debug, Clone)]
pub struct SealedKey {
    /// ULID of the row.
    pub id: String,
    /// RFC 7638 thumbprint, or for a symmetric key a random name.
    pub kid: String,
    /// What it is for; a key has one purpose.
    pub purpose: String,
    /// JWS algorithm, or `HS256` for a symmetric key.
    pub alg: String,
    /// announced, active, retiring, retired, revoked.
    pub state: String,
    /// The public half as a JWK; none for a symmetric key.
    pub public_jwk: Option<String>,
    /// The private key as a JWE-encrypted JWK; empty when it signs no more and was dropped.
    pub jwe: String,
    /// Milliseconds since 1970-01-01 UTC.
    pub created_at: i64,
    /// Milliseconds since 1970-01-01 UTC.
    pub announced_at: Option<i64>,
    /// Milliseconds since 1970-01-01 UTC.
    pub activated_at: Option<i64>,
    /// Until when a retiring key is published, milliseconds since 1970-01-01 UTC.
    pub retires_at: Option<i64>,
}

fn sealed_key(row: &Row) -> Result<SealedKey, Error> {
    let row = Reading::new(row, TABLE, "id");
    Ok(SealedKey {
        id: row.text("id")?,
        kid: row.text("kid")?,
        purpose: row.text("purpose")?,
        alg: row.text("alg")?,
        state: row.text("state")?,
        public_jwk: row.optional_text("public_jwk")?,
        jwe: row.text("jwe")?,
        created_at: row.number("created_at")?,
        announced_at: row.optional_number("announced_at")?,
        activated_at: row.optional_number("activated_at")?,
        retires_at: row.optional_number("retires_at")?,
    })
}

/// Inserts a key. [`Error::Taken`] when the `kid` exists, or another key is active or announced for its purpose
/// and algorithm.
pub async fn insert(tx: &mut Transaction, key: &SealedKey) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO sealed_key (id, kid, purpose, alg, state, public_jwk, jwe, created_at, announced_at, \
         activated_at, retires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
    )
    .bind(&key.id)
    .bind(&key.kid)
    .bind(&key.purpose)
    .bind(&key.alg)
    .bind(&key.state)
    .bind(key.public_jwk.as_deref())
    .bind(&key.jwe)
    .bind(key.created_at)
    .bind(key.announced_at)
    .bind(key.activated_at)
    .bind(key.retires_at)
    .execute(&mut **tx)
    .await
    .map_err(taken(TABLE))?;
    Ok(())
}

/// All keys that are not retired or revoked, oldest first.
pub async fn live<'e>(executor: impl Executor<'e, Database = Any>) -> Result<Vec<SealedKey>, Error> {
    let query = select(SELECT, " WHERE state IN ('announced', 'active', 'retiring') ORDER BY id");
    sqlx::query(query).fetch_all(executor).await?.iter().map(sealed_key).collect()
}

/// Every key that ever was, oldest first.
pub async fn all<'e>(executor: impl Executor<'e, Database = Any>) -> Result<Vec<SealedKey>, Error> {
    sqlx::query(select(SELECT, " ORDER BY id")).fetch_all(executor).await?.iter().map(sealed_key).collect()
}

/// A page of the keys after a row id, but those of one purpose; with `ended` also those that are retired or revoked.
pub async fn page<'e>(
    executor: impl Executor<'e, Database = Any>,
    hidden: &str,
    ended: bool,
    after: &str,
    limit: i64,
) -> Result<Page<SealedKey>, Error> {
    let query = select(
        SELECT,
        " WHERE id > $1 AND purpose <> $2 AND ($3 = 1 OR state IN ('announced', 'active', 'retiring')) ORDER BY id \
         LIMIT $4",
    );
    let rows = sqlx::query(query)
        .bind(after)
        .bind(hidden)
        .bind(i64::from(ended))
        .bind(limit + 1)
        .fetch_all(executor)
        .await?;
    let items = rows.iter().map(sealed_key).collect::<Result<Vec<_>, _>>()?;
    Ok(Page::cut(items, limit, |key| key.id.clone()))
}

/// The key of this name.
pub async fn find<'e>(
    executor: impl Executor<'e, Database = Any>,
    kid: &str,
) -> Result<Option<SealedKey>, Error> {
    let row = sqlx::query(select(SELECT, " WHERE kid = $1")).bind(kid).fetch_optional(executor).await?;
    row.as_ref().map(sealed_key).transpose()
}

/// Which keys are live and how they stand, by which a node sees that something has changed.
pub async fn states<'e>(executor: impl Executor<'e, Database = Any>) -> Result<Vec<(String, String)>, Error> {
    let query =
        "SELECT id, state FROM sealed_key WHERE state IN ('announced', 'active', 'retiring') ORDER BY id";
    Ok(sqlx::query_as(query).fetch_all(executor).await?)
}

/// Takes a key from one state into another; false when it is not in that state any more: somebody else was first.
///
/// What signs no more loses its private half in the same statement.
pub async fn advance(tx: &mut Transaction, id: &str, change: &Advance<'_>) -> Result<bool, Error> {
    let done = sqlx::query(
        "UPDATE sealed_key SET state = $1, jwe = CASE WHEN $2 = 1 THEN '' ELSE jwe END, \
         activated_at = COALESCE($3, activated_at), retires_at = COALESCE($4, retires_at) \
         WHERE id = $5 AND state = $6",
    )
    .bind(change.to)
    .bind(i64::from(change.drop_private))
    .bind(change.activated_at)
    .bind(change.retires_at)
    .bind(id)
    .bind(change.from)
    .execute(&mut **tx)
    .await
    .map_err(taken(TABLE))?;
    Ok(done.rows_affected() == 1)
}

/// A step in the life of a key.
#[derive(Debug, Clone, Copy)]
pub struct Advance<'a> {
    /// The state in which it must be.
    pub from: &'a str,
    /// The state into which it goes.
    pub to: &'a str,
    /// Whether its private half is dropped for ever.
    pub drop_private: bool,
    /// Milliseconds since 1970-01-01 UTC, if it becomes active.
    pub activated_at: Option<i64>,
    /// Milliseconds since 1970-01-01 UTC, if it begins to retire.
    pub retires_at: Option<i64>,
}

/// Puts another sealing of the same key into its row.
pub async fn reseal(tx: &mut Transaction, id: &str, jwe: &str) -> Result<(), Error> {
    sqlx::query("UPDATE sealed_key SET jwe = $1 WHERE id = $2").bind(jwe).bind(id).execute(&mut **tx).await?;
    Ok(())
}
