use crate::db::{self, Page};
use crate::operations::{Context, ListRequest, Refusal};
use crate::registry::ResourceServer;

/// A page of resource servers, the oldest first.
///
/// # Errors
/// When the database fails.
pub async fn list(context: &Context, request: &ListRequest) -> Result<Page<ResourceServer>, Refusal> {
    Ok(db::resource_server::page(context.database.reader().pool(), &request.after, request.limit).await?)
}
