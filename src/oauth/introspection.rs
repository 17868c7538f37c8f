//! `POST /introspect` (RFC 7662): a resource server asks about a token that was shown to it.
//!
//! Whoever asks learns of the tokens that are for their servers, and of nothing else: every other token, from a stranger's
//! to one of this IAP for somebody else, is answered alike. Revocations are read from the database, so that they hold on
//! every node at once.

use axum::body::Body;
use axum::extract::State as Extract;
use axum::response::{IntoResponse, Response};
use carnet_token::{AccessToken, Confirmation};
use http::{HeaderValue, Request, header};
use serde_json::{Value, json};

use super::authenticated_form::{AuthenticatedForm, unavailable};
use super::own_token::{self, OwnToken};
use super::state::State;
use super::token::{log, stale};
use super::{ErrorCode, OAuthError};
use crate::db;
use crate::db::negative_decision::TokenMarks;

/// `POST /introspect`
pub(super) async fn post(Extract(state): Extract<State>, request: Request<Body>) -> Response {
    let mut claimed = String::new();
    match answer(&state, request, &mut claimed).await {
        Ok(body) => respond(&body),
        Err(error) => {
            log("introspect", &error, &claimed);
            error.into_response()
        }
    }
}

async fn answer(state: &State, request: Request<Body>, claimed: &mut String) -> Result<Value, OAuthError> {
    let form = AuthenticatedForm::receive(state, request, claimed).await?;
    let servers = form.image.introspected_by(form.sender.client());
    if servers.is_empty() {
        form.sender.client().id.clone_into(claimed);
        return Err(OAuthError::new(
            ErrorCode::UnauthorizedClient,
            "no_resource_server",
            "the client speaks for no resource server; an administrator registers which (introspects)",
        ));
    }
    let audiences: Vec<String> = servers.iter().map(|server| server.identifier.clone()).collect();
    let Ok(own) = own_token::verify(state, &form.token, Some(&audiences)) else { return Ok(inactive()) };
    let client_id = own.token.client_id().unwrap_or_default();
    if !form.image.client(client_id).is_some_and(|entry| entry.is_active()) {
        return Ok(inactive());
    }
    let revoked = is_revoked(state, &own).await?;
    // Asked again: what took long in between must not hide that the image has gone stale.
    state.registry().current().map_err(stale)?;
    Ok(if revoked { inactive() } else { active(&own.token) })
}

async fn is_revoked(state: &State, own: &OwnToken) -> Result<bool, OAuthError> {
    let token = &own.token;
    let confirmation = token.confirmation();
    let jkt = confirmation.and_then(|cnf| cnf.key_ref()?.jkt()).map(|jkt| jkt.to_string());
    let certificate = confirmation.and_then(Confirmation::certificate_thumbprint).map(|x5t| x5t.to_string());
    let marks = TokenMarks {
        jti: token.jti().unwrap_or_default(),
        client_id: token.client_id().unwrap_or_default(),
        agent_uri: token.agent_uri().unwrap_or_default(),
        iol_identifier: token.iol_identifier().unwrap_or_default(),
        kid: &own.kid,
        jkt: jkt.as_deref().unwrap_or_default(),
        certificate: certificate.as_deref().unwrap_or_default(),
        iat: token.issued_at().unwrap_or(i64::MIN),
    };
    let pool = state.database().reader().pool();
    db::negative_decision::stands_against(pool, &marks).await.map_err(|error| unavailable(&error.into()))
}

/// The whole answer about every token that is none of the sender's business, or good for nothing.
fn inactive() -> Value {
    json!({ "active": false })
}

/// What the token says: all of it was signed here, for the one who asks.
fn active(token: &AccessToken) -> Value {
    let mut answer = token.claims().clone();
    answer.insert("active".to_owned(), Value::Bool(true));
    // A token that is bound is none to whoever bears it; `cnf` says what has to be shown.
    if token.confirmation().is_none() {
        answer.insert("token_type".to_owned(), "Bearer".into());
    }
    Value::Object(answer)
}

fn respond(body: &Value) -> Response {
    (
        [
            (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
            (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
            (header::PRAGMA, HeaderValue::from_static("no-cache")),
        ],
        body.to_string(),
    )
        .into_response()
}
