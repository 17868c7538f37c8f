//! `POST /register` and the address of each registration (RFC 7591, RFC 7592): it renders
//! [`crate::operations::registration`] and decides nothing.

mod answer;
mod request;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State as Extract};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::{HeaderMap, Request, StatusCode};

use self::answer::{no_store, registered};
use self::request::{Metadata, bearer, metadata};
use super::authenticated_form::{unavailable, wrong_method};
use super::state::State;
use super::token::log;
use super::{ErrorCode, OAuthError};
use crate::operations::{Refusal, registration};
use crate::registry::OpaqueKind;

pub(super) fn router() -> Router<State> {
    Router::new()
        .route("/register", post(register).fallback(wrong_method))
        .route("/register/{client_id}", get(read).put(replace).delete(delete))
}

/// `POST /register`
async fn register(Extract(state): Extract<State>, request: Request<Body>) -> Response {
    let answer = async {
        let Metadata { bearer, members } = metadata(request, OpaqueKind::InitialAccess).await?;
        let made = registration::register(state.operations(), &bearer, &members).await.map_err(refused)?;
        let made = made.ok_or_else(invalid_token)?;
        tracing::info!(client_id = made.client.id, "a client has registered itself");
        Ok(registered(StatusCode::CREATED, &state, made, None))
    };
    respond(answer.await)
}

/// `GET /register/{client_id}`
async fn read(Extract(state): Extract<State>, Path(client_id): Path<String>, headers: HeaderMap) -> Response {
    let answer = async {
        let bearer = bearer(&headers)?;
        let found = registration::read(state.operations(), &client_id, bearer).await.map_err(refused)?;
        let found = found.ok_or_else(invalid_token)?;
        Ok(registered(StatusCode::OK, &state, found, Some(bearer)))
    };
    respond(answer.await)
}

/// `PUT /register/{client_id}`
async fn replace(
    Extract(state): Extract<State>,
    Path(client_id): Path<String>,
    request: Request<Body>,
) -> Response {
    let answer = async {
        let Metadata { bearer, members } = metadata(request, OpaqueKind::Registration).await?;
        let replaced = registration::replace(state.operations(), &client_id, &bearer, &members).await;
        let replaced = replaced.map_err(refused)?.ok_or_else(invalid_token)?;
        tracing::info!(client_id, "a client has replaced its registration");
        Ok(registered(StatusCode::OK, &state, replaced, None))
    };
    respond(answer.await)
}

/// `DELETE /register/{client_id}`
async fn delete(
    Extract(state): Extract<State>,
    Path(client_id): Path<String>,
    headers: HeaderMap,
) -> Response {
    let answer = async {
        let bearer = bearer(&headers)?;
        let ended = registration::delete(state.operations(), &client_id, bearer).await.map_err(refused)?;
        ended.ok_or_else(invalid_token)?;
        tracing::info!(client_id, "a client has ended its registration");
        Ok(no_store(StatusCode::NO_CONTENT.into_response()))
    };
    respond(answer.await)
}

fn respond(answer: Result<Response, OAuthError>) -> Response {
    answer.unwrap_or_else(|error| {
        log("register", &error, "");
        error.into_response()
    })
}

/// One answer for every token that is not good, so that nobody learns which clients there are.
fn invalid_token() -> OAuthError {
    OAuthError::new(
        ErrorCode::InvalidToken,
        "registration_token",
        "the token is not good for this: it is unknown, used up, replaced, revoked or expired, or what it stands for \
         is disabled",
    )
}

fn refused(refusal: Refusal) -> OAuthError {
    match refusal {
        Refusal::Internal(_) => unavailable(&refusal),
        // Members are called otherwise here than by administrators.
        other => {
            OAuthError::new(ErrorCode::InvalidClientMetadata, "client_metadata", answer::in_words(&other))
        }
    }
}
