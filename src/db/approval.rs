//! Table `approval`: requests that wait for a second administrator.

use carnet_db::sqlx::{self, Any, AnyPool, Executor};
use carnet_db::{Row, Transaction};
use carnet_token::base64url;

use super::{Error, Page, Reading, select};
use crate::registry::{Approval, ApprovalState};

const TABLE: &str = "approval";
const SELECT: &str = "SELECT id, operation, subject, summary, method, path, if_match, body, digest, makes_secret, \
     requested_by, scope, state, decided_by, decided_at, reason, executed_at, created_at, expires_at FROM approval";

fn approval(row: &Row) -> Result<Approval, Error> {
    let row = Reading::new(row, TABLE, "id");
    let body = base64url::decode(&row.text("body")?)
        .map_err(|_| row.corrupt("body", "it is no base64url".to_owned()))?;
    Ok(Approval {
        id: row.text("id")?,
        operation: row.word("operation")?,
        subject: row.text("subject")?,
        summary: row.text("summary")?,
        method: row.text("method")?,
        path: row.text("path")?,
        if_match: row.optional_text("if_match")?,
        body,
        digest: row.text("digest")?,
        makes_secret: row.flag("makes_secret")?,
        requested_by: row.text("requested_by")?,
        scope: row.text("scope")?,
        state: row.word("state")?,
        decided_by: row.optional_text("decided_by")?,
        decided_at: row.optional_number("decided_at")?,
        reason: row.text("reason")?,
        executed_at: row.optional_number("executed_at")?,
        created_at: row.number("created_at")?,
        expires_at: row.number("expires_at")?,
    })
}

/// Inserts a request that waits.
pub async fn insert(tx: &mut Transaction, approval: &Approval) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO approval (id, operation, subject, summary, method, path, if_match, body, digest, makes_secret, \
         requested_by, scope, state, reason, created_at, expires_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
    )
    .bind(&approval.id)
    .bind(approval.operation.as_str())
    .bind(&approval.subject)
    .bind(&approval.summary)
    .bind(&approval.method)
    .bind(&approval.path)
    .bind(approval.if_match.as_deref())
    .bind(base64url::encode(&approval.body))
    .bind(&approval.digest)
    .bind(i64::from(approval.makes_secret))
    .bind(&approval.requested_by)
    .bind(&approval.scope)
    .bind(approval.state.as_str())
    .bind(&approval.reason)
    .bind(approval.created_at)
    .bind(approval.expires_at)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Finds a request.
pub async fn find<'e>(
    executor: impl Executor<'e, Database = Any>,
    id: &str,
) -> Result<Option<Approval>, Error> {
    let row = sqlx::query(select(SELECT, " WHERE id = $1")).bind(id).fetch_optional(executor).await?;
    row.as_ref().map(approval).transpose()
}

/// How many requests of an administrator still wait.
pub async fn waiting_of<'e>(
    executor: impl Executor<'e, Database = Any>,
    client_id: &str,
    now: i64,
) -> Result<i64, Error> {
    Ok(sqlx::query_scalar(
        "SELECT COUNT(*) FROM approval WHERE requested_by = $1 AND state IN ('pending', 'approved') \
         AND expires_at > $2",
    )
    .bind(client_id)
    .bind(now)
    .fetch_one(executor)
    .await?)
}

/// Writes who decided what, or that it was done, if the state is still `from` and its time is not over; says whether it
/// was. This one statement is what lets a request be executed at most once.
pub async fn advance(
    tx: &mut Transaction,
    approval: &Approval,
    from: ApprovalState,
    now: i64,
) -> Result<bool, Error> {
    let done = sqlx::query(
        "UPDATE approval SET state = $1, decided_by = $2, decided_at = $3, reason = $4, executed_at = $5 \
         WHERE id = $6 AND state = $7 AND expires_at > $8",
    )
    .bind(approval.state.as_str())
    .bind(approval.decided_by.as_deref())
    .bind(approval.decided_at)
    .bind(&approval.reason)
    .bind(approval.executed_at)
    .bind(&approval.id)
    .bind(from.as_str())
    .bind(now)
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Rejects whatever still waits, and says why; says how many. For a restored database: what was executed or rejected
/// after its backup must not be executed from it once more.
pub async fn reject_all(tx: &mut Transaction, reason: &str, now: i64) -> Result<u64, Error> {
    let done = sqlx::query(
        "UPDATE approval SET state = 'rejected', decided_at = $1, reason = $2 \
         WHERE state IN ('pending', 'approved')",
    )
    .bind(now)
    .bind(reason)
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected())
}

/// A page in id order, beginning after `cursor`, optionally of one state.
pub async fn page(
    pool: &AnyPool,
    state: Option<ApprovalState>,
    cursor: &str,
    limit: i64,
) -> Result<Page<Approval>, Error> {
    let query =
        select(SELECT, " WHERE id > $1 AND (CAST($2 AS TEXT) IS NULL OR state = $2) ORDER BY id LIMIT $3");
    let rows = sqlx::query(query)
        .bind(cursor)
        .bind(state.map(ApprovalState::as_str))
        .bind(limit + 1)
        .fetch_all(pool)
        .await?;
    let items = rows.iter().map(approval).collect::<Result<Vec<_>, _>>()?;
    Ok(Page::cut(items, limit, |approval| approval.id.clone()))
}
