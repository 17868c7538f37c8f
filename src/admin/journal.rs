pub(super) mod head;
pub(super) mod list;

use serde::Serialize;
use utoipa::ToSchema;

use super::rfc3339;
use crate::operations::journal::{Record, SignedHead};

/// A record of the journal.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = JournalRecord, example = json!({
    "sequence": 4,
    "at": "2027-01-15T08:00:00.000Z",
    "at_millis": 1_800_000_000_000_i64,
    "actor": "client/01ARZ3NDEKTSV4RRFFQ69G5FAW",
    "action": "participant.disable",
    "subject": "participant/01ARZ3NDEKTSV4RRFFQ69G5FAV",
    "salt": "r1H0cqbWSoD5CcOYlYb3mA",
    "before_digest": "gS9B6nM4uM8xGqXv1ykGZfGmQhLQOXTzJr1nHB2dY1E",
    "after_digest": "0b1wq6nQOa9PY0T5xQ8v3sQmIYJxkwtJpW9x3oQ0x5Q",
    "reason": "",
    "previous_hash": "J2m0n3vIYJ3yQWc0u0k7CE7oHq0YVx9C6Ff3m5H0x2M",
    "hash": "q9d5eZ0Jd9Wn3f2vY9u8x7b6c5a4Z3y2X1w0V9u8t7s"
}))]
pub(super) struct RecordBody {
    /// Its number; numbers are missing only where a restore or retention says so.
    sequence: i64,
    /// When.
    #[schema(format = DateTime)]
    at: String,
    /// When, milliseconds since 1970-01-01 UTC: what the hash covers.
    at_millis: i64,
    /// Who did it.
    actor: String,
    /// What was done.
    action: String,
    /// To what.
    subject: String,
    /// Makes the digests useless for guessing what they digest.
    salt: String,
    /// Salted digest of the subject before; empty when there was none.
    before_digest: String,
    /// Salted digest of the subject after; empty when there is none.
    after_digest: String,
    /// Why, in the actor's words.
    reason: String,
    /// Hash of the record before.
    previous_hash: String,
    /// Hash of this record.
    hash: String,
}

impl From<Record> for RecordBody {
    fn from(record: Record) -> Self {
        Self {
            sequence: record.sequence,
            at: rfc3339(record.at),
            at_millis: record.at,
            actor: record.actor,
            action: record.action,
            subject: record.subject,
            salt: record.salt,
            before_digest: record.before_digest,
            after_digest: record.after_digest,
            reason: record.reason,
            previous_hash: record.previous_hash,
            hash: record.hash,
        }
    }
}

/// A signed head of the journal.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = JournalHead)]
pub(super) struct HeadBody {
    /// The last record that it covers.
    sequence: i64,
    /// That record's hash.
    hash: String,
    /// When it was signed.
    #[schema(format = DateTime)]
    signed_at: String,
    /// The audit key.
    kid: String,
    /// The signature with everything that it covers, a compact JWS of type `iap-audit-head+jwt`.
    jws: String,
}

impl From<SignedHead> for HeadBody {
    fn from(head: SignedHead) -> Self {
        Self {
            sequence: head.sequence,
            hash: head.hash,
            signed_at: rfc3339(head.signed_at),
            kid: head.kid,
            jws: head.jws,
        }
    }
}
