use super::status;
use crate::operations::{Actor, Context, Refusal};
use crate::registry::{ResourceServer, Status};

/// Lets tokens be made for a resource server again.
///
/// # Errors
/// [`Refusal::NotFound`]; [`Refusal::Changed`]; [`Refusal::Held`].
pub async fn enable(context: &Context, actor: &Actor, id: &str) -> Result<ResourceServer, Refusal> {
    status::change(context, actor, id, Status::Active, "resource_server.enable").await
}
