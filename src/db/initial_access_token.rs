//! Table `initial_access_token`: with one of these a company's machine registers itself.

use carnet_db::sqlx::{self, Any, AnyPool, Executor};
use carnet_db::{Row, Transaction};
use serde::Serialize;

use super::{Error, Page, Reading, select, taken};
use crate::registry::CredentialStatus;

const TABLE: &str = "initial_access_token";
const SELECT: &str = "SELECT id, participant_id, digest, status, uses, used, created_at, expires_at \
                      FROM initial_access_token";

/// An initial access token as it is kept: never the token itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InitialAccessToken {
    /// ULID.
    pub id: String,
    /// Whose machines may register with it.
    pub participant_id: String,
    /// SHA-256 of the token, base64url.
    #[serde(skip)]
    pub digest: String,
    /// Whether it may be used, until it expires or is used up.
    pub status: CredentialStatus,
    /// How many registrations it is good for.
    pub uses: i64,
    /// How many there were.
    pub used: i64,
    /// Milliseconds since 1970-01-01 UTC.
    pub created_at: i64,
    /// Milliseconds since 1970-01-01 UTC.
    pub expires_at: i64,
}

impl InitialAccessToken {
    /// Whether it is good for a registration at `now`, milliseconds since 1970-01-01 UTC.
    #[must_use]
    pub fn is_usable(&self, now: i64) -> bool {
        self.status == CredentialStatus::Active && self.used < self.uses && now < self.expires_at
    }
}

fn initial_access_token(row: &Row) -> Result<InitialAccessToken, Error> {
    let row = Reading::new(row, TABLE, "id");
    Ok(InitialAccessToken {
        id: row.text("id")?,
        participant_id: row.text("participant_id")?,
        digest: row.text("digest")?,
        status: row.word("status")?,
        uses: row.number("uses")?,
        used: row.number("used")?,
        created_at: row.number("created_at")?,
        expires_at: row.number("expires_at")?,
    })
}

/// Inserts a token's record.
pub async fn insert(tx: &mut Transaction, token: &InitialAccessToken) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO initial_access_token (id, participant_id, digest, status, uses, used, created_at, expires_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(&token.id)
    .bind(&token.participant_id)
    .bind(&token.digest)
    .bind(token.status.as_str())
    .bind(token.uses)
    .bind(token.used)
    .bind(token.created_at)
    .bind(token.expires_at)
    .execute(&mut **tx)
    .await
    .map_err(taken(TABLE))?;
    Ok(())
}

/// The token with this digest, whatever its state.
pub async fn find_by_digest<'e>(
    executor: impl Executor<'e, Database = Any>,
    digest: &str,
) -> Result<Option<InitialAccessToken>, Error> {
    let row = sqlx::query(select(SELECT, " WHERE digest = $1")).bind(digest).fetch_optional(executor).await?;
    row.as_ref().map(initial_access_token).transpose()
}

/// One token of a participant.
pub async fn find<'e>(
    executor: impl Executor<'e, Database = Any>,
    participant_id: &str,
    id: &str,
) -> Result<Option<InitialAccessToken>, Error> {
    let query = select(SELECT, " WHERE participant_id = $1 AND id = $2");
    let row = sqlx::query(query).bind(participant_id).bind(id).fetch_optional(executor).await?;
    row.as_ref().map(initial_access_token).transpose()
}

/// Uses a token once; `false` when it is not good for that at `now` (milliseconds since 1970-01-01 UTC), because
/// somebody else had the last use, it was revoked or has expired.
pub async fn consume(tx: &mut Transaction, id: &str, now: i64) -> Result<bool, Error> {
    let done = sqlx::query(
        "UPDATE initial_access_token SET used = used + 1 \
         WHERE id = $1 AND status = 'active' AND used < uses AND expires_at > $2",
    )
    .bind(id)
    .bind(now)
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Revokes a token of a participant; says whether it was active.
pub async fn revoke(tx: &mut Transaction, participant_id: &str, id: &str) -> Result<bool, Error> {
    let done = sqlx::query(
        "UPDATE initial_access_token SET status = 'revoked' \
         WHERE participant_id = $1 AND id = $2 AND status = 'active'",
    )
    .bind(participant_id)
    .bind(id)
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// A page of one participant's tokens, oldest first, beginning after `cursor`.
pub async fn page(
    pool: &AnyPool,
    participant_id: &str,
    cursor: &str,
    limit: i64,
) -> Result<Page<InitialAccessToken>, Error> {
    let query = select(SELECT, " WHERE participant_id = $1 AND id > $2 ORDER BY id LIMIT $3");
    let rows = sqlx::query(query).bind(participant_id).bind(cursor).bind(limit + 1).fetch_all(pool).await?;
    let items = rows.iter().map(initial_access_token).collect::<Result<Vec<_>, _>>()?;
    Ok(Page::cut(items, limit, |token| token.id.clone()))
}
