use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, Method, StatusCode, Uri, header};
use serde::Serialize;
use utoipa::ToSchema;

use crate::operations::idempotency::looks_like_secret;
use crate::operations::{Context, FieldError, Held, Refusal};

/// What went wrong (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "type": "urn:carnet:problem:conflict",
    "title": "This is taken, or stands against what is registered",
    "status": 409,
    "detail": "iol_identifier is registered already, for participant 01ARZ3NDEKTSV4RRFFQ69G5FAV; choose another",
    "errors": [{"field": "iol_identifier", "reason": "is registered already"}]
}))]
pub(super) struct Problem {
    /// The kind of problem; stable, for programs.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The kind of problem, for people.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// What went wrong this time, and what to do.
    detail: String,
    /// This one occurrence, under which the server's log tells more.
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<String>,
    /// The members that are at fault.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<ProblemField>,
    /// With status 412: the version that it has now, as in `ETag`.
    #[serde(skip_serializing_if = "Option::is_none")]
    current_etag: Option<String>,
}

/// A member that is at fault.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ProblemField {
    /// The member, as a path: `name`, `roles[1]`, `jwks.keys[0]`.
    field: String,
    /// What is wrong with it.
    reason: String,
}

/// An answer that says no. It becomes a [`Problem`] in [`render`], the one place that writes and logs them.
#[derive(Debug, Clone)]
pub(super) struct ApiError(Box<Facts>);

#[derive(Debug, Clone)]
struct Facts {
    status: StatusCode,
    kind: &'static str,
    title: &'static str,
    detail: String,
    errors: Vec<FieldError>,
    authenticate: Option<HeaderValue>,
    current: Option<String>,
    retry_after: Option<HeaderValue>,
    held: Option<Held>,
    cause: Option<Arc<Refusal>>,
}

impl ApiError {
    fn new(status: StatusCode, kind: &'static str, title: &'static str, detail: impl Into<String>) -> Self {
        Self(Box::new(Facts {
            status,
            kind,
            title,
            detail: detail.into(),
            errors: Vec::new(),
            authenticate: None,
            current: None,
            retry_after: None,
            held: None,
            cause: None,
        }))
    }

    fn with_errors(mut self, errors: Vec<FieldError>) -> Self {
        self.0.errors = errors;
        self
    }

    fn with_challenge(mut self, challenge: &str) -> Self {
        self.0.authenticate = HeaderValue::from_str(challenge).ok();
        self
    }

    fn with_retry_after(mut self, seconds: &'static str) -> Self {
        self.0.retry_after = Some(HeaderValue::from_static(seconds));
        self
    }

    fn with_cause(mut self, cause: Refusal) -> Self {
        self.0.cause = Some(Arc::new(cause));
        self
    }

    /// What a second administrator has to approve, if that is what stands against the request.
    pub(super) fn held(&self) -> Option<Held> {
        self.0.held.clone()
    }

