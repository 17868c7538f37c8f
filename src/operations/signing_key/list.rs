use serde::Serialize;
use utoipa::ToSchema;

use crate::db::sealed_key::SealedKey;
use crate::db::{self, Page};
use crate::keys::Purpose;
use crate::operations::{Context, ListRequest, Refusal};

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

/// A page of the signing keys, the oldest first; with `ended` also those that are retired or revoked.
///
/// # Errors
/// When the database fails.
pub async fn list(context: &Context, ended: bool, request: &ListRequest) -> Result<Page<KeyRecord>, Refusal> {
    let pool = context.database.reader().pool();
    // The key of the secret MAC signs nothing and never leaves its place.
    let hidden = Purpose::SecretMac.as_str();
    let page = db::sealed_key::page(pool, hidden, ended, &request.after, request.limit).await?;
    Ok(Page { items: page.items.into_iter().map(KeyRecord::from).collect(), next_cursor: page.next_cursor })
}
