//! The token endpoint (RFC 6749 §3.2): the steps that every grant shares, in their order.

use axum::body::{Body, to_bytes};
use axum::extract::State as Extract;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, header};
use http_body_util::LengthLimitError;
use tracing::Instrument as _;

use super::audience::Audience;
use super::authorization::Authorization;
use super::client_authentication::{Authenticated, Presented, authenticate};
use super::error::DPOP_NONCE;
use super::form::{self, TokenRequest};
use super::proof::Arrival;
use super::response::{TokenResponse, TokenType};
use super::scope::{self, Kind};
use super::state::State;
use super::{ErrorCode, OAuthError, client_credentials, mint, proof};
use crate::http::ClientAddress;
use crate::registry::{ClientEntry, ClientKind, Image, Stale, administration_token};
use crate::telemetry::traces::span;

/// `POST /token`
pub(super) async fn post(Extract(state): Extract<State>, request: Request<Body>) -> Response {
    let mut claimed = String::new();
    match answer(&state, request, &mut claimed).await {
        Ok(response) => response,
        Err(error) => {
            log("token", &error, &claimed);
            state.metrics().token_refused(error.code().as_str(), error.reason());
            error.into_response()
        }
    }
}

/// Any other method (RFC 6749 §3.2: only POST).
pub(super) async fn wrong_method(Extract(state): Extract<State>) -> Response {
    let error = OAuthError::new(ErrorCode::MethodNotAllowed, "method", "the token endpoint takes POST only");
    state.metrics().token_refused(error.code().as_str(), error.reason());
    error.into_response()
}

/// Reads and parses the request. `claimed` is set to who it says it is from if it is refused later, for the log.
async fn answer(state: &State, request: Request<Body>, claimed: &mut String) -> Result<Response, OAuthError> {
    let from = request.extensions().get::<ClientAddress>().copied();
    let path = request.uri().path().to_owned();
    let (headers, body) = read(request).await?;
    // Parse once.
    let request = TokenRequest::parse(&body)?;
    let Some(grant_type) = request.grant_type.as_deref() else {
        return Err(invalid_request("missing_grant_type", "grant_type is missing"));
    };
    let arrival = Arrival { path, headers };
    let presented =
        Presented::find(&arrival.headers, &request, state.config().tokens().tolerate_duplicate_credentials)?;
    let answered = steps(state, &request, grant_type, &presented, from, &arrival).await;
    if answered.is_err() {
        *claimed = presented.claimed_client_id().into_owned();
    }
    answered
}

/// Authenticate the client, then what its scope asks for.
async fn steps(
    state: &State,
    request: &TokenRequest<'_>,
    grant_type: &str,
    presented: &Presented<'_>,
    from: Option<ClientAddress>,
    arrival: &Arrival,
) -> Result<Response, OAuthError> {
    // Before authentication: an assertion is not used up for what no client can have.
    if grant_type != client_credentials::GRANT_TYPE {
        return Err(OAuthError::new(
            ErrorCode::UnsupportedGrantType,
            "grant_type",
            "grant_type must be client_credentials",
        ));
    }
    // Authenticate the client, from an image that may be answered from.
    let image = state.registry().current().map_err(stale)?;
    let span = span!("authenticate client", carnet.method = presented.method());
    let Authenticated { entry, signed_with } =
        authenticate(state, &image, presented, from).instrument(span).await?;
    let kind = scope::kind_of(request.scope.as_deref(), entry.client())?;
    let mut response = match kind {
        Kind::Access => access_token(state, &image, &entry, signed_with.as_deref(), request, arrival).await?,
        Kind::Administration => administration(state, &entry, request).await?,
    };
    // RFC 9449 §8.2: the next one, before the client needs it.
    if state.config().tokens().require_dpop_nonces
        && arrival.headers.contains_key("dpop")
        && let Ok(nonce) = HeaderValue::try_from(state.nonces().current(state.clock().now()))
    {
        response.headers_mut().insert(DPOP_NONCE, nonce);
    }
    Ok(response)
}

/// Reads the body, if it can be a form at all.
pub(super) async fn read(request: Request<Body>) -> Result<(HeaderMap, Bytes), OAuthError> {
    let (parts, body) = request.into_parts();
    // What stands in a URL ends up in logs of proxies and browsers (RFC 6749 §2.3.1).
    if parts.uri.query().is_some_and(|query| !query.is_empty()) {
        return Err(invalid_request("query", "parameters belong into the body, not into the URL"));
    }
    form::check_content_type(&parts.headers)?;
    let too_large = || {
        OAuthError::new(
            ErrorCode::ContentTooLarge,
            "content_length",
            format!("the body is larger than {} bytes", form::MAX_BODY),
        )
    };
    // Before the body is read: who says that it is too large need not send it.
    let announced = parts.headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    if announced
        .and_then(|length| length.parse::<u64>().ok())
        .is_some_and(|length| length > form::MAX_BODY as u64)
    {
        return Err(too_large());
    }
    let body = to_bytes(body, form::MAX_BODY).await.map_err(|error| {
        let limited =
            std::error::Error::source(&error).is_some_and(<dyn std::error::Error>::is::<LengthLimitError>);
        if limited { too_large() } else { invalid_request("body", "the body could not be read") }
    })?;
    Ok((parts.headers, body))
}

