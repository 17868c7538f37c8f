use serde::Serialize;

use super::{Status, words};

words! {
    /// The `typ` header of the access tokens for an audience.
    AccessTokenTyp {
        /// RFC 9068.
        AtJwt = "at+jwt",
        /// What ONE Record servers of the 2.x generation may demand.
        Jwt = "JWT",
    } known "at+jwt, JWT"
}

words! {
    /// JWS algorithms with which access tokens can be signed (RFC 7518 §3.1, RFC 8037).
    SigningAlgorithm {
        /// RSASSA-PKCS1-v1_5 with SHA-256, the network's common one.
        Rs256 = "RS256",
        /// RSASSA-PSS with SHA-256.
        Ps256 = "PS256",
        /// ECDSA on P-256 with SHA-256.
        Es256 = "ES256",
        /// Ed25519.
        EdDsa = "EdDSA",
    } known "RS256, PS256, ES256, EdDSA"
}

/// An audience: a server that accepts this IAP's access tokens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ResourceServer {
    /// ULID.
    pub id: String,
    /// What stands in `aud` and in the `resource` parameter (RFC 8707).
    pub identifier: String,
    /// Its name, for people.
    pub name: String,
    /// The `typ` of its tokens.
    pub access_token_typ: AccessTokenTyp,
    /// The algorithm of its tokens, unless a client asks for another at registration.
    pub signing_alg: SigningAlgorithm,
    /// The scopes that it knows.
    pub scopes: Vec<String>,
    /// Whether clients that name no audience get this one.
    pub is_default: bool,
    /// Whether tokens are made for it.
    pub status: Status,
    /// Milliseconds since 1970-01-01 UTC.
    pub created_at: i64,
    /// Milliseconds since 1970-01-01 UTC.
    pub updated_at: i64,
}
