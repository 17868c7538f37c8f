//! Tables `client_secret` and `client_key`: what expires when.

use carnet_db::Row;
use carnet_db::sqlx::{self, Any, Executor};

use super::{Error, Page, Reading};
use crate::registry::ExpiringCredential;

/// Active credentials of whoever is enabled. `replaced`: another one of the same kind lasts longer.
const SELECT: &str = "SELECT kind, id, name, client_id, client_name, participant_id, expires_at, last_used_at, replaced \
    FROM ( \
    SELECT CAST('secret' AS TEXT) AS kind, s.id AS id, s.id AS name, c.id AS client_id, c.name AS client_name, \
    c.participant_id AS participant_id, s.expires_at AS expires_at, s.last_used_at AS last_used_at, \
    CASE WHEN EXISTS (SELECT o.id FROM client_secret o WHERE o.client_id = s.client_id AND o.id <> s.id \
    AND o.status = 'active' AND (o.expires_at IS NULL OR o.expires_at > s.expires_at)) \
    THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS replaced \
    FROM client_secret s JOIN client c ON c.id = s.client_id LEFT JOIN participant p ON p.id = c.participant_id \
    WHERE s.expires_at > $1 AND s.expires_at <= $2 AND s.status = 'active' AND c.status = 'active' \
    AND (p.id IS NULL OR p.status = 'active') \
    UNION ALL \
    SELECT CAST('key' AS TEXT), k.id, k.kid, c.id, c.name, c.participant_id, k.not_after, CAST(NULL AS BIGINT), \
    CASE WHEN EXISTS (SELECT o.id FROM client_key o WHERE o.client_id = k.client_id AND o.id <> k.id \
    AND o.status = 'active' AND (o.not_after IS NULL OR o.not_after > k.not_after)) \
    THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END \
    FROM client_key k JOIN client c ON c.id = k.client_id LEFT JOIN participant p ON p.id = c.participant_id \
    WHERE k.not_after > $1 AND k.not_after <= $2 AND k.status = 'active' AND c.status = 'active' \
    AND (p.id IS NULL OR p.status = 'active') \
    ) AS expiring WHERE expires_at > $3 OR (expires_at = $3 AND id > $4) ORDER BY expires_at, id LIMIT $5";

fn credential(row: &Row) -> Result<ExpiringCredential, Error> {
    let row = Reading::new(row, "client_secret or client_key", "id");
    Ok(ExpiringCredential {
        kind: row.word("kind")?,
        row_id: row.text("id")?,
        id: row.text("name")?,
        client_id: row.text("client_id")?,
        client_name: row.text("client_name")?,
        participant_id: row.optional_text("participant_id")?,
        expires_at: row.number("expires_at")?,
        last_used_at: row.optional_number("last_used_at")?,
        replaced: row.flag("replaced")?,
    })
}

/// The key with which a page of them ends: time and row, in the order of the list.
fn cursor_of(credential: &ExpiringCredential) -> String {
    format!("{}/{}", credential.expires_at, credential.row_id)
}

/// A page of what expires after `now` and up to `until`, the first to expire first, beginning after `cursor`. Times in
/// milliseconds since 1970-01-01 UTC. None for what is no cursor.
pub async fn page<'e>(
    executor: impl Executor<'e, Database = Any>,
    now: i64,
    until: i64,
    cursor: &str,
    limit: i64,
) -> Result<Option<Page<ExpiringCredential>>, Error> {
    let (time, id) = if cursor.is_empty() {
        (i64::MIN, "")
    } else {
        let parts = cursor.split_once('/').and_then(|(time, id)| Some((time.parse().ok()?, id)));
        let Some(parts) = parts else { return Ok(None) };
        parts
    };
    let rows = sqlx::query(SELECT)
        .bind(now)
        .bind(until)
        .bind(time)
        .bind(id)
        .bind(limit.saturating_add(1))
        .fetch_all(executor)
        .await?;
    let items = rows.iter().map(credential).collect::<Result<Vec<_>, _>>()?;
    Ok(Some(Page::cut(items, limit, cursor_of)))
}
