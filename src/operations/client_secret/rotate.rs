use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Added, Journaled, check_room, make};
use crate::db;
use crate::operations::check::Checks;
use crate::operations::context::Change;
use crate::operations::negative::Against;
use crate::operations::{Actor, Context, Refusal, administrator, check, client};
use crate::registry::{ClientKind, ClientSecret};

/// How long older secrets stay usable unless something else is asked for: a day, in seconds.
const KEEP: i64 = 86_400;
/// The longest time: 90 days, in seconds. Whoever needs longer does not rotate.
const MAX_KEEP: i64 = 90 * 86_400;

/// How a secret is replaced.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"keep": 86_400}))]
pub struct RotateSecret {
    /// Seconds for which the older secrets stay usable, at most 90 days; 0 ends them at once. One day unless given.
    /// None of them lives longer than it would have.
    #[schema(minimum = 0, maximum = 7_776_000)]
    pub keep: Option<i64>,
    /// Seconds until the new one expires, 60 to ten years; it does not expire unless given.
    #[schema(minimum = 60, maximum = 316_224_000)]
    pub expires_in: Option<i64>,
}

/// What came of it.
#[derive(Debug)]
pub struct Rotated {
    /// The new secret.
    pub new: Added,
    /// The older ones that were usable until now, as they are from now on.
    pub older: Vec<ClientSecret>,
}

/// What the journal may know of it.
#[derive(Serialize)]
struct After<'a> {
    new: Journaled<'a>,
    older: Vec<Journaled<'a>>,
}

/// Makes a new secret for a client and lets the older ones expire, in one transaction.
///
/// # Errors
/// [`Refusal::NotFound`] without that client, [`Refusal::Invalid`] for an impossible time, [`Refusal::Conflict`] when
/// the client authenticates otherwise or has ten usable secrets that stay.
pub async fn rotate(
    context: &Context,
    actor: &Actor,
    client_id: &str,
    how: RotateSecret,
) -> Result<Rotated, Refusal> {
    let client_id = check::id(client::KIND, client_id)?;
    let now = context.clock.now_millis();
    let mut checks = Checks::default();
    let keep = how.keep.unwrap_or(KEEP);
    if !(0..=MAX_KEEP).contains(&keep) {
        checks.note("keep", format!("must be 0 to {MAX_KEEP} seconds"));
    }
    let expires_at = checks.take("expires_in", check::expiry(how.expires_in, now)).flatten();
    checks.done()?;
    let until = now + keep * 1000;
    let (record, secret) = make(context.means(), client_id, expires_at);

    let mut tx = context.begin().await?;
    let found = db::client::find(&mut *tx, client_id).await?;
    let client = found.ok_or_else(|| Refusal::not_found(client::KIND, client_id))?;
    let mut before = db::client_secret::of_client(&mut *tx, client_id).await?;
    before.retain(|secret| secret.is_usable(now));
    let staying = if keep == 0 { &[][..] } else { &before[..] };
    check_room(&client, staying, &record)?;
    let summary = format!("replace the secrets of the administrator {}", client.name);
    administrator::check_gives(context, actor, &client, summary, true)?;
    db::client_secret::insert(&mut tx, &record).await?;
    db::client_secret::expire_others(&mut tx, client_id, &record.id, until).await?;
    let older: Vec<ClientSecret> = before
        .iter()
        .map(|secret| ClientSecret {
            expires_at: Some(secret.expires_at.map_or(until, |at| at.min(until))),
            ..secret.clone()
        })
        .collect();
    let journaled: Vec<Journaled<'_>> = before.iter().map(Journaled::from).collect();
    let change = Change {
        action: "client_secret.rotate",
        subject: format!("client/{client_id}"),
        before: Some(&journaled),
        after: Some(&After { new: (&record).into(), older: older.iter().map(Journaled::from).collect() }),
        reason: "",
    };
    let sequence = context.means().journal(&mut tx, actor, change).await?;
    for secret in &older {
        let end = secret.expires_at.unwrap_or(until);
        context.decide_against(&mut tx, sequence, Against::ClientSecretEnd { id: &secret.id, end }).await?;
    }
    if keep == 0 && client.kind == ClientKind::Administrator {
        // Whoever got a token with an older one could give themselves a new one.
        db::administration_token::forget_client(&mut tx, client_id).await?;
    }
    context.commit(tx).await?;
    Ok(Rotated { new: Added { record, secret: Some(secret) }, older })
}
