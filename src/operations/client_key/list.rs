use crate::db::{self, Page};
use crate::operations::{Context, ListRequest, Refusal, client};
use crate::registry::ClientKey;

/// A page of a client's keys, the oldest first, the revoked ones too.
///
/// # Errors
/// [`Refusal::NotFound`] without that client.
pub async fn list(
    context: &Context,
    client_id: &str,
    request: &ListRequest,
) -> Result<Page<ClientKey>, Refusal> {
    let owner = client::get(context, client_id).await?.client;
    let pool = context.database.reader().pool();
    Ok(db::client_key::page(pool, &owner.id, &request.after, request.limit).await?)
}
