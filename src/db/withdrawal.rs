//! Applying decisions against something again: what a restore does with the tombstones.

use carnet_db::Transaction;
use carnet_db::sqlx;

use super::Error;

/// What a decision of some kind takes away.
const WITHDRAWALS: [(&str, &str); 8] = [
    ("client", "UPDATE client SET status = 'disabled' WHERE id = $1"),
    ("participant", "UPDATE participant SET status = 'disabled' WHERE id = $1"),
    ("one_record_id", "UPDATE one_record_id SET status = 'suspended' WHERE uri = $1"),
    ("resource_server", "UPDATE resource_server SET status = 'disabled' WHERE id = $1"),
    ("client_secret", "UPDATE client_secret SET status = 'revoked' WHERE id = $1"),
    ("client_key", "UPDATE client_key SET status = 'revoked' WHERE id = $1"),
    // What signs no more loses its private half.
    ("signing_key", "UPDATE sealed_key SET state = 'revoked', jwe = '' WHERE kid = $1"),
    ("initial_access_token", "UPDATE initial_access_token SET status = 'revoked' WHERE id = $1"),
];

/// The kind by which a restore marks its own number; it is against nothing.
pub const RESTORE: &str = "restore";
/// The kind of an end that was set for a secret; its value is `ID/TIME`, the time in milliseconds since 1970-01-01 UTC.
const SECRET_END: &str = "client_secret_end";
/// Kinds that are nothing but a decision: the row in `negative_decision` is all that there is to it.
const ROW_ALONE: [&str; 3] = ["token", "client_tokens", RESTORE];

/// Whether decisions of this kind can be applied again.
#[must_use]
pub fn is_known(kind: &str) -> bool {
    kind == SECRET_END || ROW_ALONE.contains(&kind) || WITHDRAWALS.iter().any(|(known, _)| *known == kind)
}

/// Takes away what the decision is against; nothing happens when it is not there. `false` for a kind that is not
/// known.
pub async fn withdraw(tx: &mut Transaction, kind: &str, value: &str) -> Result<bool, Error> {
    if kind == SECRET_END {
        let Some((id, end)) =
            value.split_once('/').and_then(|(id, end)| Some((id, end.parse::<i64>().ok()?)))
        else {
            return Ok(false);
        };
        sqlx::query(
            "UPDATE client_secret SET expires_at = $1 WHERE id = $2 AND (expires_at IS NULL OR expires_at > $3)",
        )
        .bind(end)
        .bind(id)
        .bind(end)
        .execute(&mut **tx)
        .await?;
        return Ok(true);
    }
    if let Some((_, statement)) = WITHDRAWALS.iter().find(|(known, _)| *known == kind) {
        sqlx::query(*statement).bind(value).execute(&mut **tx).await?;
        return Ok(true);
    }
    Ok(ROW_ALONE.contains(&kind))
}
