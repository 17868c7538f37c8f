use serde_json::{Value, json};

use crate::db;
use crate::operations::context::Change;
use crate::operations::negative::Against;
use crate::operations::{Actor, Context, Refusal, administrator, check, client};
use crate::registry::ClientKind;

const KIND: &str = "client key";

/// Revokes a key for ever. That it is revoked already is no error.
///
/// # Errors
/// [`Refusal::NotFound`] without that client or that key.
pub async fn revoke(context: &Context, actor: &Actor, client_id: &str, kid: &str) -> Result<(), Refusal> {
    let client_id = check::id(client::KIND, client_id)?;
    let mut tx = context.begin().await?;
    let found = db::client::find(&mut *tx, client_id).await?;
    let owner = found.ok_or_else(|| Refusal::not_found(client::KIND, client_id))?;
    administrator::check_takes(actor, &owner)?;
    let keys = db::client_key::of_client(&mut *tx, client_id).await?;
    let key = keys.iter().find(|key| key.kid == kid).ok_or_else(|| Refusal::not_found(KIND, kid))?;
    if !db::client_key::revoke(&mut tx, client_id, kid).await? {
        return Ok(());
    }
    let change = Change {
        action: "client_key.revoke",
        subject: format!("client/{client_id}"),
        before: Some(&json!(key.thumbprint)),
        after: None::<&Value>,
        reason: "",
    };
    let sequence = context.means().journal(&mut tx, actor, change).await?;
    let against = Against::ClientKey { id: &key.id, thumbprint: &key.thumbprint };
    context.decide_against(&mut tx, sequence, against).await?;
    if owner.kind == ClientKind::Administrator {
        // Whoever got a token with it could give themselves a new one.
        db::administration_token::forget_client(&mut tx, client_id).await?;
    }
    context.commit(tx).await
}
