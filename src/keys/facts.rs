use crate::db::sealed_key::SealedKey;

/// What may be told of a key: nothing of what it consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFacts {
    /// Its name.
    pub kid: String,
    /// What it is for.
    pub purpose: String,
    /// Its algorithm.
    pub alg: String,
    /// announced, active or retiring.
    pub state: String,
    /// When it began to be used, or if it never was, when it was made; milliseconds since 1970-01-01 UTC.
    pub since: i64,
}

impl KeyFacts {
    pub(super) fn of(row: &SealedKey) -> Self {
        Self {
            kid: row.kid.clone(),
            purpose: row.purpose.clone(),
            alg: row.alg.clone(),
            state: row.state.clone(),
            since: row.activated_at.unwrap_or(row.created_at),
        }
    }
}
