use super::KIND;
use crate::db;
use crate::operations::{Context, Refusal, check};
use crate::registry::Participant;

/// One participant.
///
/// # Errors
/// [`Refusal::NotFound`].
pub async fn get(context: &Context, id: &str) -> Result<Participant, Refusal> {
    let id = check::id(KIND, id)?;
    let found = db::participant::find(context.database.reader().pool(), id).await?;
    found.ok_or_else(|| Refusal::not_found(KIND, id))
}
