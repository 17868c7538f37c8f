use axum::response::Response;
use http::{HeaderMap, HeaderValue, header};

/// Names the version of what is answered (RFC 9110 §8.8.3).
pub(super) fn with_etag(mut response: Response, version: &str) -> Response {
    if let Ok(tag) = HeaderValue::try_from(format!("\"{version}\"")) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

/// The versions that `If-Match` admits (RFC 9110 §13.1.1); `None` when it admits every one.
///
/// Weak tags never match, and what is no tag matches nothing: the caller asked for a condition, and gets it.
pub(super) fn if_match(headers: &HeaderMap) -> Option<Vec<String>> {
    joined(headers).as_deref().and_then(versions)
}

/// The value of `If-Match`, of one header or of several (RFC 9110 §5.3).
pub(super) fn joined(headers: &HeaderMap) -> Option<String> {
    let values = headers.get_all(header::IF_MATCH).iter();
    let texts: Vec<&str> = values.map(|value| value.to_str().unwrap_or_default()).collect();
    if texts.is_empty() { None } else { Some(texts.join(", ")) }
}

/// The versions that a value of `If-Match` admits; `None` when it admits every one.
pub(super) fn versions(value: &str) -> Option<Vec<String>> {
    let tags: Vec<&str> = value.split(',').map(str::trim).collect();
    if tags == ["*"] {
        return None;
    }
    let version = |tag: &str| Some(tag.strip_prefix('"')?.strip_suffix('"')?.to_owned());
    Some(tags.into_iter().filter_map(version).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(values: &[&str]) -> Option<Vec<String>> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::IF_MATCH, value.parse().unwrap());
        }
        if_match(&headers)
    }

    #[test]
    fn only_strong_tags_match() {
        assert_eq!(read(&[]), None);
        assert_eq!(read(&["*"]), None);
        assert_eq!(read(&["\"a\", \"b\"", "\"c\""]).unwrap(), ["a", "b", "c"]);
        for nothing in ["", "a", "W/\"a\"", "\"a", "\""] {
            assert_eq!(read(&[nothing]).unwrap(), Vec::<String>::new(), "{nothing}");
        }
    }
}
