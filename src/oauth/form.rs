//! The parameters of a token request (RFC 6749 §3.2, §4.4.2; RFC 7521 §4.2; RFC 8707 §2), parsed once.

use std::borrow::Cow;

use http::{HeaderMap, header};

use super::percent;
use super::{ErrorCode, OAuthError};

/// The largest body, bytes.
pub(super) const MAX_BODY: usize = 32 * 1024;
/// How many resources one token may be for.
const MAX_RESOURCES: usize = 8;

/// What a client sent. An empty value counts as absent; unknown parameters are ignored.
#[derive(Debug, Default)]
pub(super) struct TokenRequest<'a> {
    pub grant_type: Option<Cow<'a, str>>,
    pub client_id: Option<Cow<'a, str>>,
    pub client_secret: Option<Cow<'a, str>>,
    pub client_assertion_type: Option<Cow<'a, str>>,
    pub client_assertion: Option<Cow<'a, str>>,
    pub scope: Option<Cow<'a, str>>,
    /// What is to be introspected or revoked (RFC 7662 §2.1, RFC 7009 §2.1). Their `token_type_hint` is a hint only,
    /// and every token of this server says what it is.
    pub token: Option<Cow<'a, str>>,
    /// `pop`, for a token that is bound to a key (draft-ietf-oauth-pop-key-distribution §3).
    pub token_type: Option<Cow<'a, str>>,
    /// Which key (the same draft, §3.2): base64url of JSON.
    pub req_cnf: Option<Cow<'a, str>>,
    pub resource: Vec<Cow<'a, str>>,
}

impl<'a> TokenRequest<'a> {
    /// Parses a body.
    pub fn parse(body: &'a [u8]) -> Result<Self, OAuthError> {
        let mut request = Self::default();
        let mut seen: Vec<&'static str> = Vec::with_capacity(8);
        for pair in body.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
            let mut halves = pair.splitn(2, |byte| *byte == b'=');
            let (name, value) = (halves.next().unwrap_or_default(), halves.next().unwrap_or_default());
            let name =
                percent::decode(name).ok_or_else(|| invalid("malformed_body", "the body is malformed"))?;
            let (known, longest) = match &*name {
                "grant_type" => ("grant_type", 128),
                "client_id" => ("client_id", 256),
                "client_secret" => ("client_secret", 1024),
                "client_assertion_type" => ("client_assertion_type", 128),
                "client_assertion" => ("client_assertion", 8 * 1024),
                "scope" => ("scope", 2048),
                "token" => ("token", 8 * 1024),
                "token_type" => ("token_type", 32),
                "req_cnf" => ("req_cnf", 1024),
                "resource" => ("resource", 1024),
                // RFC 6749 §3.2: unrecognized parameters are ignored.
                _ => continue,
            };
            // RFC 6749 §3.2: no parameter more than once. RFC 8707 §2 excepts `resource`.
            if known != "resource" {
                if seen.contains(&known) {
                    return Err(invalid("repeated_parameter", format!("{known} is given more than once")));
                }
                seen.push(known);
            }
            let value = percent::decode(value)
                .ok_or_else(|| invalid("malformed_parameter", format!("{known} is malformed")))?;
            if value.len() > longest {
                return Err(invalid(
                    "oversize_parameter",
                    format!("{known} is longer than {longest} characters"),
                ));
            }
            request.set(known, value)?;
        }
        Ok(request)
    }

    fn set(&mut self, name: &'static str, value: Cow<'a, str>) -> Result<(), OAuthError> {
        if value.is_empty() {
            return Ok(());
        }
        let place = match name {
            "grant_type" => &mut self.grant_type,
            "client_id" => &mut self.client_id,
            "client_secret" => &mut self.client_secret,
            "client_assertion_type" => &mut self.client_assertion_type,
            "client_assertion" => &mut self.client_assertion,
            "scope" => &mut self.scope,
            "token" => &mut self.token,
            "token_type" => &mut self.token_type,
            "req_cnf" => &mut self.req_cnf,
            _ if self.resource.len() == MAX_RESOURCES => {
                return Err(invalid("too_many_resources", format!("more than {MAX_RESOURCES} resources")));
            }
            _ => {
                self.resource.push(value);
                return Ok(());
            }
        };
        *place = Some(value);
        Ok(())
    }
}

