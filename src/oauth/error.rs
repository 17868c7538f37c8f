//! Error answers of the token endpoint (RFC 6749 §5.2).

use std::borrow::Cow;

use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode, header};

/// RFC 9449 §8.
pub(super) const DPOP_NONCE: HeaderName = HeaderName::from_static("dpop-nonce");

/// What went wrong, in the words of RFC 6749 §5.2 and RFC 8707 §2. Status and headers follow from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorCode {
    /// A parameter is missing, repeated, too long or malformed; two authentication methods.
    InvalidRequest,
    /// The same, because of the method: only POST (RFC 6749 §3.2).
    MethodNotAllowed,
    /// The same, because of the size of the body.
    ContentTooLarge,
    /// The same, because of the type of the body.
    UnsupportedMediaType,
    /// The same, because of too many requests that failed before (RFC 6585 §4).
    TooManyRequests,
    /// The client did not authenticate.
    InvalidClient,
    /// The client did not authenticate, and tried to by the `Authorization` header.
    InvalidClientByHeader,
    /// The client may not get what it asked for.
    UnauthorizedClient,
    /// What is to be revoked was given to another client.
    InvalidGrant,
    /// A client's metadata break rules (RFC 7591 §3.2.2).
    InvalidClientMetadata,
    /// The bearer token is missing or not good for this (RFC 6750 §3.1).
    InvalidToken,
    /// The DPoP proof is not good for this (RFC 9449 §5).
    InvalidDpopProof,
    /// A DPoP proof must carry a nonce of this server (RFC 9449 §8).
    UseDpopNonce,
    /// The grant type is not served.
    UnsupportedGrantType,
    /// A scope is unknown, malformed or beyond what the client may have.
    InvalidScope,
    /// A resource is unknown or not for this client (RFC 8707 §2).
    InvalidTarget,
    /// The server cannot answer rightly for the moment.
    TemporarilyUnavailable,
    /// The server failed.
    ServerError,
}

impl ErrorCode {
    /// The value of `error`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest
            | Self::MethodNotAllowed
            | Self::ContentTooLarge
            | Self::UnsupportedMediaType
            | Self::TooManyRequests => "invalid_request",
            Self::InvalidClient | Self::InvalidClientByHeader => "invalid_client",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::InvalidGrant => "invalid_grant",
            Self::InvalidClientMetadata => "invalid_client_metadata",
            Self::InvalidToken => "invalid_token",
            Self::InvalidDpopProof => "invalid_dpop_proof",
            Self::UseDpopNonce => "use_dpop_nonce",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidTarget => "invalid_target",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::ServerError => "server_error",
        }
    }

    /// The HTTP status.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        match self {
            Self::InvalidRequest
            | Self::UnauthorizedClient
            | Self::InvalidGrant
            | Self::InvalidClientMetadata
            | Self::InvalidDpopProof
            | Self::UseDpopNonce
            | Self::UnsupportedGrantType
            | Self::InvalidScope
            | Self::InvalidTarget => StatusCode::BAD_REQUEST,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::ContentTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
            Self::InvalidClient | Self::InvalidClientByHeader | Self::InvalidToken => {
                StatusCode::UNAUTHORIZED
            }
            Self::TemporarilyUnavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::ServerError => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// An error answer, with the reason that only the log gets to see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OAuthError {
    code: ErrorCode,
    description: Cow<'static, str>,
    reason: &'static str,
    retry_after: Option<i64>,
    nonce: Option<String>,
}

impl OAuthError {
    /// An error with the words for the client's developer and a reason code for the log.
    pub fn new(code: ErrorCode, reason: &'static str, description: impl Into<Cow<'static, str>>) -> Self {
        Self { code, description: description.into(), reason, retry_after: None, nonce: None }
    }

    /// Tells the client to come back after so many seconds.
    #[must_use]
    pub fn retry_after(self, seconds: i64) -> Self {
        Self { retry_after: Some(seconds.max(1)), ..self }
    }

    /// Hands the client the nonce that its next DPoP proof must carry.
    #[must_use]
    pub(super) fn with_nonce(self, nonce: String) -> Self {
        Self { nonce: Some(nonce), ..self }
    }

    /// What went wrong.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        self.code
    }

    /// The reason code for the log.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        self.reason
    }

    /// The words for the client's developer.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }

    /// The same error, told to a client that used the `Authorization` header: such a 401 carries a challenge
    /// (RFC 6749 §5.2).
    #[must_use]
    pub fn by_header(self) -> Self {
        match self.code {
            ErrorCode::InvalidClient => Self { code: ErrorCode::InvalidClientByHeader, ..self },
            _ => self,
        }
    }
}

impl IntoResponse for OAuthError {
    fn into_response(self) -> Response {
        let description: String = self.description.chars().map(printable).collect();
        let body = serde_json::json!({ "error": self.code.as_str(), "error_description": description });
        let mut response = (
            self.code.status(),
            [
                (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
                (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
                (header::PRAGMA, HeaderValue::from_static("no-cache")),
            ],
            body.to_string(),
        )
            .into_response();
        let headers = response.headers_mut();
        match self.code {
            ErrorCode::InvalidClientByHeader => {
                let challenge = HeaderValue::from_static("Basic realm=\"token endpoint\", charset=\"UTF-8\"");
                headers.insert(header::WWW_AUTHENTICATE, challenge);
            }
            ErrorCode::InvalidToken => {
                let challenge =
                    HeaderValue::from_static("Bearer realm=\"registration\", error=\"invalid_token\"");
                headers.insert(header::WWW_AUTHENTICATE, challenge);
            }
            ErrorCode::MethodNotAllowed => {
                headers.insert(header::ALLOW, HeaderValue::from_static("POST"));
            }
            // The rest of the body is not read: the connection cannot be used again.
            ErrorCode::ContentTooLarge => {
                headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            _ => {}
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(nonce) = self.nonce.and_then(|nonce| HeaderValue::try_from(nonce).ok()) {
            headers.insert(DPOP_NONCE, nonce);
        }
        response
    }
}

/// The characters that RFC 6749 §5.2 allows in a description; others become a blank.
fn printable(character: char) -> char {
    match character {
        '"' => '\'',
        ' '..='!' | '#'..='[' | ']'..='~' => character,
        _ => ' ',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_client_that_used_the_header_is_challenged() {
        let error = OAuthError::new(ErrorCode::InvalidClient, "wrong_secret", "no");
        let plain = error.clone().into_response();
        assert_eq!(plain.status(), StatusCode::UNAUTHORIZED);
        assert!(plain.headers().get(header::WWW_AUTHENTICATE).is_none());
        let challenged = error.by_header().into_response();
        assert_eq!(challenged.status(), StatusCode::UNAUTHORIZED);
        assert!(challenged.headers()[header::WWW_AUTHENTICATE].to_str().unwrap().starts_with("Basic realm="));
        let other = OAuthError::new(ErrorCode::InvalidScope, "scope", "no").by_header();
        assert_eq!(other.code(), ErrorCode::InvalidScope);
    }

    #[test]
    fn no_answer_may_be_stored() {
        for code in [ErrorCode::InvalidRequest, ErrorCode::InvalidClient, ErrorCode::ServerError] {
            let response = OAuthError::new(code, "", "").into_response();
            assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
            assert_eq!(response.headers()[header::PRAGMA], "no-cache");
        }
    }

    #[test]
    fn a_description_stays_within_the_characters_of_the_rfc() {
        let text: String = "a\"b\\c\nd\u{e9}~!".chars().map(printable).collect();
        assert_eq!(text, "a'b c d ~!");
    }
}
