use serde_json::json;

use crate::db;
use crate::keys::MasterKey;
use crate::operations::context::Change;
use crate::operations::{Actor, Context, Refusal, check};

/// Seals every private key of the installation anew, with another master key; returns how many.
///
/// The keys stay what they are, and so do the secrets kept under one of them. Nodes that run with the old master key go on
/// until a new signing key appears, which they cannot open: start them with the new one before.
///
/// # Errors
/// [`Refusal::Conflict`] when the installation has another master key by now.
pub async fn rewrap(
    context: &Context,
    actor: &Actor,
    new: &MasterKey,
    reason: &str,
) -> Result<usize, Refusal> {
    let reason = check::reason(reason).map_err(|fault| Refusal::invalid("reason", fault))?;
    let known = context.keys.key_check_value();
    let mut tx = context.begin().await?;
    if !db::installation::change_key_check_value(&mut tx, &known, &new.key_check_value()).await? {
        return Err(super::changed());
    }
    let mut sealed = 0;
    for row in db::sealed_key::all(&mut *tx).await? {
        // What was dropped has nothing to seal.
        if row.jwe.is_empty() {
            continue;
        }
        let jwe = context.keys.reseal(&row, new).map_err(Refusal::failed)?;
        db::sealed_key::reseal(&mut tx, &row.id, &jwe).await?;
        sealed += 1;
    }
    let change = Change {
        action: "master_key.change",
        subject: "signing_key/master".to_owned(),
        before: Some(&json!(known)),
        after: Some(&json!(new.key_check_value())),
        reason,
    };
    context.means().journal(&mut tx, actor, change).await?;
    context.commit(tx).await?;
    Ok(sealed)
}
