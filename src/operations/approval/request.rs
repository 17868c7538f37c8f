use aws_lc_rs::digest;
use carnet_token::base64url;

use crate::db;
use crate::operations::context::Change;
use crate::operations::idempotency::holds_secret;
use crate::operations::{Actor, Context, Held, Refusal};
use crate::registry::{Approval, ApprovalState};

/// How many requests of one administrator can wait at once: nobody approves with care what comes in heaps.
const MAX_WAITING: i64 = 100;

/// A request as it came.
#[derive(Debug, Clone)]
pub struct HeldRequest {
    /// Its method.
    pub method: String,
    /// Its path, and query if it has one.
    pub path: String,
    /// Its `If-Match`.
    pub if_match: Option<String>,
    /// Its body.
    pub body: Vec<u8>,
}

/// Keeps a request until a second administrator has decided about it.
///
/// # Errors
/// [`Refusal::Conflict`] when the request has a secret in it, or its requester has too many that wait.
pub async fn request(
    context: &Context,
    actor: &Actor,
    held: Held,
    request: HeldRequest,
) -> Result<Approval, Refusal> {
    let requested_by = actor.client_id().unwrap_or_default().to_owned();
    if holds_secret(&request.body) {
        return Err(Refusal::conflict(
            "body",
            "has a secret in it, which must not lie in the database until somebody has read and approved it",
            "let the server make the secret, or register a key instead",
        ));
    }
    let now = context.clock.now_millis();
    let approval = Approval {
        id: context.entropy.ulid(&context.clock),
        operation: held.operation,
        subject: held.subject,
        summary: held.summary,
        digest: digest_of(&request),
        method: request.method,
        path: request.path,
        if_match: request.if_match,
        body: request.body,
        makes_secret: held.makes_secret,
        requested_by,
        scope: actor.token_scope().to_owned(),
        state: ApprovalState::Pending,
        decided_by: None,
        decided_at: None,
        reason: String::new(),
        executed_at: None,
        created_at: now,
        expires_at: now + context.config.approval().expires_after * 1000,
    };
    let mut tx = context.begin().await?;
    if db::approval::waiting_of(&mut *tx, &approval.requested_by, now).await? >= MAX_WAITING {
        return Err(Refusal::conflict(
            "requested_by",
            format!("has {MAX_WAITING} requests that wait already"),
            "have them approved, or reject those that are not wanted any more",
        ));
    }
    db::approval::insert(&mut tx, &approval).await?;
    let change = Change {
        action: "approval.request",
        subject: format!("approval/{}", approval.id),
        before: None::<&Approval>,
        after: Some(&approval),
        reason: &approval.summary,
    };
    context.means().journal(&mut tx, actor, change).await?;
    context.commit(tx).await?;
    Ok(approval)
}

/// SHA-256 over every part with its length before it, so that no two requests share an encoding.
fn digest_of(request: &HeldRequest) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(b"carnet-approval-1");
    let if_match = request.if_match.as_deref().unwrap_or_default();
    for part in
        [request.method.as_bytes(), request.path.as_bytes(), if_match.as_bytes(), request.body.as_slice()]
    {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    base64url::encode(context.finish().as_ref())
}
