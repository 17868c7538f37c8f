use super::KIND;
use crate::db;
use crate::operations::{Context, Refusal, check};
use crate::registry::ResourceServer;

/// One resource server.
///
/// # Errors
/// [`Refusal::NotFound`].
pub async fn get(context: &Context, id: &str) -> Result<ResourceServer, Refusal> {
    let id = check::id(KIND, id)?;
    let found = db::resource_server::find(context.database.reader().pool(), id).await?;
    found.ok_or_else(|| Refusal::not_found(KIND, id))
}
