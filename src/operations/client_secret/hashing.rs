use std::sync::Arc;

use tokio::sync::Semaphore;

/// Where slow hashes are computed: off the workers that answer requests, and one after the other. Each needs 19 MiB, and
/// everybody at once would need more than there is.
#[derive(Debug, Clone)]
pub(in crate::operations) struct Hashing(Arc<Semaphore>);

impl Hashing {
    pub(in crate::operations) fn new() -> Self {
        Self(Arc::new(Semaphore::new(1)))
    }

    /// Does the work when its turn has come; `None` when it could not be done.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let turn = Arc::clone(&self.0).acquire_owned().await.ok()?;
        let done = tokio::task::spawn_blocking(move || {
            // Work that nobody waits for any more goes on, and it is still its turn.
            let _turn = turn;
            work()
        });
        done.await.ok()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn one_works_at_a_time_also_when_nobody_waits_for_it() {
        let hashing = Hashing::new();
        let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let (hashing, running, most) = (hashing.clone(), Arc::clone(&running), Arc::clone(&most));
            let work = move || {
                most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                std::thread::sleep(Duration::from_millis(5));
                running.fetch_sub(1, Ordering::SeqCst);
            };
            // Half of those who ask hang up before their work is done.
            tasks.spawn(
                async move { tokio::time::timeout(Duration::from_millis(20), hashing.run(work)).await },
            );
        }
        while tasks.join_next().await.is_some() {}
        assert_eq!(hashing.run(|| 7).await, Some(7));
        assert_eq!(most.load(Ordering::SeqCst), 1);
    }
}
