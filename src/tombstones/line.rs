use aws_lc_rs::digest;
use carnet_token::{base64url, json};
use serde::{Deserialize, Serialize};

use crate::db::negative_decision::{FeedEntry, NegativeDecision};

/// What a line's hash begins with, so that it is no hash of anything else.
const CONTEXT: &[u8] = b"carnet-tombstone-1\n";

/// A line: which records of the journal it covers, and everything in them that is a decision against something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// Whose journal.
    pub installation: String,
    /// The first record.
    pub from: i64,
    /// The last record.
    pub to: i64,
    /// The decisions; mostly none.
    pub decisions: Vec<Decision>,
    /// Hash of the line before; empty in the first one.
    pub previous: String,
}

/// A decision against something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// The journal's record of it.
    pub sequence: i64,
    /// What kind of thing it is about.
    pub kind: String,
    /// Which one.
    pub value: String,
    /// Milliseconds since 1970-01-01 UTC.
    pub at: i64,
    /// What the revocation feed says of it, if tokens are concerned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feed: Option<Feed>,
}

/// What the revocation feed says of a decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Feed {
    /// `jti`, `client_id` and so on.
    pub member: String,
    /// Its value.
    pub value: String,
    /// Until when it must be said, milliseconds since 1970-01-01 UTC.
    pub until: i64,
    /// Only tokens issued in this second or before it, since 1970-01-01 UTC; none: all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iat_before: Option<i64>,
}

impl From<NegativeDecision> for Decision {
    fn from(decision: NegativeDecision) -> Self {
        let NegativeDecision { sequence, kind, value, at, feed } = decision;
        Self { sequence, kind, value, at, feed: feed.map(Feed::from) }
    }
}

impl From<FeedEntry> for Feed {
    fn from(FeedEntry { member, value, until, iat_before }: FeedEntry) -> Self {
        Self { member, value, until, iat_before }
    }
}

impl From<Feed> for FeedEntry {
    fn from(Feed { member, value, until, iat_before }: Feed) -> Self {
        Self { member, value, until, iat_before }
    }
}

impl Decision {
    /// The same as a row that belongs to the journal's record `sequence`.
    #[must_use]
    pub fn row(&self, sequence: i64) -> NegativeDecision {
        NegativeDecision {
            sequence,
            kind: self.kind.clone(),
            value: self.value.clone(),
            at: self.at,
            feed: self.feed.clone().map(FeedEntry::from),
        }
    }
}

impl Line {
    /// The line as it is written, hash first, and its hash.
    #[must_use]
    pub fn write(&self) -> (String, String) {
        // Texts and numbers always serialise.
        let body = serde_json::to_string(self).unwrap_or_default();
        let hash = hash(&body);
        (format!("{hash} {body}"), hash)
    }

    /// Reads a line whose hash fits its content; returns the hash too.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(text: &str) -> Result<(Self, String), &'static str> {
        let (said, body) = text.split_once(' ').ok_or("not a line of tombstones")?;
        if said != hash(body) {
            return Err("the line does not have the hash of its content: it was changed");
        }
        let value = json::parse(body.as_bytes()).map_err(|_| "not a line of tombstones")?;
        let line: Self = serde_json::from_value(value).map_err(|_| "not a line of tombstones")?;
        let inside = |decision: &Decision| (line.from..=line.to).contains(&decision.sequence);
        if line.from < 1 || line.to < line.from || !line.decisions.iter().all(inside) {
            return Err("it does not cover what it holds");
        }
        Ok((line, said.to_owned()))
    }
}

fn hash(body: &str) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(CONTEXT);
    context.update(body.as_bytes());
    base64url::encode(context.finish().as_ref())
}
