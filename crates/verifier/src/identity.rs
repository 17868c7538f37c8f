//! Who is asking, once it has been proven.

use carnet_token::AccessToken;

use crate::{Challenge, Proof, Reason, Refusal, Scheme};

/// Who is asking. Only [`Verifier`](crate::Verifier) makes one, from an accepted access token.
///
/// A caller is known by the pair (`issuer`, `subject`), never by the subject alone: two IAPs may name two
/// machines alike.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Identity {
    /// `iss`, exactly as configured.
    pub issuer: String,
    /// `sub`; absent only with [`TokenProfile::OneRecord2x`](crate::TokenProfile).
    pub subject: Option<String>,
    /// `client_id`; absent only with [`TokenProfile::OneRecord2x`](crate::TokenProfile).
    pub client_id: Option<String>,
    /// The company as the 2020 specification names it (ONE Record ID).
    pub iol_identifier: Option<String>,
    /// The company as the 2.x specification names it (`logistics_agent_uri`).
    pub agent_uri: Option<String>,
    /// The company's roles, for instance `SHP`.
    pub roles: Vec<String>,
    /// The scopes granted.
    pub scopes: Vec<String>,
    /// How the sender proved that the token is its own.
    pub proof: Proof,
    /// The token's other claims.
    pub token: AccessToken,
    scheme: Scheme,
}

impl Identity {
    pub(crate) fn new(token: AccessToken, proof: Proof, scheme: Scheme) -> Self {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Self {
            issuer: token.issuer().to_owned(),
            subject: owned(token.subject()),
            client_id: owned(token.client_id()),
            iol_identifier: owned(token.iol_identifier()),
            agent_uri: owned(token.agent_uri()),
            roles: token.roles().to_vec(),
            scopes: token.scopes().map(str::to_owned).collect(),
            proof,
            scheme,
            token,
        }
    }

    /// Whether the token carries `scope`.
    #[must_use]
    pub fn has_scope(&self, scope: &str) -> bool {
        self.scopes.iter().any(|held| held == scope)
    }

    /// Ask for a scope.
    ///
    /// # Errors
    /// A 403 with `error="insufficient_scope"` that names the scope (RFC 6750 §3.1).
    pub fn require_scope(&self, scope: &str) -> Result<(), Challenge> {
        if self.has_scope(scope) {
            return Ok(());
        }
        Err(Challenge::of(Reason::InsufficientScope).under(Some(self.scheme)).with_scope(scope))
    }

    /// The company identifier, where a service serves companies only.
    ///
    /// # Errors
    /// A 401 with `error="invalid_token"` when the token names no company.
    pub fn require_company(&self) -> Result<&str, Challenge> {
        self.iol_identifier
            .as_deref()
            .ok_or_else(|| Challenge::of(Reason::Token(Refusal::AtClaims)).under(Some(self.scheme)))
    }
}
