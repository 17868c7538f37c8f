use serde_json::Value;

use crate::db;
use crate::operations::context::Change;
use crate::operations::{Actor, Context, Refusal};
use crate::registry::administration_token;

/// Ends an administration token at the wish of the administrator who got it. Anything else is left alone: somebody
/// else's token, one that has expired, a text that is none.
///
/// # Errors
/// When the database fails.
pub async fn revoke_administration(context: &Context, client_id: &str, token: &str) -> Result<(), Refusal> {
    let Some(found) = administration_token::find(&context.database, &context.clock, token).await? else {
        return Ok(());
    };
    if found.client_id != client_id {
        return Ok(());
    }
    let mut tx = context.begin().await?;
    if !db::administration_token::forget(&mut tx, &found.digest, client_id).await? {
        return Ok(());
    }
    let change = Change {
        action: "administration_token.revoke",
        subject: format!("client/{client_id}"),
        before: None::<&Value>,
        after: None::<&Value>,
        reason: "",
    };
    context.means().journal(&mut tx, &Actor::client(client_id), change).await?;
    context.commit(tx).await
}
