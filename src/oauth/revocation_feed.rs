//! `GET /revocations[?since=SEQ]`: the revocation feed, whose bytes are there before anybody asks.

use axum::extract::{RawQuery, State as Extract};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use url::form_urlencoded;

use super::document::has_etag;
use super::state::State;
use crate::revocation::MEDIA_TYPE;

/// How long a cache may keep the feed, seconds: every second of it is one in which a revocation is not seen.
const MAX_AGE: i64 = 5;
/// The largest number that every JSON reader has exactly (RFC 8259 §6).
const MAX_SEQ: i64 = 1 << 53;

/// Answers with the whole feed, or with the shortest part that holds everything after `since`.
pub(super) async fn get(
    Extract(state): Extract<State>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let Some(since) = read_since(query.as_deref().unwrap_or_default()) else {
        return problem(
            StatusCode::BAD_REQUEST,
            "Bad Request",
            "since must be the seq of a feed that was seen before, once: a number from 0 to 9007199254740992",
        );
    };
    let now = state.clock().now();
    let published = state.feed().current().filter(|published| now < published.expires_at);
    let found = published.as_ref().and_then(|published| Some((published, published.after(since)?)));
    let Some((published, document)) = found else {
        let mut response = problem(
            StatusCode::SERVICE_UNAVAILABLE,
            "Service Unavailable",
            "the feed could not be signed for too long; what is revoked is not known here for the moment",
        );
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
        return response;
    };
    let mut response = if has_etag(&headers, document.etag.as_bytes()) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        ([(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE))], document.bytes.clone())
            .into_response()
    };
    let max_age = MAX_AGE.min(published.expires_at - now);
    let text = |text: &str| HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static("no-cache"));
    let fields = response.headers_mut();
    fields.insert(header::ETAG, text(&document.etag));
    fields.insert(header::CACHE_CONTROL, text(&format!("public, max-age={max_age}")));
    open_to_every_page(fields);
    response
}

/// The one `since` of a query, 0 without one; other parameters are ignored.
fn read_since(query: &str) -> Option<i64> {
    let mut values = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == "since");
    let Some((_, value)) = values.next() else { return Some(0) };
    // Digits alone: no sign, no blank, no exponent.
    let is_number = (1..=16).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_digit());
    let number = if is_number { value.parse().ok()? } else { return None };
    (values.next().is_none() && number <= MAX_SEQ).then_some(number)
}

fn open_to_every_page(headers: &mut HeaderMap) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("etag"));
}

fn problem(status: StatusCode, title: &str, detail: &str) -> Response {
    let body = serde_json::json!({
        "type": "about:blank", "title": title, "status": status.as_u16(), "detail": detail,
    });
    let mut response = (
        status,
        [(header::CONTENT_TYPE, "application/problem+json"), (header::CACHE_CONTROL, "no-store")],
        body.to_string(),
    )
        .into_response();
    open_to_every_page(response.headers_mut());
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn since_is_a_plain_number_once() {
        for (query, since) in [
            ("", Some(0)),
            ("x=1", Some(0)),
            ("since=0", Some(0)),
            ("since=17&x=since", Some(17)),
            ("since=9007199254740992", Some(MAX_SEQ)),
            ("since=9007199254740993", None),
            ("since=99999999999999999999", None),
            ("since=", None),
            ("since=-1", None),
            ("since=+1", None),
            ("since=1e3", None),
            ("since=%20%31", None),
            ("since=1&since=1", None),
            ("since=%FF", None),
        ] {
            assert_eq!(read_since(query), since, "{query}");
        }
    }
}
