//! Table `registration`: clients that registered themselves, and what their registration is changed with.

use carnet_db::Transaction;
use carnet_db::sqlx::{self, Any, Executor, Row as _};

use super::Error;

/// A registration that a client made of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// The client.
    pub client_id: String,
    /// The initial access token with which it registered.
    pub initial_access_token_id: String,
    /// SHA-256 of its registration access token, base64url.
    pub digest: String,
    /// Milliseconds since 1970-01-01 UTC.
    pub updated_at: i64,
}

/// Inserts a registration.
pub async fn insert(tx: &mut Transaction, registration: &Registration) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO registration (client_id, initial_access_token_id, digest, updated_at) \
         VALUES ($1, $2, $3, $4)",
    )
    .bind(&registration.client_id)
    .bind(&registration.initial_access_token_id)
    .bind(&registration.digest)
    .bind(registration.updated_at)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The registration of a client.
pub async fn find<'e>(
    executor: impl Executor<'e, Database = Any>,
    client_id: &str,
) -> Result<Option<Registration>, Error> {
    let row = sqlx::query(
        "SELECT client_id, initial_access_token_id, digest, updated_at FROM registration WHERE client_id = $1",
    )
    .bind(client_id)
    .fetch_optional(executor)
    .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Registration {
        client_id: row.try_get("client_id")?,
        initial_access_token_id: row.try_get("initial_access_token_id")?,
        digest: row.try_get("digest")?,
        updated_at: row.try_get("updated_at")?,
    }))
}

/// Puts another registration access token into the place of one; `false` when that is not the one any more.
pub async fn rotate(
    tx: &mut Transaction,
    client_id: &str,
    old_digest: &str,
    new_digest: &str,
    at: i64,
) -> Result<bool, Error> {
    let done = sqlx::query(
        "UPDATE registration SET digest = $1, updated_at = $2 WHERE client_id = $3 AND digest = $4",
    )
    .bind(new_digest)
    .bind(at)
    .bind(client_id)
    .bind(old_digest)
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Ends a registration that is held by this token; `false` when it is not.
pub async fn delete(tx: &mut Transaction, client_id: &str, digest: &str) -> Result<bool, Error> {
    let done = sqlx::query("DELETE FROM registration WHERE client_id = $1 AND digest = $2")
        .bind(client_id)
        .bind(digest)
        .execute(&mut **tx)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// How many enabled clients of a participant registered themselves.
pub async fn count_of_participant<'e>(
    executor: impl Executor<'e, Database = Any>,
    participant_id: &str,
) -> Result<i64, Error> {
    let query = "SELECT COUNT(*) FROM registration AS r JOIN client AS c ON c.id = r.client_id \
                 WHERE c.participant_id = $1 AND c.status = 'active'";
    Ok(sqlx::query_scalar(query).bind(participant_id).fetch_one(executor).await?)
}
