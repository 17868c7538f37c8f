//! Request bodies: bounded in size and time.

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};

use super::Face;
use super::problem::Problem;
use crate::rdf::InputError;

impl Face {
    /// Reads the whole body.
    ///
    /// # Errors
    /// 413 when it is too large, 408 when it comes too slowly, 400 when it breaks off or is empty.
    pub(super) async fn read_body(&self, headers: &HeaderMap, body: Body) -> Result<Bytes, Problem> {
        let limit = self.settings.config.body_limit;
        let too_large = || {
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", "The body is too large")
                .because(format!("a body has at most {limit} bytes"))
        };
        let announced = headers.get(http::header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
        if announced.and_then(|length| length.parse::<u64>().ok()).is_some_and(|length| length > limit as u64)
        {
            return Err(too_large());
        }
        let read =
            tokio::time::timeout(self.settings.config.body_timeout, Limited::new(body, limit).collect())
                .await;
        let collected = match read {
            Err(_) => {
                return Err(Problem::new(
                    StatusCode::REQUEST_TIMEOUT,
                    "body_timeout",
                    "The body came too slowly",
                ));
            }
            Ok(Err(error)) if error.is::<LengthLimitError>() => return Err(too_large()),
            Ok(Err(_)) => return Err(Problem::bad_request("body_broken", "the body broke off")),
            Ok(Ok(collected)) => collected.to_bytes(),
        };
        if collected.is_empty() {
            return Err(Problem::bad_request("empty_body", "the request has no body"));
        }
        Ok(collected)
    }
}

/// What is wrong with a document.
impl From<InputError> for Problem {
    fn from(error: InputError) -> Self {
        Self::bad_request(error.code, error.message).at(error.place)
    }
}
