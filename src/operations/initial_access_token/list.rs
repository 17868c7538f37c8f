use crate::db::{self, Page};
use crate::operations::{Context, ListRequest, Refusal, participant};
use crate::registry::InitialAccessToken;

/// A page of a participant's initial access tokens, the oldest first, those that are good for nothing any more too.
///
/// # Errors
/// [`Refusal::NotFound`] without that participant.
pub async fn list(
    context: &Context,
    participant_id: &str,
    request: &ListRequest,
) -> Result<Page<InitialAccessToken>, Refusal> {
    let owner = participant::get(context, participant_id).await?;
    let pool = context.database.reader().pool();
    Ok(db::initial_access_token::page(pool, &owner.id, &request.after, request.limit).await?)
}
