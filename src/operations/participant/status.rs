use super::KIND;
use crate::db;
use crate::operations::context::Change;
use crate::operations::negative::{Against, reach_millis};
use crate::operations::{Actor, Context, Refusal, approval, check};
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
    context.call.check_version(KIND, &before)?;
    if before.status == status {
        return Ok(before);
    }
    let subject = format!("participant/{id}");
    if status == Status::Active {
        let summary = format!("enable the participant {} and its clients", before.name);
        approval::hold_enabling(context, actor, &subject, summary)?;
    }
    let now = context.clock.now_millis();
    db::participant::set_status(&mut tx, id, status, now).await?;
    let after = Participant { status, updated_at: now, ..before.clone() };
    let change = Change { action, subject, before: Some(&before), after: Some(&after), reason: "" };
    let sequence = context.means().journal(&mut tx, actor, change).await?;
    if status == Status::Disabled {
        let against = Against::Participant { id, logistics_agent_uri: &before.logistics_agent_uri };
        context.decide_against(&mut tx, sequence, against).await?;
        // Tokens from before a change may carry another agent URI, which nobody knows any more: so they are named by
        // their clients.
        let changed = before.updated_at > before.created_at;
        if changed && before.updated_at >= now - reach_millis(context.config.tokens()) {
            for client in db::client::of_participant(&mut *tx, id).await? {
                let against = Against::ClientTokens { client_id: &client.id, issued_until: None };
                context.decide_against(&mut tx, sequence, against).await?;
            }
        }
    }
    context.commit(tx).await?;
    Ok(after)
}
