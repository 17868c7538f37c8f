//! Many want the same thing: one goes, the others wait.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared, WeakShared};

/// One piece of work per key at a time; whoever asks meanwhile waits for its result.
///
/// The work belongs to all who wait: when the first is dropped, the next drives it on.
pub struct SingleFlight<K, V: Clone> {
    flights: Mutex<HashMap<K, WeakShared<BoxFuture<'static, V>>>>,
}

impl<K: Hash + Eq + Clone, V: Clone + Send + Sync + 'static> SingleFlight<K, V> {
    /// No flight yet.
    #[must_use]
    pub fn new() -> Self {
        Self { flights: Mutex::new(HashMap::new()) }
    }

    /// Join the flight for `key`, or start one with `work`.
    pub async fn run<F>(&self, key: K, work: impl FnOnce() -> F) -> V
    where
        F: Future<Output = V> + Send + 'static,
    {
        let flight = self.join(key, work);
        flight.await
    }

    fn join<F>(&self, key: K, work: impl FnOnce() -> F) -> Shared<BoxFuture<'static, V>>
    where
        F: Future<Output = V> + Send + 'static,
    {
        let mut flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
        // A flight that has landed is not joined: its result is of the past.
        let running =
            flights.get(&key).and_then(WeakShared::upgrade).filter(|flight| flight.peek().is_none());
        if let Some(flight) = running {
            return flight;
        }
        flights.retain(|_, flight| flight.upgrade().is_some_and(|flight| flight.peek().is_none()));
        let flight = work().boxed().shared();
        if let Some(weak) = flight.downgrade() {
            flights.insert(key, weak);
        }
        flight
    }
}

impl<K: Hash + Eq + Clone, V: Clone + Send + Sync + 'static> Default for SingleFlight<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K, V: Clone> fmt::Debug for SingleFlight<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SingleFlight").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    async fn slow(count: Arc<AtomicUsize>) -> usize {
        tokio::time::sleep(Duration::from_millis(20)).await;
        count.fetch_add(1, Ordering::SeqCst)
    }

    #[tokio::test]
    async fn a_hundred_waiters_share_one_flight() {
        let flights = Arc::new(SingleFlight::<&str, usize>::new());
        let count = Arc::new(AtomicUsize::new(0));
        let waiters: Vec<_> = (0..100)
            .map(|_| {
                let (flights, count) = (Arc::clone(&flights), Arc::clone(&count));
                tokio::spawn(async move { flights.run("key", || slow(count)).await })
            })
            .collect();
        for waiter in waiters {
            assert_eq!(waiter.await.unwrap(), 0);
        }
        assert_eq!(count.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn keys_fly_apart_and_a_landed_flight_is_not_joined() {
        let flights = SingleFlight::<u8, usize>::new();
        let count = Arc::new(AtomicUsize::new(0));
        let (one, two) = tokio::join!(
            flights.run(1, || slow(Arc::clone(&count))),
            flights.run(2, || slow(Arc::clone(&count)))
        );
        assert_eq!(one + two, 1);
        assert_eq!(flights.run(1, || slow(Arc::clone(&count))).await, 2);
    }

    #[tokio::test]
    async fn a_waiter_drives_on_what_the_first_left() {
        let flights = Arc::new(SingleFlight::<u8, usize>::new());
        let count = Arc::new(AtomicUsize::new(0));
        let first = {
            let (flights, count) = (Arc::clone(&flights), Arc::clone(&count));
            tokio::spawn(async move { flights.run(1, || slow(count)).await })
        };
        tokio::time::sleep(Duration::from_millis(5)).await;
        let second = {
            let (flights, count) = (Arc::clone(&flights), Arc::clone(&count));
            tokio::spawn(async move { flights.run(1, || slow(count)).await })
        };
        tokio::time::sleep(Duration::from_millis(5)).await;
        first.abort();
        assert_eq!(second.await.unwrap(), 0);
        assert_eq!(count.load(Ordering::SeqCst), 1);
    }
}
