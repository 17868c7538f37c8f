use crate::db::{self, Page};
use crate::operations::{Context, ListRequest, Refusal, client};
use crate::registry::ClientSecret;

/// A page of a client's secrets, the oldest first, the revoked ones too. The secrets themselves are not kept.
///
/// # Errors
/// [`Refusal::NotFound`] without that client.
pub async fn list(
    context: &Context,
    client_id: &str,
    request: &ListRequest,
) -> Result<Page<ClientSecret>, Refusal> {
    let owner = client::get(context, client_id).await?.client;
    let pool = context.database.reader().pool();
    Ok(db::client_secret::page(pool, &owner.id, &request.after, request.limit).await?)
}
