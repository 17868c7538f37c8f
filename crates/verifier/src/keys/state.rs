//! The life of one issuer's key set, without any I/O: what to do now, and what an attempt changes.
//!
//! Times are those of the monotonic clock. The rules are those of a cache that serves security: a miss never
//! costs a good key, a failure never costs a key set that may still be used, and nobody outside can make it
//! ask more often than it wants to.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use carnet_fetch::{Freshness, Phase};
use carnet_token::{KeySet, Thumbprint};
use url::Url;

use super::budget::Bucket;

/// A key set as it was fetched.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub(crate) keys: Arc<KeySet>,
    pub(crate) uri: Url,
    pub(crate) etag: Option<String>,
    pub(crate) last_modified: Option<String>,
    pub(crate) freshness: Freshness,
    pub(crate) fetched_at: Duration,
    /// When to fetch anew in the background although it is still fresh.
    pub(crate) refresh_at: Duration,
}

/// What to do before using the keys.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Plan {
    /// Use what is held; `refresh` in the background.
    Use { refresh: bool },
    /// Fetch first.
    Fetch,
    /// Nothing usable, and it is too early to try again.
    Wait { retry_after: Duration },
}

/// What to do about a kid that is not held.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Forced {
    /// Fetch (or join the fetch that runs) and look again.
    Fetch,
    /// No fetch now: the last attempt is too recent or the budget is used up.
    Refused,
}

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) held: Option<Held>,
    /// Attempts that have ended; tells whether a plan is still that of the present.
    pub(crate) attempts: u64,
    flying: bool,
    last_attempt: Option<Duration>,
    failures: u32,
    not_before: Duration,
    bucket: Bucket,
    /// Keys whose private half was published once. They stay so when the private half is taken back.
    leaked: HashSet<Thumbprint>,
}

/// How many leaked keys of an issuer are remembered: more than any honest accident makes.
const LEAKED: usize = 1024;

const BACKOFF: std::ops::RangeInclusive<u64> = 1..=60;

impl State {
    pub(crate) fn new(per_minute: u32) -> Self {
        Self {
            held: None,
            attempts: 0,
            flying: false,
            last_attempt: None,
            failures: 0,
            not_before: Duration::ZERO,
            bucket: Bucket::full(per_minute),
            leaked: HashSet::new(),
        }
    }

    /// fresh → stale-revalidate → expired, and in the last case the back-off after failures.
    pub(crate) fn plan(&self, now: Duration) -> Plan {
        let may_try = now >= self.not_before;
        let Some(held) = &self.held else {
            return if may_try { Plan::Fetch } else { self.wait(now) };
        };
        let age = now.saturating_sub(held.fetched_at);
        match held.freshness.phase(age) {
            Phase::Fresh => Plan::Use { refresh: may_try && now >= held.refresh_at },
            Phase::StaleRevalidate => Plan::Use { refresh: may_try },
            Phase::Expired if may_try => Plan::Fetch,
            Phase::Expired if held.freshness.usable_after_failure(age) => Plan::Use { refresh: false },
            Phase::Expired => self.wait(now),
        }
    }

    /// What may be used after an attempt, whether it went well or not.
    pub(crate) fn usable(&self, now: Duration) -> Option<Arc<KeySet>> {
        let held = self.held.as_ref()?;
        let age = now.saturating_sub(held.fetched_at);
        let usable = held.freshness.phase(age) != Phase::Expired || held.freshness.usable_after_failure(age);
        usable.then(|| Arc::clone(&held.keys))
    }

    fn wait(&self, now: Duration) -> Plan {
        Plan::Wait { retry_after: self.not_before.saturating_sub(now) }
    }

    /// Whether a kid that is not held is worth a fetch. The cooldown counts attempts and not successes, and
    /// does not look at what is held: an empty or failing key set must not open it.
    pub(crate) fn force(&mut self, now: Duration, cooldown: Duration, shared: &mut Bucket) -> Forced {
        let recent = self.last_attempt.is_some_and(|last| now.saturating_sub(last) < cooldown);
        if recent {
            return if self.flying { Forced::Fetch } else { Forced::Refused };
        }
        if now < self.not_before || !self.bucket.take(now) || !shared.take(now) {
            return Forced::Refused;
        }
        // From here on others join, also before the fetch itself has begun.
        self.begin(now);
        Forced::Fetch
    }

    pub(crate) fn begin(&mut self, now: Duration) {
        self.flying = true;
        self.last_attempt = Some(now);
    }

    /// Remembers the keys that leaked in `keys`, and withholds from it those that leaked before.
    pub(crate) fn withhold_leaked(&mut self, keys: &mut KeySet) {
        for thumbprint in keys.leaked() {
            if self.leaked.len() < LEAKED {
                self.leaked.insert(thumbprint);
            }
        }
        keys.withhold(&self.leaked);
    }

    /// A new key set replaces the old one whole: a kid that is gone is gone.
    pub(crate) fn replaced(&mut self, held: Held) {
        self.held = Some(held);
        self.succeeded();
    }

    /// 304: only the times change.
    pub(crate) fn confirmed(&mut self, freshness: Option<Freshness>, now: Duration, random: u8) {
        if let Some(held) = &mut self.held {
            held.freshness = freshness.unwrap_or(held.freshness);
            held.fetched_at = now;
            held.refresh_at = now + held.freshness.refresh_at(random);
        }
        self.succeeded();
    }

    fn succeeded(&mut self) {
        self.flying = false;
        self.attempts += 1;
        self.failures = 0;
        self.not_before = Duration::ZERO;
    }

