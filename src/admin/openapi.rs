use std::sync::LazyLock;

use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header;

use super::document;

/// It never changes while the program runs.
static DOCUMENT: LazyLock<Bytes> =
    LazyLock::new(|| Bytes::from(serde_json::to_vec(&document::openapi()).unwrap_or_default()));

/// This document
///
/// The one route that needs no token.
#[utoipa::path(
    get,
    path = "/admin/v1/openapi.json",
    operation_id = "getOpenapi",
    tag = "document",
    responses((status = 200, description = "The OpenAPI document of this API.", body = Object))
)]
pub(super) async fn get() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], DOCUMENT.clone()).into_response()
}
