use axum::body::{Body, to_bytes};
use carnet_token::json;
use http::{HeaderMap, Request, header};
use http_body_util::LengthLimitError;
use serde_json::{Map, Value};

use super::invalid_token;
use crate::oauth::{ErrorCode, OAuthError};
use crate::registry::OpaqueKind;

/// The largest body, bytes: twenty large keys with their proofs fit.
const MAX_BODY: usize = 64 * 1024;

/// A request with metadata, not looked into.
pub(super) struct Metadata {
    pub bearer: String,
    pub members: Map<String, Value>,
}

/// Reads a request with metadata: the token first, so that nobody without anything like one makes the server read.
pub(super) async fn metadata(request: Request<Body>, kind: OpaqueKind) -> Result<Metadata, OAuthError> {
    let (parts, body) = request.into_parts();
    let bearer = bearer(&parts.headers)?.to_owned();
    if kind.digest_of(&bearer).is_none() {
        return Err(invalid_token());
    }
    check_media_type(&parts.headers)?;
    let announced = parts.headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    if announced.and_then(|length| length.parse::<u64>().ok()).is_some_and(|length| length > MAX_BODY as u64)
    {
        return Err(too_large());
    }
    let bytes = to_bytes(body, MAX_BODY).await.map_err(|error| {
        let limited =
            std::error::Error::source(&error).is_some_and(<dyn std::error::Error>::is::<LengthLimitError>);
        let unread = "the body could not be read";
        if limited { too_large() } else { OAuthError::new(ErrorCode::InvalidRequest, "body", unread) }
    })?;
    // A member that stands twice would be read otherwise by somebody else.
    let members = json::parse_object(&bytes).map_err(|_| {
        OAuthError::new(
            ErrorCode::InvalidClientMetadata,
            "json",
            "the body must be one JSON object, in which no member stands twice",
        )
    })?;
    Ok(Metadata { bearer, members })
}

/// The token of the one `Authorization` header (RFC 6750 §2.1); in no other place is it looked for.
pub(super) fn bearer(headers: &HeaderMap) -> Result<&str, OAuthError> {
    let missing = || {
        OAuthError::new(
            ErrorCode::InvalidToken,
            "no_token",
            "send exactly one Authorization header: Bearer, and the registration's token",
        )
    };
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return Err(missing()) };
    let text = value.to_str().map_err(|_| missing())?;
    let (scheme, token) = text.split_once(' ').ok_or_else(missing)?;
    if scheme.eq_ignore_ascii_case("bearer") { Ok(token) } else { Err(missing()) }
}

fn check_media_type(headers: &HeaderMap) -> Result<(), OAuthError> {
    let mut values = headers.get_all(header::CONTENT_TYPE).iter();
    let essence = match (values.next(), values.next()) {
        (Some(value), None) => {
            value.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim()
        }
        _ => "",
    };
    if essence.eq_ignore_ascii_case("application/json") && !headers.contains_key(header::CONTENT_ENCODING) {
        return Ok(());
    }
    Err(OAuthError::new(
        ErrorCode::UnsupportedMediaType,
        "content_type",
        "the body must be application/json, without content coding",
    ))
}

fn too_large() -> OAuthError {
    OAuthError::new(
        ErrorCode::ContentTooLarge,
        "content_length",
        format!("the body is larger than {MAX_BODY} bytes"),
    )
}
