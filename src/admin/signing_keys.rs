pub(super) mod list;
pub(super) mod revoke;
pub(super) mod rotate;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::rfc3339;
use crate::operations::signing_key::{KeyRecord, Revoked, Rotated};

/// A signing key of this IAP. Its private half never leaves the server.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SigningKey, example = json!({
    "kid": "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs",
    "purpose": "access-token",
    "alg": "RS256",
    "state": "active",
    "announced_at": "2027-01-14T08:00:00Z",
    "activated_at": "2027-01-15T08:00:00Z",
    "retires_at": null
}))]
pub(super) struct SigningKeyBody {
    /// RFC 7638 thumbprint.
    kid: String,
    /// What it signs: `access-token`, `trust-list` or `audit`.
    purpose: String,
    /// Its one algorithm.
    alg: String,
    /// `announced`, `active`, `retiring`, `retired` or `revoked`.
    state: String,
    /// When it was announced.
    #[schema(format = DateTime)]
    announced_at: String,
    /// When it began to sign.
    #[schema(format = DateTime)]
    activated_at: Option<String>,
    /// Until when it is published, once it retires.
    #[schema(format = DateTime)]
    retires_at: Option<String>,
}

impl From<KeyRecord> for SigningKeyBody {
    fn from(key: KeyRecord) -> Self {
        Self {
            kid: key.kid,
            purpose: key.purpose,
            alg: key.alg,
            state: key.state,
            announced_at: rfc3339(key.announced_at),
            activated_at: key.activated_at.map(rfc3339),
            retires_at: key.retires_at.map(rfc3339),
        }
    }
}

/// Why, for the journal.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReasonBody {
    /// Why; at most 500 characters.
    #[serde(default)]
    #[schema(max_length = 500)]
    reason: String,
}

/// Which key is to be succeeded.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"alg": "RS256", "reason": "before the holidays"}))]
pub(super) struct RotateBody {
    /// The algorithm of the access-token key.
    alg: crate::registry::SigningAlgorithm,
    /// Why, for the journal; at most 500 characters.
    #[serde(default)]
    #[schema(max_length = 500)]
    reason: String,
}

/// What a rotation did.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Rotation)]
pub(super) struct RotatedBody {
    /// The algorithm.
    alg: String,
    /// The key that signs from now on.
    active: String,
    /// The one that signed until now and stays published.
    retiring: Option<String>,
    /// Until when it stays published.
    #[schema(format = DateTime)]
    retires_at: Option<String>,
    /// The next successor, published from now on.
    announced: String,
}

impl From<Rotated> for RotatedBody {
    fn from(rotated: Rotated) -> Self {
        let Rotated { alg, active, retiring, retires_at, announced } = rotated;
        Self { alg, active, retiring, retires_at: retires_at.map(rfc3339), announced }
    }
}

/// What dropping a key brings about.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = KeyRevocation)]
pub(super) struct RevokedBody {
    /// The key that was dropped.
    kid: String,
    /// What it signed.
    purpose: String,
    /// Its algorithm.
    alg: String,
    /// The state in which it was.
    was: String,
    /// The key that took its place at once, if it was the active one.
    active: Option<String>,
    /// Since when it has signed: everything that it signed since is worthless now. Null if it never signed.
    #[schema(format = DateTime)]
    signed_since: Option<String>,
    /// By when the last verifier has noticed: those that follow the revocation feed within seconds, the others when
    /// their copy of the key set is too old to be used.
    #[schema(format = DateTime)]
    noticed_by: String,
}

impl From<Revoked> for RevokedBody {
    fn from(revoked: Revoked) -> Self {
        let Revoked { kid, purpose, alg, was, active, signed_since, noticed_by } = revoked;
        let (signed_since, noticed_by) = (signed_since.map(rfc3339), rfc3339(noticed_by));
        Self { kid, purpose, alg, was, active, signed_since, noticed_by }
    }
}
