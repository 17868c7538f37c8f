use std::fmt;
use std::sync::OnceLock;

/// A list that only grows. Who reads it takes no lock and waits for nobody; what was found stays where it is.
///
/// For series of metrics, of which there are few, and the busiest of which come first. Its entries are words of the
/// code or templates of routes, never anything that a request brings along, so that its length is bounded.
pub(super) struct Grown<K, V> {
    first: Link<K, V>,
}

type Link<K, V> = OnceLock<Box<Entry<K, V>>>;

struct Entry<K, V> {
    key: K,
    value: V,
    next: Link<K, V>,
}

impl<K, V> Default for Grown<K, V> {
    fn default() -> Self {
        Self { first: OnceLock::new() }
    }
}

impl<K, V> Grown<K, V> {
    /// The value whose key is meant, which is made if it is not there yet; `make` gives a key that is meant.
    pub fn find_or_insert(&self, is_meant: impl Fn(&K) -> bool, make: impl Fn() -> (K, V)) -> &V {
        let mut link = &self.first;
        loop {
            // Whoever loses the race for the end of the list goes on behind the entry of the winner.
            let entry = link.get_or_init(|| {
                let (key, value) = make();
                Box::new(Entry { key, value, next: OnceLock::new() })
            });
            if is_meant(&entry.key) {
                return &entry.value;
            }
            link = &entry.next;
        }
    }

    /// Every entry, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        std::iter::successors(self.first.get(), |entry| entry.next.get())
            .map(|entry| (&entry.key, &entry.value))
    }
}

impl<K: fmt::Debug, V> fmt::Debug for Grown<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(|(key, _)| key)).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[test]
    fn threads_that_race_for_an_entry_share_it() {
        let list: Grown<u64, AtomicU64> = Grown::default();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for round in 0..1000 {
                        let key = round % 10;
                        let value = list.find_or_insert(|known| *known == key, || (key, AtomicU64::new(0)));
                        value.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        });
        let mut found: Vec<(u64, u64)> =
            list.iter().map(|(key, value)| (*key, value.load(Ordering::Relaxed))).collect();
        found.sort_unstable();
        assert_eq!(found, (0..10).map(|key| (key, 800)).collect::<Vec<_>>());
    }
}
