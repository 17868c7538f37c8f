use super::status;
use crate::operations::{Actor, Context, Refusal};
use crate::registry::{Participant, Status};

/// Lets a participant's enabled clients get tokens again.
///
/// # Errors
/// [`Refusal::NotFound`].
pub async fn enable(context: &Context, actor: &Actor, id: &str) -> Result<Participant, Refusal> {
    status::change(context, actor, id, Status::Active, "participant.enable").await
}
