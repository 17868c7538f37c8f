use super::Journaled;
use crate::db;
use crate::operations::context::Change;
use crate::operations::negative::Against;
use crate::operations::{Actor, Context, Refusal, administrator, check, client};
use crate::registry::ClientKind;

const KIND: &str = "client secret";

/// Revokes a secret for ever. That it is revoked already is no error.
///
/// # Errors
/// [`Refusal::NotFound`] without that client or that secret.
pub async fn revoke(
    context: &Context,
    actor: &Actor,
    client_id: &str,
    secret_id: &str,
) -> Result<(), Refusal> {
    let client_id = check::id(client::KIND, client_id)?;
    let secret_id = check::id(KIND, secret_id)?;
    let mut tx = context.begin().await?;
    let found = db::client::find(&mut *tx, client_id).await?;
    let owner = found.ok_or_else(|| Refusal::not_found(client::KIND, client_id))?;
    administrator::check_takes(actor, &owner)?;
    let found = db::client_secret::find(&mut *tx, client_id, secret_id).await?;
    let secret = found.ok_or_else(|| Refusal::not_found(KIND, secret_id))?;
    if !db::client_secret::revoke(&mut tx, client_id, secret_id).await? {
        return Ok(());
    }
    let change = Change {
        action: "client_secret.revoke",
        subject: format!("client/{client_id}"),
        before: Some(&Journaled::from(&secret)),
        after: None::<&Journaled<'_>>,
        reason: "",
    };
    let sequence = context.means().journal(&mut tx, actor, change).await?;
    context.decide_against(&mut tx, sequence, Against::ClientSecret { id: secret_id }).await?;
    if owner.kind == ClientKind::Administrator {
        // Whoever got a token with it could give themselves a new one.
        db::administration_token::forget_client(&mut tx, client_id).await?;
    }
    context.commit(tx).await
}
