use axum::extract::{FromRequestParts, Path};
use http::request::Parts;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::api_error::ApiError;
use crate::operations::Context;

/// Parts of the path, as opaque text. What no id could be is a 404, like every id that does not exist.
#[derive(Debug)]
pub(super) struct PathText<T>(pub(super) T);

/// One part of a path: 1 to 256 bytes without control characters.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Segment(String);

impl Segment {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Segment {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        let fits = (1..=256).contains(&text.len()) && !text.chars().any(char::is_control);
        if fits { Ok(Self(text)) } else { Err("not an id") }
    }
}

impl<T: DeserializeOwned + Send> FromRequestParts<Context> for PathText<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, context: &Context) -> Result<Self, ApiError> {
        match Path::<T>::from_request_parts(parts, context).await {
            Ok(Path(ids)) => Ok(Self(ids)),
            Err(_) => Err(ApiError::not_found("the path names something that no id could be")),
        }
    }
}