    /// Back off 1 s, 2 s, 4 s … 60 s, each ± 20 %; what is held stays.
    pub(crate) fn failed(&mut self, now: Duration, random: u8) {
        self.flying = false;
        self.attempts += 1;
        let seconds = (BACKOFF.start() << self.failures.min(10)).min(*BACKOFF.end());
        self.failures += 1;
        self.not_before = now + Duration::from_secs(seconds) * (80 + 40 * u32::from(random) / 255) / 100;
    }

    /// Whether the last attempt failed.
    pub(crate) fn degraded(&self) -> bool {
        self.failures > 0
    }

    /// When another attempt would be made.
    pub(crate) fn retry_after(&self, now: Duration) -> Duration {
        self.not_before.saturating_sub(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use carnet_fetch::Clamps;

    const T0: Duration = Duration::from_hours(1);
    const COOLDOWN: Duration = Duration::from_secs(30);

    fn at(seconds: u64) -> Duration {
        T0 + Duration::from_secs(seconds)
    }

    /// max-age 300, stale-while-revalidate 300, stale-if-error 3600; early refresh at 240.
    fn filled() -> State {
        let mut headers = http::HeaderMap::new();
        let value = "max-age=300, stale-while-revalidate=300, stale-if-error=3600";
        headers.insert(http::header::CACHE_CONTROL, value.parse().unwrap());
        let freshness = Freshness::of(&headers, 0, &Clamps::own());
        let mut state = State::new(10);
        state.begin(T0);
        state.replaced(Held {
            keys: Arc::new(KeySet::default()),
            uri: "https://iap.example/jwks".parse().unwrap(),
            etag: None,
            last_modified: None,
            freshness,
            fetched_at: T0,
            refresh_at: T0 + freshness.refresh_at(0),
        });
        state
    }

    #[test]
    fn a_key_set_goes_through_its_states() {
        let state = filled();
        for (seconds, plan) in [
            (0, Plan::Use { refresh: false }),
            (239, Plan::Use { refresh: false }),
            (240, Plan::Use { refresh: true }),
            (299, Plan::Use { refresh: true }),
            (300, Plan::Use { refresh: true }),
            (599, Plan::Use { refresh: true }),
            (600, Plan::Fetch),
            (9999, Plan::Fetch),
        ] {
            assert_eq!(state.plan(at(seconds)), plan, "{seconds}");
        }
    }

    #[test]
    fn after_a_failure_old_keys_serve_until_stale_if_error_ends() {
        let mut state = filled();
        state.failed(at(600), 128);
        assert!(state.degraded());
        assert_eq!(state.plan(at(600)), Plan::Use { refresh: false });
        assert!(state.usable(at(3899)).is_some());
        state.failed(at(3899), 128);
        assert!(state.usable(at(3900)).is_none());
        assert!(matches!(state.plan(at(3900)), Plan::Wait { .. }));
    }

    #[test]
    fn failures_back_off_to_a_minute() {
        let mut state = State::new(10);
        let mut waits = Vec::new();
        for _ in 0..9 {
            state.failed(T0, 128);
            waits.push(state.retry_after(T0).as_secs());
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        state.failed(T0, 0);
        assert_eq!(state.retry_after(T0).as_secs(), 48);
        state.failed(T0, 255);
        assert_eq!(state.retry_after(T0).as_secs(), 72);
    }

    #[test]
    fn without_keys_a_failure_means_waiting() {
        let mut state = State::new(10);
        assert_eq!(state.plan(T0), Plan::Fetch);
        state.failed(T0, 0);
        assert_eq!(state.plan(T0), Plan::Wait { retry_after: Duration::from_millis(800) });
        assert_eq!(state.plan(at(1)), Plan::Fetch);
    }

    #[test]
    fn the_cooldown_counts_attempts_whatever_their_end() {
        let mut shared = Bucket::full(60);
        let mut state = filled();
        assert_eq!(state.force(at(29), COOLDOWN, &mut shared), Forced::Refused);
        assert_eq!(state.force(at(30), COOLDOWN, &mut shared), Forced::Fetch);
        state.begin(at(30));
        assert_eq!(state.force(at(31), COOLDOWN, &mut shared), Forced::Fetch, "join the flight");
        state.failed(at(31), 0);
        assert_eq!(state.force(at(59), COOLDOWN, &mut shared), Forced::Refused);
        assert_eq!(state.force(at(60), COOLDOWN, &mut shared), Forced::Fetch);
    }

    #[test]
    fn the_budgets_hold_without_a_cooldown() {
        let mut shared = Bucket::full(15);
        let (mut one, mut two) = (filled(), filled());
        let forced = |state: &mut State, shared: &mut Bucket| {
            let mut granted = || {
                let granted = state.force(at(1), Duration::ZERO, shared) == Forced::Fetch;
                state.confirmed(None, at(1), 0);
                granted
            };
            (0..100).filter(|_| granted()).count()
        };
        assert_eq!(forced(&mut one, &mut shared), 10);
        assert_eq!(forced(&mut two, &mut shared), 5);
    }

    #[test]
    fn a_304_renews_the_times_and_keeps_the_keys() {
        let mut state = filled();
        state.failed(at(400), 0);
        state.confirmed(None, at(500), 0);
        assert!(!state.degraded());
        assert_eq!(state.plan(at(500)), Plan::Use { refresh: false });
        assert_eq!(state.plan(at(740)), Plan::Use { refresh: true });
    }
}
