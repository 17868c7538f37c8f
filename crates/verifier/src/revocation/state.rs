//! The life of one issuer's revocation feed, without any I/O. Times are those of the monotonic clock: a clock that is
//! set back makes no old feed young again.

use std::sync::Arc;
use std::time::Duration;

use carnet_token::revocation::Revocations;

use crate::FeedStanding;

/// How loudly a failure is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loudness {
    /// The same as before.
    Quiet,
    /// The first one.
    Warn,
    /// The feed went back and stays there.
    Alarm,
}

/// A lower number is common for moments, when the nodes of an issuer are not in step.
const ROLLBACK_ALARM: Duration = Duration::from_mins(1);

#[derive(Debug)]
pub(crate) struct State {
    grace: Duration,
    held: Option<Held>,
    /// Whether the issuer's metadata names a feed; `None` while that is not known.
    advertised: Option<bool>,
    /// Since when a feed is expected.
    since: Option<Duration>,
    next: Duration,
    tried: bool,
    failures: u32,
    rollback_since: Option<Duration>,
    alarmed: bool,
    told: Option<FeedStanding>,
}

#[derive(Debug)]
struct Held {
    revocations: Arc<Revocations>,
    fetched_at: Duration,
    fresh_until: Duration,
}

impl State {
    pub(crate) fn new(grace: Duration) -> Self {
        Self {
            grace,
            held: None,
            advertised: None,
            since: None,
            next: Duration::ZERO,
            tried: false,
            failures: 0,
            rollback_since: None,
            alarmed: false,
            told: None,
        }
    }

    /// The verifier is in use; from here on a feed is missed.
    pub(crate) fn start(&mut self, now: Duration) {
        self.since.get_or_insert(now);
    }

    /// Begin an attempt if it is time for one.
    pub(crate) fn attempt(&mut self, now: Duration, poll: Duration) -> bool {
        self.start(now);
        let due = now >= self.next;
        if due {
            // An attempt that never ends must not be the last one.
            self.next = now + poll;
        }
        due
    }

    pub(crate) fn next_at(&mut self, next: Duration) {
        self.next = next;
        self.tried = true;
    }

    /// Whether the first attempt is over, or nobody waits for it any more.
    pub(crate) fn tried(&self) -> bool {
        self.tried
    }

    pub(crate) fn give_up_waiting(&mut self) {
        self.tried = true;
    }

    /// How long until the next attempt.
    pub(crate) fn wait(&self, now: Duration) -> Duration {
        self.next.saturating_sub(now)
    }

    pub(crate) fn advertised(&mut self, now: Duration) {
        if self.advertised == Some(false) {
            // It is new: it is missed from now on.
            self.since = Some(now);
        }
        self.advertised = Some(true);
    }

    /// What was revoked before stays so; nothing new can come.
    pub(crate) fn not_advertised(&mut self) {
        self.advertised = Some(false);
        self.failures = 0;
    }

    pub(crate) fn accepted(&mut self, revocations: Arc<Revocations>, left: Duration, now: Duration) {
        self.held = Some(Held { revocations, fetched_at: now, fresh_until: now + left });
        self.failures = 0;
        self.rollback_since = None;
        self.alarmed = false;
    }

    /// What is held stays, and grows old.
    pub(crate) fn failed(&mut self, rollback: bool, now: Duration) -> Loudness {
        self.failures = self.failures.saturating_add(1);
        if rollback {
            let since = *self.rollback_since.get_or_insert(now);
            if !self.alarmed && now.saturating_sub(since) >= ROLLBACK_ALARM {
                self.alarmed = true;
                return Loudness::Alarm;
            }
        }
        if self.failures == 1 { Loudness::Warn } else { Loudness::Quiet }
    }

    pub(crate) fn revocations(&self) -> Option<Arc<Revocations>> {
        self.held.as_ref().map(|held| Arc::clone(&held.revocations))
    }

    pub(crate) fn age(&self, now: Duration) -> Option<Duration> {
        self.held.as_ref().map(|held| now.saturating_sub(held.fetched_at))
    }

