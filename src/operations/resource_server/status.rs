use super::KIND;
use crate::db;
use crate::operations::context::Change;
use crate::operations::negative::Against;
use crate::operations::{Actor, Context, Refusal, approval, check};
use crate::registry::{ResourceServer, Status};

/// Gives a resource server a status. That it has it already is no error: the caller has what was asked for.
pub(super) async fn change(
    context: &Context,
    actor: &Actor,
    id: &str,
    status: Status,
    action: &'static str,
) -> Result<ResourceServer, Refusal> {
    let id = check::id(KIND, id)?;
    let mut tx = context.begin().await?;
    let before =
        db::resource_server::find(&mut *tx, id).await?.ok_or_else(|| Refusal::not_found(KIND, id))?;
    context.call.check_version(KIND, &before)?;
    let now = context.clock.now_millis();
    if before.status == status {
        return Ok(before);
    }
    let subject = format!("resource_server/{id}");
    if status == Status::Active {
        let summary = format!("enable the resource server {} ({})", before.identifier, before.name);
        approval::hold_enabling(context, actor, &subject, summary)?;
    }
    db::resource_server::set_status(&mut tx, id, status, now).await?;
    let after = ResourceServer { status, updated_at: now, ..before.clone() };
    let change = Change { action, subject, before: Some(&before), after: Some(&after), reason: "" };
    let sequence = context.means().journal(&mut tx, actor, change).await?;
    if status == Status::Disabled {
        context.decide_against(&mut tx, sequence, Against::ResourceServer { id }).await?;
    }
    context.commit(tx).await?;
    Ok(after)
}
