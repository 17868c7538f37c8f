use super::get;
use crate::operations::client::{self, Details};
use crate::operations::{Actor, Context, Refusal};

/// Lets an administrator get tokens again.
///
/// # Errors
/// [`Refusal::NotFound`], also for a machine; [`Refusal::Changed`]; [`Refusal::Beyond`]; [`Refusal::Held`].
pub async fn enable(context: &Context, actor: &Actor, id: &str) -> Result<Details, Refusal> {
    // What kind a client is never changes.
    get(context, id).await?;
    client::enable(context, actor, id).await
}