    pub(crate) fn standing(&self, now: Duration) -> FeedStanding {
        if self.advertised == Some(false) {
            return FeedStanding::NotAdvertised;
        }
        let expected = self.since.unwrap_or(now);
        let missed_since = self.held.as_ref().map_or(expected, |held| held.fresh_until.max(expected));
        if self.held.as_ref().is_some_and(|held| now < held.fresh_until) {
            FeedStanding::Current
        } else if now < missed_since + self.grace {
            FeedStanding::Degraded
        } else {
            FeedStanding::Lost
        }
    }

    /// The standing, if it is another one than was told last.
    pub(crate) fn change(&mut self, now: Duration) -> Option<FeedStanding> {
        let standing = self.standing(now);
        let changed = self.told != Some(standing) && self.tried;
        if changed {
            self.told = Some(standing);
        }
        changed.then_some(standing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T0: Duration = Duration::from_hours(1);
    const POLL: Duration = Duration::from_secs(15);

    fn at(seconds: u64) -> Duration {
        T0 + Duration::from_secs(seconds)
    }

    fn state() -> State {
        State::new(Duration::from_mins(10))
    }

    fn nothing_revoked() -> Arc<Revocations> {
        Arc::new(Revocations::default())
    }

    fn standings(state: &State, table: &[(u64, FeedStanding)]) {
        for (seconds, standing) in table {
            assert_eq!(state.standing(at(*seconds)), *standing, "{seconds}");
        }
    }

    #[test]
    fn a_feed_that_never_comes_is_missed_from_the_first_use() {
        let mut state = state();
        assert!(state.attempt(T0, POLL));
        standings(
            &state,
            &[(0, FeedStanding::Degraded), (599, FeedStanding::Degraded), (600, FeedStanding::Lost)],
        );
    }

    #[test]
    fn an_expired_feed_is_missed_from_its_end() {
        let mut state = state();
        state.start(T0);
        state.advertised(T0);
        state.accepted(nothing_revoked(), Duration::from_mins(2), at(30));
        standings(
            &state,
            &[
                (149, FeedStanding::Current),
                (150, FeedStanding::Degraded),
                (749, FeedStanding::Degraded),
                (750, FeedStanding::Lost),
            ],
        );
        state.accepted(nothing_revoked(), Duration::from_mins(2), at(2000));
        standings(&state, &[(2000, FeedStanding::Current)]);
        assert_eq!(state.age(at(2005)), Some(Duration::from_secs(5)));
    }

    #[test]
    fn an_issuer_without_a_feed_is_never_degraded() {
        let mut state = state();
        state.start(T0);
        state.not_advertised();
        standings(&state, &[(0, FeedStanding::NotAdvertised), (9999, FeedStanding::NotAdvertised)]);
        state.advertised(at(5000));
        standings(&state, &[(5599, FeedStanding::Degraded), (5600, FeedStanding::Lost)]);
    }

    #[test]
    fn an_attempt_is_made_when_it_is_time() {
        let mut state = state();
        assert!(state.attempt(T0, POLL));
        assert!(!state.attempt(T0, POLL), "one at a time");
        assert!(state.attempt(at(15), POLL), "the first one never ended");
        state.next_at(at(30));
        assert_eq!(state.wait(at(20)), Duration::from_secs(10));
        assert!(!state.attempt(at(29), POLL));
        assert!(state.attempt(at(30), POLL));
    }

    #[test]
    fn a_rollback_is_alarmed_once_when_it_lasts() {
        let mut state = state();
        let loud: Vec<_> =
            [0, 15, 59, 60, 75].into_iter().map(|seconds| state.failed(true, at(seconds))).collect();
        let quiet = Loudness::Quiet;
        assert_eq!(loud, [Loudness::Warn, quiet, quiet, Loudness::Alarm, quiet]);
        state.accepted(nothing_revoked(), POLL, at(80));
        assert_eq!(state.failed(true, at(200)), Loudness::Warn);
    }

    #[test]
    fn a_change_is_told_once() {
        let mut state = state();
        state.start(T0);
        assert_eq!(state.change(T0), None, "nobody has looked yet");
        state.next_at(at(15));
        assert_eq!(state.change(T0), Some(FeedStanding::Degraded));
        assert_eq!(state.change(at(599)), None);
        assert_eq!(state.change(at(600)), Some(FeedStanding::Lost));
        state.accepted(nothing_revoked(), POLL, at(700));
        assert_eq!(state.change(at(700)), Some(FeedStanding::Current));
    }
}
