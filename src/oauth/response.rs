//! The answer that carries a token (RFC 6749 §5.1).

use std::sync::LazyLock;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, header};
use serde::Serialize;

/// What the answer is longer than token and scope: its names, `Bearer` and a number. Bytes.
const ENVELOPE: usize = 128;

/// As they are sent, with an index large enough for those that others add: to copy the map costs less than to fill a new
/// one.
static HEADERS: LazyLock<HeaderMap> = LazyLock::new(|| {
    let mut headers = HeaderMap::with_capacity(12);
    headers.extend([
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::PRAGMA, HeaderValue::from_static("no-cache")),
    ]);
    headers
});

/// A successful answer of the token endpoint. There is no refresh token: RFC 6749 §4.4.3.
#[derive(Debug)]
pub(super) struct TokenResponse<'a> {
    pub access_token: &'a str,
    /// Seconds.
    pub expires_in: i64,
    /// How it is to be used.
    pub token_type: TokenType,
    /// Always said, so that a client which did not ask knows what it got.
    pub scope: &'a str,
}

/// How a token is used (RFC 6749 §7.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) enum TokenType {
    /// By whoever holds it; also one that is bound to a certificate alone (RFC 8705 §3).
    Bearer,
    /// With a `DPoP` proof (RFC 9449 §5).
    #[serde(rename = "DPoP")]
    Dpop,
    /// Within a signed HTTP request, or under a message signature.
    #[serde(rename = "PoP")]
    Pop,
}

/// What stands beside the token.
#[derive(Serialize)]
struct About<'a> {
    token_type: TokenType,
    expires_in: i64,
    scope: &'a str,
}

impl TokenResponse<'_> {
    fn body(&self) -> Result<Vec<u8>, serde_json::Error> {
        // One buffer for a token of a thousand bytes and more: growing in steps would copy it four times.
        let mut body = Vec::with_capacity(self.access_token.len() + self.scope.len() + ENVELOPE);
        body.extend_from_slice(br#"{"access_token":"#);
        // By far the longest value has nothing to escape (RFC 8259 §7), which is seen for many bytes at once.
        // Without an early end, which would be a question at each of them.
        let escaped = |byte: u8| u8::from(byte < b' ') | u8::from(byte == b'"') | u8::from(byte == b'\\');
        if self.access_token.bytes().fold(0, |any, byte| any | escaped(byte)) == 0 {
            body.push(b'"');
            body.extend_from_slice(self.access_token.as_bytes());
            body.push(b'"');
        } else {
            serde_json::to_writer(&mut body, self.access_token)?;
        }
        body.push(b',');
        let at = body.len();
        let about = About { token_type: self.token_type, expires_in: self.expires_in, scope: self.scope };
        serde_json::to_writer(&mut body, &about)?;
        // Its opening brace is the one at the beginning.
        body.remove(at);
        Ok(body)
    }
}

impl IntoResponse for TokenResponse<'_> {
    fn into_response(self) -> Response {
        // Text and numbers always serialise.
        let mut response = Response::new(Body::from(self.body().unwrap_or_default()));
        response.headers_mut().clone_from(&HEADERS);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_is_json_whatever_the_token_is() {
        for access_token in ["eyJ0eXAi.eyJpc3Mi-_.c2ln", "a\"b\\c\n", ""] {
            let response = TokenResponse {
                access_token,
                expires_in: 3000,
                token_type: TokenType::Pop,
                scope: "events:write",
            };
            let body: serde_json::Value = serde_json::from_slice(&response.body().unwrap()).unwrap();
            let expected = serde_json::json!({
                "access_token": access_token,
                "token_type": "PoP",
                "expires_in": 3000,
                "scope": "events:write",
            });
            assert_eq!(body, expected);
        }
    }
}
