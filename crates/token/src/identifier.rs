//! The URIs that name companies: one spelling each, and whose they are.
//!
//! Identifiers are compared byte by byte and never repaired, so each may have only one spelling: else a company could
//! be named past the rules that hold for it.

use std::net::Ipv4Addr;

/// The longest identifier, in bytes.
pub const MAX_LENGTH: usize = 512;

/// Why a URI is not the canonical spelling of a company identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdentifierError {
    /// Longer than [`MAX_LENGTH`].
    #[error("must have at most 512 characters")]
    TooLong,
    /// Neither `https://` nor, where loopback is allowed, `http://`.
    #[error(
        "must begin with https:// (http:// only for a loopback host where allow_insecure_loopback is set)"
    )]
    Scheme,
    /// Not a lower-case DNS name of A-labels without trailing dot, user information or port.
    #[error(
        "the host must be a lower-case domain name in A-label form, without port, user information or trailing dot"
    )]
    Host,
    /// No path, an empty segment, a dot segment, or a character that may not stand there.
    #[error(
        "the path must name the company by segments that are not empty, `.` or `..`, without trailing slash, blank, `;` or `\\`"
    )]
    Path,
    /// A percent-encoding that is not needed, not upper-case, or of `/`, `\`, `.` or NUL.
    #[error("percent-encode only what needs it, in upper case, as UTF-8, and never `/`, `\\`, `.` or NUL")]
    Encoding,
    /// A query or a fragment.
    #[error("must not contain a query or a fragment")]
    QueryOrFragment,
}

/// Checks that `uri` is in canonical form: `https`, a host name, a path of proper segments, nothing else.
///
/// `allow_insecure_loopback` admits `http` and ports for 127.0.0.0/8, `[::1]` and `localhost`: demonstrations and tests.
///
/// # Errors
/// [`IdentifierError`] names the first rule that the URI breaks.
pub fn check(uri: &str, allow_insecure_loopback: bool) -> Result<(), IdentifierError> {
    if uri.len() > MAX_LENGTH {
        return Err(IdentifierError::TooLong);
    }
    if uri.contains(['?', '#']) {
        return Err(IdentifierError::QueryOrFragment);
    }
    let (secure, rest) = match (uri.strip_prefix("https://"), uri.strip_prefix("http://")) {
        (Some(rest), _) => (true, rest),
        (None, Some(rest)) => (false, rest),
        (None, None) => return Err(IdentifierError::Scheme),
    };
    let (authority, path) = rest.split_once('/').ok_or(IdentifierError::Path)?;
    if !(allow_insecure_loopback && is_loopback(authority)) {
        if !secure {
            return Err(IdentifierError::Scheme);
        }
        if !is_host_name(authority) {
            return Err(IdentifierError::Host);
        }
    }
    path.split('/').try_for_each(check_segment)
}

/// Whether `uri` lies under `prefix`, at a boundary of path segments: `https://a.example/b` holds
/// `https://a.example/b/c`, but neither `https://a.example/bc` nor `https://a.example.evil.example/b`.
#[must_use]
pub fn is_within(uri: &str, prefix: &str) -> bool {
    match uri.strip_prefix(prefix) {
        None => false,
        Some(rest) => {
            !prefix.is_empty() && (rest.is_empty() || prefix.ends_with('/') || rest.starts_with('/'))
        }
    }
}

/// Whether `uri` is at least an absolute http or https URL with a host and without blanks: what can be asked of the
/// names that issuers of other generations give, which follow no canonical form.
#[must_use]
pub fn is_absolute_url(uri: &str) -> bool {
    let plain = |byte: u8| {
        byte.is_ascii_graphic()
            && !matches!(byte, b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}')
    };
    let rest = uri.strip_prefix("https://").or_else(|| uri.strip_prefix("http://"));
    let host = rest.and_then(|rest| rest.split(['/', '?', '#']).next());
    uri.bytes().all(plain) && host.is_some_and(|host| !host.is_empty() && !host.contains('@'))
}

