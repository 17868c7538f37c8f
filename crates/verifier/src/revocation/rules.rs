//! What the users of this crate set and see of revocation feeds.

use std::time::Duration;

use carnet_token::KeySet;

/// Where the revocation feed of an issuer comes from. Never from a token.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum RevocationSource {
    /// From `revocations_uri` of the issuer's metadata, signed by a key of its `trust_list_jwks_uri`; both must lie on
    /// the issuer's own host. An issuer that names none has none.
    Discovery,
    /// From [`Verifier::take_feed`](crate::Verifier::take_feed), signed by one of these keys: for closed networks and
    /// tests.
    Local(KeySet),
    /// Not followed: tokens are good until they expire.
    Off,
}

/// How revocation feeds are followed.
#[derive(Clone, Debug)]
pub struct FeedRules {
    /// The time between two polls, ± 10 %; by default 15 s, at least 1 s, at most 60 s.
    pub poll: Duration,
    /// How long after a feed has expired, or from the start if there is none, requests are decided without it; by
    /// default 10 min, which is also the most.
    pub grace: Duration,
    /// What becomes of requests that change nothing after that; by default they are allowed.
    pub reads_without_feed: ReadsWithoutFeed,
}

impl Default for FeedRules {
    fn default() -> Self {
        Self {
            poll: Duration::from_secs(15),
            grace: FeedRules::MAX_GRACE,
            reads_without_feed: ReadsWithoutFeed::Allow,
        }
    }
}

impl FeedRules {
    /// The longest [`FeedRules::grace`].
    pub const MAX_GRACE: Duration = Duration::from_mins(10);
    /// The shortest [`FeedRules::poll`].
    pub const MIN_POLL: Duration = Duration::from_secs(1);
    /// The longest [`FeedRules::poll`]: a feed lives for two minutes.
    pub const MAX_POLL: Duration = Duration::from_mins(1);
}

/// What becomes of requests that change nothing (GET, HEAD, OPTIONS, TRACE) while it is not known what was revoked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReadsWithoutFeed {
    /// They are decided by what was known last: a revoked token may go on reading until it expires.
    #[default]
    Allow,
    /// They get 503, like requests that change something.
    Refuse,
}

/// How things stand with the revocation feed of an issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FeedStanding {
    /// It is not followed, by configuration.
    NotFollowed,
    /// The issuer has none. Not a fault: the lifetime of its tokens bounds what a revocation cannot.
    NotAdvertised,
    /// It is there and has not expired.
    Current,
    /// It is missing or has expired; requests are decided by what was known last.
    Degraded,
    /// It has been so for longer than [`FeedRules::grace`]: requests that change something are refused.
    Lost,
}

impl FeedStanding {
    /// A short name for logs and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotFollowed => "not_followed",
            Self::NotAdvertised => "not_advertised",
            Self::Current => "current",
            Self::Degraded => "degraded",
            Self::Lost => "lost",
        }
    }
}

/// How things stand with the revocation feed of an issuer, for readiness checks and metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FeedState {
    /// The issuer.
    pub issuer: String,
    /// Whether the feed can be relied on.
    pub standing: FeedStanding,
    /// The number of the last change that is known.
    pub seq: Option<u64>,
    /// How many entries are known.
    pub entries: usize,
    /// How long ago the last good feed came.
    pub age: Option<Duration>,
}
