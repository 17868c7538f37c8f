//! Work that takes long without any I/O: off the async threads, and only a few pieces at a time.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinError;

/// Above this size a document is worked on off the async threads.
const INLINE_BYTES: usize = 8 * 1024;

/// How many large documents are worked on at a time.
const AT_A_TIME: usize = 2;

/// The places for large documents.
#[derive(Clone, Debug)]
pub(super) struct Workers(Arc<Semaphore>);

/// Leave to work on one document.
#[derive(Debug)]
pub(super) struct Place(Option<OwnedSemaphorePermit>);

impl Workers {
    pub(super) fn new() -> Self {
        Self(Arc::new(Semaphore::new(AT_A_TIME)))
    }

    /// Waits for a place for a document of `size` bytes. Whoever loads the document first takes the place first,
    /// so that those who wait hold nothing.
    pub(super) async fn place(&self, size: usize) -> Place {
        if size <= INLINE_BYTES {
            return Place(None);
        }
        // Nobody closes the semaphore.
        Place(Arc::clone(&self.0).acquire_owned().await.ok())
    }
}

impl Place {
    /// Does the work. The place is given back when the work is done and not when the caller is gone: who hangs up
    /// ends the waiting, but not the thread, and must not make room for the next one.
    ///
    /// # Errors
    /// When the work died.
    pub(super) async fn work<T: Send + 'static>(
        self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, JoinError> {
        let Some(permit) = self.0 else { return Ok(work()) };
        tokio::task::spawn_blocking(move || {
            let done = work();
            drop(permit);
            done
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn who_hangs_up_makes_no_room_for_more_work() {
        let workers = Workers::new();
        let (release, gate) = mpsc::channel::<()>();
        let place = workers.place(INLINE_BYTES + 1).await;
        let work = place.work(move || gate.recv().is_err());
        assert!(tokio::time::timeout(Duration::from_millis(20), work).await.is_err(), "the caller is gone");
        assert_eq!(workers.0.available_permits(), AT_A_TIME - 1, "the thread works on");
        drop(release);
        while workers.0.available_permits() < AT_A_TIME {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    #[tokio::test]
    async fn small_documents_need_no_place() {
        let workers = Workers::new();
        let _taken = [workers.place(usize::MAX).await, workers.place(usize::MAX).await];
        assert_eq!(workers.place(INLINE_BYTES).await.work(|| 7).await.unwrap(), 7);
    }
}
