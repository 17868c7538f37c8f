use super::status;
use crate::operations::{Actor, Context, Refusal};
use crate::registry::{ResourceServer, Status};

/// Withdraws a resource server: no token is made for it until it is enabled again.
///
/// # Errors
/// [`Refusal::NotFound`]; [`Refusal::Changed`].
pub async fn disable(context: &Context, actor: &Actor, id: &str) -> Result<ResourceServer, Refusal> {
    status::change(context, actor, id, Status::Disabled, "resource_server.disable").await
}
