//! A replay store in memory: a ring of generations, each of which is dropped whole.

use std::collections::{HashMap, HashSet, VecDeque};
use std::future::{Future, ready};
use std::hash::{BuildHasherDefault, Hasher};
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};

use carnet_ambient::Entropy;
use carnet_token::Thumbprint;
use carnet_token::proof::ReplayKey;

use super::{Claimant, ReplayError, ReplayStore};

/// How many generations there are. What is in the newest lives for three of them at least.
const GENERATIONS: i64 = 4;
/// So many sets stand side by side: one that grows stops a sixteenth of the requests, and for a sixteenth of the time.
const SHARDS: usize = 16;

/// How much a [`MemoryReplayStore`] keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplayLimits {
    /// How many proofs in all, about 40 bytes each; by default 2 million.
    pub capacity: usize,
    /// How many of one key, in percent of the capacity; by default 10.
    pub key_percent: usize,
    /// How many of one company, in percent; by default 5.
    pub company_percent: usize,
    /// How many of one issuer, in percent; by default 25. A server that trusts one issuer alone sets 100: there is
    /// nobody else whom it could crowd out.
    pub issuer_percent: usize,
    /// The longest time for which a proof must be kept, in seconds; by default 300: the default window needs 122, a
    /// nonce 240.
    pub horizon: i64,
}

impl Default for ReplayLimits {
    fn default() -> Self {
        Self { capacity: 2_000_000, key_percent: 10, company_percent: 5, issuer_percent: 25, horizon: 300 }
    }
}

/// How full a [`MemoryReplayStore`] is, for metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplayUse {
    /// Proofs that are kept.
    pub entries: usize,
    /// How many could be.
    pub capacity: usize,
}

/// Knows in memory which proofs were used: for a server of one process.
///
/// It forgets nothing early and evicts nothing: full, it refuses. What is kept is sixteen bytes of a salted digest for
/// each proof, so that nobody can prepare two proofs that collide.
#[derive(Debug)]
pub struct MemoryReplayStore {
    salt: [u8; 32],
    limits: ReplayLimits,
    lost_before: Option<i64>,
    shards: Vec<Mutex<VecDeque<Generation>>>,
    claims: Mutex<VecDeque<Claims>>,
}

type Key = [u8; 16];

/// The keys of some seconds.
#[derive(Debug)]
struct Generation {
    number: i64,
    keys: HashSet<Key, BuildHasherDefault<TakenAsIs>>,
}

/// How many keys of each claimant there are from some seconds.
#[derive(Debug, Default)]
struct Claims {
    number: i64,
    total: usize,
    by_claimant: HashMap<Key, usize, BuildHasherDefault<TakenAsIs>>,
}

/// The keys are digests already.
#[derive(Debug, Default)]
struct TakenAsIs(u64);

impl Hasher for TakenAsIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        // Once for the length of the array, once for its bytes.
        if let Some(first) = bytes.first_chunk::<8>() {
            self.0 ^= u64::from_ne_bytes(*first);
        }
    }

    fn write_usize(&mut self, _: usize) {}
}

impl MemoryReplayStore {
    /// A store that knows nothing yet, and cannot know what was used before: `started_at` is now, in seconds since 1970
    /// UTC. For the first moments the verifier asks for nonces, which nobody can have from before.
    #[must_use]
    pub fn after_restart(entropy: &Entropy, limits: ReplayLimits, started_at: i64) -> Self {
        Self { lost_before: Some(started_at), ..Self::first_start(entropy, limits) }
    }

    /// A store of a server that has never run before, or not within the last minutes: then nothing can have been used.
    #[must_use]
    pub fn first_start(entropy: &Entropy, limits: ReplayLimits) -> Self {
        Self {
            salt: entropy.bytes(),
            limits,
            lost_before: None,
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            claims: Mutex::default(),
        }
    }

    /// How full it is at `now`, seconds since 1970 UTC.
    #[must_use]
    pub fn used(&self, now: i64) -> ReplayUse {
        let mut claims = lock(&self.claims);
        self.drop_old(&mut claims, now, |claims| claims.number);
        ReplayUse { entries: claims.iter().map(|claims| claims.total).sum(), capacity: self.limits.capacity }
    }

    /// How long one generation is, in seconds.
    fn step(&self) -> i64 {
        (self.limits.horizon + GENERATIONS - 2) / (GENERATIONS - 1)
    }

    fn drop_old<T>(&self, generations: &mut VecDeque<T>, now: i64, number: impl Fn(&T) -> i64) {
        let oldest = now.div_euclid(self.step()) - GENERATIONS + 1;
        while generations.front().is_some_and(|generation| number(generation) < oldest) {
            generations.pop_front();
        }
    }

    fn salted(&self, bytes: &[u8]) -> Key {
        let salted = Thumbprint::of(&[&self.salt[..], bytes].concat());
        let mut key = [0; 16];
        key.copy_from_slice(&salted.as_bytes()[..16]);
        key
    }

