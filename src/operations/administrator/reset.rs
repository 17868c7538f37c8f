use crate::db;
use crate::operations::bootstrap::{Credentials, SECRET_LIFETIME_MILLIS};
use crate::operations::context::Change;
use crate::operations::negative::Against;
use crate::operations::{Actor, Context, Refusal, client_secret};
use crate::registry::{Client, CredentialStatus, Status};

/// Gives the administrator of the first start a new secret, valid for 24 hours, and ends everything older: its
/// secrets, its tokens, and that it was disabled.
///
/// For whoever has the data directory at hand; it is the only way back from a lost secret.
///
/// # Errors
/// [`Refusal::NotFound`] when the first start has not been completed.
pub async fn reset_administrator(
    context: &Context,
    actor: &Actor,
    reason: &str,
) -> Result<Credentials, Refusal> {
    let means = context.means();
    let now = means.clock.now_millis();
    let mut tx = context.begin().await?;
    let found = db::client::find_bootstrap(&mut *tx).await?;
    let before = found.ok_or_else(|| Refusal::not_found("administrator", "of the first start"))?;
    let expires_at = now + SECRET_LIFETIME_MILLIS;
    let (record, secret) = client_secret::make(means, &before.id, Some(expires_at));
    let secrets = db::client_secret::of_client(&mut *tx, &before.id).await?;
    db::client_secret::revoke_all(&mut tx, &before.id).await?;
    db::administration_token::forget_client(&mut tx, &before.id).await?;
    db::client::set_status(&mut tx, &before.id, Status::Active, now).await?;
    db::client_secret::insert(&mut tx, &record).await?;
    let after = Client { status: Status::Active, updated_at: now, ..before.clone() };
    let change = Change {
        action: "administrator.reset",
        subject: format!("client/{}", before.id),
        before: Some(&before),
        after: Some(&after),
        reason,
    };
    let sequence = means.journal(&mut tx, actor, change).await?;
    for secret in secrets.iter().filter(|secret| secret.status == CredentialStatus::Active) {
        context.decide_against(&mut tx, sequence, Against::ClientSecret { id: &secret.id }).await?;
    }
    context.commit(tx).await?;
    Ok(Credentials { client_id: before.id, secret, expires_at })
}
