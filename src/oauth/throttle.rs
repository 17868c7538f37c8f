//! Throttling of failed client authentications, before any work is done for them.
//!
//! Counted is by address and by client *and* address, never by client alone: a client id is public, and whoever
//! fails in its name must not lock its owner out. An address is one of IPv4, or a network of 64 bits in IPv6, since
//! that is what one customer has. Each node counts for itself.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use carnet_ambient::{Clock, Entropy};

use super::bounded::{Table, Tag, TagKey};
use super::{ErrorCode, OAuthError};
use crate::config::ThrottleLimits;
use crate::http::ClientAddress;
use crate::registry::AddressRange;

/// For how long failures are counted.
const WINDOW: Duration = Duration::from_mins(1);
/// How many pairs of client and address are remembered, 1 MiB of them. One address fills at most as many a minute as
/// it may have failures.
const PAIRS: usize = 32_768;
/// How many addresses are remembered.
const ADDRESSES: usize = 16_384;

/// Counts failures and refuses whoever has too many.
#[derive(Debug)]
pub(super) struct Throttle {
    clock: Clock,
    key: TagKey,
    pairs: Table,
    addresses: Table,
    limits: ThrottleLimits,
}

/// One attempt to authenticate that was let through.
///
/// It counts as failed when it is dropped unless it was forgiven: a request that is given up while its secret is being
/// hashed has cost what it cost, and giving up must not be the way around the count.
#[derive(Debug)]
pub(super) struct Attempt<'t> {
    throttle: &'t Throttle,
    from: Option<ClientAddress>,
    counted: Option<Counted>,
    forgiven: AtomicBool,
}

/// Under which names an attempt is counted.
#[derive(Debug, Clone, Copy)]
struct Counted {
    network: AddressRange,
    address: Tag,
    pair: Tag,
}

impl Throttle {
    pub fn new(clock: &Clock, entropy: &Entropy, limits: ThrottleLimits) -> Self {
        Self {
            clock: clock.clone(),
            key: TagKey::new(entropy),
            pairs: Table::new(PAIRS, WINDOW),
            addresses: Table::new(ADDRESSES, WINDOW),
            limits,
        }
    }

    /// Lets an attempt through, or refuses it with the time to wait. Without a known address nobody is throttled: all
    /// clients would be one, and any of them could lock out the others.
    pub fn begin(
        &self,
        from: Option<ClientAddress>,
        claimed_client_id: &str,
    ) -> Result<Attempt<'_>, OAuthError> {
        let counted = from.map(|ClientAddress(address)| {
            let network = network(address);
            let bits = network.bits();
            Counted {
                network,
                address: self.key.quick_tag(&[&bits]),
                pair: self.key.quick_tag(&[&bits, claimed_client_id.as_bytes()]),
            }
        });
        self.check(counted)?;
        Ok(Attempt { throttle: self, from, counted, forgiven: AtomicBool::new(false) })
    }

    fn check(&self, counted: Option<Counted>) -> Result<(), OAuthError> {
        let Some(counted) = counted else { return Ok(()) };
        let now = self.clock.monotonic();
        for (table, tag, limit, reason) in [
            (&self.addresses, counted.address, self.limits.address_failures, "throttled_address"),
            (&self.pairs, counted.pair, self.limits.client_failures, "throttled_client"),
        ] {
            if let Some(entry) = table.get(tag, now).filter(|entry| entry.count >= limit) {
                return Err(too_many(reason, table.remaining(&entry, now)));
            }
        }
        Ok(())
    }

    fn failed(&self, counted: Counted) {
        let now = self.clock.monotonic();
        let address = counted.network;
        if self.pairs.count(counted.pair, now) == self.limits.client_failures {
            tracing::warn!(%address, "too many failed authentications of one client from there; refusing more");
        }
        if self.addresses.count(counted.address, now) == self.limits.address_failures {
            tracing::warn!(%address, "too many failed authentications from there; refusing more");
        }
    }
}

impl Attempt<'_> {
    /// Looks again, after the attempt has waited for something.
    pub fn check_again(&self) -> Result<(), OAuthError> {
        self.throttle.check(self.counted)
    }

    /// Where it comes from, if that is known.
    pub fn from(&self) -> Option<ClientAddress> {
        self.from
    }

    /// It did not fail; or what refused it was not the credential.
    pub fn forgive(&self) {
        self.forgiven.store(true, Ordering::Relaxed);
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if let Some(counted) = self.counted.filter(|_| !self.forgiven.load(Ordering::Relaxed)) {
            self.throttle.failed(counted);
        }
    }
}

