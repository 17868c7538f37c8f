use std::borrow::Cow;

use carnet_db::Transaction;

use super::context::Means;
use crate::config::Tokens;
use crate::db;
use crate::db::negative_decision::{FeedEntry, NegativeDecision};

/// For how long after a decision another node may still issue what it is against, seconds: 2 s until its image is stale,
/// 5 s by which its clock may run ahead, and the second that has begun.
const LAG: i64 = 8;

/// What a decision is against.
///
/// Every revocation, disabling, suspension or drop is written down by [`Means::decide_against`], in the transaction
/// that takes it: the revocation feed tells it to verifiers, and no restore may undo it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Against<'a> {
    /// One access token; when it expires (seconds since 1970-01-01 UTC), if that is known.
    Token { jti: &'a str, expires_at: Option<i64> },
    /// The tokens that a client got until a moment, seconds since 1970-01-01 UTC; none: until now.
    ClientTokens { client_id: &'a str, issued_until: Option<i64> },
    /// A client and all its tokens.
    Client { id: &'a str },
    /// A participant and all its tokens, which carry its agent URI.
    Participant { id: &'a str, logistics_agent_uri: &'a str },
    /// A ONE Record ID, and tokens that carry it.
    OneRecordId { uri: &'a str },
    /// A resource server: no token is issued for it.
    ResourceServer { id: &'a str },
    /// A client's secret.
    ClientSecret { id: &'a str },
    /// A client's secret from a moment on, milliseconds since 1970-01-01 UTC.
    ClientSecretEnd { id: &'a str, end: i64 },
    /// A client's public key, and tokens bound to it.
    ClientKey { id: &'a str, thumbprint: &'a str },
    /// A signing key, and everything that it signed.
    SigningKey { kid: &'a str },
    /// A token with which clients could register themselves.
    InitialAccessToken { id: &'a str },
}

impl Against<'_> {
    fn kind(&self) -> &'static str {
        match self {
            Self::Token { .. } => "token",
            Self::ClientTokens { .. } => "client_tokens",
            Self::Client { .. } => "client",
            Self::Participant { .. } => "participant",
            Self::OneRecordId { .. } => "one_record_id",
            Self::ResourceServer { .. } => "resource_server",
            Self::ClientSecret { .. } => "client_secret",
            Self::ClientSecretEnd { .. } => "client_secret_end",
            Self::ClientKey { .. } => "client_key",
            Self::SigningKey { .. } => "signing_key",
            Self::InitialAccessToken { .. } => "initial_access_token",
        }
    }

    fn value(&self) -> Cow<'_, str> {
        let named = match self {
            Self::ClientSecretEnd { id, end } => return Cow::Owned(format!("{id}/{end}")),
            Self::Token { jti, .. } => jti,
            Self::ClientTokens { client_id, .. } => client_id,
            Self::Client { id }
            | Self::Participant { id, .. }
            | Self::ResourceServer { id }
            | Self::ClientSecret { id }
            | Self::ClientKey { id, .. }
            | Self::InitialAccessToken { id } => id,
            Self::OneRecordId { uri } => uri,
            Self::SigningKey { kid } => kid,
        };
        Cow::Borrowed(named)
    }

    /// Member and value in the revocation feed; none when no token is concerned.
    fn feed(&self) -> Option<(&'static str, &str)> {
        match self {
            Self::Token { jti, .. } => Some(("jti", jti)),
            Self::ClientTokens { client_id, .. } => Some(("client_id", client_id)),
            Self::Client { id } => Some(("client_id", id)),
            Self::Participant { logistics_agent_uri, .. } => Some(("agent_uri", logistics_agent_uri)),
            Self::OneRecordId { uri } => Some(("agent_uri", uri)),
            Self::ResourceServer { .. }
            | Self::ClientSecret { .. }
            | Self::ClientSecretEnd { .. }
            | Self::InitialAccessToken { .. } => None,
            Self::ClientKey { thumbprint, .. } => Some(("jkt", thumbprint)),
            Self::SigningKey { kid } => Some(("kid", kid)),
        }
    }

    /// Up to which second (since 1970-01-01 UTC) tokens are concerned that were issued in it; none for all of them.
    ///
    /// What can be enabled again must not take the tokens with it that come after that. A key is gone for ever, and
    /// whoever stole a signing key writes any time into a token.
    fn iat_before(&self, now_millis: i64) -> Option<i64> {
        match self {
            Self::ClientTokens { issued_until: Some(until), .. } => Some(*until),
            Self::ClientTokens { issued_until: None, .. }
            | Self::Client { .. }
            | Self::Participant { .. }
            | Self::OneRecordId { .. } => Some(now_millis.div_euclid(1000) + LAG),
            _ => None,
        }
    }

    /// When the last token that it concerns has expired everywhere, milliseconds since 1970-01-01 UTC.
    fn until(&self, now_millis: i64, tokens: &Tokens) -> i64 {
        match self {
            Self::Token { expires_at: Some(at), .. } => {
                at.saturating_add(2 * tokens.clock_skew).saturating_mul(1000)
            }
            _ => now_millis + reach_millis(tokens),
        }
    }
}

/// For how long after something was changed a token may still be accepted that was issued before, milliseconds.
pub(super) fn reach_millis(tokens: &Tokens) -> i64 {
    (tokens.max_lifetime + LAG + 2 * tokens.clock_skew) * 1000
}

impl Means<'_> {
    /// Writes down that the journal's record `sequence` is a decision against something.
    pub(super) async fn decide_against(
        &self,
        tx: &mut Transaction,
        sequence: i64,
        tokens: &Tokens,
        against: Against<'_>,
    ) -> Result<(), db::Error> {
        let at = self.clock.now_millis();
        let feed = against.feed().map(|(member, value)| FeedEntry {
            member: member.to_owned(),
            value: value.to_owned(),
            until: against.until(at, tokens),
            iat_before: against.iat_before(at),
        });
        let (kind, value) = (against.kind().to_owned(), against.value().into_owned());
        db::negative_decision::insert(tx, &NegativeDecision { sequence, kind, value, at, feed }).await
    }
}
