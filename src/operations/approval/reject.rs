use serde::Deserialize;
use utoipa::ToSchema;

use super::ready::advance;
use super::{KIND, get, not_any_more};
use crate::operations::{Actor, Context, Refusal};
use crate::registry::{Approval, ApprovalState, scope};

/// Why a request is rejected.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"reason": "nobody at the airline knows of it"}))]
pub struct Rejection {
    /// The reason, for the requester and the journal.
    #[schema(max_length = 500)]
    pub reason: Option<String>,
}

/// Rejects a request for ever; also one that was approved and not executed yet. Its requester may do so too, with whatever
/// scope.
///
/// # Errors
/// [`Refusal::Scope`] for somebody else who may not approve; [`Refusal::NotFound`]; [`Refusal::Invalid`] for a reason
/// that is too long; [`Refusal::Conflict`] when it does not wait any more; [`Refusal::Changed`].
pub async fn reject(
    context: &Context,
    actor: &Actor,
    id: &str,
    rejection: Rejection,
) -> Result<Approval, Refusal> {
    let found = get(context, id).await;
    let is_own =
        found.as_ref().is_ok_and(|approval| actor.client_id() == Some(approval.requested_by.as_str()));
    if !is_own {
        actor.require(scope::ADMIN_APPROVE)?;
    }
    let reason = rejection.reason.unwrap_or_default();
    if reason.chars().count() > 500 || reason.chars().any(char::is_control) {
        return Err(Refusal::invalid(
            "reason",
            "must have at most 500 characters, none of them a control character",
        ));
    }
    let before = found?;
    context.call.check_version(KIND, &before)?;
    let now = context.clock.now_millis();
    if before.is_expired(now) || matches!(before.state, ApprovalState::Executed | ApprovalState::Rejected) {
        return Err(not_any_more(&before, now));
    }
    let after = Approval {
        state: ApprovalState::Rejected,
        decided_by: actor.client_id().map(str::to_owned),
        decided_at: Some(now),
        reason,
        ..before.clone()
    };
    let mut tx = context.begin().await?;
    advance(context, &mut tx, actor, &before, &after, "approval.reject").await?;
    context.commit(tx).await?;
    Ok(after)
}
