//! The one place that writes an access token (RFC 9068, with the claims of ONE Record).

use carnet_token::{AccessTokenClaims, Confirmation, access_token};

use super::audience::Audience;
use super::authorization::Authorization;
use super::state::State;
use super::{ErrorCode, OAuthError};
use crate::registry::ClientEntry;
use crate::telemetry::traces::span;

/// Seconds by which `nbf` lies before `iat`, for resource servers whose clocks lag.
const NOT_BEFORE_MARGIN: i64 = 5;

/// A signed access token.
#[derive(Debug)]
pub(super) struct Minted {
    pub token: String,
    /// How it is signed.
    pub algorithm: &'static str,
    /// Seconds.
    pub expires_in: i64,
}

/// Signs an access token for a client.
pub(super) fn mint(
    state: &State,
    entry: &ClientEntry,
    audience: &Audience,
    authorization: &Authorization,
    confirmation: Option<&Confirmation>,
) -> Result<Minted, OAuthError> {
    let failed = |reason| OAuthError::new(ErrorCode::ServerError, reason, "the token could not be signed");
    let (Some(participant), Some(iol_identifier)) = (entry.participant(), entry.iol_identifier()) else {
        return Err(OAuthError::new(
            ErrorCode::UnauthorizedClient,
            "no_identifier",
            "the client has no approved ONE Record ID to put into a token",
        ));
    };
    let algorithm = audience.algorithm(entry.client());
    let keys = state.keys().current();
    let key = keys.access_token_key(algorithm).ok_or_else(|| failed("no_signing_key"))?;
    let tokens = state.config().tokens();
    let expires_in =
        entry.client().access_token_lifetime.unwrap_or(tokens.lifetime).clamp(1, tokens.max_lifetime);
    let iat = state.clock().now();
    let jti = state.entropy().uuid();
    let aud = audience.names();
    let roles: Vec<&str> = participant.roles.iter().map(crate::registry::Role::as_str).collect();
    let claims = AccessTokenClaims {
        iss: state.config().issuer(),
        sub: &authorization.subject,
        client_id: &entry.client().id,
        aud: &aud,
        exp: iat + expires_in,
        iat,
        nbf: iat - NOT_BEFORE_MARGIN,
        jti: &jti,
        scope: Some(&authorization.scope),
        cnf: confirmation,
        logistics_agent_uri: Some(&participant.logistics_agent_uri),
        iol_identifier: Some(iol_identifier),
        role: roles.first().copied(),
        roles: &roles,
        names: &tokens.claim_names,
    };
    let signing = span!("sign", carnet.alg = algorithm.as_str()).entered();
    let token = access_token::mint(&claims, audience.typ(), key).map_err(|error| {
        tracing::error!(%error, kid = key.kid(), "signing failed");
        failed("signing")
    })?;
    drop(signing);
    tracing::info!(
        jti,
        client_id = entry.client().id,
        kid = key.kid(),
        alg = algorithm.as_str(),
        audience = ?aud,
        scope = authorization.scope,
        expires_in,
        "access token issued"
    );
    Ok(Minted { token, algorithm: algorithm.as_str(), expires_in })
}
