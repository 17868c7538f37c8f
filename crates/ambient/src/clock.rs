use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// The time of day and the time since boot.
///
/// Clones of a manual clock share their time.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    /// Off by so many milliseconds.
    System {
        off: i64,
    },
    Manual {
        unix_millis: Arc<AtomicI64>,
        monotonic_nanos: Arc<AtomicU64>,
    },
}

impl Clock {
    /// The machine's clocks.
    #[must_use]
    pub fn system() -> Self {
        Self(Source::System { off: 0 })
    }

    /// The system's clock as a machine has it whose clock is wrong by so many milliseconds: for tests.
    #[must_use]
    pub fn system_off_by(millis: i64) -> Self {
        Self(Source::System { off: millis })
    }

    /// A clock that stands at `unix_millis` (milliseconds since 1970-01-01 UTC) until it is told otherwise.
    #[must_use]
    pub fn manual(unix_millis: i64) -> Self {
        Self(Source::Manual {
            unix_millis: Arc::new(AtomicI64::new(unix_millis)),
            monotonic_nanos: Arc::new(AtomicU64::new(0)),
        })
    }

    /// Milliseconds since 1970-01-01 UTC.
    #[must_use]
    pub fn now_millis(&self) -> i64 {
        match &self.0 {
            Source::System { off } => {
                let now = clock_gettime(ClockId::Realtime);
                now.tv_sec.saturating_mul(1000).saturating_add(now.tv_nsec / 1_000_000).saturating_add(*off)
            }
            Source::Manual { unix_millis, .. } => unix_millis.load(Ordering::SeqCst),
        }
    }

    /// Whole seconds since 1970-01-01 UTC, a `NumericDate` (RFC 7519 §2).
    #[must_use]
    pub fn now(&self) -> i64 {
        self.now_millis().div_euclid(1000)
    }

    /// Time since boot, suspension included.
    ///
    /// For ages and leases: it never steps, and unlike `CLOCK_MONOTONIC` it does not stand still while a
    /// virtual machine is suspended, so that a node which wakes up knows how stale it is.
    #[must_use]
    pub fn monotonic(&self) -> Duration {
        match &self.0 {
            Source::System { .. } => {
                let now = clock_gettime(ClockId::Boottime);
                Duration::new(u64::try_from(now.tv_sec).unwrap_or(0), u32::try_from(now.tv_nsec).unwrap_or(0))
            }
            Source::Manual { monotonic_nanos, .. } => {
                Duration::from_nanos(monotonic_nanos.load(Ordering::SeqCst))
            }
        }
    }

    /// Lets time pass on a manual clock: time of day and time since boot. The system clock takes no orders.
    pub fn advance(&self, by: Duration) {
        if let Source::Manual { unix_millis, monotonic_nanos } = &self.0 {
            unix_millis.fetch_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX), Ordering::SeqCst);
            monotonic_nanos.fetch_add(u64::try_from(by.as_nanos()).unwrap_or(u64::MAX), Ordering::SeqCst);
        }
    }

    /// Whether this is a clock of a test.
    #[must_use]
    pub fn is_manual(&self) -> bool {
        matches!(self.0, Source::Manual { .. })
    }

    /// Sets a manual clock's time of day, forward or back, without any time passing since boot.
    pub fn set_millis(&self, to: i64) {
        if let Source::Manual { unix_millis, .. } = &self.0 {
            unix_millis.store(to, Ordering::SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_stands_still_until_told() {
        let clock = Clock::manual(1_800_000_000_500);
        assert_eq!((clock.now(), clock.monotonic()), (1_800_000_000, Duration::ZERO));
        clock.clone().advance(Duration::from_secs(2));
        assert_eq!((clock.now(), clock.monotonic()), (1_800_000_002, Duration::from_secs(2)));
        clock.set_millis(5_000);
        assert_eq!((clock.now(), clock.monotonic()), (5, Duration::from_secs(2)));
    }

    #[test]
    fn the_system_clock_runs_and_takes_no_orders() {
        let clock = Clock::system();
        let before = (clock.now_millis(), clock.monotonic());
        clock.advance(Duration::from_hours(1));
        clock.set_millis(0);
        std::thread::sleep(Duration::from_millis(5));
        let passed = clock.monotonic().checked_sub(before.1).unwrap();
        assert!(passed > Duration::ZERO && passed < Duration::from_mins(10));
        assert!(clock.now_millis() > 1_700_000_000_000);
    }
}
