use aws_lc_rs::digest;
use bytes::Bytes;
use carnet_token::{Jwk, base64url};

use super::{KeyState, LiveKey, Purpose};
use crate::config::KeyLife;

/// The public keys of one purpose as they are served: made once for each change of the keys.
#[derive(Debug, Clone)]
pub struct PublishedKeySet {
    /// The JWK Set (RFC 7517 §5).
    pub bytes: Bytes,
    /// Its strong entity tag, quotes included (RFC 9110 §8.8.3).
    pub etag: String,
    /// When the youngest of its keys came into being, seconds since 1970-01-01 UTC.
    pub last_modified: i64,
    /// When the set is due to change, seconds since 1970-01-01 UTC: nobody may keep it for longer.
    pub valid_until: Option<i64>,
}

impl PublishedKeySet {
    /// The set of the keys of one purpose that are announced, active or retiring.
    pub(super) fn of(keys: &[LiveKey], purpose: Purpose, life: &KeyLife) -> Self {
        let keys: Vec<&LiveKey> =
            keys.iter().filter(|key| key.purpose == purpose && key.state.is_published()).collect();
        let youngest = keys.iter().map(|key| key.announced_at).max().unwrap_or_default();
        let due = keys.iter().filter_map(|key| due(key, &keys, life)).min();
        let set = Self::new(keys.iter().map(|key| &key.public), youngest.div_euclid(1000));
        Self { valid_until: due.map(|at| at.div_euclid(1000)), ..set }
    }

    /// A set of public keys that changes at no known time.
    #[must_use]
    pub fn new<'a>(keys: impl IntoIterator<Item = &'a Jwk>, last_modified: i64) -> Self {
        let keys: Vec<_> = keys.into_iter().map(Jwk::to_value).collect();
        let bytes = Bytes::from(serde_json::json!({ "keys": keys }).to_string());
        let hash = digest::digest(&digest::SHA256, &bytes);
        let etag = format!("\"{}\"", base64url::encode(&hash.as_ref()[..16]));
        Self { bytes, etag, last_modified, valid_until: None }
    }
}

/// When the set changes next because of this key, milliseconds since 1970-01-01 UTC.
fn due(key: &LiveKey, all: &[&LiveKey], life: &KeyLife) -> Option<i64> {
    match key.state {
        // What follows an activation is the announcement of the next successor.
        KeyState::Announced => {
            let active =
                all.iter().find(|other| other.state == KeyState::Active && other.algorithm == key.algorithm);
            let worn =
                active.and_then(|active| active.activated_at).unwrap_or(0) + life.period_millis(key.purpose);
            Some(worn.max(key.announced_at + life.lead_millis(key.purpose)))
        }
        KeyState::Retiring => key.retires_at,
        _ => None,
    }
}
