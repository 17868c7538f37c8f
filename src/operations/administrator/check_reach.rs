use crate::operations::{Actor, Context, Held, Refusal, approval};
use crate::registry::{Client, ClientKind, Sensitive, scope};

/// Refuses to give an administrator something (a credential, a scope, its being enabled) by somebody who does not reach
/// that far: whoever may only register machines would otherwise make themselves a secret of an administrator. Nothing is
/// refused for machines.
pub(in crate::operations) fn check_gives(
    context: &Context,
    actor: &Actor,
    client: &Client,
    summary: String,
    makes_secret: bool,
) -> Result<(), Refusal> {
    if client.kind != ClientKind::Administrator {
        return Ok(());
    }
    check_scopes(actor, &client.scopes)?;
    let subject = format!("client/{}", client.id);
    approval::hold_as(
        context,
        actor,
        Held { operation: Sensitive::Administrators, subject, summary, makes_secret },
    )
}

/// Refuses to make an administrator, or to give one something, by somebody who may not change administrators or could
/// not have these scopes themselves.
pub(super) fn check_scopes(actor: &Actor, scopes: &[String]) -> Result<(), Refusal> {
    actor.require(scope::ADMIN_ADMINISTRATORS_WRITE)?;
    match actor.beyond(scopes) {
        Some(scope) => Err(Refusal::Beyond { scope: scope.to_owned() }),
        None => Ok(()),
    }
}

/// Refuses to take something from an administrator by somebody who may not change administrators. How far that
/// administrator reaches does not matter: who sees an attack must be able to stop it.
pub(in crate::operations) fn check_takes(actor: &Actor, client: &Client) -> Result<(), Refusal> {
    match client.kind {
        ClientKind::Machine => Ok(()),
        ClientKind::Administrator => actor.require(scope::ADMIN_ADMINISTRATORS_WRITE),
    }
}
