//! Memory that cannot be made to grow: a table of fixed size for what strangers can add to.
//!
//! Places are found by a keyed digest, whose key is made at start and never leaves the process, so that nobody can
//! choose names that share a place. A place that is full gives up what matters least: what is over, then what was
//! counted least, then what is oldest. So a count that is high is pushed out only by others that are as high: who
//! wants to be forgotten has to fail as often under as many further names as a place holds, from as many addresses,
//! and gets less out of it than it spent. Nothing is ever shared between names, so that no flood makes a count for
//! somebody who did nothing.

use std::hash::{DefaultHasher, Hasher as _};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_lc_rs::hmac;
use carnet_ambient::Entropy;

/// How many entries share a place.
const WAYS: usize = 8;
/// How many locks there are.
const SHARDS: usize = 16;

/// Names entries, so that what strangers write is not kept.
pub(super) struct TagKey {
    mac: hmac::Key,
    /// Goes into each quick tag first, so that nobody outside can say which names share a place.
    prefix: [u8; 32],
}

/// The name of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Tag([u64; 2]);

impl TagKey {
    /// A key that only this process has, and only until it ends.
    pub fn new(entropy: &Entropy) -> Self {
        Self { mac: hmac::Key::new(hmac::HMAC_SHA256, &entropy.bytes::<32>()), prefix: entropy.bytes() }
    }

    /// The tag of a text in several parts, 128 bits of HMAC-SHA-256: for what proves something. Each part goes in with
    /// its length: `a`, `bc` is not `ab`, `c`.
    pub fn tag(&self, parts: &[&[u8]]) -> Tag {
        let mut context = hmac::Context::with_key(&self.mac);
        for part in parts {
            context.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            context.update(part);
        }
        let mac = context.sign();
        let word = |at: usize| {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(&mac.as_ref()[at..at + 8]);
            u64::from_be_bytes(bytes)
        };
        Tag([word(0), word(8)])
    }

    /// The same by a hash that is made for tables: for what is only counted, in every request.
    pub fn quick_tag(&self, parts: &[&[u8]]) -> Tag {
        let half = |which: u8| {
            let mut hasher = DefaultHasher::new();
            hasher.write(&self.prefix);
            hasher.write_u8(which);
            for part in parts {
                hasher.write_usize(part.len());
                hasher.write(part);
            }
            hasher.finish()
        };
        Tag([half(0), half(1)])
    }
}

impl std::fmt::Debug for TagKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TagKey(…)")
    }
}

/// What is remembered of one name.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Entry {
    tag: Tag,
    /// When it began, milliseconds since boot.
    since: u64,
    /// How often it was counted; 0: the place is free.
    pub count: u32,
}

type Set = [Entry; WAYS];

/// A table of fixed size whose entries live for a fixed time.
#[derive(Debug)]
pub(super) struct Table {
    shards: Box<[Mutex<Box<[Set]>>]>,
    /// How long an entry lives, milliseconds.
    lifetime: u64,
}

impl Table {
    /// A table for at least `capacity` entries.
    pub fn new(capacity: usize, lifetime: Duration) -> Self {
        let sets = capacity.div_ceil(WAYS * SHARDS).next_power_of_two();
        let shard = || Mutex::new(vec![Set::default(); sets].into_boxed_slice());
        Self { shards: (0..SHARDS).map(|_| shard()).collect(), lifetime: millis(lifetime) }
    }

    /// The entry of that name, if it is not over. `now` since boot.
    pub fn get(&self, tag: Tag, now: Duration) -> Option<Entry> {
        let now = millis(now);
        self.within(tag, |set| set.iter().find(|entry| entry.tag == tag && self.lives(entry, now)).copied())
    }

    /// Counts once more; the entry's time runs from its first count. Gives the count.
    pub fn count(&self, tag: Tag, now: Duration) -> u32 {
        let now = millis(now);
        self.within(tag, |set| {
            let entry = self.place(set, tag, now);
            entry.count = entry.count.saturating_add(1);
            entry.count
        })
    }

    /// Remembers a name; its time begins anew.
    pub fn renew(&self, tag: Tag, now: Duration) {
        let now = millis(now);
        self.within(tag, |set| {
            let entry = self.place(set, tag, now);
            (entry.since, entry.count) = (now, 1);
        });
    }

    /// How long an entry still lives.
    pub fn remaining(&self, entry: &Entry, now: Duration) -> Duration {
        Duration::from_millis((entry.since + self.lifetime).saturating_sub(millis(now)))
    }

