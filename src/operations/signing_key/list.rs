use serde::Serialize;
use utoipa::ToSchema;

use crate::db;
use crate::db::sealed_key::SealedKey;
use crate::keys::Purpose;
use crate::operations::{Context, Refusal};

/// A signing key as an administrator sees it; times in milliseconds since 1970-01-01 UTC.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct KeyRecord {
    /// RFC 7638 thumbprint.
    pub kid: String,
    /// What it signs: `access-token`, `trust-list` or `audit`.
    pub purpose: String,
    /// Its one algorithm.
    pub alg: String,
    /// `announced`, `active`, `retiring`, `retired` or `revoked`.
    pub state: String,
    /// When it was announced.
    pub announced_at: i64,
    /// When it began to sign.
    pub activated_at: Option<i64>,
    /// Until when it is published, once it retires.
    pub retires_at: Option<i64>,
}

impl From<SealedKey> for KeyRecord {
    fn from(key: SealedKey) -> Self {
        Self {
            kid: key.kid,
            purpose: key.purpose,
            alg: key.alg,
            state: key.state,
            announced_at: key.announced_at.unwrap_or(key.created_at),
            activated_at: key.activated_at,
            retires_at: key.retires_at,
        }
    }
}

/// The signing keys, oldest first; with `ended` also those that are retired or revoked.
///
/// # Errors
/// When the database fails.
pub async fn list(context: &Context, ended: bool) -> Result<Vec<KeyRecord>, Refusal> {
    let pool = context.database.reader().pool();
    let rows = if ended { db::sealed_key::all(pool).await? } else { db::sealed_key::live(pool).await? };
    // The key of the secret MAC signs nothing and never leaves its place.
    Ok(rows
        .into_iter()
        .filter(|row| row.purpose != Purpose::SecretMac.as_str())
        .map(KeyRecord::from)
        .collect())
}