    fn shard(&self, key: &Key) -> MutexGuard<'_, VecDeque<Generation>> {
        // The last byte: the set goes by the first ones.
        lock(&self.shards[usize::from(key[15]) % SHARDS])
    }

    /// The names under which a claimant is counted, and how many he may have.
    fn quotas(&self, claimant: &Claimant<'_>) -> Vec<(Key, usize)> {
        let of = |percent: usize| (self.limits.capacity * percent).div_ceil(100);
        let name = |kind: &str, name: &[u8]| {
            // The length keeps the parts apart.
            let issuer = format!("{kind}\n{}\n{}\n", claimant.issuer.len(), claimant.issuer);
            self.salted(&[issuer.as_bytes(), name].concat())
        };
        let mut quotas = vec![
            (name("issuer", b""), of(self.limits.issuer_percent)),
            (name("company", claimant.company.as_bytes()), of(self.limits.company_percent)),
        ];
        if let Some(key) = claimant.key {
            quotas.push((name("key", key.as_bytes()), of(self.limits.key_percent)));
        }
        quotas
    }

    fn take(&self, claimant: &Claimant<'_>, keys: &[ReplayKey], now: i64) -> Result<(), ReplayError> {
        // What would have to be kept for longer than anything is kept here would be forgotten too early.
        if keys.iter().any(|key| key.keep_until > now.saturating_add(self.limits.horizon)) {
            tracing::error!(
                horizon = self.limits.horizon,
                "a proof must be kept for longer than the replay store keeps any"
            );
            return Err(ReplayError::Unavailable);
        }
        let salted: Vec<Key> = keys.iter().map(|key| self.salted(&key.digest)).collect();
        // Looked for first: what was used before is a replay, however full the store is.
        if salted.iter().any(|key| self.shard(key).iter().any(|generation| generation.keys.contains(key))) {
            return Err(ReplayError::Replayed);
        }
        self.count(claimant, salted.len(), now)?;
        let number = now.div_euclid(self.step());
        for key in salted {
            let mut generations = self.shard(&key);
            self.drop_old(&mut generations, now, |generation| generation.number);
            // Again, and under the lock that inserts: two requests at once with one proof.
            if generations.iter().any(|generation| generation.keys.contains(&key)) {
                return Err(ReplayError::Replayed);
            }
            // After the clock was set back the newest stays the newest: it lives for longer, never shorter.
            if generations.back().is_none_or(|newest| newest.number < number) {
                generations.push_back(Generation { number, keys: HashSet::default() });
            }
            if let Some(newest) = generations.back_mut() {
                newest.keys.insert(key);
            }
        }
        Ok(())
    }

    /// Counts so many more of a claimant, unless somebody has no room for them.
    fn count(&self, claimant: &Claimant<'_>, more: usize, now: i64) -> Result<(), ReplayError> {
        let quotas = self.quotas(claimant);
        let mut claims = lock(&self.claims);
        self.drop_old(&mut claims, now, |claims| claims.number);
        let retry_after = u64::try_from(self.step()).unwrap_or(1);
        let total: usize = claims.iter().map(|claims| claims.total).sum();
        let held =
            |name: &Key| -> usize { claims.iter().filter_map(|claims| claims.by_claimant.get(name)).sum() };
        if total + more > self.limits.capacity
            || quotas.iter().any(|(name, quota)| held(name) + more > *quota)
        {
            tracing::warn!(
                issuer = claimant.issuer,
                company = claimant.company,
                entries = total,
                "no room in the replay store"
            );
            return Err(ReplayError::Full { retry_after });
        }
        let number = now.div_euclid(self.step());
        if claims.back().is_none_or(|newest| newest.number < number) {
            claims.push_back(Claims { number, ..Claims::default() });
        }
        if let Some(newest) = claims.back_mut() {
            newest.total += more;
            for (name, _) in quotas {
                *newest.by_claimant.entry(name).or_default() += more;
            }
        }
        Ok(())
    }
}