/// What counts as one address.
pub(super) fn network(address: IpAddr) -> AddressRange {
    AddressRange::around(address, 32, 64)
}

fn too_many(reason: &'static str, wait: Duration) -> OAuthError {
    let seconds = i64::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(60).max(1);
    OAuthError::new(
        ErrorCode::TooManyRequests,
        reason,
        format!("too many failed attempts to authenticate; try again in {seconds} seconds"),
    )
    .retry_after(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn throttle() -> (Throttle, Clock) {
        let limits =
            ThrottleLimits { client_failures: 3, address_failures: 5, hashing_slots: 2, hashing_queue: 0 };
        let clock = Clock::manual(1_800_000_000_000);
        (Throttle::new(&clock, &Entropy::seeded(1), limits), clock)
    }

    fn begin<'t>(throttle: &'t Throttle, address: &str, client_id: &str) -> Result<Attempt<'t>, OAuthError> {
        throttle.begin(Some(ClientAddress(address.parse().unwrap())), client_id)
    }

    fn fail(throttle: &Throttle, address: &str, client_id: &str) -> Result<(), &'static str> {
        // Dropped without being forgiven.
        begin(throttle, address, client_id).map(drop).map_err(|error| error.reason())
    }

    #[test]
    fn a_pair_that_failed_too_often_waits_for_the_rest_of_its_minute() {
        let (throttle, clock) = throttle();
        for _ in 0..3 {
            fail(&throttle, "192.0.2.1", "a").unwrap();
        }
        clock.advance(Duration::from_millis(17_500));
        let refused = begin(&throttle, "192.0.2.1", "a").unwrap_err();
        assert_eq!((refused.code(), refused.reason()), (ErrorCode::TooManyRequests, "throttled_client"));
        assert!(refused.description().contains("in 43 seconds"), "{}", refused.description());
        clock.advance(Duration::from_millis(42_499));
        assert_eq!(fail(&throttle, "192.0.2.1", "a"), Err("throttled_client"));
        clock.advance(Duration::from_millis(1));
        fail(&throttle, "192.0.2.1", "a").unwrap();
    }

    #[test]
    fn a_client_is_not_locked_out_by_failures_from_elsewhere() {
        let (throttle, _) = throttle();
        for _ in 0..3 {
            fail(&throttle, "192.0.2.1", "a").unwrap();
        }
        begin(&throttle, "192.0.2.2", "a").unwrap().forgive();
        begin(&throttle, "192.0.2.1", "b").unwrap().forgive();
    }

    #[test]
    fn an_address_that_failed_too_often_is_refused_whatever_client_it_names() {
        let (throttle, clock) = throttle();
        for client_id in ["a", "b", "c", "d", "e"] {
            fail(&throttle, "192.0.2.1", client_id).unwrap();
        }
        assert_eq!(fail(&throttle, "192.0.2.1", "f"), Err("throttled_address"));
        clock.advance(WINDOW);
        fail(&throttle, "192.0.2.1", "f").unwrap();
    }

    #[test]
    fn a_network_of_64_bits_is_one_address_and_a_mapped_one_is_ipv4() {
        let (throttle, _) = throttle();
        for address in ["2001:db8::1", "2001:db8::2", "2001:db8:0:0:ffff::3"] {
            fail(&throttle, address, "a").unwrap();
        }
        assert_eq!(fail(&throttle, "2001:db8::4", "a"), Err("throttled_client"));
        fail(&throttle, "2001:db8:0:1::4", "a").unwrap();
        for address in ["192.0.2.1", "::ffff:192.0.2.1", "192.0.2.1"] {
            fail(&throttle, address, "a").unwrap();
        }
        assert_eq!(fail(&throttle, "::ffff:192.0.2.1", "a"), Err("throttled_client"));
    }

    #[test]
    fn what_is_forgiven_counts_for_nothing() {
        let (throttle, _) = throttle();
        for _ in 0..50 {
            begin(&throttle, "192.0.2.1", "a").unwrap().forgive();
        }
    }

    #[test]
    fn an_attempt_that_waited_learns_what_the_others_did() {
        let (throttle, _) = throttle();
        let waiting = begin(&throttle, "192.0.2.1", "a").unwrap();
        for _ in 0..3 {
            fail(&throttle, "192.0.2.1", "a").unwrap();
        }
        assert_eq!(waiting.check_again().unwrap_err().reason(), "throttled_client");
    }

    #[test]
    fn nobody_is_throttled_by_an_address_that_is_not_known() {
        let (throttle, _) = throttle();
        for _ in 0..50 {
            drop(throttle.begin(None, "a").unwrap());
        }
    }
}