fn is_host_name(host: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    // A name whose last label is a number, also a hexadecimal one, would be read as an IPv4 address.
    let is_number = |label: &str| {
        label.bytes().all(|byte| byte.is_ascii_digit())
            || label.strip_prefix("0x").is_some_and(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
    };
    let numeric = host.rsplit('.').next().is_some_and(is_number);
    // A single label is a name of the local network, `localhost` among them, and nobody's registered domain.
    host.len() <= 253 && host.contains('.') && !numeric && host.split('.').all(is_label)
}

fn is_loopback(authority: &str) -> bool {
    let (host, port) = match authority.strip_prefix("[::1]") {
        Some("") => return true,
        Some(rest) => match rest.strip_prefix(':') {
            Some(port) => ("localhost", Some(port)),
            None => return false,
        },
        None => match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    // Parsing and printing again refuses `+80`, `080` and the empty port.
    let canonical = |port: &str| port.parse::<u16>().is_ok_and(|number| number.to_string() == port);
    let is_address = |host: &str| host.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback());
    port.is_none_or(canonical) && (host == "localhost" || is_address(host))
}

fn check_segment(segment: &str) -> Result<(), IdentifierError> {
    if matches!(segment, "" | "." | "..") {
        return Err(IdentifierError::Path);
    }
    // Most segments need no decoding.
    if segment.bytes().all(is_plain) {
        return Ok(());
    }
    let mut bytes = segment.bytes();
    let mut decoded = Vec::with_capacity(segment.len());
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let (Some(high), Some(low)) =
                (bytes.next().and_then(upper_hex), bytes.next().and_then(upper_hex))
            else {
                return Err(IdentifierError::Encoding);
            };
            let byte = high << 4 | low;
            if is_plain(byte) || matches!(byte, b'/' | b'\\' | b'.' | 0) {
                return Err(IdentifierError::Encoding);
            }
            decoded.push(byte);
        } else if is_plain(byte) {
            decoded.push(byte);
        } else {
            return Err(IdentifierError::Path);
        }
    }
    // Bytes that are no text have no spelling that two systems would agree on.
    std::str::from_utf8(&decoded).map(|_| ()).map_err(|_| IdentifierError::Encoding)
}

/// The characters of a path segment that stand for themselves (RFC 3986 §3.3), without `;`, which some servers cut off.
const fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'-' | b'.'
                | b'_'
                | b'~'
                | b'!'
                | b'$'
                | b'&'
                | b'\''
                | b'('
                | b')'
                | b'*'
                | b'+'
                | b','
                | b'='
                | b':'
                | b'@'
        )
}

