use serde::Serialize;
use utoipa::ToSchema;

use super::rotate::{activate, find, journal};
use super::{KIND, Slot, announce};
use crate::db;
use crate::db::sealed_key::Advance;
use crate::keys::{KeyState, Purpose};
use crate::operations::negative::Against;
use crate::operations::{Actor, Context, Refusal, check};

/// What dropping a key brings about.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Revoked {
    /// The key that was dropped.
    pub kid: String,
    /// What it signed.
    pub purpose: String,
    /// Its algorithm.
    pub alg: String,
    /// The state in which it was.
    pub was: String,
    /// The key that took its place at once, if it was the active one.
    pub active: Option<String>,
    /// Since when the dropped key has signed, milliseconds since 1970-01-01 UTC: everything that it signed since is
    /// worthless now. None if it never signed.
    pub signed_since: Option<i64>,
    /// By when the last verifier has noticed, milliseconds since 1970-01-01 UTC: those that follow the revocation feed
    /// within seconds, the others when their copy of the key set is too old to be used.
    pub noticed_by: i64,
}

/// Drops a signing key at once: it is published no more, and what it signed is refused by every verifier that has
/// looked since. If it was the active one, the announced successor signs from now on, however short it has been known.
///
/// # Errors
/// [`Refusal::NotFound`] without such a key; [`Refusal::Conflict`] when it is retired or revoked already, or when
/// nothing could take its place.
pub async fn revoke(context: &Context, actor: &Actor, kid: &str, reason: &str) -> Result<Revoked, Refusal> {
    if kid.len() > 64 || !kid.is_ascii() || kid.contains('\0') {
        return Err(Refusal::not_found(KIND, kid));
    }
    let reason = check::reason(reason).map_err(|fault| Refusal::invalid("reason", fault))?;
    let pool = context.database.reader().pool();
    let found = db::sealed_key::find(pool, kid).await?.ok_or_else(|| Refusal::not_found(KIND, kid))?;
    let purpose: Purpose = found.purpose.parse().map_err(Refusal::failed)?;
    if purpose == Purpose::SecretMac {
        return Err(Refusal::not_found(KIND, kid));
    }
    let slot = Slot { purpose, algorithm: found.alg.parse().map_err(Refusal::failed)? };
    // The next successor, and one to step in if nothing is announced; made before the lock is taken.
    let next = announce::make(slot).await?;
    let spare = match find(&db::sealed_key::live(pool).await?, slot, KeyState::Announced) {
        Some(_) => None,
        None => Some(announce::make(slot).await?),
    };
    let now = context.database.time(&context.clock).await.map_err(db::Error::from)?;

    let mut tx = context.begin().await?;
    let key = db::sealed_key::find(&mut *tx, kid).await?.ok_or_else(|| Refusal::not_found(KIND, kid))?;
    let was: KeyState = key.state.parse().map_err(Refusal::failed)?;
    if !was.is_published() {
        return Err(Refusal::conflict("kid", format!("is {was} already"), "nothing is left to revoke"));
    }
    let step = Advance {
        from: was.as_str(),
        to: KeyState::Revoked.as_str(),
        drop_private: true,
        activated_at: None,
        retires_at: None,
    };
    if !db::sealed_key::advance(&mut tx, &key.id, &step).await? {
        return Err(super::changed());
    }
    let sequence =
        journal(context, &mut tx, actor, &key, "signing_key.revoke", KeyState::Revoked, reason).await?;
    context.decide_against(&mut tx, sequence, Against::SigningKey { kid }).await?;
    let mut active = None;
    if was == KeyState::Active {
        let rows = db::sealed_key::live(&mut *tx).await?;
        if find(&rows, slot, KeyState::Announced).is_none() {
            let spare = spare.ok_or_else(super::changed)?;
            announce::insert(context, &mut tx, actor, &spare, slot, KeyState::Announced, now).await?;
        }
        let rows = db::sealed_key::live(&mut *tx).await?;
        let step = activate(context, &mut tx, actor, &rows, slot, reason, now).await?;
        active = step.map(|(active, _, _)| active);
    }
    announce::insert(context, &mut tx, actor, &next, slot, KeyState::Announced, now).await?;
    context.commit(tx).await?;
    let cache = context.config.key_set_cache();
    Ok(Revoked {
        kid: key.kid,
        purpose: key.purpose,
        alg: key.alg,
        was: was.to_string(),
        active,
        signed_since: key.activated_at,
        noticed_by: now + 2000 * (cache.max_age + cache.stale_while_revalidate),
    })
}