    /// 400: the request cannot be read.
    pub(super) fn malformed(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "urn:carnet:problem:malformed",
            "The request cannot be read",
            detail,
        )
    }

    /// 400: the request can be read, but breaks rules.
    pub(super) fn invalid(errors: Vec<FieldError>) -> Self {
        let detail =
            errors.iter().map(|error| format!("{} {}", error.field, error.reason)).collect::<Vec<_>>();
        let title = "Members of the request break rules";
        Self::new(StatusCode::BAD_REQUEST, "urn:carnet:problem:invalid", title, detail.join("; "))
            .with_errors(errors)
    }

    /// 401, with the challenge of RFC 6750 §3; `error` when a token was shown.
    pub(super) fn unauthorized(error: Option<&'static str>, detail: &'static str) -> Self {
        let title = "An administration token is needed";
        let error = error.map(|error| format!(r#", error="{error}""#)).unwrap_or_default();
        Self::new(StatusCode::UNAUTHORIZED, "urn:carnet:problem:unauthorized", title, detail)
            .with_challenge(&format!(r#"Bearer realm="carnet-admin"{error}"#))
    }

    /// 403: the token is good, but not for this (RFC 6750 §3.1).
    pub(super) fn insufficient_scope(scope: &str) -> Self {
        let detail = format!("this needs a token with the scope {scope}");
        let title = "The token does not reach that far";
        Self::new(StatusCode::FORBIDDEN, "urn:carnet:problem:insufficient-scope", title, detail)
            .with_challenge(&format!(
                r#"Bearer realm="carnet-admin", error="insufficient_scope", scope="{scope}""#
            ))
    }

    /// 404.
    pub(super) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "urn:carnet:problem:not-found", "There is no such thing", detail)
    }

    /// 413.
    pub(super) fn too_large(limit: usize) -> Self {
        let detail = format!("the body has more than {limit} bytes");
        let title = "The body is too large";
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "urn:carnet:problem:too-large", title, detail)
    }

    /// 415.
    pub(super) fn media_type(detail: impl Into<String>) -> Self {
        let title = "The body is not JSON";
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "urn:carnet:problem:media-type", title, detail)
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        let said = refusal.to_string();
        let temporary = refusal.is_temporary();
        match refusal {
            Refusal::Invalid(errors) => Self::invalid(errors),
            Refusal::NotFound { .. } => Self::not_found(said),
            Refusal::Conflict { field, reason, .. } => Self::new(
                StatusCode::CONFLICT,
                "urn:carnet:problem:conflict",
                "This is taken, or stands against what is registered",
                said,
            )
            .with_errors(vec![FieldError { field, reason }]),
            Refusal::Changed { current, .. } => {
                let mut error = Self::new(
                    StatusCode::PRECONDITION_FAILED,
                    "urn:carnet:problem:changed",
                    "Somebody else was faster",
                    format!("{said}: read it again, and decide again"),
                );
                error.0.current = Some(format!("\"{current}\""));
                error
            }
            Refusal::Scope { needed } => Self::insufficient_scope(needed),
            Refusal::Beyond { scope } => {
                let mut error = Self::insufficient_scope(&scope);
                error.0.detail = said;
                error
            }
            Refusal::Held(held) => {
                let title = "A second administrator has to approve this";
                let mut error =
                    Self::new(StatusCode::FORBIDDEN, "urn:carnet:problem:approval-needed", title, said);
                error.0.held = Some(*held);
                error
            }
            Refusal::KeyReused => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "urn:carnet:problem:idempotency-key-reused",
                "The Idempotency-Key belongs to another request",
                said,
            ),
            Refusal::KeyInUse => Self::new(
                StatusCode::CONFLICT,
                "urn:carnet:problem:idempotency-key-in-use",
                "The same request came twice at once",
                said,
            )
            .with_retry_after("1"),
            internal @ (Refusal::Internal(_) | Refusal::Failed(_)) => {
                let (status, kind, title, detail) = if temporary {
                    (
                        StatusCode::SERVICE_UNAVAILABLE,
                        "urn:carnet:problem:unavailable",
                        "The database does not answer",
                        "nothing was changed; try again in a moment",
                    )
                } else {
                    (
                        StatusCode::INTERNAL_SERVER_ERROR,
                        "urn:carnet:problem:internal",
                        "The server made a mistake",
                        "the server's log tells more under the instance",
                    )
                };
                let error = Self::new(status, kind, title, detail).with_cause(internal);
                if temporary { error.with_retry_after("2") } else { error }
            }
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.0.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Nothing is served at this path.
pub(super) async fn not_found() -> ApiError {
    ApiError::not_found("nothing is served at this path; what is served stands in /admin/v1/openapi.json")
}

/// Something is served at this path, but not by this method; axum adds `Allow`.
pub(super) async fn method_not_allowed() -> ApiError {
    ApiError::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "urn:carnet:problem:method-not-allowed",
        "This path does not know that method",
        "the methods that it knows stand in the Allow header",
    )
}

/// Writes problems as RFC 9457 says, logs each once with an id to find it by, and keeps caches out.
pub(super) async fn render(State(context): State<Context>, request: Request, next: Next) -> Response {
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let mut response = next.run(request).await;
    if let Some(ApiError(error)) = response.extensions_mut().remove::<ApiError>() {
        let instance = log(&context, &error, &method, &uri);
        write(&mut response, *error, instance);
    }
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn log(context: &Context, error: &Facts, method: &Method, uri: &Uri) -> Option<String> {
    let (status, path) = (error.status.as_u16(), without_secrets(uri.path()));
    let Some(cause) = &error.cause else {
        tracing::info!(status, %method, path, reason = error.detail, "administration request refused");
        return None;
    };
    let instance = format!("urn:uuid:{}", context.entropy.uuid());
    tracing::error!(status, %method, path, instance, %cause, "administration request failed");
    // Every such cause is the database's; a trace is found by what the caller was told.
    context.metrics.database_error("administration");
    tracing::Span::current().record("carnet.correlation_id", instance.as_str());
    Some(instance)
}

/// A path as it may stand in the log: a secret was taken for its id before.
fn without_secrets(path: &str) -> String {
    let shown = |segment| if looks_like_secret(segment) { "…" } else { segment };
    path.split('/').map(shown).collect::<Vec<_>>().join("/")
}

fn write(response: &mut Response, error: Facts, instance: Option<String>) {
    let problem = Problem {
        kind: error.kind,
        title: error.title,
        status: error.status.as_u16(),
        detail: error.detail,
        instance,
        errors: error.errors.into_iter().map(|e| ProblemField { field: e.field, reason: e.reason }).collect(),
        current_etag: error.current.clone(),
    };
    let body = serde_json::to_vec(&problem).unwrap_or_default();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    headers.remove(header::CONTENT_LENGTH);
    if let Some(challenge) = error.authenticate {
        headers.insert(header::WWW_AUTHENTICATE, challenge);
    }
    if let Some(current) = error.current.and_then(|tag| HeaderValue::try_from(tag).ok()) {
        headers.insert(header::ETAG, current);
    }
    if let Some(seconds) = error.retry_after {
        headers.insert(header::RETRY_AFTER, seconds);
    }
    *response.body_mut() = body.into();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_in_the_place_of_its_id_is_not_logged() {
        let secret = format!("carnetsecret{}", "x".repeat(55));
        let path = |last: &str| format!("/admin/v1/clients/01ARZ3NDEKTSV4RRFFQ69G5FAW/secrets/{last}");
        assert_eq!(without_secrets(&path(&secret)), path("…"));
        assert_eq!(without_secrets(&path("01ARZ3NDEKTSV4RRFFQ69G5FAX")), path("01ARZ3NDEKTSV4RRFFQ69G5FAX"));
    }
}
