//! What introspection and revocation share: a form with a token, from a client that authenticates as it does at the
//! token endpoint.

use std::sync::Arc;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::Request;

use super::client_authentication::{Presented, authenticate};
use super::form::TokenRequest;
use super::state::State;
use super::token::{read, stale};
use super::{ErrorCode, OAuthError};
use crate::http::ClientAddress;
use crate::operations::Refusal;
use crate::registry::{ClientEntry, Image};

/// What an authenticated client sent.
#[derive(Debug)]
pub(super) struct AuthenticatedForm {
    /// The registry at that moment.
    pub image: Arc<Image>,
    /// Who sent it.
    pub sender: ClientEntry,
    /// The token that it is about.
    pub token: String,
}

impl AuthenticatedForm {
    /// Reads, parses and authenticates. `claimed` is set to who the request says it is from if it is refused later,
    /// for the log.
    pub async fn receive(
        state: &State,
        request: Request<Body>,
        claimed: &mut String,
    ) -> Result<Self, OAuthError> {
        let from = request.extensions().get::<ClientAddress>().copied();
        let (headers, body) = read(request).await?;
        let form = TokenRequest::parse(&body)?;
        let presented =
            Presented::find(&headers, &form, state.config().tokens().tolerate_duplicate_credentials)?;
        let received = Self::authenticate(state, &form, &presented, from).await;
        if received.is_err() {
            *claimed = presented.claimed_client_id().into_owned();
        }
        received
    }

    async fn authenticate(
        state: &State,
        form: &TokenRequest<'_>,
        presented: &Presented<'_>,
        from: Option<ClientAddress>,
    ) -> Result<Self, OAuthError> {
        // Before authentication: an assertion is not used up for a request that nobody could answer.
        let Some(token) = form.token.as_deref() else {
            return Err(OAuthError::new(ErrorCode::InvalidRequest, "missing_token", "token is missing"));
        };
        let image = state.registry().current().map_err(stale)?;
        let sender = authenticate(state, &image, presented, from).await?.entry;
        Ok(Self { image, sender, token: token.to_owned() })
    }
}

/// Any other method than POST: a token in a URL ends up in logs (RFC 7662 §4, RFC 7009 §2.1).
pub(super) async fn wrong_method() -> Response {
    OAuthError::new(ErrorCode::MethodNotAllowed, "method", "this endpoint takes POST only").into_response()
}

/// The database did not do its part.
pub(super) fn unavailable(refusal: &Refusal) -> OAuthError {
    tracing::error!(error = %refusal, "the database could not be asked");
    OAuthError::new(
        ErrorCode::TemporarilyUnavailable,
        "database",
        "the server cannot answer for the moment; try again",
    )
    .retry_after(2)
}
