//! Keeps this node in step with the database: signing keys and registry image, in one look four times a second.

use std::time::Duration;

use crate::app::App;
use crate::{db, keys, revocation};

/// How often the database is looked at.
const POLL: Duration = Duration::from_millis(250);
/// How long a look at the keys may take. A look at the registry waits for each of its answers only so long, but takes
/// as long as there is something to read: a node that is far behind would else never catch up.
const KEYS_TIMEOUT: Duration = Duration::from_secs(1);
/// How long it may take to sign the revocation feed: a long one has to be read and written.
const FEED_TIMEOUT: Duration = Duration::from_secs(10);

/// Why a look at the database failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LookError {
    /// The registry could not be read.
    #[error(transparent)]
    Registry(#[from] db::Error),
    /// The keys could not be brought up to date.
    #[error("signing keys: {0}")]
    Keys(#[from] keys::RefreshError),
}

/// Looks once.
///
/// The keys come first, and the image counts as being of the moment before: a node that cannot follow the keys goes
/// stale and stops issuing, instead of signing with a key that was revoked.
///
/// # Errors
/// When the database does not answer, or holds keys that this node cannot open.
pub async fn look(app: &App) -> Result<(), LookError> {
    let began = app.clock.monotonic();
    tokio::time::timeout(KEYS_TIMEOUT, app.keys.refresh(&app.database))
        .await
        .map_err(|_| LookError::Registry(db::Error::NoAnswer))??;
    app.registry.refresh_as_of(began).await?;
    Ok(())
}

/// Keeps the revocation feed signed and in step with the database, until the task is aborted.
///
/// Apart from the other look, so that a feed which cannot be signed stops no token. A node that cannot follow the keys
/// signs nothing.
pub async fn follow_feed(app: App) {
    let mut ticks = tokio::time::interval(POLL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut working = true;
    loop {
        ticks.tick().await;
        if app.registry.current().is_err() {
            continue;
        }
        let refreshed = tokio::time::timeout(FEED_TIMEOUT, app.feed.refresh()).await;
        match refreshed.unwrap_or(Err(revocation::FeedError::Database(db::Error::NoAnswer))) {
            Ok(()) => {
                if !std::mem::replace(&mut working, true) {
                    tracing::info!("the revocation feed is signed again");
                }
            }
            Err(error) => {
                if std::mem::replace(&mut working, false) {
                    tracing::error!(%error, "the revocation feed cannot be signed; it expires within two minutes");
                }
            }
        }
    }
}

/// Follows the database until the task is aborted.
pub async fn follow(app: App) {
    let mut ticks = tokio::time::interval(POLL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut reachable = true;
    loop {
        ticks.tick().await;
        match look(&app).await {
            Ok(()) => {
                if !std::mem::replace(&mut reachable, true) {
                    tracing::info!("the database answers again");
                }
            }
            // Said once, not four times a second.
            Err(error) => {
                app.registry.note_failed_poll();
                if std::mem::replace(&mut reachable, false) {
                    tracing::error!(%error, "this node cannot follow the database; no tokens from 2 s on");
                }
            }
        }
    }
}
