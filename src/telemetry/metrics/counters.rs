use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::exposition::Samples;
use super::grown::Grown;

/// A counter with `N` labels, whose values are words of the code. Clones count together.
#[derive(Clone)]
pub struct Counters<const N: usize>(Arc<Inner<N>>);

struct Inner<const N: usize> {
    labels: [&'static str; N],
    series: Grown<[&'static str; N], AtomicU64>,
}

impl<const N: usize> Counters<N> {
    pub(super) fn new(labels: [&'static str; N]) -> Self {
        Self(Arc::new(Inner { labels, series: Grown::default() }))
    }

    /// Counts one.
    pub fn add(&self, values: [&'static str; N]) {
        let make = || (values, AtomicU64::new(0));
        let count = self.0.series.find_or_insert(|known| same(known, &values), make);
        count.fetch_add(1, Ordering::Relaxed);
    }

    /// Makes the series stand there with 0 before something has happened, so that its first increase is seen as one.
    pub fn announce(&self, values: [&'static str; N]) {
        let make = || (values, AtomicU64::new(0));
        let _ = self.0.series.find_or_insert(|known| same(known, &values), make);
    }

    pub(super) fn write(&self, samples: &mut Samples<'_>) {
        for (values, count) in self.0.series.iter() {
            let labels: Vec<(&str, &str)> =
                self.0.labels.iter().copied().zip(values.iter().copied()).collect();
            samples.add_count(&labels, count.load(Ordering::Relaxed));
        }
    }
}

/// Words of the code: mostly one look at their addresses, and the letters only if those differ.
fn same<const N: usize>(known: &[&'static str; N], values: &[&'static str; N]) -> bool {
    known.iter().zip(values).all(|(a, b)| std::ptr::eq(*a, *b) || a == b)
}

impl<const N: usize> fmt::Debug for Counters<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Counters({:?})", self.0.labels)
    }
}