    /// The entry of that name, else one in its place that may be overwritten, emptied.
    fn place<'s>(&self, set: &'s mut Set, tag: Tag, now: u64) -> &'s mut Entry {
        let known = set.iter().position(|entry| entry.tag == tag && self.lives(entry, now));
        let at = known.unwrap_or_else(|| {
            let worth =
                |entry: &Entry| if self.lives(entry, now) { (entry.count, entry.since) } else { (0, 0) };
            let at = (0..WAYS).min_by_key(|at| worth(&set[*at])).unwrap_or(0);
            set[at] = Entry { tag, since: now, count: 0 };
            at
        });
        &mut set[at]
    }

    fn lives(&self, entry: &Entry, now: u64) -> bool {
        entry.count > 0 && now.saturating_sub(entry.since) < self.lifetime
    }

    fn within<T>(&self, tag: Tag, work: impl FnOnce(&mut Set) -> T) -> T {
        let spread = |word: u64, len: usize| usize::try_from(word % len as u64).unwrap_or(0);
        let shard = &self.shards[spread(tag.0[0], SHARDS)];
        let mut sets = shard.lock().unwrap_or_else(PoisonError::into_inner);
        let at = spread(tag.0[1], sets.len());
        work(&mut sets[at])
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);
    const START: Duration = Duration::from_secs(5);

    fn key() -> TagKey {
        TagKey::new(&Entropy::seeded(1))
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        let (key, other) = (key(), TagKey::new(&Entropy::seeded(2)));
        for tag in [TagKey::tag, TagKey::quick_tag] {
            assert_ne!(tag(&key, &[b"a", b"bc"]), tag(&key, &[b"ab", b"c"]));
            assert_ne!(tag(&key, &[b"a"]), tag(&key, &[b"a", b""]));
            assert_eq!(tag(&key, &[b"a", b"b"]), tag(&key, &[b"a", b"b"]));
            assert_ne!(tag(&key, &[b"a"]), tag(&other, &[b"a"]));
        }
    }

    #[test]
    fn a_count_lives_for_its_time_from_the_first_on() {
        let (table, tag) = (Table::new(1, MINUTE), key().tag(&[b"a"]));
        assert!(table.get(tag, START).is_none());
        assert_eq!(table.count(tag, START), 1);
        assert_eq!(table.count(tag, START + MINUTE / 2), 2);
        let entry = table.get(tag, START + MINUTE / 2).unwrap();
        assert_eq!((entry.count, table.remaining(&entry, START + MINUTE / 2)), (2, MINUTE / 2));
        assert!(table.get(tag, START + MINUTE).is_none());
        assert_eq!(table.count(tag, START + MINUTE), 1);
    }

    #[test]
    fn renewing_begins_the_time_anew() {
        let (table, tag) = (Table::new(1, MINUTE), key().tag(&[b"a"]));
        table.renew(tag, START);
        table.renew(tag, START + MINUTE / 2);
        assert!(table.get(tag, START + MINUTE).is_some());
        assert!(table.get(tag, START + MINUTE * 3 / 2).is_none());
    }

    #[test]
    fn a_flood_pushes_out_no_count_that_is_higher_than_its_own() {
        let (table, key) = (Table::new(WAYS * SHARDS, MINUTE), key());
        let attacker = key.tag(&[b"attacker"]);
        for _ in 0..20 {
            table.count(attacker, START);
        }
        // A hundred times as many names as there is room for, each counted a little less often.
        for name in 0..12_800_u32 {
            for _ in 0..3 {
                table.count(key.tag(&[&name.to_be_bytes()]), START + Duration::from_secs(1));
            }
        }
        assert_eq!(table.get(attacker, START + Duration::from_secs(2)).unwrap().count, 20);
    }

    #[test]
    fn a_flood_counts_for_nobody_else() {
        let (table, key) = (Table::new(WAYS * SHARDS, MINUTE), key());
        for name in 0..12_800_u32 {
            table.count(key.tag(&[&name.to_be_bytes()]), START);
        }
        assert!(table.get(key.tag(&[b"victim"]), START).is_none());
        assert_eq!(table.count(key.tag(&[b"victim"]), START), 1);
    }

    #[test]
    fn what_is_over_makes_room_before_what_is_not() {
        let (table, key) = (Table::new(WAYS * SHARDS, MINUTE), key());
        for name in 0..1_000_u32 {
            let old = key.tag(&[b"old", &name.to_be_bytes()]);
            for _ in 0..50 {
                table.count(old, START);
            }
        }
        let later = START + MINUTE;
        let new: Vec<Tag> = (0..64_u32).map(|name| key.tag(&[b"new", &name.to_be_bytes()])).collect();
        for tag in &new {
            table.count(*tag, later);
        }
        // Half as many as there is room for: pushing out each other, only one in each of 16 places would be left.
        let left = new.iter().filter(|tag| table.get(**tag, later).is_some()).count();
        assert!(left >= 50, "{left}");
    }
}
