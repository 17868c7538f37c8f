use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::registry::HashMemory;

/// How long a request waits for a slot.
const PATIENCE: Duration = Duration::from_secs(5);

/// How many hashes are computed at once, and how many requests may wait for that.
///
/// Strangers and those who succeeded before wait in two queues, and half of the slots are for the latter alone: a
/// flood of wrong secrets fills its own half and its own queue.
#[derive(Debug)]
pub(super) struct Slots {
    open: Arc<Semaphore>,
    reserved: Arc<Semaphore>,
    strangers: AtomicUsize,
    familiars: AtomicUsize,
    queue: usize,
    memory: Arc<Mutex<Memory>>,
}

/// The right to compute one hash.
#[derive(Debug)]
pub(super) struct Slot {
    _permit: OwnedSemaphorePermit,
    memory: Arc<Mutex<Memory>>,
}

/// Blocks for the next hash. They are kept while one hash follows the other, and given back when there is nothing to
/// do: between two floods the process is as small as it was.
#[derive(Debug, Default)]
struct Memory {
    free: Vec<HashMemory>,
    slots: usize,
}

impl Slots {
    /// `slots` at once, half of them kept; `queue` may wait in each of the two queues.
    pub fn new(slots: usize, queue: usize) -> Self {
        let reserved = (slots / 2).max(1);
        Self {
            open: Arc::new(Semaphore::new(slots.saturating_sub(reserved).max(1))),
            reserved: Arc::new(Semaphore::new(reserved)),
            strangers: AtomicUsize::new(0),
            familiars: AtomicUsize::new(0),
            queue,
            memory: Arc::default(),
        }
    }

    /// Waits for a slot; none if too many wait already, or if it takes too long.
    pub async fn acquire(&self, familiar: bool) -> Option<Slot> {
        let at_once =
            || {
                let open = Arc::clone(&self.open).try_acquire_owned();
                open.or_else(|error| {
                    if familiar { Arc::clone(&self.reserved).try_acquire_owned() } else { Err(error) }
                })
            };
        let permit = if let Ok(permit) = at_once() {
            permit
        } else {
            let waiting = if familiar { &self.familiars } else { &self.strangers };
            let _waiting = Waiting::join(waiting, self.queue)?;
            let acquired = async {
                if !familiar {
                    return Arc::clone(&self.open).acquire_owned().await;
                }
                tokio::select! {
                    permit = Arc::clone(&self.reserved).acquire_owned() => permit,
                    permit = Arc::clone(&self.open).acquire_owned() => permit,
                }
            };
            tokio::time::timeout(PATIENCE, acquired).await.ok()?.ok()?
        };
        Some(Slot::new(permit, &self.memory))
    }
}

/// A place in a queue, given up on the way out.
struct Waiting<'q>(&'q AtomicUsize);

impl<'q> Waiting<'q> {
    fn join(queue: &'q AtomicUsize, most: usize) -> Option<Self> {
        let place = Self(queue);
        // Counted first, so that two cannot take the last place; whoever finds no room leaves by being dropped.
        (queue.fetch_add(1, Ordering::AcqRel) < most).then_some(place)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Slot {
    fn new(permit: OwnedSemaphorePermit, memory: &Arc<Mutex<Memory>>) -> Self {
        memory.lock().unwrap_or_else(PoisonError::into_inner).slots += 1;
        Self { _permit: permit, memory: Arc::clone(memory) }
    }

    /// Works with a block of memory.
    pub fn run<T>(self, work: impl FnOnce(&mut HashMemory) -> T) -> T {
        let mut memory =
            self.memory.lock().unwrap_or_else(PoisonError::into_inner).free.pop().unwrap_or_default();
        let outcome = work(&mut memory);
        if !memory.is_oversized() {
            self.memory.lock().unwrap_or_else(PoisonError::into_inner).free.push(memory);
        }
        outcome
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        memory.slots -= 1;
        if memory.slots == 0 {
            memory.free.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn free(slots: &Slots) -> usize {
        slots.memory.lock().unwrap().free.len()
    }

    #[tokio::test]
    async fn strangers_leave_half_of_the_slots_to_those_who_succeeded_before() {
        let slots = Slots::new(4, 0);
        let strangers = [slots.acquire(false).await.unwrap(), slots.acquire(false).await.unwrap()];
        assert!(slots.acquire(false).await.is_none());
        let familiars = [slots.acquire(true).await.unwrap(), slots.acquire(true).await.unwrap()];
        assert!(slots.acquire(true).await.is_none());
        drop(familiars);
        assert!(slots.acquire(false).await.is_none());
        drop(strangers);
        assert!(slots.acquire(false).await.is_some());
    }

    #[tokio::test]
    async fn a_full_queue_sends_away_and_an_abandoned_place_is_free_again() {
        let slots = Arc::new(Slots::new(2, 1));
        let slot = slots.acquire(false).await.unwrap();
        let waiting = tokio::spawn({
            let slots = Arc::clone(&slots);
            async move { slots.acquire(false).await.is_some() }
        });
        while slots.strangers.load(Ordering::Acquire) == 0 {
            tokio::task::yield_now().await;
        }
        assert!(slots.acquire(false).await.is_none(), "one waits already");
        assert!(slots.acquire(true).await.is_some(), "the other queue is another one");
        waiting.abort();
        assert!(waiting.await.is_err());
        assert_eq!(slots.strangers.load(Ordering::Acquire), 0);
        let waiting = slots.acquire(false);
        drop(slot);
        assert!(waiting.await.is_some());
    }

    #[tokio::test]
    async fn memory_is_used_again_while_others_work_and_given_back_after_the_last() {
        let slots = Slots::new(4, 0);
        let (one, two) = (slots.acquire(true).await.unwrap(), slots.acquire(true).await.unwrap());
        one.run(|_| ());
        assert_eq!(free(&slots), 1);
        two.run(|_| assert_eq!(free(&slots), 0, "the first one's memory is used again"));
        assert_eq!(free(&slots), 0);
    }
}
