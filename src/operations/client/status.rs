use carnet_db::Transaction;

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

/// Disables a client in a transaction, with everything that it could authenticate by: for a client that ends its own
/// registration, so that enabling it again would give nobody anything.
pub(in crate::operations) async fn disable_in(
    tx: &mut Transaction,
    context: &Context,
    actor: &Actor,
    before: &Client,
    action: &'static str,
) -> Result<(), Refusal> {
    let id = before.id.as_str();
    let now = context.clock.now_millis();
    db::client::set_status(tx, id, Status::Disabled, now).await?;
    let after = Client { status: Status::Disabled, updated_at: now, ..before.clone() };
    let change = Change {
        action,
        subject: format!("client/{id}"),
        before: Some(before),
        after: Some(&after),
        reason: "",
    };
    let sequence = context.means().journal(tx, actor, change).await?;
    context.decide_against(tx, sequence, Against::Client { id }).await?;
    for secret in db::client_secret::of_client(&mut **tx, id).await? {
        if db::client_secret::revoke(tx, id, &secret.id).await? {
            context.decide_against(tx, sequence, Against::ClientSecret { id: &secret.id }).await?;
        }
    }
    for key in db::client_key::of_client(&mut **tx, id).await? {
        if db::client_key::revoke(tx, id, &key.kid).await? {
            let against = Against::ClientKey { id: &key.id, thumbprint: &key.thumbprint };
            context.decide_against(tx, sequence, against).await?;
        }
    }
    Ok(())
}
