use super::{Details, status};
use crate::operations::{Actor, Context, Refusal};
use crate::registry::Status;

/// Lets a client get tokens again.
///
/// # Errors
/// [`Refusal::NotFound`]; [`Refusal::Changed`]; [`Refusal::Held`]; [`Refusal::Scope`] and [`Refusal::Beyond`] for an
/// administrator.
pub async fn enable(context: &Context, actor: &Actor, id: &str) -> Result<Details, Refusal> {
    status::change(context, actor, id, Status::Active, "client.enable").await
}
