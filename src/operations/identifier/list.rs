use crate::db::{self, Page};
use crate::operations::{Context, ListRequest, Refusal, participant};
use crate::registry::OneRecordId;

/// A page of a participant's ONE Record IDs, in the order of their characters.
///
/// # Errors
/// [`Refusal::NotFound`] without that participant.
pub async fn list(
    context: &Context,
    participant_id: &str,
    request: &ListRequest,
) -> Result<Page<OneRecordId>, Refusal> {
    let owner = participant::get(context, participant_id).await?;
    let pool = context.database.reader().pool();
    Ok(db::one_record_id::page(pool, &owner.id, &request.after, request.limit).await?)
}
