//! Table `sealed_key`: private keys of the installation, each sealed by the master key.

use carnet_db::sqlx::{self, Any, Executor};
use carnet_db::{Row, Transaction};

use super::{Error, Reading, select, taken};

const TABLE: &str = "sealed_key";
const SELECT: &str =
    "SELECT id, kid, purpose, alg, state, public_jwk, jwe, created_at, activated_at FROM sealed_key";

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
    /// The private key as a JWE-encrypted JWK.
    pub jwe: String,
    /// Milliseconds since 1970-01-01 UTC.
    pub created_at: i64,
    /// Milliseconds since 1970-01-01 UTC.
    pub activated_at: Option<i64>,
}

fn sealed_key(row: &Row) -> Result<SealedKey, Error> {
    let row = Reading::new(row, TABLE, "id")?;
    Ok(SealedKey {
        id: row.text("id")?,
        kid: row.text("kid")?,
        purpose: row.text("purpose")?,
        alg: row.text("alg")?,
        state: row.text("state")?,
        public_jwk: row.optional_text("public_jwk")?,
        jwe: row.text("jwe")?,
        created_at: row.number("created_at")?,
        activated_at: row.optional_number("activated_at")?,
    })
}

/// Inserts a key. [`Error::Taken`] when the `kid` exists, or another key is active for its purpose and algorithm.
pub async fn insert(tx: &mut Transaction, key: &SealedKey) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO sealed_key (id, kid, purpose, alg, state, public_jwk, jwe, created_at, activated_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(&key.id)
    .bind(&key.kid)
    .bind(&key.purpose)
    .bind(&key.alg)
    .bind(&key.state)
    .bind(key.public_jwk.as_deref())
    .bind(&key.jwe)
    .bind(key.created_at)
    .bind(key.activated_at)
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
