//! The metadata of one issuer, fetched when needed and kept as long as it may be.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;

use super::{KeyTrouble, Metadata, discover};
use crate::keys::Shared;

/// What one issuer says about itself. Everything that is followed of it asks here, so that it is asked once.
#[derive(Debug)]
pub(crate) struct Directory {
    issuer: String,
    key_hosts: Vec<String>,
    shared: Arc<Shared>,
    /// Held while asking: whoever comes meanwhile waits for the answer and does not ask again.
    known: Mutex<Option<(Metadata, Duration)>>,
}

impl Directory {
    pub(crate) fn new(issuer: &str, key_hosts: Vec<String>, shared: Arc<Shared>) -> Self {
        Self { issuer: issuer.to_owned(), key_hosts, shared, known: Mutex::new(None) }
    }

    pub(crate) fn issuer(&self) -> &str {
        &self.issuer
    }

    pub(crate) async fn metadata(&self) -> Result<Metadata, KeyTrouble> {
        let mut known = self.known.lock().await;
        let now = self.shared.clock.monotonic();
        if let Some((metadata, learnt_at)) = &*known
            && now.saturating_sub(*learnt_at) < metadata.lifetime
        {
            return Ok(metadata.clone());
        }
        match discover(&self.shared.fetcher, &self.issuer, &self.key_hosts).await {
            Ok(metadata) => {
                *known = Some((metadata.clone(), now));
                Ok(metadata)
            }
            // The place of the key set rarely changes; the key set itself decides what is still valid.
            Err(trouble) if trouble.is_absence() => known.as_ref().map(|(old, _)| old.clone()).ok_or(trouble),
            Err(trouble) => Err(trouble),
        }
    }
}
