use super::{Details, audiences};
use crate::db::{self, Page};
use crate::operations::{Context, ListRequest, Refusal, check};

/// A page of clients, the oldest first, of all participants or of one.
///
/// # Errors
/// [`Refusal::Invalid`] when the participant's id cannot be one.
pub async fn list(
    context: &Context,
    participant_id: Option<&str>,
    request: &ListRequest,
) -> Result<Page<Details>, Refusal> {
    if let Some(id) = participant_id {
        check::id("participant", id).map_err(|_| Refusal::invalid("participant_id", "is not an id"))?;
    }
    let pool = context.database.reader().pool();
    let page = db::client::page(pool, participant_id, &request.after, request.limit).await?;
    Ok(Page { items: audiences::details(context, page.items).await?, next_cursor: page.next_cursor })
}
