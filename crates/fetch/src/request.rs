//! A request, as far as this crate lets one be shaped.

use std::fmt;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderName, IF_MODIFIED_SINCE, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue, Method};
use url::Url;
use zeroize::Zeroizing;

use crate::Limits;

/// A request for [`Fetcher::send`](crate::Fetcher::send).
///
/// Its `Debug` shows neither header values nor the body: both may carry credentials.
#[derive(Clone)]
pub struct Request {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) limits: Limits,
}

impl Request {
    /// A request without a body.
    #[must_use]
    pub fn new(method: Method, url: &Url, limits: Limits) -> Self {
        Self { method, url: url.clone(), headers: HeaderMap::new(), body: Bytes::new(), limits }
    }

    /// A GET that asks for JSON.
    #[must_use]
    pub fn get(url: &Url, limits: Limits) -> Self {
        Self::new(Method::GET, url, limits).header(ACCEPT, HeaderValue::from_static("application/json"))
    }

    /// Make it conditional: the answer may then be 304 (RFC 9110 §13.1). What is no field value is left out.
    #[must_use]
    pub fn if_changed(mut self, etag: Option<&str>, last_modified: Option<&str>) -> Self {
        for (name, value) in [(IF_NONE_MATCH, etag), (IF_MODIFIED_SINCE, last_modified)] {
            if let Some(Ok(value)) = value.map(HeaderValue::from_str) {
                self.headers.insert(name, value);
            }
        }
        self
    }

    /// Set a header field.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// A POST of a form (`application/x-www-form-urlencoded`).
    #[must_use]
    pub fn post_form(url: &Url, parameters: &[(&str, &str)], limits: Limits) -> Self {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(parameters);
        let form = Zeroizing::new(form.finish());
        let mut request = Self::new(Method::POST, url, limits)
            .header(ACCEPT, HeaderValue::from_static("application/json"))
            .header(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        request.body = Bytes::copy_from_slice(form.as_bytes());
        request
    }

    /// Give it a body; its type is for [`Self::header`] to say.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// Give it a JSON body.
    #[must_use]
    pub fn json(mut self, body: &serde_json::Value) -> Self {
        self.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        self.body = body.to_string().into();
        self
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.url)
    }
}