const fn upper_hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_identifiers_pass() {
        for uri in [
            "https://widgetco.example/1elmeeab",
            "https://1r.widgetco.example/logistics-objects/me",
            "https://a.b-c.example/A%20B/caf%C3%A9/x:y@z",
            "https://xn--mnchen-3ya.example/co",
        ] {
            assert_eq!(check(uri, false), Ok(()), "{uri}");
        }
        for uri in ["http://127.0.0.1:8080/a", "https://localhost/a", "http://[::1]/a", "http://[::1]:1/a"] {
            assert_eq!(check(uri, true), Ok(()), "{uri}");
            assert!(check(uri, false).is_err(), "{uri}");
        }
    }

    #[test]
    fn every_other_spelling_is_refused() {
        use IdentifierError::{Encoding, Host, Path, QueryOrFragment, Scheme, TooLong};
        for (uri, error) in [
            ("", Scheme),
            ("http://widgetco.example/a", Scheme),
            ("HTTPS://widgetco.example/a", Scheme),
            (" https://widgetco.example/a", Scheme),
            ("https:/widgetco.example/a", Scheme),
            ("urn:a", Scheme),
            ("https://Widgetco.example/a", Host),
            ("https://widgetco.example./a", Host),
            ("https://widgetco.example:443/a", Host),
            ("https://user@widgetco.example/a", Host),
            ("https://münchen.example/a", Host),
            ("https://wid_get.example/a", Host),
            ("https://-a.example/a", Host),
            ("https://a..example/a", Host),
            ("https:///a", Host),
            ("https://192.0.2.1/a", Host),
            ("https://0x7f.1/a", Host),
            ("https://127.0x1/a", Host),
            ("https://2130706433/a", Host),
            ("https://localhost/a", Host),
            ("https://[2001:db8::1]/a", Host),
            ("https://widgetco.example", Path),
            ("https://widgetco.example/", Path),
            ("https://widgetco.example/a/", Path),
            ("https://widgetco.example//a", Path),
            ("https://widgetco.example/./a", Path),
            ("https://widgetco.example/b/../a", Path),
            ("https://widgetco.example/a;b", Path),
            ("https://widgetco.example/a\\b", Path),
            ("https://widgetco.example/a b", Path),
            ("https://widgetco.example/é", Path),
            ("https://widgetco.example/%2e%2e/a", Encoding),
            ("https://widgetco.example/%2E", Encoding),
            ("https://widgetco.example/%41", Encoding),
            ("https://widgetco.example/%c3%a9", Encoding),
            ("https://widgetco.example/a%2Fb", Encoding),
            ("https://widgetco.example/a%5Cb", Encoding),
            ("https://widgetco.example/a%00", Encoding),
            ("https://widgetco.example/a%FF", Encoding),
            ("https://widgetco.example/a%", Encoding),
            ("https://widgetco.example/a%2", Encoding),
            ("https://widgetco.example/a?b", QueryOrFragment),
            ("https://widgetco.example/a#b", QueryOrFragment),
        ] {
            assert_eq!(check(uri, false), Err(error), "{uri}");
        }
        assert_eq!(check(&format!("https://a.example/{}", "a".repeat(MAX_LENGTH)), false), Err(TooLong));
        for uri in [
            "http://128.0.0.1/a",
            "http://localhost.evil.example/a",
            "http://127.0.0.1:/a",
            "http://127.0.0.1:080/a",
            "http://127.1/a",
            "http://[::1]x/a",
            "http://a@127.0.0.1/a",
            "http://0x7f.0.0.1/a",
        ] {
            assert!(check(uri, true).is_err(), "{uri}");
        }
    }

    #[test]
    fn absolute_urls_of_any_spelling_are_told_from_the_rest() {
        for uri in [
            "https://a.example",
            "http://A.example:80/x?y#z",
            "https://a.example/x/",
            "https://[2001:db8::1]/",
        ] {
            assert!(is_absolute_url(uri), "{uri}");
        }
        for uri in [
            "",
            "/aaa",
            "x y",
            "#",
            "urn:x",
            "//a.example/x",
            "https://",
            "https:///x",
            "http://evil example/",
            "https://?x",
        ] {
            assert!(!is_absolute_url(uri), "{uri}");
        }
        for uri in [
            "https://u@a.example/",
            "https://a.example/<x>",
            "https://a.example/\n",
            "https://a.example/é",
            " https://a.example",
        ] {
            assert!(!is_absolute_url(uri), "{uri}");
        }
    }

    #[test]
    fn prefixes_match_at_segment_boundaries() {
        for (uri, prefix, within) in [
            ("https://a.example/b/c", "https://a.example/b", true),
            ("https://a.example/b", "https://a.example/b", true),
            ("https://a.example/b/c", "https://a.example/", true),
            ("https://a.example/b", "https://a.example", true),
            ("https://a.example/bc", "https://a.example/b", false),
            ("https://a.example.evil.example/b", "https://a.example", false),
            ("https://a.example@evil.example/b", "https://a.example", false),
            ("https://a.example:444/b", "https://a.example", false),
            ("https://a.example/b", "https://a.example/b/", false),
            ("https://a.example/b", "", false),
        ] {
            assert_eq!(is_within(uri, prefix), within, "{uri} in {prefix}");
        }
    }
}
