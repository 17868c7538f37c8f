//! The revocation feed: what an issuer takes back before it expires.
//!
//! A feed is a JWS of `typ` [`TYP`], signed by one of the keys with which the issuer signs its trust list (never by an
//! access-token key: whoever steals one of those must not be able to hide the theft). It concerns only tokens of its
//! own `iss`. The issuer makes it with [`sign`]; a resource server takes it from [`Unverified`] to [`Feed`] and keeps
//! it as [`Revocations`].
//!
//! A feed is complete, or the changes after a number that the reader has already seen ([`Feed::since`]). Numbers only
//! grow. Everything is refused whole: a feed with one entry that cannot be read is no feed, since the entry that is
//! left out might be the one that matters.

mod entry;
mod refusal;
mod revocations;
mod unverified;

use serde::Serialize;

use crate::{Algorithm, SignError, SigningKey};

pub use entry::{Entry, RevokedBy};
pub use refusal::FeedRefusal;
pub use revocations::Revocations;
pub use unverified::{Feed, Unverified};

/// The `typ` of a revocation feed.
pub const TYP: &str = "iap-revocations+jwt";

/// The media type in which a feed is served.
pub const MEDIA_TYPE: &str = "application/jwt";

/// `exp` − `iat` of a feed as this network issues it, in seconds.
pub const LIFETIME: i64 = 120;

/// The longest `exp` − `iat` that is accepted, in seconds.
pub const MAX_LIFETIME: i64 = 24 * 3600;

/// How far the clocks of issuer and reader may differ, in seconds: `iat` may lie this much ahead, and an entry is kept
/// this much longer than its `until`.
pub const CLOCK_DIFFERENCE: i64 = 30;

/// The longest feed that is read, in bytes of the compact form.
pub const MAX_LENGTH: usize = 4 * 1024 * 1024;

/// The most entries that a feed may have, and that are kept of one issuer.
pub const MAX_ENTRIES: usize = 50_000;

/// The longest value of an entry, in bytes.
pub const MAX_VALUE_LENGTH: usize = 2048;

/// The claims of a feed, as they are issued; its entries may be anything that is written like an [`Entry`].
#[derive(Debug, Clone, Copy, Serialize)]
pub struct FeedClaims<'a, E = Entry> {
    /// The issuer whose tokens it concerns.
    pub iss: &'a str,
    /// When it was signed, seconds since 1970 UTC.
    pub iat: i64,
    /// Until when it says how things stand, seconds since 1970 UTC: `iat` + [`LIFETIME`].
    pub exp: i64,
    /// The number of the last change in it. It never falls, not even when the issuer is restored from a backup.
    pub seq: u64,
    /// The number of the change after which the entries begin; 0: the feed is complete.
    pub since: u64,
    /// What is revoked.
    pub entries: &'a [E],
}

/// Signs a feed with a trust-list key.
///
/// # Errors
/// [`SignError`] when the key cannot be used.
pub fn sign<E: Serialize>(claims: &FeedClaims<'_, E>, key: &SigningKey) -> Result<String, SignError> {
    #[derive(Serialize)]
    struct Header<'a> {
        alg: Algorithm,
        typ: &'a str,
        kid: &'a str,
    }
    key.sign_compact(&Header { alg: key.algorithm(), typ: TYP, kid: key.kid() }, claims)
}
