use super::{Details, KIND, audiences};
use crate::db;
use crate::operations::context::Change;
use crate::operations::negative::Against;
use crate::operations::{Actor, Context, Refusal, administrator, approval, check};
use crate::registry::{Client, ClientKind, Status};

/// Gives a client a status. That it has it already is no error: the caller has what was asked for.
pub(super) async fn change(
    context: &Context,
    actor: &Actor,
    id: &str,
    status: Status,
    action: &'static str,
) -> Result<Details, Refusal> {
    let id = check::id(KIND, id)?;
    let mut tx = context.begin().await?;
    let found = db::client::find(&mut *tx, id).await?.ok_or_else(|| Refusal::not_found(KIND, id))?;
    let details = audiences::details_in(&mut tx, found).await?;
    let before = details.client.clone();
    administrator::check_takes(actor, &before)?;
    context.call.check_version(KIND, &details)?;
    if before.bootstrap && status == Status::Disabled {
        return Err(Refusal::conflict(
            "client_id",
            "is the administrator that the first start made, who would lock everybody out",
            "revoke its secrets instead; `carnet admin reset` makes a new one",
        ));
    }
    if before.status == status {
        return Ok(details);
    }
    let subject = format!("client/{id}");
    if status == Status::Active {
        let summary = format!("enable the client {}", before.name);
        administrator::check_gives(context, actor, &before, summary.clone(), false)?;
        if before.kind == ClientKind::Machine {
            approval::hold_enabling(context, actor, &subject, summary)?;
        }
    }
    let now = context.clock.now_millis();
    db::client::set_status(&mut tx, id, status, now).await?;
    let after = Client { status, updated_at: now, ..before.clone() };
    if status == Status::Disabled {
        db::administration_token::forget_client(&mut tx, id).await?;
    }
    let change = Change { action, subject, before: Some(&before), after: Some(&after), reason: "" };
    let sequence = context.means().journal(&mut tx, actor, change).await?;
    if status == Status::Disabled {
        context.decide_against(&mut tx, sequence, Against::Client { id }).await?;
    }
    context.commit(tx).await?;
    Ok(Details { client: after, ..details })
}
