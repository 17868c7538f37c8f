use super::idempotency::looks_like_secret;
use crate::db;
use crate::registry::Sensitive;

/// What is wrong with one member of an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// The member, as a path: `name`, `roles[1]`, `jwks.keys[0]`.
    pub field: String,
    /// What is wrong with it, as the end of a sentence that begins with the member.
    pub reason: String,
}

/// Why an operation was not done. Nothing has changed then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The input breaks rules; each of them is listed.
    #[error("{}", list(.0))]
    Invalid(Vec<FieldError>),
    /// There is no such thing.
    #[error("there is no {kind} `{id}`")]
    NotFound {
        /// What was looked for.
        kind: &'static str,
        /// By which id.
        id: String,
    },
    /// The input is in order, but what is registered stands against it.
    #[error("{field} {reason}; {hint}")]
    Conflict {
        /// The member that cannot be as it was given.
        field: String,
        /// Why, as the end of a sentence that begins with the member.
        reason: String,
        /// What to do instead.
        hint: &'static str,
    },
    /// The caller saw an older state than the one that it would change.
    #[error("the {kind} was changed in the meantime")]
    Changed {
        /// What was changed.
        kind: &'static str,
        /// The version that it has now.
        current: String,
    },
    /// The caller's token, or the caller, does not reach that far.
    #[error("this needs a token with the scope {needed}")]
    Scope {
        /// The scope that is missing.
        needed: &'static str,
    },
    /// Nobody can give a scope that they do not have.
    #[error("this gives, or is about somebody who has, the scope {scope}, which you do not have yourself")]
    Beyond {
        /// The scope.
        scope: String,
    },
    /// Everything is in order, but a second administrator has to agree.
    #[error("a second administrator has to approve this: {}", .0.summary)]
    Held(Box<Held>),
    /// The idempotency key was used for another request.
    #[error(
        "the Idempotency-Key was used within the last 24 hours for another request; choose another one for this one"
    )]
    KeyReused,
    /// Another request with the same idempotency key was faster.
    #[error(
        "a request with the same Idempotency-Key was faster; repeat this one to get the answer of that one"
    )]
    KeyInUse,
    /// The database failed.
    #[error(transparent)]
    Internal(#[from] db::Error),
    /// Something of this server's own failed; the caller can do nothing about it.
    #[error("{0}")]
    Failed(String),
}

/// What a second administrator has to approve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Why it is held.
    pub operation: Sensitive,
    /// What it is about, `kind/id`; `kind` alone for something new.
    pub subject: String,
    /// What would change, for people.
    pub summary: String,
    /// Whether the answer will have a secret.
    pub makes_secret: bool,
}

impl Refusal {
    pub(super) fn invalid(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Invalid(vec![FieldError { field: field.into(), reason: reason.into() }])
    }

    pub(super) fn not_found(kind: &'static str, id: &str) -> Self {
        // Who takes the secret for its id shall not find it in the log.
        let id = if looks_like_secret(id) { "…".to_owned() } else { id.chars().take(64).collect() };
        Self::NotFound { kind, id }
    }

    pub(super) fn conflict(field: impl Into<String>, reason: impl Into<String>, hint: &'static str) -> Self {
        Self::Conflict { field: field.into(), reason: reason.into(), hint }
    }

    pub(super) fn failed(error: impl std::fmt::Display) -> Self {
        Self::Failed(error.to_string())
    }

    /// A unique constraint decided: somebody else was there first.
    pub(super) fn taken(error: db::Error, field: &'static str, hint: &'static str) -> Self {
        match error {
            db::Error::Taken { .. } => Self::conflict(field, "is registered already", hint),
            other => Self::Internal(other),
        }
    }

    /// Whether the database is merely out of reach, so that the same request may succeed later.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::Internal(db::Error::Database(_)))
    }
}

fn list(errors: &[FieldError]) -> String {
    errors.iter().map(|error| format!("{} {}", error.field, error.reason)).collect::<Vec<_>>().join("; ")
}
