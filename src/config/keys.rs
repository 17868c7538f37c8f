//! `[keys]`: which signing keys there are, and how long they live.

use super::KeySetCache;
use super::check::{ConfigError, refuse, within};
use super::raw::RawKeys;
use crate::registry::SigningAlgorithm;

/// How long signing keys live, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyLife {
    /// How long an access-token key signs before its successor takes over.
    pub period: i64,
    /// How long a successor is published before it may sign: two caches away it must be known.
    pub lead: i64,
    /// How long a key stays published after it signed last.
    pub retire_after: i64,
}

const TEN_YEARS: i64 = 10 * 366 * 86_400;

/// How long keys live, from how long their public halves may be cached: a foreign consumer is two caches away.
pub(super) fn life(raw: &RawKeys, cache: &KeySetCache, longest_token: i64) -> Result<KeyLife, ConfigError> {
    let margin = within("keys.margin", raw.margin, 120, 0, 86_400)?;
    let two_caches = 2 * (cache.max_age + cache.stale_while_revalidate) + margin;
    let lead = within("keys.announce_lead", raw.announce_lead, two_caches.max(3600), two_caches, TEN_YEARS)?;
    Ok(KeyLife {
        period: within("keys.rotation_period", raw.rotation_period, lead.max(86_400), lead, TEN_YEARS)?,
        lead,
        retire_after: longest_token + two_caches,
    })
}

/// The algorithms in the order in which they are written down; RS256 is what every verifier of the network knows.
pub(super) fn algorithms(given: Option<Vec<String>>) -> Result<Vec<SigningAlgorithm>, ConfigError> {
    const FIELD: &str = "keys.algorithms";
    let Some(given) = given else {
        return Ok(vec![
            SigningAlgorithm::Rs256,
            SigningAlgorithm::Ps256,
            SigningAlgorithm::Es256,
            SigningAlgorithm::EdDsa,
        ]);
    };
    let mut algorithms = Vec::new();
    for text in given {
        match text.parse::<SigningAlgorithm>() {
            Ok(algorithm) if algorithms.contains(&algorithm) => {}
            Ok(algorithm) => algorithms.push(algorithm),
            Err(error) => return refuse(FIELD, error.to_string()),
        }
    }
    if algorithms.contains(&SigningAlgorithm::Rs256) {
        Ok(algorithms)
    } else {
        refuse(FIELD, "RS256 must be among them: it is what every verifier knows (RFC 9068 §4)")
    }
}
