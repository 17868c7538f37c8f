//! A small JSON client that shows a token.

mod call;

use carnet_ambient::Clock;
use carnet_fetch::{FetchError, FetchPolicy, Fetched, Fetcher, Limits, Request};
use http::header::{AUTHORIZATION, ETAG, LOCATION};
use http::{Method, StatusCode};
use serde_json::{Map, Value};
use url::Url;

pub use self::call::Call;
use crate::error::printable;
use crate::{TokenError, TokenSource};

/// A JSON API below one URL, asked with the tokens of one source.
#[derive(Clone, Debug)]
pub struct Api {
    base: Url,
    tokens: TokenSource,
    fetcher: Fetcher,
}

/// An answer of the 2xx class.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The body; `null` when there is none.
    pub body: Value,
    /// `Location`, after a creation.
    pub location: Option<String>,
    /// `ETag`: the version of what was read, for [`Call::if_match`].
    pub etag: Option<String>,
}

/// An answer of the 4xx or 5xx class: RFC 9457.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{status} {title}{}", detail.as_deref().map(|d| format!(": {d}")).unwrap_or_default())]
pub struct Problem {
    /// The status.
    pub status: u16,
    /// `type`, by default `about:blank`.
    pub kind: String,
    /// `title`, or the status in words.
    pub title: String,
    /// `detail`.
    pub detail: Option<String>,
    /// `instance`.
    pub instance: Option<String>,
    /// The fields that are at fault.
    pub errors: Vec<FieldError>,
}

/// One field that is at fault, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// The field.
    pub field: String,
    /// What is wrong with it.
    pub reason: String,
}

/// Why a call brought no [`Answer`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ApiError {
    /// There is no token.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The server could not be asked.
    #[error("the API cannot be reached: {0}")]
    Fetch(#[from] FetchError),
    /// The server said no.
    #[error(transparent)]
    Problem(Box<Problem>),
    /// The answer is not JSON.
    #[error("the answer of the API (status {0}) is not JSON")]
    Answer(u16),
    /// A header field of the call holds what cannot stand in one.
    #[error("the header {0} of the call cannot be sent: it holds characters that no header may have")]
    Header(String),
}

impl Api {
    /// An API below `base`, for instance `https://iap.example/admin/v1`.
    ///
    /// # Errors
    /// [`FetchError`] when `base` may not be reached under `policy`.
    pub fn new(base: Url, tokens: TokenSource, policy: FetchPolicy) -> Result<Self, FetchError> {
        policy.vet(&base, &Limits::service().with_port(base.port()))?;
        Ok(Self { base, tokens, fetcher: Fetcher::new(policy, Clock::system())? })
    }

    /// Call `method` on the resource below the base that `segments` name; each is escaped as a whole.
    ///
    /// A 401 is tried once more with a new token: the old one may have been revoked, or the server restarted.
    ///
    /// # Errors
    /// [`ApiError`], with the server's own problem document where it sent one.
    pub async fn call(
        &self,
        method: Method,
        segments: &[&str],
        query: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Answer, ApiError> {
        self.send(&Call::new(method, segments).query(query).body(body)).await
    }

    /// Send a call that may bear conditions.
    ///
    /// A 401 is tried once more with a new token. A call with an idempotency key is tried once more when the
    /// connection breaks.
    ///
    /// # Errors
    /// [`ApiError`], with the server's own problem document where it sent one.
    pub async fn send(&self, call: &Call<'_>) -> Result<Answer, ApiError> {
        let url = self.url(call.segments, call.query);
        let own = call.headers()?;
        let (mut new_token, mut repeated) = (false, false);
        loop {
            let token = self.tokens.token().await?;
            let limits = Limits::service().with_port(url.port());
            let mut request = Request::new(call.method.clone(), &url, limits).header(
                http::header::ACCEPT,
                http::HeaderValue::from_static("application/json, application/problem+json"),
            );
            if let Some(authorization) = token.authorization() {
                request = request.header(AUTHORIZATION, authorization);
            }
            for (name, value) in &own {
                request = request.header(name.clone(), value.clone());
            }
            if let Some(body) = call.body {
                request = request.json(body);
            }
            let fetched = match self.fetcher.send(request).await {
                Err(FetchError::Connect(_) | FetchError::Transport(_)) if call.may_repeat() && !repeated => {
                    repeated = true;
                    continue;
                }
                other => other?,
            };
            if fetched.status == StatusCode::UNAUTHORIZED && !new_token {
                self.tokens.invalidate(&token);
                new_token = true;
                continue;
            }
            return read(&fetched);
        }
    }

    /// GET.
    ///
    /// # Errors
    /// As [`Api::call`].
    pub async fn get(&self, segments: &[&str], query: &[(&str, &str)]) -> Result<Answer, ApiError> {
        self.call(Method::GET, segments, query, None).await
    }

    /// POST a JSON body.
    ///
    /// # Errors
    /// As [`Api::call`].
    pub async fn post(&self, segments: &[&str], body: &Value) -> Result<Answer, ApiError> {
        self.call(Method::POST, segments, &[], Some(body)).await
    }

    fn url(&self, segments: &[&str], query: &[(&str, &str)]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            // A lone `.` or `..` would climb out of the base; no resource is called so.
            path.pop_if_empty().extend(segments.iter().map(|segment| match *segment {
                "." | ".." => "%2E",
                other => other,
            }));
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }
}

fn read(fetched: &Fetched) -> Result<Answer, ApiError> {
    let status = fetched.status;
    let body = match &fetched.bytes[..] {
        [] => Some(Value::Null),
        bytes => serde_json::from_slice(bytes).ok(),
    };
    if status.is_success() {
        let body = body.ok_or(ApiError::Answer(status.as_u16()))?;
        let field = |name| fetched.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        return Ok(Answer { status, body, location: field(LOCATION), etag: field(ETAG) });
    }
    let document = body.as_ref().and_then(Value::as_object).cloned().unwrap_or_default();
    Err(ApiError::Problem(Box::new(problem(status, &document))))
}

fn problem(status: StatusCode, document: &Map<String, Value>) -> Problem {
    let text =
        |object: &Map<String, Value>, name: &str| object.get(name).and_then(Value::as_str).map(printable);
    let errors = document.get("errors").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    Problem {
        status: status.as_u16(),
        kind: text(document, "type").unwrap_or_else(|| "about:blank".to_owned()),
        title: text(document, "title")
            .unwrap_or_else(|| status.canonical_reason().unwrap_or("refused").to_owned()),
        detail: text(document, "detail"),
        instance: text(document, "instance"),
        errors: errors
            .iter()
            .filter_map(Value::as_object)
            .map(|error| FieldError {
                field: text(error, "field").unwrap_or_default(),
                reason: text(error, "reason").unwrap_or_default(),
            })
            .collect(),
    }
}
