use super::{Details, status};
use crate::operations::{Actor, Context, Refusal};
use crate::registry::Status;

/// Withdraws a client: it gets no tokens until it is enabled again.
///
/// # Errors
/// [`Refusal::NotFound`]; [`Refusal::Conflict`] for the administrator that the first start made; [`Refusal::Changed`];
/// [`Refusal::Scope`] for an administrator.
pub async fn disable(context: &Context, actor: &Actor, id: &str) -> Result<Details, Refusal> {
    status::change(context, actor, id, Status::Disabled, "client.disable").await
}
