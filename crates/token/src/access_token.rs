//! Access tokens (RFC 9068): minting one, and taking one from a stranger.
//!
//! A token arrives as text; [`Unverified`] is what it says, [`AccessToken`] what its issuer vouches for. Only
//! [`Unverified::verify`] leads from one to the other.

mod unverified;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::{AccessTokenClaims, AccessTokenTyp, Algorithm, ClaimNames, Confirmation, SignError, SigningKey};

pub use unverified::Unverified;

/// What the tokens of an issuer promise to contain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum TokenProfile {
    /// RFC 9068: `iss`, `sub`, `client_id`, `aud`, `exp`, `iat`, `jti` and a `kid` are required.
    #[default]
    Rfc9068,
    /// ONE Record 2.x: `iss`, `exp` and the logistics agent URI; everything else is checked only when it is there.
    ///
    /// Without an audience a malicious server can replay the token at another one. Accept this profile for single
    /// issuers, knowingly, never by default.
    OneRecord2x,
}

/// What is accepted from one issuer. Settings belong to the issuer that vouches for the token, never to all of them.
#[derive(Debug, Clone)]
pub struct IssuerRules {
    /// The issuer, compared byte by byte.
    pub issuer: String,
    /// The algorithms that the issuer may use.
    pub algorithms: Vec<Algorithm>,
    /// Whether `typ: JWT` is accepted besides `at+jwt`.
    pub typ_jwt_allowed: bool,
    /// What the issuer's tokens promise to contain.
    pub profile: TokenProfile,
    /// The longest lifetime in seconds; `None` for no limit.
    pub max_token_lifetime: Option<i64>,
    /// The URI prefixes under which the issuer may name companies, matched at path segments; `None` for no limit, an
    /// empty list for none at all. With a list, identifiers must be canonical (see [`crate::identifier`]).
    pub uri_prefixes: Option<Vec<String>>,
    /// How the ONE Record claims are called.
    pub claim_names: ClaimNames,
}

impl IssuerRules {
    /// The careful defaults: every algorithm, `at+jwt` alone, RFC 9068, at most an hour, no limit on names.
    pub fn new(issuer: impl Into<String>) -> Self {
        Self {
            issuer: issuer.into(),
            algorithms: Algorithm::ALL.to_vec(),
            typ_jwt_allowed: false,
            profile: TokenProfile::Rfc9068,
            max_token_lifetime: Some(3600),
            uri_prefixes: None,
            claim_names: ClaimNames::default(),
        }
    }
}

/// Signs an access token.
///
/// # Errors
/// [`SignError`] when the key cannot be used.
pub fn mint(
    claims: &AccessTokenClaims<'_>,
    typ: AccessTokenTyp,
    key: &SigningKey,
) -> Result<String, SignError> {
    // No jku, x5u, jwk or x5c: a token that says where its key is to be found teaches its readers to look there.
    #[derive(Serialize)]
    struct Header<'a> {
        alg: Algorithm,
        typ: &'a str,
        kid: &'a str,
    }
    key.sign_compact(&Header { alg: key.algorithm(), typ: typ.as_str(), kid: key.kid() }, claims)
}

/// An access token whose issuer, signature, times, audience and claims were checked.
///
/// It is still only half of an authentication when [`AccessToken::confirmation`] asks for a proof.
#[derive(Debug, Clone)]
pub struct AccessToken {
    claims: Map<String, Value>,
    expires_at: i64,
    issued_at: Option<i64>,
    agent_uri: Option<String>,
    iol_identifier: Option<String>,
    role: Option<String>,
    roles: Vec<String>,
    confirmation: Option<Confirmation>,
}

impl AccessToken {
    fn text(&self, name: &str) -> Option<&str> {
        self.claims.get(name).and_then(Value::as_str)
    }

    /// `iss`. With [`AccessToken::subject`] the identity: a subject alone means nothing across issuers.
    #[must_use]
    pub fn issuer(&self) -> &str {
        self.text("iss").unwrap_or_default()
    }

    /// `sub`; always there in [`TokenProfile::Rfc9068`].
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        self.text("sub")
    }

    /// `client_id`; always there in [`TokenProfile::Rfc9068`].
    #[must_use]
    pub fn client_id(&self) -> Option<&str> {
        self.text("client_id")
    }

    /// `aud`: every resource server that the token is for.
    pub fn audience(&self) -> impl Iterator<Item = &str> {
        let aud = self.claims.get("aud");
        let one = aud.and_then(Value::as_str);
        let many = aud.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        one.into_iter().chain(many.iter().filter_map(Value::as_str))
    }

    /// `scope`, taken apart.
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        self.text("scope").unwrap_or_default().split(' ').filter(|scope| !scope.is_empty())
    }

    /// `jti`; always there in [`TokenProfile::Rfc9068`].
    #[must_use]
    pub fn jti(&self) -> Option<&str> {
        self.text("jti")
    }

    /// `exp`: the first second in which the token is void, since 1970 UTC.
    #[must_use]
    pub const fn expires_at(&self) -> i64 {
        self.expires_at
    }

    /// `iat`, seconds since 1970 UTC; always there in [`TokenProfile::Rfc9068`].
    #[must_use]
    pub const fn issued_at(&self) -> Option<i64> {
        self.issued_at
    }

    /// The company as a logistics agent (ONE Record 2.x).
    #[must_use]
    pub fn agent_uri(&self) -> Option<&str> {
        self.agent_uri.as_deref()
    }

    /// The company as an `IoL` identifier (ONE Record 2020).
    #[must_use]
    pub fn iol_identifier(&self) -> Option<&str> {
        self.iol_identifier.as_deref()
    }

    /// The company's main role (ONE Record 2020).
    #[must_use]
    pub fn role(&self) -> Option<&str> {
        self.role.as_deref()
    }

    /// All roles of the company; the main one alone if the token has no list.
    #[must_use]
    pub fn roles(&self) -> &[String] {
        &self.roles
    }

    /// The proof that the holder owes; `None` for a token that anybody may use who has it.
    #[must_use]
    pub const fn confirmation(&self) -> Option<&Confirmation> {
        self.confirmation.as_ref()
    }

    /// Every claim, as signed.
    #[must_use]
    pub const fn claims(&self) -> &Map<String, Value> {
        &self.claims
    }
}
