//! The answer that carries a token (RFC 6749 §5.1).

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};
use serde::Serialize;

/// A successful answer of the token endpoint. There is no refresh token: RFC 6749 §4.4.3.
#[derive(Debug, Serialize)]
pub(super) struct TokenResponse<'a> {
    pub access_token: &'a str,
    pub token_type: &'static str,
    /// Seconds.
    pub expires_in: i64,
    /// Always said, so that a client which did not ask knows what it got.
    pub scope: &'a str,
}

impl IntoResponse for TokenResponse<'_> {
    fn into_response(self) -> Response {
        // Text and numbers always serialise.
        let body = serde_json::to_vec(&self).unwrap_or_default();
        (
            [
                (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
                (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
                (header::PRAGMA, HeaderValue::from_static("no-cache")),
            ],
            body,
        )
            .into_response()
    }
}
