use super::{Filter, Record};
use crate::db::{self, Page};
use crate::operations::check::{Checks, field};
use crate::operations::{Context, ListRequest, Refusal};

/// A page of the journal, the oldest record first.
///
/// # Errors
/// [`Refusal::Invalid`] when a member of the filter cannot be found in any record.
pub async fn list(
    context: &Context,
    filter: &Filter,
    request: &ListRequest,
) -> Result<Page<Record>, Refusal> {
    let mut checks = Checks::default();
    let after = if request.after.is_empty() { Some(0) } else { request.after.parse().ok() };
    let after: Option<i64> = checks.take(
        "cursor",
        after.filter(|after| *after >= 0).ok_or("must be the next_cursor of an earlier page"),
    );
    for (name, text) in [
        ("actor", filter.actor.as_deref()),
        ("action", Some(filter.action.as_str())),
        ("subject", filter.subject.as_deref()),
    ] {
        // No NUL reaches the database, and nothing that no record holds is looked for.
        if text.is_some_and(|text| text.len() > 256 || !text.bytes().all(|b| b.is_ascii_graphic())) {
            checks.extend(vec![field(name, "must be ASCII without blanks, of at most 256 characters")]);
        }
    }
    checks.done()?;
    let pool = context.database.reader().pool();
    let records = db::journal::matching(pool, filter, after.unwrap_or(0), request.limit + 1).await?;
    Ok(Page::cut(records, request.limit, |record| record.sequence.to_string()))
}
