//! Table `consumed_identifier`: what may be used once was used.

use carnet_db::sqlx::{self, AnyPool};

use super::Error;

/// Consumes `replay_key`, to be remembered until `keep_until` (seconds since 1970-01-01 UTC).
/// `false` when it was consumed before: the unique insert decides between nodes.
pub async fn consume(pool: &AnyPool, replay_key: &str, keep_until: i64) -> Result<bool, Error> {
    let done = sqlx::query(
        "INSERT INTO consumed_identifier (replay_key, keep_until) VALUES ($1, $2) ON CONFLICT (replay_key) DO NOTHING",
    )
    .bind(replay_key)
    .bind(keep_until)
    .execute(pool)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Seconds for which an expired one stays: the clock of another node may be behind.
const CLOCKS: i64 = 60;

/// Forgets what no longer needs remembering at `now`, seconds.
pub async fn forget_expired(pool: &AnyPool, now: i64) -> Result<u64, Error> {
    let done = sqlx::query("DELETE FROM consumed_identifier WHERE keep_until < $1")
        .bind(now - CLOCKS)
        .execute(pool)
        .await?;
    Ok(done.rows_affected())
}
