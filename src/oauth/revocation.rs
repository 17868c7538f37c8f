//! `POST /revoke` (RFC 7009): a client takes back a token that it got.

use axum::body::Body;
use axum::extract::State as Extract;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, Request, header};

use super::authenticated_form::{AuthenticatedForm, unavailable};
use super::own_token;
use super::state::State;
use super::token::log;
use super::{ErrorCode, OAuthError};
use crate::operations::{self, Refusal};
use crate::registry::ClientKind;

/// `POST /revoke`
pub(super) async fn post(Extract(state): Extract<State>, request: Request<Body>) -> Response {
    let mut claimed = String::new();
    match answer(&state, request, &mut claimed).await {
        // The status says it all (RFC 7009 §2.2).
        Ok(()) => [
            (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
            (header::PRAGMA, HeaderValue::from_static("no-cache")),
        ]
        .into_response(),
        Err(error) => {
            log("revoke", &error, &claimed);
            error.into_response()
        }
    }
}

async fn answer(state: &State, request: Request<Body>, claimed: &mut String) -> Result<(), OAuthError> {
    let form = AuthenticatedForm::receive(state, request, claimed).await?;
    let sender = form.sender.client();
    if sender.kind == ClientKind::Administrator {
        let ended =
            operations::token::revoke_administration(state.operations(), &sender.id, &form.token).await;
        return ended.map_err(refused);
    }
    // What is no token of this server, or no longer one, is as good as revoked (RFC 7009 §2.2). Whoever could see a
    // difference could try out signatures.
    let Ok(own) = own_token::verify(state, &form.token, None) else { return Ok(()) };
    let (Some(jti), Some(client_id)) = (own.token.jti(), own.token.client_id()) else { return Ok(()) };
    if client_id != sender.id {
        sender.id.clone_into(claimed);
        // RFC 7009 §2.1: the sender must not believe that the token is dead. They hold it and can read in it whose it
        // is, so that this tells them nothing.
        return Err(OAuthError::new(
            ErrorCode::InvalidGrant,
            "foreign_token",
            "the token was issued to another client, which alone can revoke it",
        ));
    }
    let token = operations::token::OwnToken { jti, client_id, expires_at: own.token.expires_at() };
    operations::token::revoke_own(state.operations(), &token).await.map_err(refused)?;
    tracing::info!(jti, client_id, "access token revoked");
    Ok(())
}

fn refused(refusal: Refusal) -> OAuthError {
    match refusal {
        // RFC 7009 §2.2.1: with 503 the client knows that the token still lives.
        Refusal::Conflict { .. } => {
            OAuthError::new(ErrorCode::TemporarilyUnavailable, "too_many_revoked", refusal.to_string())
                .retry_after(60)
        }
        other => unavailable(&other),
    }
}
