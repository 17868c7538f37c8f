use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde_json::Value;

use super::{Jwk, KeyError, PublicKey};
use crate::{Algorithm, SigningKey, Thumbprint, json};

/// The most keys that a set may hold.
pub const MAX_KEYS: usize = 100;

/// The usable keys of **one** issuer by `kid`, and the reasons why the others are not used.
///
/// Keys are judged one by one: a bad one is withheld and does not spoil the set.
#[derive(Debug, Clone, Default)]
pub struct KeySet {
    keys: HashMap<String, Arc<PublicKey>>,
    withheld: Vec<Withheld>,
}

/// A key that was left out of a [`KeySet`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Withheld {
    /// Its `kid`, if it has one that can be read.
    pub kid: Option<String>,
    /// Its thumbprint, if it has the members for one.
    pub thumbprint: Option<Thumbprint>,
    /// The rule that it breaks.
    pub reason: KeyError,
}

/// Why a key set is refused whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeySetError {
    /// Not a strict JSON object with an array `keys` (RFC 7517 §5).
    #[error("not a JWK set")]
    Malformed,
    /// More than [`MAX_KEYS`] keys.
    #[error("more than 100 keys")]
    TooManyKeys,
}

impl KeySet {
    /// Reads a JWK Set document.
    ///
    /// # Errors
    /// [`KeySetError`] when the set cannot be read or is too large; a single bad key is only withheld.
    pub fn parse(document: &[u8]) -> Result<Self, KeySetError> {
        let document = json::parse_object(document).map_err(|_| KeySetError::Malformed)?;
        let Some(Value::Array(keys)) = document.get("keys") else {
            return Err(KeySetError::Malformed);
        };
        if keys.len() > MAX_KEYS {
            return Err(KeySetError::TooManyKeys);
        }
        let mut set = Self::default();
        let mut collided = Vec::new();
        for value in keys {
            match judge(value) {
                Ok(key) => set.insert(key, &mut collided),
                Err(withheld) => set.withheld.push(withheld),
            }
        }
        // Of two keys with one name neither can be trusted to be the one that is meant.
        for kid in collided {
            if let Some(key) = set.keys.remove(&kid) {
                set.withheld.push(duplicate(&key));
            }
        }
        let leaked: HashSet<Thumbprint> = set.leaked().collect();
        set.withhold(&leaked);
        Ok(set)
    }

    /// The keys whose private half stands in this set: whoever has read it can sign with them, under whatever name
    /// they go.
    pub fn leaked(&self) -> impl Iterator<Item = Thumbprint> {
        let published = self.withheld.iter().filter(|key| key.reason == KeyError::PrivateKeyPublished);
        published.filter_map(|key| key.thumbprint)
    }

    /// Withholds the keys with these thumbprints, as [`KeyError::PrivateKeyPublished`]: those that leaked in an
    /// earlier edition of the set, which stay known to everybody after the private half is gone from it.
    pub fn withhold(&mut self, leaked: &HashSet<Thumbprint>) {
        if leaked.is_empty() {
            return;
        }
        let withheld = &mut self.withheld;
        self.keys.retain(|kid, key| {
            let keep = !leaked.contains(&key.thumbprint());
            if !keep {
                withheld.push(Withheld {
                    kid: Some(kid.clone()),
                    thumbprint: Some(key.thumbprint()),
                    reason: KeyError::PrivateKeyPublished,
                });
            }
            keep
        });
    }

    fn insert(&mut self, key: PublicKey, collided: &mut Vec<String>) {
        match self.keys.get(key.kid()) {
            None => {
                self.keys.insert(key.kid().to_owned(), Arc::new(key));
            }
            // The same key listed twice is a slip, not an ambiguity.
            Some(held) if held.thumbprint() == key.thumbprint() && held.algorithm() == key.algorithm() => {}
            Some(_) => {
                collided.push(key.kid().to_owned());
                self.withheld.push(duplicate(&key));
            }
        }
    }

    /// The key of this name.
    #[must_use]
    pub fn get(&self, kid: &str) -> Option<&Arc<PublicKey>> {
        self.keys.get(kid)
    }

    /// The key for `algorithm`, if there is exactly one: for tokens without `kid`, where a profile admits them.
    #[must_use]
    pub fn only(&self, algorithm: Algorithm) -> Option<&Arc<PublicKey>> {
        let mut fitting = self.keys.values().filter(|key| key.algorithm() == algorithm);
        fitting.next().filter(|_| fitting.next().is_none())
    }

    /// Every usable key, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<PublicKey>> {
        self.keys.values()
    }

    /// How many keys are usable.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether no key is usable.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The keys that are not used, and why.
    #[must_use]
    pub fn withheld(&self) -> &[Withheld] {
        &self.withheld
    }
}

fn duplicate(key: &PublicKey) -> Withheld {
    Withheld {
        kid: Some(key.kid().to_owned()),
        thumbprint: Some(key.thumbprint()),
        reason: KeyError::DuplicateKid,
    }
}

/// Whether the private members are the private half of the public ones, whatever else is said about the key: what
/// leaked as an encryption key signs as well.
fn is_key_pair(value: &Value) -> bool {
    let mut bare = value.clone();
    if let Some(members) = bare.as_object_mut() {
        for name in ["kid", "alg", "use", "key_ops"] {
            members.remove(name);
        }
    }
    SigningKey::from_jwk_value(&bare).is_ok()
}

fn judge(value: &Value) -> Result<PublicKey, Withheld> {
    let jwk = Jwk::from_value(value).map_err(|reason| Withheld {
        kid: value.get("kid").and_then(Value::as_str).map(str::to_owned),
        thumbprint: None,
        reason,
    })?;
    // Few keys, each of which judges every token of its issuer.
    PublicKey::prepare(&jwk).map_err(|reason| {
        // A bogus `d` beside somebody's public key proves nothing; a real one means that everybody can sign.
        let published = reason == KeyError::PrivateMembers && is_key_pair(value);
        let reason = if published { KeyError::PrivateKeyPublished } else { reason };
        Withheld { thumbprint: jwk.thumbprint().ok(), kid: jwk.kid, reason }
    })
}
