use super::status;
use crate::operations::{Actor, Context, Refusal};
use crate::registry::{Participant, Status};

/// Withdraws a participant: none of its clients gets tokens until it is enabled again.
///
/// # Errors
/// [`Refusal::NotFound`].
pub async fn disable(context: &Context, actor: &Actor, id: &str) -> Result<Participant, Refusal> {
    status::change(context, actor, id, Status::Disabled, "participant.disable").await
}