/// Bind → audience and scope → grant → use the proof up → mint → respond.
async fn access_token(
    state: &State,
    image: &Image,
    entry: &ClientEntry,
    signed_with: Option<&str>,
    request: &TokenRequest<'_>,
    arrival: &Arrival,
) -> Result<Response, OAuthError> {
    let client = entry.client();
    if client.kind == ClientKind::Administrator {
        return Err(OAuthError::new(
            ErrorCode::UnauthorizedClient,
            "administrator",
            "an administrator gets administration tokens only",
        ));
    }
    let binding = proof::bind(state, entry, signed_with, request, arrival)?;
    let confirmation = binding.confirmation.as_ref();
    let network_audience = state.config().tokens().network_audience.as_deref();
    let audience = Audience::choose(image, client, &request.resource, network_audience, confirmation)?;
    let authorization = grant(entry, request, &scope::allowed(client, &audience))?;
    binding.consume(state, &client.id).await?;
    let minted = mint::mint(state, entry, &audience, &authorization, confirmation)?;
    // Asked again: what took long in between must not hide that the image has gone stale.
    state.registry().current().map_err(stale)?;
    state.metrics().token_issued(minted.algorithm, "access");
    Ok(TokenResponse {
        access_token: &minted.token,
        expires_in: minted.expires_in,
        token_type: binding.token_type,
        scope: &authorization.scope,
    }
    .into_response())
}

/// The same for administrators: an opaque token, for this server alone.
async fn administration(
    state: &State,
    entry: &ClientEntry,
    request: &TokenRequest<'_>,
) -> Result<Response, OAuthError> {
    let client = entry.client();
    let allowed = match client.kind {
        ClientKind::Administrator => scope::administrative(client, request.scope.as_deref()),
        // Whatever a machine may be registered for, it never administers.
        ClientKind::Machine => Vec::new(),
    };
    if !request.resource.is_empty() {
        return Err(OAuthError::new(
            ErrorCode::InvalidTarget,
            "administrative_resource",
            "an administration token is for this server alone; leave resource out",
        ));
    }
    let authorization = grant(entry, request, &allowed)?;
    let lifetime = client.access_token_lifetime.unwrap_or(administration_token::MAX_LIFETIME);
    let token = administration_token::issue(
        state.database(),
        state.clock(),
        state.entropy(),
        &client.id,
        &authorization.scope,
        lifetime,
    )
    .instrument(span!("database", carnet.statement = "keep_administration_token"))
    .await
    .map_err(|error| {
        state.metrics().database_error("token_endpoint");
        tracing::error!(%error, "cannot keep an administration token");
        OAuthError::new(
            ErrorCode::TemporarilyUnavailable,
            "database",
            "the token cannot be made for the moment",
        )
        .retry_after(2)
    })?;
    state.registry().current().map_err(stale)?;
    state.metrics().token_issued("opaque", "administration");
    tracing::info!(
        client_id = client.id,
        scope = authorization.scope,
        expires_in = token.expires_in,
        "administration token issued"
    );
    Ok(TokenResponse {
        access_token: token.expose(),
        expires_in: token.expires_in,
        token_type: TokenType::Bearer,
        scope: &authorization.scope,
    }
    .into_response())
}

/// The place where grants differ; there is one so far.
fn grant(
    entry: &ClientEntry,
    request: &TokenRequest<'_>,
    allowed: &[&str],
) -> Result<Authorization, OAuthError> {
    client_credentials::authorize(&entry.client().id, request.scope.as_deref(), allowed)
}

/// No stale answer (identity-provider: a node whose image is stale refuses).
pub(super) fn stale(reason: Stale) -> OAuthError {
    let code = match reason {
        Stale::Clock => "clock",
        _ => "stale_image",
    };
    OAuthError::new(
        ErrorCode::TemporarilyUnavailable,
        code,
        "the server cannot see its registry for the moment; try again",
    )
    .retry_after(2)
}

fn invalid_request(reason: &'static str, description: &'static str) -> OAuthError {
    OAuthError::new(ErrorCode::InvalidRequest, reason, description)
}

/// One line per refusal: why, and who the request said it was from. Never a credential.
pub(super) fn log(endpoint: &'static str, error: &OAuthError, claimed: &str) {
    // Anybody can write anything there, also a secret in the wrong field: only what can be an id is logged.
    let is_id = claimed.len() <= 32 && claimed.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let client_id = if is_id { claimed } else { "(not an id)" };
    let (reason, status) = (error.reason(), error.code().status().as_u16());
    match error.code() {
        ErrorCode::ServerError | ErrorCode::TemporarilyUnavailable => {
            let error = error.code().as_str();
            tracing::error!(client_id, reason, status, error, endpoint, "request failed");
        }
        // That it began was said once, and a flood must not fill the log.
        ErrorCode::TooManyRequests => {
            tracing::debug!(
                client_id,
                reason,
                status,
                error = error.code().as_str(),
                "token request throttled"
            );
        }
        _ => {
            let error = error.code().as_str();
            tracing::warn!(client_id, reason, status, error, endpoint, "request refused");
        }
    }
}
