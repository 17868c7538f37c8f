use super::{NamedIdentifier, status};
use crate::operations::{Actor, Context, Refusal};
use crate::registry::{OneRecordId, OneRecordIdStatus};

/// Withdraws a ONE Record ID: no token carries it until it is resumed. It stays its participant's: nobody else gets it.
///
/// # Errors
/// [`Refusal::NotFound`] without that participant; [`Refusal::Invalid`] when the URI is none of its own;
/// [`Refusal::Changed`].
pub async fn suspend(
    context: &Context,
    actor: &Actor,
    participant_id: &str,
    named: &NamedIdentifier,
) -> Result<OneRecordId, Refusal> {
    let (to, action) = (OneRecordIdStatus::Suspended, "identifier.suspend");
    status::change(context, actor, participant_id, named, to, action).await
}
