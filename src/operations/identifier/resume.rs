use super::{NamedIdentifier, status};
use crate::operations::{Actor, Context, Refusal};
use crate::registry::{OneRecordId, OneRecordIdStatus};

/// Lets a ONE Record ID stand in tokens again.
///
/// # Errors
/// [`Refusal::NotFound`] without that participant; [`Refusal::Invalid`] when the URI is none of its own;
/// [`Refusal::Changed`]; [`Refusal::Held`].
pub async fn resume(
    context: &Context,
    actor: &Actor,
    participant_id: &str,
    named: &NamedIdentifier,
) -> Result<OneRecordId, Refusal> {
    let (to, action) = (OneRecordIdStatus::Approved, "identifier.resume");
    status::change(context, actor, participant_id, named, to, action).await
}