/// Checks that a body is a form, as RFC 6749 appendix B wants it.
pub(super) fn check_content_type(headers: &HeaderMap) -> Result<(), OAuthError> {
    const FORM: &str = "application/x-www-form-urlencoded";
    let other = || {
        OAuthError::new(
            ErrorCode::UnsupportedMediaType,
            "content_type",
            format!("the body must be {FORM} in UTF-8, without content coding"),
        )
    };
    if headers.contains_key(header::CONTENT_ENCODING) {
        return Err(other());
    }
    let mut values = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(invalid("content_type", format!("exactly one Content-Type header is needed: {FORM}")));
    };
    let value = value.to_str().map_err(|_| other())?;
    let mut parts = value.split(';').map(str::trim);
    if !parts.next().unwrap_or_default().eq_ignore_ascii_case(FORM) {
        return Err(other());
    }
    let charset = parts
        .filter_map(|parameter| parameter.split_once('='))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("charset"));
    match charset {
        Some((_, charset)) if !charset.trim().trim_matches('"').eq_ignore_ascii_case("utf-8") => Err(other()),
        _ => Ok(()),
    }
}

fn invalid(reason: &'static str, description: impl Into<Cow<'static, str>>) -> OAuthError {
    OAuthError::new(ErrorCode::InvalidRequest, reason, description)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_request_is_parsed_and_unknown_parameters_are_ignored() {
        let request = TokenRequest::parse(
            b"grant_type=client_credentials&scope=a+b&resource=https%3A%2F%2Fa&resource=https://b&x=1&x=2&&y",
        )
        .unwrap();
        assert_eq!(request.grant_type.as_deref(), Some("client_credentials"));
        assert_eq!(request.scope.as_deref(), Some("a b"));
        assert_eq!(request.resource, ["https://a", "https://b"]);
    }

    #[test]
    fn an_empty_value_counts_as_absent() {
        let request = TokenRequest::parse(b"client_id=&client_secret&scope=&resource=").unwrap();
        assert!(request.client_id.is_none() && request.client_secret.is_none());
        assert!(request.scope.is_none() && request.resource.is_empty());
    }

    #[test]
    fn a_repeated_parameter_is_refused_in_every_spelling() {
        for body in ["scope=a&scope=a", "scope=a&%73cope=b", "scope=&scope=a", "client_id=a&x=1&client_id=b"]
        {
            assert_eq!(
                TokenRequest::parse(body.as_bytes()).unwrap_err().reason(),
                "repeated_parameter",
                "{body}"
            );
        }
    }

    #[test]
    fn malformed_and_overlong_parameters_are_refused() {
        for (body, reason) in [
            ("scope=%zz".to_owned(), "malformed_parameter"),
            ("client_id=a%00b".to_owned(), "malformed_parameter"),
            ("%zz=a".to_owned(), "malformed_body"),
            (format!("client_id={}", "a".repeat(257)), "oversize_parameter"),
            (format!("client_assertion={}", "a".repeat(8193)), "oversize_parameter"),
            ("resource=a&".repeat(9), "too_many_resources"),
        ] {
            assert_eq!(TokenRequest::parse(body.as_bytes()).unwrap_err().reason(), reason, "{body}");
        }
    }

    #[test]
    fn another_type_of_body_is_unsupported_and_a_missing_type_is_invalid() {
        let check = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::CONTENT_TYPE, HeaderValue::from_static(value));
            }
            check_content_type(&headers).map_err(|error| error.code())
        };
        for value in [
            "application/x-www-form-urlencoded",
            "Application/X-WWW-Form-Urlencoded; charset=UTF-8",
            "application/x-www-form-urlencoded;charset=\"utf-8\"",
        ] {
            assert_eq!(check(&[value]), Ok(()), "{value}");
        }
        for value in
            ["application/json", "text/plain", "", "application/x-www-form-urlencoded; charset=latin1"]
        {
            assert_eq!(check(&[value]), Err(ErrorCode::UnsupportedMediaType), "{value}");
        }
        assert_eq!(check(&[]), Err(ErrorCode::InvalidRequest));
        assert_eq!(check(&["application/x-www-form-urlencoded"; 2]), Err(ErrorCode::InvalidRequest));
    }
}
