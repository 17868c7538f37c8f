use axum::body::{Body, HttpBody};
use axum::extract::{FromRequest, Request};
use axum::response::IntoResponse;
use bytes::Bytes;
use carnet_token::json::{self, JsonError};
use http::{HeaderMap, header};
use http_body_util::LengthLimitError;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;

use super::api_error::ApiError;
use crate::operations::{Context, FieldError};

/// How long a body may be, in bytes.
pub(super) const LIMIT: usize = 64 * 1024;

/// A JSON body of at most [`LIMIT`] bytes. Members that it does not know are refused: a typo in an optional one
/// must not be dropped without a word.
#[derive(Debug)]
pub(super) struct JsonBody<T>(pub(super) T);

/// The same where every member is optional: no body at all, or `null`, is as `{}`.
#[derive(Debug)]
pub(super) struct OptionalJsonBody<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<Context> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &Context) -> Result<Self, ApiError> {
        check_media_type(request.headers())?;
        read(&bytes(request.into_body()).await?).map(Self)
    }
}

impl<T: DeserializeOwned + Default> FromRequest<Context> for OptionalJsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &Context) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        let bytes = bytes(body).await?;
        if bytes.is_empty() && !parts.headers.contains_key(header::CONTENT_TYPE) {
            return Ok(Self(T::default()));
        }
        check_media_type(&parts.headers)?;
        if bytes.trim_ascii() == b"null" {
            return Ok(Self(T::default()));
        }
        read(&bytes).map(Self)
    }
}

fn check_media_type(headers: &HeaderMap) -> Result<(), ApiError> {
    let mut values = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(ApiError::media_type("send exactly one Content-Type, application/json"));
    };
    let text = value.to_str().unwrap_or_default();
    let essence = text.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/json") {
        return Err(ApiError::media_type("the Content-Type must be application/json"));
    }
    // Bodies are small; what is packed could unfold to anything.
    let identity = |value: &http::HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"identity");
    if headers.get_all(header::CONTENT_ENCODING).iter().all(identity) {
        Ok(())
    } else {
        Err(ApiError::media_type("bodies with a Content-Encoding are not accepted"))
    }
}

/// The whole body.
pub(super) async fn bytes(body: Body) -> Result<Bytes, ApiError> {
    // What is announced as too long is not waited for.
    if body.size_hint().lower() > LIMIT as u64 {
        return Err(ApiError::too_large(LIMIT));
    }
    axum::body::to_bytes(body, LIMIT).await.map_err(|error| {
        let source = std::error::Error::source(&error);
        if source.is_some_and(<dyn std::error::Error>::is::<LengthLimitError>) {
            ApiError::too_large(LIMIT)
        } else {
            ApiError::malformed("the body ended before it was complete")
        }
    })
}

fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    if let Err(error) = serde_json::from_slice::<IgnoredAny>(bytes) {
        let said = error.to_string();
        let what = said.rsplit_once(" at line").map_or(said.as_str(), |(what, _)| what);
        let (line, column) = (error.line(), error.column());
        return Err(ApiError::malformed(format!(
            "the body is not JSON: {what}, at line {line} column {column}"
        )));
    }
    let object = json::parse_object(bytes).map_err(|error| match error {
        JsonError::NotAnObject => ApiError::malformed("the body must be a JSON object"),
        JsonError::Syntax => ApiError::malformed(
            "the body is not JSON: a number has no finite value, or a text has half a character",
        ),
        other => ApiError::malformed(format!("the body is not acceptable JSON: {other}")),
    })?;
    serde_path_to_error::deserialize(Value::Object(object)).map_err(|error| {
        ApiError::invalid(vec![fault(&error.path().to_string(), &error.inner().to_string())])
    })
}

/// Names the member that is at fault, also where the reader names only the object around it.
fn fault(path: &str, said: &str) -> FieldError {
    let quoted = |what: &str| said.strip_prefix(what).and_then(|rest| rest.split('`').next());
    let below = |name: &str| match path {
        "." => clip(name),
        path if path == name || path.ends_with(&format!(".{name}")) => clip(path),
        path => clip(&format!("{path}.{name}")),
    };
    if let Some(name) = quoted("unknown field `") {
        let known = said.split_once(", expected ").map_or("nothing", |(_, known)| known);
        return FieldError {
            field: below(name),
            reason: format!("is not known here; known: {}", clip(known)),
        };
    }
    if let Some(name) = quoted("missing field `") {
        return FieldError { field: below(name), reason: "is missing".to_owned() };
    }
    FieldError { field: clip(path), reason: format!("does not fit: {}", clip(said)) }
}

/// A caller's text in an answer: as much as is needed to recognise it.
fn clip(text: &str) -> String {
    text.chars().take(300).collect()
}

/// A JSON answer.
pub(super) fn json_response<T: serde::Serialize>(body: &T) -> axum::response::Response {
    ([(header::CONTENT_TYPE, "application/json")], serde_json::to_vec(body).unwrap_or_default())
        .into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its reading is tested")]
    struct Sample {
        name: String,
        #[serde(default)]
        roles: Vec<String>,
        inner: Option<Inner>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its reading is tested")]
    struct Inner {
        number: u8,
    }

    fn refused(text: &str) -> String {
        format!("{:?}", read::<Sample>(text.as_bytes()).unwrap_err())
    }

    #[test]
    fn the_member_at_fault_is_named() {
        for (text, field, reason) in [
            (r#"{"name":"a","rolse":[]}"#, "rolse", "is not known here; known: one of `name`"),
            (r#"{"roles":[]}"#, "name", "is missing"),
            (r#"{"name":1}"#, "name", "does not fit: invalid type: integer `1`"),
            (r#"{"name":"a","roles":["b",true]}"#, "roles[1]", "does not fit: invalid type: boolean `true`"),
            (r#"{"name":"a","inner":{}}"#, "inner.number", "is missing"),
            (r#"{"name":"a","inner":{"number":1,"x":2}}"#, "inner.x", "is not known here"),
            (r#"{"name":"a","inner":{"number":256}}"#, "inner.number", "does not fit: invalid value"),
        ] {
            let refused = refused(text);
            assert!(refused.contains(&format!("field: {field:?}")), "{text}: {refused}");
            assert!(refused.contains(reason), "{text}: {refused}");
        }
    }

    #[test]
    fn malformed_json_tells_line_and_column() {
        assert!(refused("{\n  \"name\": \"a\",\n}").contains("at line 3 column 1"));
        assert!(refused("").contains("at line 1 column 0"));
        assert!(refused("{} {}").contains("at line 1 column 4"));
        for text in [r#"{"name":"a","name":"b"}"#, r#"["a"]"#, r#"{"name":"\ud800"}"#, r#"{"name":1e999}"#] {
            assert!(refused(text).contains("problem:malformed"), "{text}");
        }
        assert!(refused(&"[".repeat(60_000)).contains("problem:malformed"));
        assert!(
            refused(&format!("{{\"a\":{}1{}}}", "[".repeat(20), "]".repeat(20))).contains("nested too deep")
        );
    }

    #[test]
    fn a_callers_text_is_not_echoed_at_length() {
        let name = "x".repeat(50_000);
        assert!(refused(&format!(r#"{{"name":"a","{name}":1}}"#)).len() < 2_000);
        assert!(refused(&format!(r#"{{"name":"a","roles":"{name}"}}"#)).len() < 2_000);
    }
}
