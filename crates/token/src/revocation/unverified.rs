use serde_json::{Map, Value};

use super::{CLOCK_DIFFERENCE, Entry, FeedRefusal, MAX_ENTRIES, MAX_LENGTH, MAX_LIFETIME, TYP};
use crate::compact::Sealed;
use crate::{Algorithm, PublicKey, numeric_date};

/// A revocation feed that nobody has verified. Only its header was read.
#[derive(Debug)]
pub struct Unverified<'a> {
    sealed: Sealed<'a>,
    algorithm: Algorithm,
}

/// A revocation feed whose issuer, signature and times were checked.
#[derive(Debug, Clone)]
pub struct Feed {
    expires_at: i64,
    seq: u64,
    since: u64,
    entries: Vec<Entry>,
}

/// 2^53: beyond it a JSON number is not exact everywhere (RFC 8259 §6).
const MAX_SEQ: u64 = 1 << 53;

impl<'a> Unverified<'a> {
    /// Takes the text of a feed apart.
    ///
    /// # Errors
    /// [`FeedRefusal::Malformed`], [`FeedRefusal::Crit`], [`FeedRefusal::Typ`], [`FeedRefusal::Alg`] or
    /// [`FeedRefusal::UnknownKid`] (no `kid`).
    pub fn parse(text: &'a str) -> Result<Self, FeedRefusal> {
        let sealed = Sealed::parse(text, MAX_LENGTH)?;
        // Trust lists, heads and feeds are signed by the same keys: one must not pass for the other.
        if !sealed.is_typ(TYP) {
            return Err(FeedRefusal::Typ);
        }
        let algorithm = sealed.header().get("alg").and_then(Value::as_str).ok_or(FeedRefusal::Alg)?;
        let algorithm = algorithm.parse().map_err(|_| FeedRefusal::Alg)?;
        sealed.kid()?.ok_or(FeedRefusal::UnknownKid)?;
        Ok(Self { sealed, algorithm })
    }

    /// The `kid`, to be looked up among the **trust-list keys** of the issuer whose feed was asked for.
    #[must_use]
    pub fn kid(&self) -> &str {
        self.sealed.kid().ok().flatten().unwrap_or_default()
    }

    /// `alg`.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Checks everything that can be checked without knowing an earlier feed: key, signature, issuer, times, entries.
    ///
    /// `key` must be a trust-list key of exactly `issuer`, and none of its access-token keys. `now` is seconds since
    /// 1970 UTC.
    ///
    /// # Errors
    /// The first [`FeedRefusal`] that applies.
    pub fn verify(self, key: &PublicKey, issuer: &str, now: i64) -> Result<Feed, FeedRefusal> {
        if self.kid() != key.kid() {
            return Err(FeedRefusal::UnknownKid);
        }
        if key.algorithm() != self.algorithm {
            return Err(FeedRefusal::Alg);
        }
        key.verify(self.sealed.signing_input().as_bytes(), self.sealed.signature())
            .map_err(|_| FeedRefusal::Signature)?;
        // A feed may be long: what a stranger wrote is not even parsed.
        let claims = self.sealed.open()?.into_payload();
        if claims.get("iss").and_then(Value::as_str) != Some(issuer) {
            return Err(FeedRefusal::Issuer);
        }
        let expires_at = check_times(&claims, now)?;
        let seq = number(&claims, "seq")?.ok_or(FeedRefusal::Claims)?;
        let since = number(&claims, "since")?.unwrap_or(0);
        if since > seq {
            return Err(FeedRefusal::Claims);
        }
        let entries = claims.get("entries").and_then(Value::as_array).ok_or(FeedRefusal::Claims)?;
        if entries.len() > MAX_ENTRIES {
            return Err(FeedRefusal::TooMany);
        }
        let entries = entries.iter().map(Entry::from_value).collect::<Result<_, _>>()?;
        Ok(Feed { expires_at, seq, since, entries })
    }
}

/// No tolerance at `exp`: an old feed is what somebody shows who wants to hide what came after it.
fn check_times(claims: &Map<String, Value>, now: i64) -> Result<i64, FeedRefusal> {
    let date =
        |name| numeric_date::read(claims, name).map_err(|_| FeedRefusal::Claims)?.ok_or(FeedRefusal::Claims);
    let (iat, exp) = (date("iat")?, date("exp")?);
    // Else a clock that is wrong once would sign a feed that outlives every revocation after it.
    if iat > now.saturating_add(CLOCK_DIFFERENCE) {
        return Err(FeedRefusal::NotYet);
    }
    if !(0..=MAX_LIFETIME).contains(&exp.saturating_sub(iat)) {
        return Err(FeedRefusal::Lifetime);
    }
    if now >= exp {
        return Err(FeedRefusal::Expired);
    }
    Ok(exp)
}

fn number(claims: &Map<String, Value>, name: &str) -> Result<Option<u64>, FeedRefusal> {
    match claims.get(name) {
        None => Ok(None),
        Some(value) => match value.as_u64() {
            Some(number) if number <= MAX_SEQ => Ok(Some(number)),
            _ => Err(FeedRefusal::Claims),
        },
    }
}

impl Feed {
    /// `exp`: the first second in which the feed says nothing any more, since 1970 UTC.
    #[must_use]
    pub const fn expires_at(&self) -> i64 {
        self.expires_at
    }

    /// The number of the last change in it.
    #[must_use]
    pub const fn seq(&self) -> u64 {
        self.seq
    }

    /// The number after which its entries begin; 0: it is complete.
    #[must_use]
    pub const fn since(&self) -> u64 {
        self.since
    }

    /// Its entries.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub(super) fn into_entries(self) -> Vec<Entry> {
        self.entries
    }
}
