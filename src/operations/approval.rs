//! Two-person approval: what one administrator asks for, another has to approve before it is done.
//!
//! An operation says at its end, when everything else is in order, that it is sensitive (`hold`); where the
//! configuration wants it so, the request is kept instead of done. What is approved is that request, word for word: it
//! is executed in the name of its requester, once, by the same route and under the same checks, as things stand then.

mod approve;
mod execute;
mod get;
mod list;
mod people;
mod ready;
mod reject;
mod request;

pub use approve::{Consent, approve};
pub use execute::execute;
pub use get::get;
pub use list::list;
pub use ready::{Ready, complete};
pub use reject::{Rejection, reject};
pub use request::{HeldRequest, request};

use super::{Actor, Context, Held, Refusal};
use crate::registry::{Approval, Sensitive};

const KIND: &str = "approval";

/// Stops a sensitive request that nobody has approved, where the configuration says that it needs that. To be called when
/// nothing else stands against the request: nobody shall be asked to approve what cannot be done.
pub(super) fn hold(
    context: &Context,
    actor: &Actor,
    operation: Sensitive,
    subject: &str,
    summary: String,
) -> Result<(), Refusal> {
    let subject = subject.to_owned();
    hold_as(context, actor, Held { operation, subject, summary, makes_secret: false })
}

/// The same for what gives something back that was taken away.
pub(super) fn hold_enabling(
    context: &Context,
    actor: &Actor,
    subject: &str,
    summary: String,
) -> Result<(), Refusal> {
    hold(context, actor, Sensitive::Enable, subject, summary)
}

/// The same for a request whose answer may have a secret.
pub(super) fn hold_as(context: &Context, actor: &Actor, held: Held) -> Result<(), Refusal> {
    let waits = context.config.approval().operations.contains(&held.operation);
    if waits && !actor.needs_no_approval() { Err(Refusal::Held(Box::new(held))) } else { Ok(()) }
}

/// Refuses what can no longer be decided, or executed.
fn not_any_more(approval: &Approval, now_millis: i64) -> Refusal {
    let state = if approval.is_expired(now_millis) { "expired" } else { approval.state.as_str() };
    Refusal::conflict("state", format!("is {state}"), "make the request anew if it is still wanted")
}
