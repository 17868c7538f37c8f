use carnet_db::Transaction;
use serde::Serialize;
use utoipa::ToSchema;

use super::{Journaled, Slot, announce};
use crate::db;
use crate::db::sealed_key::{Advance, SealedKey};
use crate::keys::{KeyState, Purpose};
use crate::operations::context::Change;
use crate::operations::{Actor, Context, Refusal, approval, check};
use crate::registry::{Sensitive, SigningAlgorithm};

/// What a rotation did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Rotated {
    /// The algorithm.
    pub alg: String,
    /// The key that signs from now on.
    pub active: String,
    /// The one that signed until now and stays published; none if there was none.
    pub retiring: Option<String>,
    /// Until when it stays published, milliseconds since 1970-01-01 UTC.
    pub retires_at: Option<i64>,
    /// The next successor, published from now on.
    pub announced: String,
}

/// Lets the announced successor sign access tokens from now on, and announces the next one.
///
/// # Errors
/// [`Refusal::Conflict`] when the successor has not been published for the announce lead: verifiers that keep an
/// older key set would refuse what it signs.
pub async fn rotate(
    context: &Context,
    actor: &Actor,
    algorithm: SigningAlgorithm,
    reason: &str,
) -> Result<Rotated, Refusal> {
    let slot = Slot { purpose: Purpose::AccessToken, algorithm };
    let reason = check::reason(reason).map_err(|fault| Refusal::invalid("reason", fault))?;
    let next = announce::make(slot).await?;
    let now = context.database.time(&context.clock).await.map_err(db::Error::from)?;
    let mut tx = context.begin().await?;
    let rows = db::sealed_key::live(&mut *tx).await?;
    let successor = find(&rows, slot, KeyState::Announced).ok_or_else(|| {
        Refusal::conflict(
            "alg",
            format!("has no announced successor for {algorithm}"),
            "wait until it is announced, or name one of the algorithms of keys.algorithms",
        )
    })?;
    let ready_at = announced_at(successor) + context.keys.life().lead_millis(slot.purpose);
    if now < ready_at {
        return Err(Refusal::conflict(
            "alg",
            format!(
                "cannot rotate yet: {} was announced too short a time ago, and verifiers may not know it for \
                 another {} s",
                successor.kid,
                (ready_at - now + 999).div_euclid(1000)
            ),
            "wait, or if the active key was stolen, revoke it instead",
        ));
    }
    let summary = format!("let {} sign with {algorithm} from now on", successor.kid);
    let subject = format!("signing_key/{}", successor.kid);
    approval::hold(context, actor, Sensitive::SigningKeys, &subject, summary)?;
    let step = activate(context, &mut tx, actor, &rows, slot, reason, now).await?;
    announce::insert(context, &mut tx, actor, &next, slot, KeyState::Announced, now).await?;
    context.commit(tx).await?;
    let (active, retiring, retires_at) = step.ok_or_else(super::changed)?;
    Ok(Rotated { alg: algorithm.to_string(), active, retiring, retires_at, announced: next.kid().to_owned() })
}

/// The activated key, the one that retires, and until when.
type Step = (String, Option<String>, Option<i64>);

/// The announced key becomes active, the active one retires. `None` when somebody else was first.
pub(super) async fn activate(
    context: &Context,
    tx: &mut Transaction,
    actor: &Actor,
    rows: &[SealedKey],
    slot: Slot,
    reason: &str,
    now: i64,
) -> Result<Option<Step>, Refusal> {
    let Some(successor) = find(rows, slot, KeyState::Announced) else { return Ok(None) };
    let worn = find(rows, slot, KeyState::Active);
    let mut retires_at = None;
    if let Some(worn) = worn {
        let until = now + context.keys.life().retire_after * 1000;
        let step = Advance {
            from: KeyState::Active.as_str(),
            to: KeyState::Retiring.as_str(),
            drop_private: true,
            activated_at: None,
            retires_at: Some(until),
        };
        if !db::sealed_key::advance(tx, &worn.id, &step).await? {
            return Ok(None);
        }
        retires_at = Some(until);
        journal(context, tx, actor, worn, "signing_key.retire", KeyState::Retiring, reason).await?;
    }
    let step = Advance {
        from: KeyState::Announced.as_str(),
        to: KeyState::Active.as_str(),
        drop_private: false,
        activated_at: Some(now),
        retires_at: None,
    };
    if !db::sealed_key::advance(tx, &successor.id, &step).await? {
        return Err(super::changed());
    }
    journal(context, tx, actor, successor, "signing_key.activate", KeyState::Active, reason).await?;
    Ok(Some((successor.kid.clone(), worn.map(|key| key.kid.clone()), retires_at)))
}

/// Writes a step of a key's life into the journal; returns the record's sequence.
pub(super) async fn journal(
    context: &Context,
    tx: &mut Transaction,
    actor: &Actor,
    key: &SealedKey,
    action: &'static str,
    to: KeyState,
    reason: &str,
) -> Result<i64, Refusal> {
    let before = Journaled { kid: &key.kid, purpose: &key.purpose, alg: &key.alg, state: &key.state };
    let after = Journaled { state: to.as_str(), ..before };
    let change = Change {
        action,
        subject: format!("signing_key/{}", key.kid),
        before: Some(&before),
        after: Some(&after),
        reason,
    };
    Ok(context.means().journal(tx, actor, change).await?)
}

pub(super) fn find(rows: &[SealedKey], slot: Slot, state: KeyState) -> Option<&SealedKey> {
    rows.iter().find(|row| {
        row.purpose == slot.purpose.as_str()
            && row.alg == slot.algorithm.as_str()
            && row.state == state.as_str()
    })
}

pub(super) fn announced_at(key: &SealedKey) -> i64 {
    key.announced_at.unwrap_or(key.created_at)
}
