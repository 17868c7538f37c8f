use super::ready::executed;
use super::{KIND, Ready, get, not_any_more, people};
use crate::operations::{Actor, Administrator, Context, Refusal};
use crate::registry::ApprovalState;

/// Lets the requester execute what was approved and whose answer has a secret: nobody else sees it, and it is made only
/// now, so that it was never kept anywhere.
///
/// # Errors
/// [`Refusal::NotFound`]; [`Refusal::Conflict`] when it was not approved or is not to be executed any more, when the
/// actor is not its requester, or when the approver is no administrator any more; [`Refusal::Changed`].
pub async fn execute(context: &Context, actor: &Actor, id: &str) -> Result<Ready, Refusal> {
    let approval = get(context, id).await?;
    context.call.check_version(KIND, &approval)?;
    let now = context.clock.now_millis();
    if actor.client_id() != Some(approval.requested_by.as_str()) {
        return Err(Refusal::conflict(
            "requested_by",
            "is somebody else, and the answer has a secret that is theirs",
            "leave it to the requester",
        ));
    }
    match (&approval.decided_by, approval.state) {
        (Some(approver), ApprovalState::Approved) if !approval.is_expired(now) => {
            people::active(context, "decided_by", approver).await?;
            // The token of now and not that of the request: whoever got hold of a narrower one gets no secret with it.
            let scope = actor.token_scope().to_owned();
            let actor = actor.clone().approved_by(&format!("client/{approver}"), &approval.id);
            let administrator = Administrator::new(actor, scope);
            let after = executed(&approval, now);
            Ok(Ready { approval, administrator, after, action: "approval.execute" })
        }
        (_, ApprovalState::Pending) if !approval.is_expired(now) => {
            Err(Refusal::conflict("state", "is pending", "wait until another administrator has approved it"))
        }
        _ => Err(not_any_more(&approval, now)),
    }
}
