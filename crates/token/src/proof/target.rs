//! URLs as two readers of one request must agree on them (RFC 3986 §6.2.2).

use std::borrow::Cow;

/// Why the part of a URL is not compared at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unfit;

/// An authority in lower case without the default port of `scheme`; no user information.
pub(super) fn authority<'a>(scheme: &str, authority: &'a str) -> Result<Cow<'a, str>, Unfit> {
    let (host, port) = match authority.rsplit_once(':') {
        // `[::1]` ends in a bracket; a colon inside it is not that of a port.
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let bracketed = host.starts_with('[') && host.ends_with(']');
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    let of_address = |byte: u8| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.' | b'[' | b']');
    let is_host =
        !host.is_empty() && if bracketed { host.bytes().all(of_address) } else { host.bytes().all(plain) };
    // `host:` with an empty port is the default port (RFC 3986 §6.2.3).
    let port = port.filter(|port| !port.is_empty());
    let is_port = |port: &str| port.len() <= 5 && port.bytes().all(|byte| byte.is_ascii_digit());
    if !is_host || !port.is_none_or(is_port) {
        return Err(Unfit);
    }
    let default = match scheme {
        "https" => "443",
        _ => "80",
    };
    let kept = match port {
        Some(port) if port != default => &authority[..host.len() + 1 + port.len()],
        _ => host,
    };
    if kept.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Ok(Cow::Owned(kept.to_ascii_lowercase()));
    }
    Ok(Cow::Borrowed(kept))
}

/// A path with what may be written in two ways written in one: percent-encoded unreserved characters decoded, the
/// other escapes in upper case. Nothing else: case, a trailing slash and `%2F` mean something, and dot segments,
/// which one server removes and another does not, are refused.
pub(super) fn path(path: &str) -> Result<Cow<'_, str>, Unfit> {
    if path.is_empty() {
        return Ok(Cow::Borrowed("/"));
    }
    if !path.starts_with('/') || path.bytes().any(|byte| matches!(byte, b'?' | b'#' | b'\\') || byte <= b' ')
    {
        return Err(Unfit);
    }
    let normal = if path.contains('%') { Cow::Owned(unescaped(path)?) } else { Cow::Borrowed(path) };
    if normal.split('/').any(|segment| matches!(segment, "." | "..")) {
        return Err(Unfit);
    }
    Ok(normal)
}

fn unescaped(path: &str) -> Result<String, Unfit> {
    let mut normal = String::with_capacity(path.len());
    let mut rest = path;
    while let Some(at) = rest.find('%') {
        normal.push_str(&rest[..at]);
        let code = rest.get(at + 1..at + 3).filter(|code| code.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let code = code.ok_or(Unfit)?;
        let byte = u8::from_str_radix(code, 16).map_err(|_| Unfit)?;
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            normal.push(char::from(byte));
        } else {
            normal.push('%');
            normal.push_str(&code.to_ascii_uppercase());
        }
        rest = &rest[at + 3..];
    }
    normal.push_str(rest);
    Ok(normal)
}

/// Whether an absolute URL, its query and fragment left out, is the one of a request.
pub(super) fn is_url_of(url: &str, request: &super::RequestView<'_>) -> bool {
    let Some((scheme, rest)) = url.split_once("://") else { return false };
    let scheme = scheme.to_ascii_lowercase();
    if !matches!(scheme.as_str(), "https" | "http") || scheme != request.scheme {
        return false;
    }
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let at = rest.find('/').unwrap_or(rest.len());
    // User information does not pass: `@` is no character of a host.
    let (Ok(named), Ok(asked)) = (authority(&scheme, &rest[..at]), authority(&scheme, request.authority))
    else {
        return false;
    };
    let (Ok(named_path), Ok(asked_path)) = (path(&rest[at..]), path(request.path)) else { return false };
    named == asked && named_path == asked_path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authority_loses_case_and_default_port_and_nothing_else() {
        for (scheme, text, normal) in [
            ("https", "1R.Example:443", "1r.example"),
            ("https", "1r.example:", "1r.example"),
            ("http", "1r.example:443", "1r.example:443"),
            ("http", "1r.example:80", "1r.example"),
            ("https", "[::1]:8443", "[::1]:8443"),
            ("https", "[::1]", "[::1]"),
            ("https", "[2001:DB8::1]:443", "[2001:db8::1]"),
        ] {
            assert_eq!(authority(scheme, text).unwrap(), normal);
        }
        for text in
            ["", ":443", "a@b", "1r.example@evil.example", "a b", "a/b", "a:b", "a:999999", "[::1", "bü.de"]
        {
            assert_eq!(authority("https", text), Err(Unfit), "{text}");
        }
    }

    #[test]
    fn a_path_is_compared_as_it_was_sent() {
        for (text, normal) in [
            ("", "/"),
            ("/", "/"),
            ("/a/", "/a/"),
            ("/%41%7e%2d", "/A~-"),
            ("/a%2fb", "/a%2Fb"),
            ("/a%2Fb", "/a%2Fb"),
            ("/a//b", "/a//b"),
            ("/...", "/..."),
            ("/%C3%a9", "/%C3%A9"),
        ] {
            assert_eq!(path(text).unwrap(), normal);
        }
        for text in [
            "a",
            "/a/../b",
            "/./a",
            "/a/..",
            "/%2e%2e/b",
            "/a/%2E",
            "/%",
            "/%4",
            "/%zz",
            "/a b",
            "/a\\b",
            "/a?b",
            "/%é",
        ] {
            assert_eq!(path(text), Err(Unfit), "{text}");
        }
    }
}
