//! What stands in the `Authorization` field: RFC 9110 §11.6.2.

use http::HeaderMap;
use http::header::AUTHORIZATION;

use crate::Reason;

/// The credentials of a request, one variant per scheme that is spoken here.
///
/// The proofs join here: `PoP <signed request>` (whose token lies inside) and `DPoP <token>` with its header.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Credentials<'a> {
    /// RFC 6750 §2.1.
    Bearer(&'a str),
}

impl<'a> Credentials<'a> {
    /// Exactly one field, exactly one method.
    pub(crate) fn of(headers: &'a HeaderMap, query: Option<&str>) -> Result<Self, Reason> {
        let mut fields = headers.get_all(AUTHORIZATION).iter();
        let field = fields.next().ok_or(Reason::NoCredentials)?;
        // Two servers in a row could each look at another one of two fields.
        if fields.next().is_some() || has_access_token(query) {
            return Err(Reason::SeveralCredentials);
        }
        let text = field.to_str().map_err(|_| Reason::MalformedCredentials)?.trim_matches([' ', '\t']);
        let (scheme, token) = text.split_once(' ').unwrap_or((text, ""));
        if !scheme.eq_ignore_ascii_case("Bearer") {
            // Basic, PoP, DPoP, …: nothing that could be judged here; the challenge says what could.
            return Err(Reason::NoCredentials);
        }
        let token = token.trim_start_matches(' ');
        if is_token68(token) { Ok(Self::Bearer(token)) } else { Err(Reason::MalformedCredentials) }
    }
}

/// RFC 6750 §2.3 is not spoken here (queries end up in logs), but beside a header it makes two methods.
fn has_access_token(query: Option<&str>) -> bool {
    query.is_some_and(|query| query.split('&').any(|piece| piece.split('=').next() == Some("access_token")))
}

/// RFC 9110 §11.2.
fn is_token68(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~' | b'+' | b'/');
    !body.is_empty() && body.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(fields: &[&str], query: Option<&str>) -> Result<String, Reason> {
        let mut headers = HeaderMap::new();
        for field in fields {
            headers.append(AUTHORIZATION, http::HeaderValue::from_bytes(field.as_bytes()).unwrap());
        }
        Credentials::of(&headers, query).map(|Credentials::Bearer(token)| token.to_owned())
    }

    #[test]
    fn bearer_in_any_case_is_read() {
        for field in ["Bearer a.b.c", "bearer a.b.c", "BEARER  a.b.c", " Bearer a.b.c "] {
            assert_eq!(of(&[field], Some("x=1&access=2")).as_deref(), Ok("a.b.c"), "{field}");
        }
    }

    #[test]
    fn other_schemes_are_no_credentials() {
        for fields in [&[][..], &["Basic YTpi"], &["PoP a.b.c"], &["DPoP a.b.c"], &["Bearera.b.c"], &[""]] {
            assert_eq!(of(fields, None), Err(Reason::NoCredentials), "{fields:?}");
        }
    }

    #[test]
    fn two_fields_are_refused() {
        for fields in [["Bearer a", "Bearer a"], ["Bearer a", "Basic b"], ["Basic b", "Bearer a"]] {
            assert_eq!(of(&fields, None), Err(Reason::SeveralCredentials));
        }
        assert_eq!(of(&["Bearer a"], Some("access_token=a")), Err(Reason::SeveralCredentials));
    }

    #[test]
    fn what_is_not_token68_is_refused() {
        for field in [
            "Bearer",
            "Bearer ",
            "Bearer a b",
            "Bearer a,b",
            "Bearer \"a\"",
            "Bearer ä",
            "Bearer =",
            "Bearer a\tb",
        ] {
            assert_eq!(of(&[field], None), Err(Reason::MalformedCredentials), "{field}");
        }
    }
}
