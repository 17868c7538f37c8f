use crate::db;
use crate::operations::context::Change;
use crate::operations::{Actor, Administrator, Context, Refusal};
use crate::registry::{Approval, ApprovalState};

use super::not_any_more;

/// A request that is to be executed now.
#[derive(Debug)]
pub struct Ready {
    /// The request.
    pub approval: Approval,
    /// In whose name, with the consent of the other.
    pub administrator: Administrator,
    /// The approval as it is when the request has been executed.
    pub(super) after: Approval,
    pub(super) action: &'static str,
}

/// Writes that a request was executed, in the transaction of what it changed, which waits in `executed`; unless somebody
/// else was faster: then nothing of it has happened.
///
/// # Errors
/// [`Refusal::Conflict`] when it was executed, rejected or expired meanwhile.
pub async fn complete(
    context: &Context,
    executed: &Context,
    actor: &Actor,
    ready: Ready,
) -> Result<Approval, Refusal> {
    let Ready { approval: before, after, action, .. } = ready;
    let mut tx = match executed.call.take() {
        Some(tx) => tx,
        // It changed nothing, because all was as it should be already.
        None => context.begin().await?,
    };
    advance(context, &mut tx, actor, &before, &after, action).await?;
    context.commit(tx).await?;
    Ok(after)
}

/// Writes a decision, if the state is still the one before it.
pub(super) async fn advance(
    context: &Context,
    tx: &mut carnet_db::Transaction,
    actor: &Actor,
    before: &Approval,
    after: &Approval,
    action: &'static str,
) -> Result<(), Refusal> {
    let now = context.clock.now_millis();
    if !db::approval::advance(tx, after, before.state, now).await? {
        let found = db::approval::find(&mut **tx, &before.id).await?;
        return Err(not_any_more(found.as_ref().unwrap_or(before), now));
    }
    let change = Change {
        action,
        subject: format!("approval/{}", before.id),
        before: Some(before),
        after: Some(after),
        reason: &after.reason,
    };
    context.means().journal(tx, actor, change).await?;
    Ok(())
}

/// The approval when it has been executed at `now`.
pub(super) fn executed(approval: &Approval, now: i64) -> Approval {
    Approval { state: ApprovalState::Executed, executed_at: Some(now), ..approval.clone() }
}
