use super::KIND;
use crate::db;
use crate::operations::context::Change;
use crate::operations::negative::Against;
use crate::operations::{Actor, Context, Refusal, check, participant};
use crate::registry::InitialAccessToken;

/// Revokes an initial access token for ever. Clients that registered with it stay. That it is revoked already is no
/// error.
///
/// # Errors
/// [`Refusal::NotFound`] without that participant or that token.
pub async fn revoke(context: &Context, actor: &Actor, participant_id: &str, id: &str) -> Result<(), Refusal> {
    let participant_id = check::id(participant::KIND, participant_id)?;
    let id = check::id(KIND, id)?;
    let mut tx = context.begin().await?;
    let found = db::initial_access_token::find(&mut *tx, participant_id, id).await?;
    let before = found.ok_or_else(|| Refusal::not_found(KIND, id))?;
    if !db::initial_access_token::revoke(&mut tx, participant_id, id).await? {
        return Ok(());
    }
    let change = Change {
        action: "initial_access_token.revoke",
        subject: format!("participant/{participant_id}"),
        before: Some(&before),
        after: None::<&InitialAccessToken>,
        reason: "",
    };
    let sequence = context.means().journal(&mut tx, actor, change).await?;
    context.decide_against(&mut tx, sequence, Against::InitialAccessToken { id }).await?;
    context.commit(tx).await
}
