use std::borrow::Borrow;
use std::collections::HashSet;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// Into how many parts a map is divided, as a power of two; with a million entries a part holds a thousand.
const BITS: u32 = 10;
const PARTS: usize = 1 << BITS;

/// A value that knows the key under which it is found.
pub(super) trait Keyed {
    fn key(&self) -> &str;
}

/// A map whose copy shares everything with its original but the parts in which something was changed, so that a change
/// costs the same however much is in it.
#[derive(Debug, Clone)]
pub(super) struct Parts<V> {
    parts: Box<[Arc<Part<V>>]>,
}

type Part<V> = HashSet<ByKey<V>>;

#[derive(Debug, Clone)]
struct ByKey<V>(V);

impl<V> Default for Parts<V> {
    fn default() -> Self {
        let empty = Arc::new(Part::new());
        Self { parts: vec![empty; PARTS].into() }
    }
}

impl<V: Keyed> Parts<V> {
    pub(super) fn get(&self, key: &str) -> Option<&V> {
        self.parts[part_of(key)].get(key).map(|ByKey(value)| value)
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &V> {
        self.parts.iter().flat_map(|part| part.iter()).map(|ByKey(value)| value)
    }

    pub(super) fn len(&self) -> usize {
        self.parts.iter().map(|part| part.len()).sum()
    }
}

impl<V: Keyed + Clone> Parts<V> {
    /// Puts a value in, in the place of the one with its key.
    pub(super) fn insert(&mut self, value: V) {
        Arc::make_mut(&mut self.parts[part_of(value.key())]).replace(ByKey(value));
    }
}

impl<V: Keyed> Borrow<str> for ByKey<V> {
    fn borrow(&self) -> &str {
        self.0.key()
    }
}

impl<V: Keyed> Hash for ByKey<V> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.key().hash(state);
    }
}

impl<V: Keyed> PartialEq for ByKey<V> {
    fn eq(&self, other: &Self) -> bool {
        self.0.key() == other.0.key()
    }
}

impl<V: Keyed> Eq for ByKey<V> {}

/// In which part a key is. The keys are ids that this server made, and their ends are random: nobody can choose them so
/// that they meet in one part.
fn part_of(key: &str) -> usize {
    let end = key.bytes().rev().take(4).fold(0_u32, |end, byte| end << 8 | u32::from(byte));
    // Fibonacci hashing: the upper bits of the product depend on all bits of the factor.
    (end.wrapping_mul(0x9E37_79B1) >> (u32::BITS - BITS)) as usize
}

#[cfg(test)]
mod tests {
    use carnet_ambient::{Clock, Entropy};

    use super::*;

    #[derive(Debug, Clone, PartialEq)]
    struct Numbered(String, i64);

    impl Keyed for Numbered {
        fn key(&self) -> &str {
            &self.0
        }
    }

    fn number(map: &Parts<Numbered>, key: &str) -> Option<i64> {
        map.get(key).map(|Numbered(_, number)| *number)
    }

    #[test]
    fn a_copy_shares_what_was_not_changed_and_leaves_its_original_alone() {
        let mut original = Parts::default();
        for number in 0..5_000 {
            original.insert(Numbered(number.to_string(), number));
        }
        let mut copy = original.clone();
        copy.insert(Numbered("77".to_owned(), 0));
        copy.insert(Numbered("new".to_owned(), 1));
        assert_eq!(
            (number(&original, "77"), number(&original, "new"), original.len()),
            (Some(77), None, 5_000)
        );
        assert_eq!((number(&copy, "77"), number(&copy, "new"), copy.len()), (Some(0), Some(1), 5_001));
        let pairs = original.parts.iter().zip(&copy.parts);
        assert!(pairs.filter(|(one, two)| !Arc::ptr_eq(one, two)).count() <= 2);
        assert_eq!(original.values().map(|Numbered(_, number)| number).sum::<i64>(), (0..5_000).sum::<i64>());
    }

    #[test]
    fn all_parts_are_used_and_none_too_much() {
        let mut map = Parts::default();
        let (clock, entropy) = (Clock::system(), Entropy::seeded(1));
        for _ in 0..PARTS * 32 {
            map.insert(Numbered(entropy.ulid(&clock), 0));
        }
        let largest = map.parts.iter().map(|part| part.len()).max().unwrap();
        assert!(map.parts.iter().all(|part| !part.is_empty()) && largest < 128, "{largest}");
    }
}
