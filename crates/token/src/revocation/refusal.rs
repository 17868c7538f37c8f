use crate::Refusal;

/// Why a revocation feed is refused. What was known before stays known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum FeedRefusal {
    /// Not a compact JWS of strict JSON within the size limits.
    #[error("not a well-formed compact JWS")]
    Malformed,
    /// The header names a critical extension.
    #[error("the header names a critical extension")]
    Crit,
    /// `typ` is not that of a revocation feed: another document of the issuer stands in its place.
    #[error("typ is not iap-revocations+jwt")]
    Typ,
    /// `alg` is missing, unknown, or not that of the key.
    #[error("algorithm not that of the key")]
    Alg,
    /// `kid` is missing or not that of the key.
    #[error("no such trust-list key")]
    UnknownKid,
    /// The signature is not that of the key.
    #[error("signature wrong")]
    Signature,
    /// `iss` is not exactly the issuer whose feed it should be.
    #[error("the feed of another issuer")]
    Issuer,
    /// `exp` has passed: it says how things stood.
    #[error("expired")]
    Expired,
    /// `exp` − `iat` is negative or more than a day.
    #[error("lifetime out of range")]
    Lifetime,
    /// `iat` lies ahead.
    #[error("signed in the future")]
    NotYet,
    /// A claim is missing or has the wrong type.
    #[error("claims missing or mistyped")]
    Claims,
    /// An entry cannot be read, or has no or several subjects.
    #[error("an entry cannot be read")]
    Entry,
    /// More entries than are kept.
    #[error("more than 50000 entries")]
    TooMany,
    /// `seq` is lower than what was seen before: revocations would be undone.
    #[error("seq is lower than before")]
    Rollback,
    /// The `seq` that is known already, with other entries: two histories under one number.
    #[error("another content under the seq that is known")]
    Fork,
    /// Changes after a number that the reader has not reached; a complete feed is needed.
    #[error("changes are missing in between")]
    Gap,
}

impl FeedRefusal {
    /// The stable word for logs, metrics and tests.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Crit => "crit",
            Self::Typ => "feed_typ",
            Self::Alg => "feed_alg",
            Self::UnknownKid => "unknown_kid",
            Self::Signature => "feed_sig",
            Self::Issuer => "feed_issuer",
            Self::Expired => "feed_expired",
            Self::Lifetime => "feed_lifetime",
            Self::NotYet => "feed_not_yet",
            Self::Claims => "feed_claims",
            Self::Entry => "feed_entry",
            Self::TooMany => "feed_too_many",
            Self::Rollback => "feed_rollback",
            Self::Fork => "feed_fork",
            Self::Gap => "feed_gap",
        }
    }
}

impl From<Refusal> for FeedRefusal {
    /// For the refusals of [`Sealed`](crate::compact::Sealed), which are the same for every kind of JWS.
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Crit => Self::Crit,
            Refusal::UnknownKid => Self::UnknownKid,
            _ => Self::Malformed,
        }
    }
}
