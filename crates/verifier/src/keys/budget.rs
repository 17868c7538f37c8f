//! What bounds the fetches that strangers can cause: buckets, and a memory of keys that do not exist.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

/// A bucket that refills evenly; times are those of the monotonic clock.
#[derive(Debug)]
pub(crate) struct Bucket {
    per_minute: u32,
    /// In sixty-thousandths of a token, so that a millisecond refills a whole number.
    level: u64,
    filled_at: Duration,
}

const TOKEN: u64 = 60_000;

impl Bucket {
    pub(crate) fn full(per_minute: u32) -> Self {
        Self { per_minute, level: u64::from(per_minute) * TOKEN, filled_at: Duration::ZERO }
    }

    /// Take one token, or say no.
    pub(crate) fn take(&mut self, now: Duration) -> bool {
        // Only whole milliseconds are counted, so only they are over.
        let now = Duration::from_millis(u64::try_from(now.as_millis()).unwrap_or(u64::MAX));
        let passed = u64::try_from(now.saturating_sub(self.filled_at).as_millis()).unwrap_or(u64::MAX);
        let refill = passed.saturating_mul(u64::from(self.per_minute));
        self.level = self.level.saturating_add(refill).min(u64::from(self.per_minute) * TOKEN);
        self.filled_at = self.filled_at.max(now);
        let enough = self.level >= TOKEN;
        if enough {
            self.level -= TOKEN;
        }
        enough
    }
}

/// A bounded memory of (issuer, kid) pairs that were looked for in vain.
#[derive(Debug)]
pub(crate) struct Missing {
    entries: usize,
    ttl: Duration,
    until: HashMap<(usize, String), Duration>,
    order: VecDeque<(usize, String)>,
}

impl Missing {
    pub(crate) fn new(entries: usize, ttl: Duration) -> Self {
        Self { entries, ttl, until: HashMap::new(), order: VecDeque::new() }
    }

    pub(crate) fn contains(&self, issuer: usize, kid: &str, now: Duration) -> bool {
        self.until.get(&(issuer, kid.to_owned())).is_some_and(|until| now < *until)
    }

    pub(crate) fn insert(&mut self, issuer: usize, kid: &str, now: Duration) {
        let entry = (issuer, kid.to_owned());
        if self.until.insert(entry.clone(), now + self.ttl).is_none() {
            self.order.push_back(entry);
        }
        while self.order.len() > self.entries {
            if let Some(oldest) = self.order.pop_front() {
                self.until.remove(&oldest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_gives_what_it_holds_and_refills_evenly() {
        let mut bucket = Bucket::full(10);
        let now = Duration::from_secs(1000);
        assert_eq!((0..100).filter(|_| bucket.take(now)).count(), 10);
        assert!(!bucket.take(now + Duration::from_secs(5)));
        assert!(bucket.take(now + Duration::from_secs(6)));
        assert!(!bucket.take(now + Duration::from_secs(6)));
        assert_eq!((0..100).filter(|_| bucket.take(now + Duration::from_hours(1))).count(), 10);
    }

    #[test]
    fn many_small_steps_refill_as_much_as_one_large() {
        let mut bucket = Bucket::full(10);
        while bucket.take(Duration::ZERO) {}
        let taken = (1..=60_000).filter(|ms| bucket.take(Duration::from_millis(*ms))).count();
        assert_eq!(taken, 10);
    }

    #[test]
    fn the_memory_of_missing_keys_is_bounded_and_forgets() {
        let mut missing = Missing::new(1024, Duration::from_mins(1));
        for n in 0..5000 {
            missing.insert(0, &n.to_string(), Duration::ZERO);
        }
        assert_eq!((missing.until.len(), missing.order.len()), (1024, 1024));
        assert!(missing.contains(0, "4999", Duration::from_secs(59)));
        assert!(!missing.contains(0, "4999", Duration::from_mins(1)));
        assert!(!missing.contains(0, "0", Duration::ZERO));
        assert!(!missing.contains(1, "4999", Duration::ZERO));
    }
}
