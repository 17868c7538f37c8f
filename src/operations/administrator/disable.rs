use super::get;
use crate::operations::client::{self, Details};
use crate::operations::{Actor, Context, Refusal};

/// Withdraws an administrator: its tokens end at once, and it gets no others until it is enabled again.
///
/// # Errors
/// [`Refusal::NotFound`], also for a machine; [`Refusal::Conflict`] for the administrator that the first start made;
/// [`Refusal::Changed`].
pub async fn disable(context: &Context, actor: &Actor, id: &str) -> Result<Details, Refusal> {
    // What kind a client is never changes.
    get(context, id).await?;
    client::disable(context, actor, id).await
}
