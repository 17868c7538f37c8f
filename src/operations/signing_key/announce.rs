use carnet_db::Transaction;

use super::{Journaled, Slot};
use crate::db;
use crate::db::sealed_key::SealedKey;
use crate::keys::{KeyState, NewKey};
use crate::operations::context::Change;
use crate::operations::{Actor, Context, Refusal};

/// Makes a key for a slot, outside of any transaction: RSA takes its time.
pub(super) async fn make(slot: Slot) -> Result<NewKey, Refusal> {
    let made = tokio::task::spawn_blocking(move || NewKey::generate(slot.purpose, slot.algorithm)).await;
    match made {
        Ok(Ok(key)) => Ok(key),
        Ok(Err(error)) => Err(Refusal::failed(error)),
        Err(error) => Err(Refusal::failed(error)),
    }
}

/// Writes a key that was made into the transaction. `false` when another node was first; the transaction goes on.
pub(super) async fn insert(
    context: &Context,
    tx: &mut Transaction,
    actor: &Actor,
    key: &NewKey,
    slot: Slot,
    state: KeyState,
    now: i64,
) -> Result<bool, Refusal> {
    // Under the lock that every change of the keys takes.
    let rows = db::sealed_key::live(&mut **tx).await?;
    let held = |row: &SealedKey| {
        row.purpose == slot.purpose.as_str()
            && row.alg == slot.algorithm.as_str()
            && row.state == state.as_str()
    };
    if rows.iter().any(held) {
        return Ok(false);
    }
    let installation = db::installation::find(&mut **tx).await?;
    if installation.is_none_or(|found| found.key_check_value != context.keys.key_check_value()) {
        return Err(Refusal::failed(
            "the master key of this installation was changed: start this node with the new one",
        ));
    }
    let id = context.entropy.ulid(&context.clock);
    let row = context.keys.seal(key, state, now, id).map_err(Refusal::failed)?;
    db::sealed_key::insert(tx, &row).await?;
    let after = Journaled { kid: &row.kid, purpose: &row.purpose, alg: &row.alg, state: &row.state };
    let change = Change {
        action: "signing_key.announce",
        subject: format!("signing_key/{}", row.kid),
        before: None::<&Journaled<'_>>,
        after: Some(&after),
        reason: "",
    };
    context.means().journal(tx, actor, change).await?;
    Ok(true)
}
