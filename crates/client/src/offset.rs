//! How far the other side's clock is from ours: told by the `Date` of an answer that refuses a proof.

use http::HeaderMap;
use http::header::DATE;

/// The largest correction in seconds: a clock that is more wrong than that is to be set, not worked around.
const MOST: i64 = 300;
/// Below this a proof is not refused for its time.
const LEAST: i64 = 2;

/// One origin's clock, corrected once: a server that tells another time at each answer is not followed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Offset {
    seconds: i64,
    corrected: bool,
}

impl Offset {
    /// Our time as the other side has it.
    pub(crate) fn apply(self, now: i64) -> i64 {
        now.saturating_add(self.seconds)
    }

    /// Learns from a refusal; whether it is worth another try. `trusted` is the transport: nobody on the way may set
    /// this client's time.
    pub(crate) fn learn(&mut self, headers: &HeaderMap, now: i64, trusted: bool) -> bool {
        if self.corrected || !trusted {
            return false;
        }
        let date = headers.get(DATE).and_then(|date| date.to_str().ok()).and_then(|date| date.parse().ok());
        let Some(date) = date.map(|date: httpdate::HttpDate| std::time::SystemTime::from(date)) else {
            return false;
        };
        let told = date.duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let difference = i64::try_from(told).unwrap_or(i64::MAX).saturating_sub(now);
        if !(LEAST..=MOST).contains(&difference.abs()) {
            return false;
        }
        *self = Self { seconds: difference, corrected: true };
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_800_000_000; // Fri, 15 Jan 2027 08:00:00 GMT

    fn told(date: &str) -> HeaderMap {
        HeaderMap::from_iter([(DATE, date.parse().unwrap())])
    }

    #[test]
    fn a_clock_is_corrected_once_and_within_bounds() {
        let mut offset = Offset::default();
        for date in [
            "Fri, 15 Jan 2027 08:00:00 GMT",
            "Fri, 15 Jan 2027 08:00:01 GMT",
            "Fri, 15 Jan 2027 08:05:01 GMT",
            "Thu, 01 Jan 1970 00:00:00 GMT",
            "yesterday",
        ] {
            assert!(!offset.learn(&told(date), NOW, true), "{date}");
        }
        let date = told("Fri, 15 Jan 2027 07:58:00 GMT");
        assert!(!offset.learn(&HeaderMap::new(), NOW, true) && !offset.learn(&date, NOW, false));
        assert!(offset.learn(&date, NOW, true));
        assert_eq!(offset.apply(NOW), NOW - 120);
        assert!(!offset.learn(&told("Fri, 15 Jan 2027 08:01:00 GMT"), NOW, true), "once");
    }
}
