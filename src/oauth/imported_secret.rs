//! Secrets that partners brought along: argon2id, so that checking one costs what a hundred tokens cost.
//!
//! Therefore the order: what was right lately is known again by a keyed digest; only then a slot is waited for, of
//! which there are few, and a request that waits too long or finds too many waiting is sent away. Half of the slots
//! are for those who were right before from where they ask now. Everybody who knows the client id can tell by the
//! time of an answer that a client has imported secrets; whether a secret is right the time does not tell.

mod slots;

use std::time::Duration;

use carnet_ambient::Entropy;
use zeroize::Zeroizing;

use self::slots::Slots;
use super::bounded::{Table, Tag, TagKey};
use super::state::State;
use super::throttle::{Attempt, network};
use super::token::stale;
use super::{ErrorCode, OAuthError};
use crate::config::ThrottleLimits;
use crate::http::ClientAddress;
use crate::registry::{ClientEntry, ClientSecret, ImportedHash, MAX_IMPORTED_SECRET, SecretDigest};

/// How long a success is remembered: then the hash is computed once more.
const RECENT: Duration = Duration::from_hours(1);
/// How many successes are remembered, 1 MiB of them. Only who was right adds one.
const SUCCESSES: usize = 32_768;
/// How long an address counts as one that succeeded before.
const FAMILIAR: Duration = Duration::from_hours(24);
/// How many of those are remembered.
const FAMILIARS: usize = 16_384;

/// What this node keeps for checking imported secrets.
#[derive(Debug)]
pub(super) struct ImportedSecrets {
    /// Made at start: what is remembered is worth nothing to anybody who reads it, here or later.
    key: TagKey,
    recent: Table,
    familiar: Table,
    slots: Slots,
}

impl ImportedSecrets {
    pub fn new(entropy: &Entropy, limits: ThrottleLimits) -> Self {
        Self {
            key: TagKey::new(entropy),
            recent: Table::new(SUCCESSES, RECENT),
            familiar: Table::new(FAMILIARS, FAMILIAR),
            slots: Slots::new(limits.hashing_slots, limits.hashing_queue),
        }
    }

    /// One success: of this client, by this secret of its, with this text.
    fn success(&self, secret: &ClientSecret, presented: &str) -> Tag {
        self.key.tag(&[b"secret", secret.client_id.as_bytes(), secret.id.as_bytes(), presented.as_bytes()])
    }

    /// Of this client, from there. An insider with credentials of its own is a stranger to all other clients.
    fn acquaintance(&self, client_id: &str, from: ClientAddress) -> Tag {
        self.key.tag(&[b"address", client_id.as_bytes(), &network(from.0).bits()])
    }
}

/// Finds the imported secret that is presented, if it is one of the client's, with the client as it is now.
pub(super) async fn find(
    state: &State,
    entry: &ClientEntry,
    presented: &[&str],
    attempt: &Attempt<'_>,
) -> Result<Option<(ClientEntry, String)>, OAuthError> {
    let imported = state.imported();
    let now = state.clock().monotonic();
    let candidates = candidates(state, entry);
    // What could not have been imported is not hashed.
    let presented: Vec<&str> = presented
        .iter()
        .filter(|text| text.len() <= MAX_IMPORTED_SECRET && !text.is_empty())
        .copied()
        .collect();
    if candidates.is_empty() || presented.is_empty() {
        return Ok(None);
    }
    let acquaintance = attempt.from().map(|from| imported.acquaintance(&entry.client().id, from));
    let known = |now| {
        let pairs =
            candidates.iter().flat_map(|(secret, _)| presented.iter().map(move |text| (secret, text)));
        let mut known =
            pairs.filter(|(secret, text)| imported.recent.get(imported.success(secret, text), now).is_some());
        known.next().map(|(secret, _)| secret.id.clone())
    };
    let mut found = known(now);
    if found.is_none() {
        let familiar = acquaintance.is_some_and(|tag| imported.familiar.get(tag, now).is_some());
        let slot = imported.slots.acquire(familiar).await.ok_or_else(busy)?;
        // What happened while this request waited: others failed, or the same secret was found right.
        attempt.check_again()?;
        found = known(state.clock().monotonic());
        if found.is_none() {
            let hashes: Vec<ImportedHash> = candidates.iter().map(|(_, hash)| (*hash).clone()).collect();
            let texts: Vec<Zeroizing<String>> =
                presented.iter().map(|text| Zeroizing::new((*text).to_owned())).collect();
            // The slot goes along: who gives up a request does not get a slot more by it.
            let outcome = tokio::task::spawn_blocking(move || {
                slot.run(|memory| {
                    hashes.iter().enumerate().find_map(|(at, hash)| {
                        texts.iter().position(|text| hash.verify(text, memory)).map(|text| (at, text))
                    })
                })
            });
            let Some((at, text)) = outcome.await.map_err(|_| busy())? else { return Ok(None) };
            let secret = candidates[at].0;
            imported.recent.renew(imported.success(secret, presented[text]), state.clock().monotonic());
            found = Some(secret.id.clone());
        }
    }
    let Some(id) = found else { return Ok(None) };
    // Hashing takes its time: what counts is the secret's state now.
    let image = state.registry().current().map_err(stale)?;
    let Some(entry) = image.client(&entry.client().id) else { return Ok(None) };
    if !self::candidates(state, &entry).iter().any(|(secret, _)| secret.id == id) {
        return Ok(None);
    }
    if let Some(tag) = acquaintance {
        imported.familiar.renew(tag, state.clock().monotonic());
    }
    Ok(Some((entry, id)))
}

/// The imported secrets that may be used now: of a revoked one the image knows nothing.
fn candidates<'e>(state: &State, entry: &'e ClientEntry) -> Vec<(&'e ClientSecret, &'e ImportedHash)> {
    let now = state.clock().now_millis();
    let usable = entry.secrets().iter().filter(|secret| secret.expires_at.is_none_or(|at| at > now));
    usable
        .filter_map(|secret| match &secret.digest {
            SecretDigest::Imported(hash) => Some((secret, hash)),
            SecretDigest::Mac(_) => None,
        })
        .collect()
}

fn busy() -> OAuthError {
    OAuthError::new(
        ErrorCode::TemporarilyUnavailable,
        "hashing_busy",
        "too many secrets are being checked for the moment; try again",
    )
    .retry_after(2)
}
