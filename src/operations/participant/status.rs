use super::KIND;
use crate::db;
use crate::operations::context::Change;
use crate::operations::negative::Against;
use crate::operations::{Actor, Context, Refusal, check};
use crate::registry::{Participant, Status};

/// Gives a participant a status. That it has it already is no error: the caller has what was asked for.
pub(super) async fn change(
    context: &Context,
    actor: &Actor,
    id: &str,
    status: Status,
    action: &'static str,
) -> Result<Participant, Refusal> {
    let id = check::id(KIND, id)?;
    let mut tx = context.begin().await?;
    let before = db::participant::find(&mut *tx, id).await?.ok_or_else(|| Refusal::not_found(KIND, id))?;
    let now = context.clock.now_millis();
    if !db::participant::set_status(&mut tx, id, status, now).await? {
        return Ok(before);
    }
    let after = Participant { status, updated_at: now, ..before.clone() };
    let change = Change {
        action,
        subject: format!("participant/{id}"),
        before: Some(&before),
        after: Some(&after),
        reason: "",
    };
    let sequence = context.means().journal(&mut tx, actor, change).await?;
    if status == Status::Disabled {
        let against = Against::Participant { id, logistics_agent_uri: &before.logistics_agent_uri };
        context.decide_against(&mut tx, sequence, against).await?;
    }
    context.commit(tx).await?;
    Ok(after)
}
