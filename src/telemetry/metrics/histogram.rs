use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::exposition::{Samples, as_f64};

/// Upper bounds of the buckets in nanoseconds, and as they are written in seconds: from a token out of memory to
/// a request that runs into its time limit.
const BOUNDS: [(u64, &str); 17] = [
    (50_000, "0.00005"),
    (100_000, "0.0001"),
    (250_000, "0.00025"),
    (500_000, "0.0005"),
    (1_000_000, "0.001"),
    (2_500_000, "0.0025"),
    (5_000_000, "0.005"),
    (10_000_000, "0.01"),
    (20_000_000, "0.02"),
    (50_000_000, "0.05"),
    (100_000_000, "0.1"),
    (250_000_000, "0.25"),
    (500_000_000, "0.5"),
    (1_000_000_000, "1"),
    (2_500_000_000, "2.5"),
    (5_000_000_000, "5"),
    (10_000_000_000, "10"),
];

/// Durations, counted in buckets: an observation is two atomic additions.
#[derive(Debug)]
pub(super) struct Histogram {
    // One more than bounds: what took longer than the last one.
    buckets: [AtomicU64; BOUNDS.len() + 1],
    sum_nanos: AtomicU64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { buckets: std::array::from_fn(|_| AtomicU64::new(0)), sum_nanos: AtomicU64::new(0) }
    }
}

impl Histogram {
    pub fn observe(&self, took: Duration) {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        let bucket = BOUNDS.partition_point(|(bound, _)| *bound < nanos);
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        self.sum_nanos.fetch_add(nanos, Ordering::Relaxed);
    }

    pub fn write(&self, samples: &mut Samples<'_>, labels: &[(&str, &str)]) {
        let mut count = 0;
        let bounds = BOUNDS.iter().map(|(_, text)| *text).chain(std::iter::once("+Inf"));
        for (bucket, bound) in self.buckets.iter().zip(bounds) {
            count += bucket.load(Ordering::Relaxed);
            samples.add_part("_bucket", labels, Some(bound), as_f64(count));
        }
        let seconds = Duration::from_nanos(self.sum_nanos.load(Ordering::Relaxed)).as_secs_f64();
        samples.add_part("_sum", labels, None, seconds);
        // Of the buckets that were just written, so that the two agree.
        samples.add_part("_count", labels, None, as_f64(count));
    }
}

#[cfg(test)]
mod tests {
    use super::super::exposition::{Exposition, Kind};
    use super::*;

    #[test]
    fn a_bound_belongs_to_its_bucket_and_buckets_add_up() {
        let histogram = Histogram::default();
        for micros in [50, 51, 1_000, 60_000_000] {
            histogram.observe(Duration::from_micros(micros));
        }
        let mut exposition = Exposition::default();
        histogram.write(&mut exposition.family("x_seconds", Kind::Histogram, "X."), &[("a", "b")]);
        let text = exposition.into_text();
        for line in [
            "x_seconds_bucket{a=\"b\",le=\"0.00005\"} 1",
            "x_seconds_bucket{a=\"b\",le=\"0.0001\"} 2",
            "x_seconds_bucket{a=\"b\",le=\"0.0005\"} 2",
            "x_seconds_bucket{a=\"b\",le=\"0.001\"} 3",
            "x_seconds_bucket{a=\"b\",le=\"10\"} 3",
            "x_seconds_bucket{a=\"b\",le=\"+Inf\"} 4",
            "x_seconds_sum{a=\"b\"} 60.001101",
            "x_seconds_count{a=\"b\"} 4",
        ] {
            assert!(text.lines().any(|written| written == line), "{line} is not in {text}");
        }
    }

    #[test]
    fn bounds_are_written_as_what_they_are() {
        for (nanos, text) in BOUNDS {
            assert_eq!(Duration::from_secs_f64(text.parse().unwrap()), Duration::from_nanos(nanos));
        }
        assert!(BOUNDS.is_sorted());
    }
}
