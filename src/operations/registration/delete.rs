use super::authenticate;
use crate::db;
use crate::operations::{Actor, Context, Refusal, client};

/// Ends the registration of the client that shows its token (RFC 7592 §2.3): it is disabled, and its secrets and keys
/// are revoked. `None` when the token is not good for that.
///
/// # Errors
/// When the database fails.
pub async fn delete(context: &Context, client_id: &str, bearer: &str) -> Result<Option<()>, Refusal> {
    if !authenticate::holds(context, client_id, bearer).await? {
        return Ok(None);
    }
    let mut tx = context.begin().await?;
    let Some((registration, before)) = authenticate::registered(&mut tx, client_id, bearer).await? else {
        return Ok(None);
    };
    if !db::registration::delete(&mut tx, &before.id, &registration.digest).await? {
        return Ok(None);
    }
    let actor = Actor::registration(&registration.initial_access_token_id);
    client::disable_in(&mut tx, context, &actor, &before, "client.end_registration").await?;
    context.commit(tx).await?;
    Ok(Some(()))
}
