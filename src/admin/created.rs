use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;

use super::json_body::json_response;

/// 201, and where the new thing is from now on.
pub(super) fn created<T: Serialize>(location: &str, body: &T) -> Response {
    located((StatusCode::CREATED, json_response(body)).into_response(), location)
}

/// Says where something is.
pub(super) fn located(mut response: Response, location: &str) -> Response {
    if let Ok(location) = HeaderValue::try_from(location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}
