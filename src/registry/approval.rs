use serde::Serialize;

use super::words;

words! {
    /// Kinds of requests that can be made to wait for a second administrator. Nothing that takes something away is
    /// among them: who sees an attack must be able to stop it alone.
    Sensitive {
        /// Making and changing administrators, and giving them credentials.
        Administrators = "administrators",
        /// Enabling what was disabled, resuming what was suspended.
        Enable = "enable",
        /// Making, activating and importing signing keys.
        SigningKeys = "signing_keys",
        /// Changing by which identifiers a participant is known.
        Identifiers = "identifiers",
        /// Letting a machine have tokens that are not bound to it.
        UnboundTokens = "unbound_tokens",
    } known "administrators, enable, signing_keys, identifiers, unbound_tokens"
}

impl Sensitive {
    /// All of them, which is what waits unless the configuration says otherwise.
    pub const ALL: [Self; 5] =
        [Self::Administrators, Self::Enable, Self::SigningKeys, Self::Identifiers, Self::UnboundTokens];
}

words! {
    /// What became of a request that waits, or waited, for a second administrator.
    ApprovalState {
        /// It waits.
        Pending = "pending",
        /// It was approved, and waits for its requester, who alone may see the secret in its answer.
        Approved = "approved",
        /// It was done.
        Executed = "executed",
        /// It will never be done.
        Rejected = "rejected",
    } known "pending, approved, executed, rejected"
}

/// A request that one administrator made and another has to approve.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Approval {
    /// ULID.
    pub id: String,
    /// Why it waits.
    pub operation: Sensitive,
    /// What it is about, `kind/id`; `kind` alone for something new.
    pub subject: String,
    /// What would change, for people.
    pub summary: String,
    /// The request's method.
    pub method: String,
    /// The request's path, and query if it has one.
    pub path: String,
    /// Its `If-Match`.
    pub if_match: Option<String>,
    /// Its body.
    pub body: Vec<u8>,
    /// SHA-256 over method, path, `If-Match` and body, base64url.
    pub digest: String,
    /// Whether its answer has a secret.
    pub makes_secret: bool,
    /// Client id of the administrator who made it.
    pub requested_by: String,
    /// Scopes of the token with which it was made, separated by blanks.
    pub scope: String,
    /// What became of it.
    pub state: ApprovalState,
    /// Client id of the administrator who approved or rejected it.
    pub decided_by: Option<String>,
    /// Milliseconds since 1970-01-01 UTC.
    pub decided_at: Option<i64>,
    /// Why it was rejected, in that administrator's words; may be empty.
    pub reason: String,
    /// Milliseconds since 1970-01-01 UTC.
    pub executed_at: Option<i64>,
    /// Milliseconds since 1970-01-01 UTC.
    pub created_at: i64,
    /// Milliseconds since 1970-01-01 UTC; from then on it can no longer be approved or executed.
    pub expires_at: i64,
}

impl Approval {
    /// Whether it waits no longer because its time is over.
    #[must_use]
    pub fn is_expired(&self, now_millis: i64) -> bool {
        matches!(self.state, ApprovalState::Pending | ApprovalState::Approved)
            && self.expires_at <= now_millis
    }
}
