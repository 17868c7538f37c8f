use crate::db::{self, Page};
use crate::operations::{Context, ListRequest, Refusal};
use crate::registry::Participant;

/// A page of participants, the oldest first.
///
/// # Errors
/// When the database fails.
pub async fn list(context: &Context, request: &ListRequest) -> Result<Page<Participant>, Refusal> {
    Ok(db::participant::page(context.database.reader().pool(), &request.after, request.limit).await?)
}
