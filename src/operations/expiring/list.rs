use super::DAY;
use crate::db::{self, Page};
use crate::operations::{Context, ListRequest, Refusal};
use crate::registry::ExpiringCredential;

/// How far ahead a list may look, days.
const MAX_DAYS: i64 = 3_660;

/// A page of the credentials that expire within so many days, the first to expire first. Clients and participants that
/// are disabled are left out, and so is what has expired.
///
/// # Errors
/// [`Refusal::Invalid`] for an impossible number of days or a cursor of another list.
pub async fn list(
    context: &Context,
    within_days: i64,
    request: &ListRequest,
) -> Result<Page<ExpiringCredential>, Refusal> {
    if !(1..=MAX_DAYS).contains(&within_days) {
        return Err(Refusal::invalid("within_days", format!("must be 1 to {MAX_DAYS}")));
    }
    let now = context.clock.now_millis();
    let pool = context.database.reader().pool();
    let until = now + within_days * DAY;
    let page = db::credential_expiry::page(pool, now, until, &request.after, request.limit).await?;
    page.ok_or_else(|| Refusal::invalid("cursor", "must be the next_cursor of an earlier page"))
}