impl ReplayStore for MemoryReplayStore {
    fn consume<'a>(
        &'a self,
        claimant: &'a Claimant<'a>,
        keys: &'a [ReplayKey],
        now: i64,
    ) -> Pin<Box<dyn Future<Output = Result<(), ReplayError>> + Send + 'a>> {
        Box::pin(ready(self.take(claimant, keys, now)))
    }

    fn lost_before(&self) -> Option<i64> {
        self.lost_before
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing in here is left half-changed by a panic.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_800_000_000;

    fn store(limits: ReplayLimits) -> MemoryReplayStore {
        MemoryReplayStore::first_start(&Entropy::seeded(1), limits)
    }

    fn claimant(company: &str) -> Claimant<'_> {
        Claimant { issuer: "https://iap.example", company, key: None }
    }

    fn key(number: u64, keep_until: i64) -> ReplayKey {
        ReplayKey { digest: *Thumbprint::of(&number.to_be_bytes()).as_bytes(), keep_until }
    }

    #[test]
    fn a_proof_is_known_until_the_last_second_for_which_it_must_be() {
        let limits = ReplayLimits { horizon: 122, ..ReplayLimits::default() };
        // From every second of a generation: it must not matter when in it the proof came.
        for offset in 0..60 {
            let (store, now) = (store(limits), NOW + offset);
            let used = [key(1, now + 122)];
            assert_eq!(store.take(&claimant("a"), &used, now), Ok(()));
            for later in [0, 1, 40, 41, 42, 121, 122] {
                let again = store.take(&claimant("a"), &used, now + later);
                assert_ne!(again, Ok(()), "{offset} + {later}");
            }
            assert_eq!(store.used(now + 122).entries, 1);
            assert_eq!(store.used(now + 122 + 2 * 41).entries, 0);
        }
    }

    #[test]
    fn what_must_be_kept_for_longer_than_anything_is_kept_is_refused() {
        let store = store(ReplayLimits { horizon: 100, ..ReplayLimits::default() });
        assert_eq!(store.take(&claimant("a"), &[key(1, NOW + 101)], NOW), Err(ReplayError::Unavailable));
        assert_eq!(store.take(&claimant("a"), &[key(1, NOW + 100)], NOW), Ok(()));
    }

    #[test]
    fn nothing_is_forgotten_when_the_clock_is_set_back() {
        let store = store(ReplayLimits::default());
        let used = [key(1, NOW + 90)];
        store.take(&claimant("a"), &used, NOW).unwrap();
        for back in [1, 60, 3600, 86_400] {
            store.take(&claimant("a"), &[key(back, NOW)], NOW - i64::try_from(back).unwrap()).ok();
            let later = [ReplayKey { keep_until: NOW - i64::try_from(back).unwrap(), ..used[0] }];
            assert_eq!(
                store.take(&claimant("a"), &later, NOW - i64::try_from(back).unwrap()),
                Err(ReplayError::Replayed)
            );
        }
        assert_eq!(store.take(&claimant("a"), &used, NOW + 90), Err(ReplayError::Replayed));
    }

    #[test]
    fn a_claimant_who_has_his_share_crowds_out_nobody_else() {
        let limits = ReplayLimits { capacity: 1000, issuer_percent: 100, ..ReplayLimits::default() };
        let store = store(limits);
        let mut number = 0;
        let mut fill = |company: &str, now: i64| {
            (0..2000)
                .take_while(|_| {
                    number += 1;
                    store.take(&claimant(company), &[key(number, now + 90)], now).is_ok()
                })
                .count()
        };
        assert_eq!((fill("a", NOW), fill("b", NOW)), (50, 50), "5 % each");
        for company in 0..30 {
            fill(&company.to_string(), NOW);
        }
        assert_eq!(store.used(NOW).entries, 1000);
        assert_eq!(fill("c", NOW), 0, "full: refused, and nothing evicted");
        assert_eq!(store.take(&claimant("a"), &[key(1, NOW + 90)], NOW), Err(ReplayError::Replayed));
        assert_eq!(fill("a", NOW + 500), 50, "room again when the old ones have expired");
    }

    #[test]
    fn the_issuers_share_and_the_keys_share_are_counted_too() {
        let limits = ReplayLimits { capacity: 1000, company_percent: 100, ..ReplayLimits::default() };
        let of = |claimant: Claimant<'_>| {
            let store = store(limits);
            (0..2000).take_while(|number| store.take(&claimant, &[key(*number, NOW)], NOW).is_ok()).count()
        };
        assert_eq!(of(claimant("a")), 250);
        assert_eq!(of(Claimant { key: Some(Thumbprint::of(b"k")), ..claimant("a") }), 100);
    }

    #[test]
    fn of_two_proofs_in_one_request_both_are_used_up_or_none() {
        let store = store(ReplayLimits::default());
        let (one, other, third) = (key(1, NOW), key(2, NOW), key(3, NOW));
        assert_eq!(store.take(&claimant("a"), &[one], NOW), Ok(()));
        assert_eq!(store.take(&claimant("a"), &[other, one], NOW), Err(ReplayError::Replayed));
        assert_eq!(store.take(&claimant("a"), &[other, third], NOW), Ok(()));
        assert_eq!(store.take(&claimant("a"), &[third], NOW), Err(ReplayError::Replayed));
    }

    #[test]
    fn of_many_requests_at_once_with_one_proof_one_passes() {
        let store = store(ReplayLimits::default());
        let passed: usize = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| {
                        let take = |number| store.take(&claimant("a"), &[key(number, NOW)], NOW).is_ok();
                        (0..500).filter(|number| take(*number)).count()
                    })
                })
                .collect();
            workers.into_iter().map(|worker| worker.join().unwrap()).sum()
        });
        assert_eq!(passed, 500);
    }
}
