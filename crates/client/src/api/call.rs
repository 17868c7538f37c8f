use http::Method;
use http::header::{HeaderName, HeaderValue, IF_MATCH};
use serde_json::Value;

use super::ApiError;

/// The header by which a server knows the repetition of a request
/// (draft-ietf-httpapi-idempotency-key-header).
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// A call of an [`Api`](super::Api), to be sent by [`Api::send`](super::Api::send).
#[derive(Clone, Debug)]
pub struct Call<'a> {
    pub(super) method: Method,
    pub(super) segments: &'a [&'a str],
    pub(super) query: &'a [(&'a str, &'a str)],
    pub(super) body: Option<&'a Value>,
    if_match: Option<&'a str>,
    idempotency_key: Option<&'a str>,
}

impl<'a> Call<'a> {
    /// `method` on the resource below the base that `segments` name; each is escaped as a whole.
    #[must_use]
    pub fn new(method: Method, segments: &'a [&'a str]) -> Self {
        Self { method, segments, query: &[], body: None, if_match: None, idempotency_key: None }
    }

    /// With query parameters.
    #[must_use]
    pub fn query(mut self, query: &'a [(&'a str, &'a str)]) -> Self {
        self.query = query;
        self
    }

    /// With a JSON body.
    #[must_use]
    pub fn body(mut self, body: Option<&'a Value>) -> Self {
        self.body = body;
        self
    }

    /// Only while the resource has this entity tag, as an answer's [`Answer::etag`](super::Answer::etag) gave it
    /// (RFC 9110 §13.1.1).
    #[must_use]
    pub fn if_match(mut self, etag: Option<&'a str>) -> Self {
        self.if_match = etag;
        self
    }

    /// Once, however often it arrives: the server knows a repetition by this key. So it is sent a second time when
    /// the connection breaks, which nobody could tell from a request that never arrived.
    #[must_use]
    pub fn idempotency_key(mut self, key: Option<&'a str>) -> Self {
        self.idempotency_key = key;
        self
    }

    pub(super) fn may_repeat(&self) -> bool {
        self.idempotency_key.is_some()
    }

    /// The header fields of this call's own.
    pub(super) fn headers(&self) -> Result<Vec<(HeaderName, HeaderValue)>, ApiError> {
        let fields = [(IF_MATCH, self.if_match), (IDEMPOTENCY_KEY, self.idempotency_key)];
        let present = fields.into_iter().filter_map(|(name, value)| Some((name, value?)));
        present
            .map(|(name, value)| match HeaderValue::from_str(value) {
                Ok(value) => Ok((name, value)),
                // Left out, a condition would be no condition any more.
                Err(_) => Err(ApiError::Header(name.to_string())),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_that_cannot_be_sent_is_an_error() {
        let call = Call::new(Method::PATCH, &["a"]).if_match(Some("\"a\nb\""));
        assert_eq!(call.headers(), Err(ApiError::Header("if-match".to_owned())));
        let call = Call::new(Method::PATCH, &["a"]).if_match(Some("\"a\"")).idempotency_key(Some("k"));
        let names: Vec<String> = call.headers().unwrap().iter().map(|(name, _)| name.to_string()).collect();
        assert_eq!(names, ["if-match", "idempotency-key"]);
    }
}
