//! Table `administration_token`.

use carnet_db::sqlx::{self, AnyPool, Row as _};

use super::Error;

/// An administration token as it is kept: never the token itself.
#[derive(Debug, Clone)]
pub struct AdministrationToken {
    /// SHA-256 of the token, base64url.
    pub digest: String,
    /// The administrator to whom it was given.
    pub client_id: String,
    /// Its scopes, separated by blanks.
    pub scope: String,
    /// Milliseconds since 1970-01-01 UTC.
    pub created_at: i64,
    /// Milliseconds since 1970-01-01 UTC.
    pub expires_at: i64,
}

/// Inserts a token's record.
pub async fn insert(pool: &AnyPool, token: &AdministrationToken) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO administration_token (digest, client_id, scope, created_at, expires_at) \
         VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(&token.digest)
    .bind(&token.client_id)
    .bind(&token.scope)
    .bind(token.created_at)
    .bind(token.expires_at)
    .execute(pool)
    .await?;
    Ok(())
}

/// Finds a token that has not expired at `now`.
pub async fn find(pool: &AnyPool, digest: &str, now: i64) -> Result<Option<AdministrationToken>, Error> {
    let row = sqlx::query(
        "SELECT digest, client_id, scope, created_at, expires_at FROM administration_token \
         WHERE digest = $1 AND expires_at > $2",
    )
    .bind(digest)
    .bind(now)
    .fetch_optional(pool)
    .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(AdministrationToken {
        digest: row.try_get("digest")?,
        client_id: row.try_get("client_id")?,
        scope: row.try_get("scope")?,
        created_at: row.try_get("created_at")?,
        expires_at: row.try_get("expires_at")?,
    }))
}

/// Forgets the tokens that have expired; says how many.
pub async fn forget_expired(pool: &AnyPool, now: i64) -> Result<u64, Error> {
    let done = sqlx::query("DELETE FROM administration_token WHERE expires_at <= $1")
        .bind(now)
        .execute(pool)
        .await?;
    Ok(done.rows_affected())
}

/// Ends one token of a client; says whether there was one.
pub async fn forget(tx: &mut carnet_db::Transaction, digest: &str, client_id: &str) -> Result<bool, Error> {
    let done = sqlx::query("DELETE FROM administration_token WHERE digest = $1 AND client_id = $2")
        .bind(digest)
        .bind(client_id)
        .execute(&mut **tx)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Ends every token of a client at once.
pub async fn forget_client(tx: &mut carnet_db::Transaction, client_id: &str) -> Result<(), Error> {
    sqlx::query("DELETE FROM administration_token WHERE client_id = $1")
        .bind(client_id)
        .execute(&mut **tx)
        .await?;
    Ok(())
}
