use std::sync::Arc;

use carnet_token::{Algorithm, Jwk};
use serde::Serialize;

use super::{AddressRange, ImportedHash, SigningAlgorithm, Status, words};

words! {
    /// What a client is.
    ClientKind {
        /// A machine of a participant.
        Machine = "machine",
        /// An administrator of this IAP.
        Administrator = "administrator",
    } known "machine, administrator"
}

words! {
    /// How a client proves who it is at the token endpoint (RFC 7591 §2, OpenID Connect Core §9).
    #[derive(Default)]
    TokenEndpointAuthMethod {
        /// RFC 6749 §2.3.1, in the `Authorization` header.
        #[default]
        ClientSecretBasic = "client_secret_basic",
        /// RFC 6749 §2.3.1, in the body.
        ClientSecretPost = "client_secret_post",
        /// RFC 7523: an assertion signed with the client's private key.
        PrivateKeyJwt = "private_key_jwt",
    } known "client_secret_basic, client_secret_post, private_key_jwt"
}

words! {
    /// Whether a credential may be used.
    CredentialStatus {
        /// It may, until it expires.
        Active = "active",
        /// Never again.
        Revoked = "revoked",
    } known "active, revoked"
}

words! {
    /// With what a client proves who it is.
    CredentialKind {
        /// A secret.
        Secret = "secret",
        /// A registered key.
        Key = "key",
    } known "secret, key"
}

/// A machine of a participant, or an administrator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Client {
    /// The `client_id`: letters and digits.
    pub id: String,
    /// Whose machine it is; none for an administrator.
    pub participant_id: Option<String>,
    /// What it is.
    pub kind: ClientKind,
    /// Whether the first start made it.
    pub bootstrap: bool,
    /// Its name, for people.
    pub name: String,
    /// The one method by which it authenticates.
    pub token_endpoint_auth_method: TokenEndpointAuthMethod,
    /// Whether it may only get tokens bound to its key or certificate.
    pub require_bound_tokens: bool,
    /// What it may ask for, and gets when it asks for nothing. In memory, clients that may have the same share it.
    pub scopes: Arc<[String]>,
    /// Ids of the resource servers that it may ask for; empty means the default one.
    pub audiences: Vec<String>,
    /// Ids of the resource servers that it speaks for: it may introspect the tokens that are for them.
    pub introspects: Vec<String>,
    /// Lifetime of its access tokens in seconds; none means the installation's default.
    pub access_token_lifetime: Option<i64>,
    /// Algorithm of its access tokens; none means the resource server's.
    pub signing_alg: Option<SigningAlgorithm>,
    /// The ONE Record ID in its tokens; none means the participant's main one.
    pub one_record_id: Option<String>,
    /// Where it may ask from; empty means anywhere.
    pub allowed_addresses: Vec<AddressRange>,
    /// Whether it gets tokens.
    pub status: Status,
    /// Milliseconds since 1970-01-01 UTC.
    pub created_at: i64,
    /// Milliseconds since 1970-01-01 UTC.
    pub updated_at: i64,
}

/// What is kept of a secret, never the secret.
#[derive(Clone, PartialEq, Eq)]
pub enum SecretDigest {
    /// HMAC-SHA-256 of one that this server made: 256 random bits need no slow hash.
    Mac([u8; 32]),
    /// argon2id of one that a partner brought along.
    Imported(ImportedHash),
}

impl std::fmt::Debug for SecretDigest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Mac(_) => f.write_str("Mac(…)"),
            Self::Imported(hash) => hash.fmt(f),
        }
    }
}

/// A client's secret as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientSecret {
    /// ULID.
    pub id: String,
    /// Whose it is.
    pub client_id: String,
    /// What the secret is compared with.
    pub digest: SecretDigest,
    /// Whether it may be used.
    pub status: CredentialStatus,
    /// Milliseconds since 1970-01-01 UTC.
    pub created_at: i64,
    /// Milliseconds since 1970-01-01 UTC; none: it does not expire.
    pub expires_at: Option<i64>,
    /// Milliseconds since 1970-01-01 UTC, to the minute or so.
    pub last_used_at: Option<i64>,
}

impl ClientSecret {
    /// Whether it can be used at a time, milliseconds since 1970-01-01 UTC.
    #[must_use]
    pub fn is_usable(&self, now: i64) -> bool {
        self.status == CredentialStatus::Active && self.expires_at.is_none_or(|at| at > now)
    }

    /// Whether a partner brought it along.
    #[must_use]
    pub fn is_imported(&self) -> bool {
        matches!(self.digest, SecretDigest::Imported(_))
    }
}

/// A client's registered public key.
#[derive(Debug, Clone)]
pub struct ClientKey {
    /// ULID.
    pub id: String,
    /// Whose it is.
    pub client_id: String,
    /// The key id, unique within the client.
    pub kid: String,
    /// The one algorithm for which it is registered.
    pub alg: Algorithm,
    /// RFC 7638 thumbprint.
    pub thumbprint: String,
    /// The public JWK.
    pub jwk: Jwk,
    /// Whether it may be used.
    pub status: CredentialStatus,
    /// Milliseconds since 1970-01-01 UTC.
    pub created_at: i64,
    /// Milliseconds since 1970-01-01 UTC; none: it does not expire.
    pub not_after: Option<i64>,
}

/// A secret or a key that will expire, with what its owner needs to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpiringCredential {
    /// What it is.
    pub kind: CredentialKind,
    /// ULID of its row.
    pub row_id: String,
    /// The id of the secret, or the `kid` of the key.
    pub id: String,
    /// Whose it is.
    pub client_id: String,
    /// The client's name, for people.
    pub client_name: String,
    /// Whose machine that is; none for an administrator.
    pub participant_id: Option<String>,
    /// Milliseconds since 1970-01-01 UTC.
    pub expires_at: i64,
    /// Milliseconds since 1970-01-01 UTC, to the minute or so; none for a key.
    pub last_used_at: Option<i64>,
    /// Whether the client has another one of its kind that lasts longer.
    pub replaced: bool,
}

impl ExpiringCredential {
    /// Whole days until it expires. `now` in milliseconds since 1970-01-01 UTC.
    #[must_use]
    pub fn days_left(&self, now: i64) -> i64 {
        (self.expires_at - now).max(0) / 86_400_000
    }
}
