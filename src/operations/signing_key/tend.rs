use super::rotate::{activate, announced_at, find, journal};
use super::{Slot, announce};
use crate::db;
use crate::db::sealed_key::{Advance, SealedKey};
use crate::keys::{KeyState, LIST_ALGORITHM, Purpose};
use crate::operations::{Actor, Context, Refusal};

/// Does what is due: announces missing successors, lets those take over whose time has come, retires keys whose last
/// token has expired.
///
/// Every node may call it at any time; what it does is decided in the database, once, by the database's time.
///
/// # Errors
/// When the database or the cryptographic library fails; what is due then stays due.
pub async fn tend(context: &Context) -> Result<(), Refusal> {
    let access = context.config.algorithms().iter();
    let mut slots: Vec<Slot> =
        access.map(|algorithm| Slot { purpose: Purpose::AccessToken, algorithm: *algorithm }).collect();
    slots.push(Slot { purpose: Purpose::TrustList, algorithm: LIST_ALGORITHM });
    slots.push(Slot { purpose: Purpose::Audit, algorithm: LIST_ALGORITHM });
    for slot in slots {
        tend_slot(context, slot).await?;
    }
    retire(context).await
}

/// What one slot needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Due {
    /// A key to be announced.
    Successor,
    /// A key that signs at once: there has never been one, so that nobody can have cached a set without it.
    First,
    /// The announced key's time has come.
    Activation,
}

async fn tend_slot(context: &Context, slot: Slot) -> Result<(), Refusal> {
    let rows = db::sealed_key::live(context.database.reader().pool()).await?;
    let now = context.database.time(&context.clock).await.map_err(db::Error::from)?;
    match due(context, &rows, slot, now) {
        None => Ok(()),
        Some(Due::Successor) => add(context, slot, KeyState::Announced, now).await,
        Some(Due::First) => {
            add(context, slot, KeyState::Active, now).await?;
            add(context, slot, KeyState::Announced, now).await
        }
        Some(Due::Activation) => take_over(context, slot).await,
    }
}

fn due(context: &Context, rows: &[SealedKey], slot: Slot, now: i64) -> Option<Due> {
    let life = context.keys.life();
    let Some(successor) = find(rows, slot, KeyState::Announced) else {
        let known = find(rows, slot, KeyState::Active).is_some();
        // A new algorithm for access tokens waits for its lead: key sets without it are in the caches.
        return Some(if known || slot.purpose == Purpose::AccessToken { Due::Successor } else { Due::First });
    };
    let ready = announced_at(successor) + life.lead_millis(slot.purpose) <= now;
    let worn = find(rows, slot, KeyState::Active)
        .is_none_or(|active| active.activated_at.unwrap_or(0) + life.period_millis(slot.purpose) <= now);
    (ready && worn).then_some(Due::Activation)
}

async fn add(context: &Context, slot: Slot, state: KeyState, now: i64) -> Result<(), Refusal> {
    let key = announce::make(slot).await?;
    let mut tx = context.begin().await?;
    if announce::insert(context, &mut tx, &Actor::server(), &key, slot, state, now).await? {
        context.commit(tx).await?;
        let (kid, alg, purpose) = (key.kid(), slot.algorithm.as_str(), slot.purpose.as_str());
        tracing::info!(kid, alg, purpose, %state, "a signing key was made");
    }
    Ok(())
}

async fn take_over(context: &Context, slot: Slot) -> Result<(), Refusal> {
    let next = announce::make(slot).await?;
    let now = context.database.time(&context.clock).await.map_err(db::Error::from)?;
    let mut tx = context.begin().await?;
    // Looked at again under the lock: another node may have been first.
    let rows = db::sealed_key::live(&mut *tx).await?;
    if due(context, &rows, slot, now) != Some(Due::Activation) {
        return Ok(());
    }
    let actor = Actor::server();
    let Some((active, retiring, _)) = activate(context, &mut tx, &actor, &rows, slot, "", now).await? else {
        return Ok(());
    };
    announce::insert(context, &mut tx, &actor, &next, slot, KeyState::Announced, now).await?;
    context.commit(tx).await?;
    let (alg, purpose, announced) = (slot.algorithm.as_str(), slot.purpose.as_str(), next.kid());
    tracing::info!(active, retiring, announced, alg, purpose, "signing keys were rotated");
    Ok(())
}

/// Ends the publication of keys whose last token has expired.
async fn retire(context: &Context) -> Result<(), Refusal> {
    let now = context.database.time(&context.clock).await.map_err(db::Error::from)?;
    let ended = |row: &&SealedKey| {
        row.state == KeyState::Retiring.as_str() && row.retires_at.is_none_or(|at| at <= now)
    };
    let rows = db::sealed_key::live(context.database.reader().pool()).await?;
    for row in rows.iter().filter(ended) {
        let mut tx = context.begin().await?;
        let step = Advance {
            from: KeyState::Retiring.as_str(),
            to: KeyState::Retired.as_str(),
            drop_private: true,
            activated_at: None,
            retires_at: None,
        };
        if db::sealed_key::advance(&mut tx, &row.id, &step).await? {
            let actor = Actor::server();
            journal(context, &mut tx, &actor, row, "signing_key.end", KeyState::Retired, "").await?;
            context.commit(tx).await?;
        }
    }
    Ok(())
}
