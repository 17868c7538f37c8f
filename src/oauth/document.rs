//! Public documents that are made once and served many times.

use std::time::{Duration, SystemTime};

use aws_lc_rs::digest;
use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use carnet_token::base64url;
use http::{HeaderMap, HeaderValue, StatusCode, header};

use crate::config::KeySetCache;

/// Room for the headers of a document and for those that others add: a map that outgrows itself is built anew.
const ROOM: usize = 12;

/// A prepared answer with its validators and cache directives (RFC 9110 §8.8, RFC 9111 §5.2, RFC 5861).
#[derive(Debug, Clone)]
pub(super) struct Document {
    bytes: Bytes,
    etag: HeaderValue,
    // As they are sent: to copy the map costs less than to fill a new one.
    headers: HeaderMap,
    cache: KeySetCache,
    // Seconds since 1970-01-01 UTC.
    valid_until: Option<i64>,
}

impl Document {
    /// A document with a strong entity tag made from its bytes.
    pub fn new(bytes: Bytes, content_type: &'static str, cache: &KeySetCache) -> Self {
        let hash = digest::digest(&digest::SHA256, &bytes);
        let etag = format!("\"{}\"", base64url::encode(&hash.as_ref()[..16]));
        Self::with_etag(bytes, &etag, content_type, cache)
    }

    /// A document whose strong entity tag is known.
    pub fn with_etag(bytes: Bytes, etag: &str, content_type: &'static str, cache: &KeySetCache) -> Self {
        // Digits and base64url are header text always.
        let etag = HeaderValue::from_str(etag).unwrap_or(HeaderValue::from_static("no-cache"));
        let mut headers = HeaderMap::with_capacity(ROOM);
        headers.extend([
            (header::CONTENT_TYPE, HeaderValue::from_static(content_type)),
            (header::ETAG, etag.clone()),
            (header::CACHE_CONTROL, directives(cache)),
            // Public keys and addresses: any page may read them.
            (header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*")),
            (header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("etag")),
        ]);
        Self { bytes, etag, headers, cache: *cache, valid_until: None }
    }

    /// Says when the document changed last, seconds since 1970-01-01 UTC.
    pub fn modified_at(mut self, seconds: i64) -> Self {
        let since = Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
        let text = httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + since);
        if let Ok(value) = HeaderValue::from_str(&text) {
            self.headers.insert(header::LAST_MODIFIED, value);
        }
        self
    }

    /// Says when the document is due to change, seconds since 1970-01-01 UTC: no cache may keep it for longer.
    pub fn valid_until(self, seconds: Option<i64>) -> Self {
        Self { valid_until: seconds, ..self }
    }

    /// The same at a time when it is due to change soon; `now` in seconds since 1970-01-01 UTC.
    pub fn answer_at(&self, request: &HeaderMap, now: i64) -> Response {
        let mut response = self.answer(request);
        let left = self.valid_until.map_or(i64::MAX, |until| until - now);
        if left < self.cache.max_age + self.cache.stale_while_revalidate {
            // What is overdue is about to change: a second is what a cache may have.
            let max_age = left.clamp(1, self.cache.max_age);
            let stale_while_revalidate = (left - max_age).clamp(0, self.cache.stale_while_revalidate);
            let cache = KeySetCache { max_age, stale_while_revalidate, ..self.cache };
            response.headers_mut().insert(header::CACHE_CONTROL, directives(&cache));
        }
        response
    }

    /// Answers a GET or HEAD: the document, or 304 to who has it already.
    pub fn answer(&self, request: &HeaderMap) -> Response {
        let known = has_etag(request, self.etag.as_bytes());
        let body = if known { Body::empty() } else { Body::from(self.bytes.clone()) };
        let mut response = Response::new(body);
        let mut headers = self.headers.clone();
        if known {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            headers.remove(header::CONTENT_TYPE);
        }
        *response.headers_mut() = headers;
        response
    }
}

/// Whether the sender holds the document with this entity tag. `If-None-Match` compares weakly (RFC 9110 §13.1.2).
/// `If-Modified-Since` is left aside: with an entity tag at hand it could only be less exact.
pub(super) fn has_etag(request: &HeaderMap, etag: &[u8]) -> bool {
    let candidates = request.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    candidates
        .flat_map(|list| list.split(','))
        .map(|tag| tag.trim().trim_start_matches("W/"))
        .any(|tag| tag == "*" || tag.as_bytes() == etag)
}

fn directives(cache: &KeySetCache) -> HeaderValue {
    let text = format!(
        "public, max-age={}, stale-while-revalidate={}, stale-if-error={}",
        cache.max_age, cache.stale_while_revalidate, cache.stale_if_error
    );
    // Digits and words are header text always.
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("no-cache"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CACHE: KeySetCache =
        KeySetCache { max_age: 300, stale_while_revalidate: 200, stale_if_error: 3600 };

    #[test]
    fn who_has_the_document_gets_304_with_its_validators() {
        let document =
            Document::new(Bytes::from_static(b"{}"), "application/json", &CACHE).modified_at(1_800_000_000);
        let first = document.answer(&HeaderMap::new());
        let etag = first.headers()[header::ETAG].clone();
        for known in [
            etag.to_str().unwrap().to_owned(),
            format!("\"x\", W/{}", etag.to_str().unwrap()),
            "*".to_owned(),
        ] {
            let mut request = HeaderMap::new();
            request.insert(header::IF_NONE_MATCH, HeaderValue::from_str(&known).unwrap());
            let again = document.answer(&request);
            assert_eq!(again.status(), StatusCode::NOT_MODIFIED, "{known}");
            for name in [header::ETAG, header::CACHE_CONTROL, header::LAST_MODIFIED] {
                assert_eq!(again.headers()[&name], first.headers()[&name]);
            }
            assert!(again.headers().get(header::CONTENT_TYPE).is_none());
        }
        let mut request = HeaderMap::new();
        request.insert(header::IF_NONE_MATCH, HeaderValue::from_static("\"other\""));
        assert_eq!(document.answer(&request).status(), StatusCode::OK);
        assert_eq!(first.headers()[header::LAST_MODIFIED], "Fri, 15 Jan 2027 08:00:00 GMT");
        assert_eq!(
            first.headers()[header::CACHE_CONTROL],
            "public, max-age=300, stale-while-revalidate=200, stale-if-error=3600"
        );
    }
}
