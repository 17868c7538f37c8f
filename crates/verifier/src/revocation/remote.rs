//! The feed as its issuer publishes it: where it is, what it says, whether that is the issuer's word.

use std::sync::Arc;
use std::time::Duration;

use carnet_fetch::{FetchError, Limits, Request};
use carnet_token::PublicKey;
use carnet_token::revocation::{self, FeedRefusal, Revocations, Unverified};
use http::header::ACCEPT;
use http::{HeaderValue, Method, StatusCode};
use url::Url;

use crate::discovery::{Advertised, Directory, KeyTrouble};
use crate::keys::{IssuerKeys, Shared};

/// An issuer that is asked for its feed.
#[derive(Debug)]
pub(crate) struct Remote {
    pub(crate) directory: Arc<Directory>,
    /// The keys that sign its lists and feeds.
    pub(crate) list_keys: Arc<IssuerKeys>,
    /// The keys that sign its tokens, and must sign no feed.
    pub(crate) token_keys: Arc<IssuerKeys>,
    pub(crate) shared: Arc<Shared>,
}

/// Why no feed could be had. Logged where it happens.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum FeedTrouble {
    #[error(transparent)]
    Metadata(#[from] KeyTrouble),
    #[error("the metadata names a feed and keys that are not the issuer's own URLs")]
    Place,
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error("status {0}")]
    Status(u16),
    #[error("the answer is not application/jwt")]
    MediaType,
    #[error("the key that signed it cannot be had: {0}")]
    Key(&'static str),
    #[error("signed with a key that signs access tokens")]
    Purpose,
    #[error(transparent)]
    Refused(#[from] FeedRefusal),
    #[error("the task that reads the feed ended")]
    Task,
}

/// What a feed brought: all that is revoked, and how long that is the present, in seconds.
pub(crate) type Merged = (Arc<Revocations>, i64);

impl Remote {
    /// Where the issuer says that its feed is; `None` if it has none.
    pub(crate) async fn advertised(&self) -> Result<Option<Advertised>, FeedTrouble> {
        Ok(self.directory.metadata().await?.feed)
    }

    /// What has changed since `held`, or everything.
    pub(crate) async fn load(
        &self,
        advertised: &Advertised,
        held: Option<Arc<Revocations>>,
    ) -> Result<Merged, FeedTrouble> {
        let Advertised::At { revocations_uri: uri, .. } = advertised else { return Err(FeedTrouble::Place) };
        if let Some(known) = &held {
            let changes = self.fetch(uri, Some(known.seq())).await?;
            match self.merge(changes, held.clone()).await {
                // Something is missing or contradicts: only the whole can tell.
                Err(FeedTrouble::Refused(FeedRefusal::Gap | FeedRefusal::Fork)) => {}
                merged => return merged,
            }
        }
        let complete = self.fetch(uri, None).await?;
        self.merge(complete, held).await
    }

    async fn fetch(&self, uri: &Url, since: Option<u64>) -> Result<String, FeedTrouble> {
        let mut uri = uri.clone();
        if let Some(since) = since {
            uri.query_pairs_mut().append_pair("since", &since.to_string());
        }
        let limits =
            Limits { body: revocation::MAX_LENGTH, total: Duration::from_secs(10), port: uri.port() };
        let request = Request::new(Method::GET, &uri, limits)
            .header(ACCEPT, HeaderValue::from_static(revocation::MEDIA_TYPE));
        let answer = self.shared.fetcher.send(request).await?;
        if answer.status != StatusCode::OK {
            return Err(FeedTrouble::Status(answer.status.as_u16()));
        }
        if answer.media_type().as_deref() != Some(revocation::MEDIA_TYPE) {
            return Err(FeedTrouble::MediaType);
        }
        String::from_utf8(answer.bytes.to_vec()).map_err(|_| FeedRefusal::Malformed.into())
    }

    async fn merge(&self, text: String, held: Option<Arc<Revocations>>) -> Result<Merged, FeedTrouble> {
        let (kid, algorithm) = {
            let unverified = Unverified::parse(&text)?;
            (unverified.kid().to_owned(), unverified.algorithm())
        };
        let found = self.list_keys.find(Some(&kid), algorithm).await;
        let key = found.map_err(|reason| FeedTrouble::Key(reason.code()))?;
        // Whoever steals a key that signs tokens must not be able to hide it.
        if self.token_keys.holds(&key.thumbprint()) {
            return Err(FeedTrouble::Purpose);
        }
        let (issuer, now) = (self.directory.issuer().to_owned(), self.shared.clock.now());
        // Tens of thousands of entries take milliseconds: not on a thread that serves requests.
        let merged =
            tokio::task::spawn_blocking(move || merge(&text, &key, &issuer, held.as_deref(), now)).await;
        Ok(merged.map_err(|_| FeedTrouble::Task)??)
    }
}

/// Verifies a feed and takes it in.
pub(crate) fn merge(
    text: &str,
    key: &PublicKey,
    issuer: &str,
    held: Option<&Revocations>,
    now: i64,
) -> Result<Merged, FeedRefusal> {
    let feed = Unverified::parse(text)?.verify(key, issuer, now)?;
    let left = feed.expires_at().saturating_sub(now);
    let revocations = match held {
        None => Revocations::of(feed, now)?,
        Some(held) => {
            let mut revocations = held.clone();
            revocations.apply(feed, now)?;
            revocations
        }
    };
    Ok((Arc::new(revocations), left))
}
