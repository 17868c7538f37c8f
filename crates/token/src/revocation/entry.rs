use std::fmt;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use super::{FeedRefusal, MAX_VALUE_LENGTH};
use crate::{Thumbprint, numeric_date};

/// By what an entry recognises the tokens that it revokes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum RevokedBy {
    /// One token.
    Jti,
    /// The tokens of one client.
    ClientId,
    /// The tokens that name one company, in either of the two claims that name companies.
    AgentUri,
    /// The tokens signed with one of the issuer's keys.
    Kid,
    /// The tokens bound to one client key (RFC 7638 thumbprint).
    Jkt,
    /// The tokens bound to one client certificate (`x5t#S256`).
    Certificate,
}

impl RevokedBy {
    /// Every way, for tests and documentation tables.
    pub const ALL: [Self; 6] =
        [Self::Jti, Self::ClientId, Self::AgentUri, Self::Kid, Self::Jkt, Self::Certificate];

    /// The member of the entry, which is also the word for logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Jti => "jti",
            Self::ClientId => "client_id",
            Self::AgentUri => "agent_uri",
            Self::Kid => "kid",
            Self::Jkt => "jkt",
            Self::Certificate => "x5t#S256",
        }
    }
}

impl fmt::Display for RevokedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One entry of a feed: which tokens are revoked, and how long that needs to be remembered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    by: RevokedBy,
    value: String,
    iat_before: Option<i64>,
    until: Option<i64>,
}

impl Entry {
    /// The token with this `jti`.
    pub fn jti(jti: impl Into<String>) -> Self {
        Self::new(RevokedBy::Jti, jti.into())
    }

    /// The tokens of this client.
    pub fn client_id(client_id: impl Into<String>) -> Self {
        Self::new(RevokedBy::ClientId, client_id.into())
    }

    /// The tokens that name this company.
    pub fn agent_uri(uri: impl Into<String>) -> Self {
        Self::new(RevokedBy::AgentUri, uri.into())
    }

    /// The tokens that this key of the issuer has signed.
    pub fn kid(kid: impl Into<String>) -> Self {
        Self::new(RevokedBy::Kid, kid.into())
    }

    /// The tokens that are bound to this client key.
    #[must_use]
    pub fn jkt(thumbprint: Thumbprint) -> Self {
        Self::new(RevokedBy::Jkt, thumbprint.to_string())
    }

    /// The tokens that are bound to this client certificate.
    #[must_use]
    pub fn certificate(thumbprint: Thumbprint) -> Self {
        Self::new(RevokedBy::Certificate, thumbprint.to_string())
    }

    const fn new(by: RevokedBy, value: String) -> Self {
        Self { by, value, iat_before: None, until: None }
    }

    /// Only tokens with `iat` ≤ `seconds` (since 1970 UTC); without it, tokens of any age.
    ///
    /// The second itself is in: tokens are dated in whole seconds, and one that was issued in the second of the
    /// revocation may have been issued before it. A client that is enabled again gets good tokens a second later.
    #[must_use]
    pub fn iat_before(self, seconds: i64) -> Self {
        Self { iat_before: Some(seconds), ..self }
    }

    /// The entry may be forgotten after this time (seconds since 1970 UTC), because the last token that it concerns
    /// has expired by then; without it, it stays as long as complete feeds have it.
    #[must_use]
    pub fn until(self, seconds: i64) -> Self {
        Self { until: Some(seconds), ..self }
    }

    /// By what it recognises tokens.
    #[must_use]
    pub const fn by(&self) -> RevokedBy {
        self.by
    }

    /// The id, URI or thumbprint.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }

    pub(super) const fn times(&self) -> (Option<i64>, Option<i64>) {
        (self.iat_before, self.until)
    }

    pub(super) fn into_value(self) -> String {
        self.value
    }

    /// Reads an entry: exactly one member that is known as a subject, of the right type.
    ///
    /// A subject that is not known here refuses the feed: the issuer has revoked something, and passing over it would
    /// let it in. Members besides a known subject are ignored: whatever they say more closely, without them more is
    /// refused and not less.
    pub(super) fn from_value(value: &Value) -> Result<Self, FeedRefusal> {
        let members = value.as_object().ok_or(FeedRefusal::Entry)?;
        let mut subjects = RevokedBy::ALL.into_iter().filter(|by| members.contains_key(by.name()));
        let (Some(by), None) = (subjects.next(), subjects.next()) else {
            return Err(FeedRefusal::Entry);
        };
        let text = match members.get(by.name()) {
            Some(Value::String(text)) if !text.is_empty() && text.len() <= MAX_VALUE_LENGTH => text,
            _ => return Err(FeedRefusal::Entry),
        };
        // A digest in another spelling would never be found.
        let is_digest = matches!(by, RevokedBy::Jkt | RevokedBy::Certificate);
        if is_digest && text.parse::<Thumbprint>().is_err() {
            return Err(FeedRefusal::Entry);
        }
        Ok(Self {
            by,
            value: text.clone(),
            iat_before: date(members, "iat_before")?,
            until: date(members, "until")?,
        })
    }
}

fn date(members: &Map<String, Value>, name: &str) -> Result<Option<i64>, FeedRefusal> {
    numeric_date::read(members, name).map_err(|_| FeedRefusal::Entry)
}

impl Serialize for Entry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry(self.by.name(), &self.value)?;
        if let Some(seconds) = self.iat_before {
            map.serialize_entry("iat_before", &seconds)?;
        }
        if let Some(seconds) = self.until {
            map.serialize_entry("until", &seconds)?;
        }
        map.end()
    }
}
