use carnet_db::Transaction;

use super::context::Means;
use crate::config::Tokens;
use crate::db;
use crate::db::negative_decision::{FeedEntry, NegativeDecision};

/// What a decision is against.
///
/// Every revocation, disabling, suspension or drop is written down by [`Means::decide_against`], in the transaction
/// that takes it: the revocation feed tells it to verifiers, and no restore may undo it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Against<'a> {
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
    /// A client's public key, and tokens bound to it.
    ClientKey { id: &'a str, thumbprint: &'a str },
    /// A signing key, and everything that it signed.
    SigningKey { kid: &'a str },
}

impl Against<'_> {
    fn kind(&self) -> &'static str {
        match self {
            Self::Client { .. } => "client",
            Self::Participant { .. } => "participant",
            Self::OneRecordId { .. } => "one_record_id",
            Self::ResourceServer { .. } => "resource_server",
            Self::ClientSecret { .. } => "client_secret",
            Self::ClientKey { .. } => "client_key",
            Self::SigningKey { .. } => "signing_key",
        }
    }

    fn value(&self) -> &str {
        match self {
            Self::Client { id }
            | Self::Participant { id, .. }
            | Self::ResourceServer { id }
            | Self::ClientSecret { id }
            | Self::ClientKey { id, .. } => id,
            Self::OneRecordId { uri } => uri,
            Self::SigningKey { kid } => kid,
        }
    }

    /// Member and value in the revocation feed; none when no token is concerned.
    fn feed(&self) -> Option<(&'static str, &str)> {
        match self {
            Self::Client { id } => Some(("client_id", id)),
            Self::Participant { logistics_agent_uri, .. } => Some(("agent_uri", logistics_agent_uri)),
            Self::OneRecordId { uri } => Some(("agent_uri", uri)),
            Self::ResourceServer { .. } | Self::ClientSecret { .. } => None,
            Self::ClientKey { thumbprint, .. } => Some(("jkt", thumbprint)),
            Self::SigningKey { kid } => Some(("kid", kid)),
        }
    }
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
        // Then the last token that it concerns has expired everywhere.
        let until = at + (tokens.max_lifetime + 2 * tokens.clock_skew) * 1000;
        let feed = against.feed().map(|(member, value)| FeedEntry {
            member: member.to_owned(),
            value: value.to_owned(),
            until,
        });
        let (kind, value) = (against.kind().to_owned(), against.value().to_owned());
        db::negative_decision::insert(tx, &NegativeDecision { sequence, kind, value, at, feed }).await
    }
}
