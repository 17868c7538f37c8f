use super::KIND;
use crate::operations::client::Details;
use crate::operations::{Context, Refusal, client};
use crate::registry::ClientKind;

/// One administrator.
///
/// # Errors
/// [`Refusal::NotFound`], also for a machine.
pub async fn get(context: &Context, id: &str) -> Result<Details, Refusal> {
    let found = client::get(context, id).await.map_err(|refusal| match refusal {
        Refusal::NotFound { .. } => Refusal::not_found(KIND, id),
        other => other,
    })?;
    if found.client.kind == ClientKind::Administrator { Ok(found) } else { Err(Refusal::not_found(KIND, id)) }
}
