use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use carnet_ambient::Clock;
use carnet_db::Database;
use tokio::sync::Mutex;

use super::Image;
use crate::db::{self, soon};

/// An image whose last successful poll began longer ago than this is not answered from.
const STALE_AFTER: Duration = Duration::from_secs(2);
/// A node whose clock is further from the database's than this does not issue.
const CLOCK_TOLERANCE_MILLIS: i64 = 5_000;

/// Keeps the memory image in step with the database.
#[derive(Clone, Debug)]
pub struct Follower(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    database: Database,
    clock: Clock,
    current: RwLock<Current>,
    // One refresh at a time: a second caller waits and then sees what the first one read.
    refreshing: Mutex<()>,
    failed_polls: AtomicU64,
}

#[derive(Debug)]
struct Current {
    image: Arc<Image>,
    polled_at: Duration,
    clock_fits: bool,
}

/// What a node knows, whether or not it may be answered from.
#[derive(Debug, Clone)]
pub struct Observed {
    /// The image.
    pub image: Arc<Image>,
    /// How long ago the last successful poll began.
    pub age: Duration,
    /// Whether this machine's clock agrees with the database's.
    pub clock_fits: bool,
}

/// The image is too old to answer from, or the clock cannot be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Stale {
    /// The database has not been reached for too long.
    #[error("the registry's image is stale: the database has not answered for more than 2 s")]
    Database,
    /// This machine and the database disagree about the time.
    #[error("this machine's clock is more than 5 s away from the database's: set it right")]
    Clock,
}

impl Follower {
    /// Reads the registry for the first time.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn start(database: Database, clock: Clock) -> Result<Self, db::Error> {
        let polled_at = clock.monotonic();
        let clock_fits = clock_fits(&database, &clock).await?;
        let image = Arc::new(Image::load(&database).await?);
        let current = RwLock::new(Current { image, polled_at, clock_fits });
        Ok(Self(Arc::new(Inner {
            database,
            clock,
            current,
            refreshing: Mutex::new(()),
            failed_polls: AtomicU64::new(0),
        })))
    }

    /// The image, if it may be answered from. Ask again after signing and before answering: what took long
    /// in between must not hide that the image has gone stale.
    ///
    /// # Errors
    /// Why it may not.
    pub fn current(&self) -> Result<Arc<Image>, Stale> {
        let current = self.0.current.read().unwrap_or_else(PoisonError::into_inner);
        if self.0.clock.monotonic().saturating_sub(current.polled_at) > STALE_AFTER {
            return Err(Stale::Database);
        }
        if !current.clock_fits {
            return Err(Stale::Clock);
        }
        Ok(Arc::clone(&current.image))
    }

    /// What there is, for those who watch; never to answer a request from.
    #[must_use]
    pub fn observe(&self) -> Observed {
        let current = self.0.current.read().unwrap_or_else(PoisonError::into_inner);
        Observed {
            image: Arc::clone(&current.image),
            age: self.0.clock.monotonic().saturating_sub(current.polled_at),
            clock_fits: current.clock_fits,
        }
    }

    /// How many polls have failed since the start.
    #[must_use]
    pub fn failed_polls(&self) -> u64 {
        self.0.failed_polls.load(Ordering::Relaxed)
    }

    /// Looks at the database's change number and reads what changed.
    ///
    /// # Errors
    /// When the database does not answer, or was set back; the image stays as it was and ages.
    pub async fn refresh(&self) -> Result<(), db::Error> {
        self.refresh_as_of(self.0.clock.monotonic()).await
    }

    /// The same as part of a look at the database that began at `began` (monotonic): the image counts as being of
    /// that moment, so that what else was looked at is no older than it.
    ///
    /// # Errors
    /// When the database does not answer, or was set back; the image stays as it was and ages.
    pub async fn refresh_as_of(&self, began: Duration) -> Result<(), db::Error> {
        let _one_at_a_time = self.0.refreshing.lock().await;
        let head = soon(db::journal::head_with_hash(self.0.database.reader().pool())).await?;
        let clock_fits = soon(clock_fits(&self.0.database, &self.0.clock)).await?;
        let known = Arc::clone(&self.0.current.read().unwrap_or_else(PoisonError::into_inner).image);
        let newer =
            if known.is_of(&head) { None } else { Some(Arc::new(known.catch_up(&self.0.database).await?)) };
        let mut current = self.0.current.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(image) = newer {
            current.image = image;
        }
        current.polled_at = current.polled_at.max(began);
        current.clock_fits = clock_fits;
        Ok(())
    }

    /// Counts a look that failed, for the metrics.
    pub fn note_failed_poll(&self) {
        self.0.failed_polls.fetch_add(1, Ordering::Relaxed);
    }
}

async fn clock_fits(database: &Database, clock: &Clock) -> Result<bool, db::Error> {
    let theirs = database.time(clock).await?;
    Ok((theirs - clock.now_millis()).abs() <= CLOCK_TOLERANCE_MILLIS)
}
