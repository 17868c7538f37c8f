//! The answer that carries a token (RFC 6749 §5.1).

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};
use serde::Serialize;

/// What the answer is longer than token and scope: its names, `Bearer` and a number. Bytes.
const ENVELOPE: usize = 128;

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
        // One buffer for a token of a thousand bytes and more: growing in steps would copy it four times.
        let mut body = Vec::with_capacity(self.access_token.len() + self.scope.len() + ENVELOPE);
        // Text and numbers always serialise.
        if serde_json::to_writer(&mut body, &self).is_err() {
            body.clear();
        }
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
