use super::ready::{advance, executed};
use super::{KIND, Ready, get, not_any_more, people};
use crate::operations::{Actor, Context, Refusal};
use crate::registry::{Approval, ApprovalState};

/// What the consent of the second administrator leads to.
#[derive(Debug)]
pub enum Consent {
    /// The request is to be executed now.
    Execute(Box<Ready>),
    /// Its answer has a secret, which is not for the approver: its requester executes it.
    Released(Box<Approval>),
}

/// Approves a request.
///
/// # Errors
/// [`Refusal::NotFound`]; [`Refusal::Conflict`] when it does not wait any more, when the approver is not another person
/// than the requester for sure, or when the requester is no administrator any more; [`Refusal::Changed`].
pub async fn approve(context: &Context, actor: &Actor, id: &str) -> Result<Consent, Refusal> {
    let before = get(context, id).await?;
    context.call.check_version(KIND, &before)?;
    let now = context.clock.now_millis();
    if before.state != ApprovalState::Pending || before.is_expired(now) {
        return Err(not_any_more(&before, now));
    }
    people::check_two(context, actor, &before).await?;
    let approver = actor.client_id().unwrap_or_default();
    let administrator = people::requester(context, &before, approver).await?;
    let decided = Approval {
        state: ApprovalState::Approved,
        decided_by: Some(approver.to_owned()),
        decided_at: Some(now),
        ..before.clone()
    };
    if before.makes_secret {
        let mut tx = context.begin().await?;
        advance(context, &mut tx, actor, &before, &decided, "approval.approve").await?;
        context.commit(tx).await?;
        return Ok(Consent::Released(Box::new(decided)));
    }
    let after = executed(&decided, now);
    Ok(Consent::Execute(Box::new(Ready {
        approval: before,
        administrator,
        after,
        action: "approval.approve",
    })))
}
