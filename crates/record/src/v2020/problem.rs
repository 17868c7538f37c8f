//! The error model (§1.1): always `application/ld+json`, with an `@id` that stands in the log as well.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use carnet_verifier::Challenge;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use serde_json::{Map, Value, json};

use super::vocabulary::VOCAB;

/// A refusal, or a failure of ours.
#[derive(Clone, Debug)]
pub(crate) struct Problem(Box<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    status: StatusCode,
    /// Reason code: in the log, and in `details[].code` where the caller may know it.
    code: &'static str,
    /// Constant per kind.
    title: &'static str,
    detail: Option<Detail>,
    headers: HeaderMap,
    /// For the log alone.
    cause: Option<String>,
}

#[derive(Clone, Debug, Default)]
struct Detail {
    attribute: Option<String>,
    resource: Option<String>,
    message: String,
}

/// Who asked, for the log.
#[derive(Clone, Debug)]
pub(super) struct Subject {
    pub issuer: String,
    pub client_id: String,
}

impl Problem {
    pub(super) fn new(status: StatusCode, code: &'static str, title: &'static str) -> Self {
        Self(Box::new(Inner { status, code, title, detail: None, headers: HeaderMap::new(), cause: None }))
    }

    pub(super) fn bad_request(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, "The request is not valid").because(message)
    }

    pub(super) fn forbidden(code: &'static str) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, "Not authorized for this")
    }

    pub(super) fn not_found(code: &'static str) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, "Not found")
    }

    /// A token that is good in itself and no credential here: with the challenge of this server.
    pub(super) fn unauthorized(code: &'static str, message: &str, challenge: &Challenge) -> Self {
        let mut problem = Self::new(StatusCode::UNAUTHORIZED, code, "Not authenticated").because(message);
        problem.0.headers = challenge.headers();
        problem
    }

    /// A failure of ours: the caller learns nothing but that it happened.
    pub(super) fn internal(error: &dyn std::error::Error) -> Self {
        let mut problem = Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "The server failed");
        problem.0.cause = Some(error.to_string());
        problem
    }

    /// The verifier's answer, in the error model.
    pub(super) fn challenge(challenge: &Challenge) -> Self {
        let status = challenge.status();
        let title = match status {
            StatusCode::UNAUTHORIZED => "Not authenticated",
            StatusCode::FORBIDDEN => "Not authorized for this",
            StatusCode::BAD_REQUEST => "The request is not valid",
            StatusCode::PAYLOAD_TOO_LARGE => "The body is too large",
            StatusCode::INTERNAL_SERVER_ERROR => "The server failed",
            _ => "Tokens cannot be verified at the moment",
        };
        let mut problem = Self::new(status, challenge.reason().code(), title);
        problem.0.headers = challenge.headers();
        problem.0.cause = challenge.reason().detail().map(str::to_owned);
        // A proof is the sender's own making: it is told what is wrong with it.
        match challenge.description() {
            Some(description) => problem.because(description),
            None => problem,
        }
    }

    /// What is wrong and what to do about it.
    pub(super) fn because(mut self, message: impl Into<String>) -> Self {
        self.0.detail.get_or_insert_default().message = message.into();
        self
    }

    /// Where it is wrong.
    pub(super) fn at(mut self, attribute: impl Into<String>) -> Self {
        let attribute = cut(attribute.into());
        self.0.detail.get_or_insert_default().attribute = Some(attribute).filter(|place| !place.is_empty());
        self
    }

    /// Which class of thing it concerns.
    pub(super) fn of(mut self, resource: impl Into<String>) -> Self {
        self.0.detail.get_or_insert_default().resource = Some(cut(resource.into()));
        self
    }

    pub(super) fn log(&self, id: &str, method: &Method, path: &str, subject: Option<&Subject>) {
        let issuer = subject.map_or("", |subject| subject.issuer.as_str());
        let client_id = subject.map_or("", |subject| subject.client_id.as_str());
        let (status, reason) = (self.0.status.as_u16(), self.0.code);
        let cause = self.0.cause.as_deref();
        if self.0.status.is_server_error() {
            tracing::error!(status, reason, cause, %method, path, issuer, client_id, id, "request failed");
        } else {
            let detail = self.0.detail.as_ref().map_or("", |detail| detail.message.as_str());
            tracing::info!(status, reason, cause, detail, %method, path, issuer, client_id, id, "request refused");
        }
    }

    /// Writes the error model into `response`, which may carry headers already (`Allow`).
    pub(super) fn render(&self, id: &str, mut response: Response) -> Response {
        let mut body = Map::new();
        body.insert("@context".to_owned(), json!({ "@vocab": VOCAB }));
        body.insert("@id".to_owned(), format!("urn:uuid:{id}").into());
        body.insert("@type".to_owned(), "Error".into());
        body.insert("title".to_owned(), self.0.title.into());
        if let Some(detail) = &self.0.detail {
            let mut entry = Map::new();
            entry.insert("code".to_owned(), self.0.code.into());
            let members = [
                ("attribute", detail.attribute.as_deref()),
                ("resource", detail.resource.as_deref()),
                ("message", Some(detail.message.as_str()).filter(|message| !message.is_empty())),
            ];
            for (name, value) in members {
                if let Some(value) = value {
                    entry.insert(name.to_owned(), value.into());
                }
            }
            body.insert("details".to_owned(), json!([entry]));
        }
        *response.status_mut() = self.0.status;
        let headers = response.headers_mut();
        headers.extend(self.0.headers.clone());
        // Axum has counted the body that is replaced here.
        headers.remove(http::header::CONTENT_LENGTH);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/ld+json"));
        *response.body_mut() = Body::from(Value::Object(body).to_string());
        response
    }
}

/// What the caller wrote is repeated in part: a mistake must not be answered with a copy of the document.
const SHOWN_CHARS: usize = 256;

fn cut(text: String) -> String {
    match text.char_indices().nth(SHOWN_CHARS) {
        None => text,
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
    }
}

/// Only carries the problem to `finish`, which writes it.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.0.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}
