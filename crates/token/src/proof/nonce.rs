//! Nonces of the server (RFC 9449 §8): a challenge that no store needs to remember.

use aws_lc_rs::hmac;

use crate::base64url;

/// Judges nonces that came back in proofs.
pub trait NonceCheck: Sync {
    /// The last second (since 1970 UTC) at which this nonce is accepted; `None` when it is not at `now`.
    fn valid_until(&self, nonce: &str, now: i64) -> Option<i64>;
}

/// How long a nonce is handed out before the next one, in seconds.
pub const STEP: i64 = 60;

/// How many steps a nonce is accepted for, that in which it was handed out counted.
pub const STEPS: i64 = 3;

const VERSION: u8 = 1;
const MAC: usize = 16;
const LENGTH: usize = 1 + 8 + 8 + MAC;

/// Makes and judges nonces: version, step and place, and a MAC over them. Nobody can guess one, and no two servers
/// accept each other's unless they share key and place.
#[derive(Clone)]
pub struct NonceKey {
    key: hmac::Key,
    place: [u8; 8],
}

impl NonceKey {
    /// `key` must be random; `place` names the node, or the cluster whose nodes share a key and a replay store.
    #[must_use]
    pub fn new(key: &[u8; 32], place: [u8; 8]) -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, key), place }
    }

    /// The nonce to hand out at `now`, seconds since 1970 UTC.
    #[must_use]
    pub fn current(&self, now: i64) -> String {
        base64url::encode(self.make(now.div_euclid(STEP)))
    }

    fn make(&self, step: i64) -> [u8; LENGTH] {
        let mut nonce = [0; LENGTH];
        let (head, mac) = nonce.split_at_mut(LENGTH - MAC);
        head[0] = VERSION;
        head[1..9].copy_from_slice(&step.to_be_bytes());
        head[9..].copy_from_slice(&self.place);
        mac.copy_from_slice(&hmac::sign(&self.key, head).as_ref()[..MAC]);
        nonce
    }
}

impl NonceCheck for NonceKey {
    fn valid_until(&self, nonce: &str, now: i64) -> Option<i64> {
        let bytes = base64url::decode(nonce).ok().filter(|bytes| bytes.len() == LENGTH)?;
        let step = i64::from_be_bytes(bytes[1..9].try_into().ok()?);
        let age = now.div_euclid(STEP).checked_sub(step)?;
        if !(0..STEPS).contains(&age) {
            return None;
        }
        // Made again and compared as a whole: no byte of it is left to the sender.
        aws_lc_rs::constant_time::verify_slices_are_equal(&bytes, &self.make(step)).ok()?;
        Some((step + STEPS) * STEP - 1)
    }
}

impl std::fmt::Debug for NonceKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NonceKey").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_800_000_000;

    #[test]
    fn a_nonce_is_good_for_its_step_and_two_more() {
        let key = NonceKey::new(&[7; 32], *b"cluster1");
        let nonce = key.current(NOW + 59);
        assert_eq!(nonce, key.current(NOW), "one per step");
        assert_ne!(nonce, key.current(NOW + 60));
        for (now, good) in [(NOW - 1, false), (NOW, true), (NOW + 179, true), (NOW + 180, false)] {
            assert_eq!(key.valid_until(&nonce, now), good.then_some(NOW + 179), "{now}");
        }
        // RFC 9449 §8.1: NQCHAR.
        assert!(nonce.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')));
    }

    #[test]
    fn a_nonce_of_another_key_place_or_hand_is_refused() {
        let key = NonceKey::new(&[7; 32], *b"cluster1");
        let nonce = key.current(NOW);
        for other in [NonceKey::new(&[8; 32], *b"cluster1"), NonceKey::new(&[7; 32], *b"cluster2")] {
            assert_eq!(other.valid_until(&nonce, NOW), None);
        }
        let mut bytes = base64url::decode(&nonce).unwrap();
        for at in 0..bytes.len() {
            bytes[at] ^= 1;
            assert_eq!(key.valid_until(&base64url::encode(&bytes), NOW), None, "byte {at}");
            bytes[at] ^= 1;
        }
        for text in ["", "n-1", &nonce[1..], &format!("{nonce}="), &format!("{nonce}AAAA")] {
            assert_eq!(key.valid_until(text, NOW), None, "{text}");
        }
    }
}
