//! HTTP Basic credentials of a client (RFC 6749 §2.3.1, RFC 7617).

use std::borrow::Cow;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use http::HeaderValue;
use zeroize::Zeroizing;

use super::percent;

/// Padding is left out by some clients; it carries nothing.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A client id with a secret.
#[derive(PartialEq, Eq)]
pub(super) struct Credentials {
    pub client_id: String,
    pub client_secret: Zeroizing<String>,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("client_id", &self.client_id).finish_non_exhaustive()
    }
}

/// What is wrong with an `Authorization` header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BasicError {
    /// Another scheme than Basic.
    Scheme,
    /// Not base64 of `id:secret`.
    Malformed,
}

/// Reads the credentials, in every reading that differs: at most two.
///
/// RFC 6749 has both halves form-encoded before they are joined, and some libraries encode every character that is
/// no letter or digit; others, and curl, do not encode at all. So the decoded reading comes first, then the raw one.
pub(super) fn parse(header: &HeaderValue) -> Result<Vec<Credentials>, BasicError> {
    let header = header.to_str().map_err(|_| BasicError::Malformed)?;
    let (scheme, encoded) = header.split_once(' ').unwrap_or((header, ""));
    if !scheme.eq_ignore_ascii_case("Basic") {
        return Err(BasicError::Scheme);
    }
    let bytes = Zeroizing::new(BASE64.decode(encoded.trim_matches(' ')).map_err(|_| BasicError::Malformed)?);
    let text = std::str::from_utf8(&bytes).map_err(|_| BasicError::Malformed)?;
    let (id, secret) = text.split_once(':').ok_or(BasicError::Malformed)?;
    let raw = || Credentials { client_id: id.to_owned(), client_secret: Zeroizing::new(secret.to_owned()) };
    match (percent::decode(id.as_bytes()), percent::decode(secret.as_bytes())) {
        // Nothing was encoded: there is one reading.
        (Some(Cow::Borrowed(_)), Some(Cow::Borrowed(_))) | (None, _) | (_, None) => Ok(vec![raw()]),
        (Some(id), Some(secret)) => {
            let client_secret = Zeroizing::new(secret.into_owned());
            Ok(vec![Credentials { client_id: id.into_owned(), client_secret }, raw()])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn readings(header: &str) -> Vec<(String, String)> {
        let parsed = parse(&HeaderValue::from_str(header).unwrap()).unwrap();
        parsed.into_iter().map(|c| (c.client_id, c.client_secret.to_string())).collect()
    }

    fn raw(text: &str) -> String {
        format!("Basic {}", BASE64.encode(text))
    }

    #[test]
    fn the_encoded_spelling_is_decoded_first() {
        let header = "Basic MVBwRyUyRlErMTp6JTJGdFo5VndGWnFBcG1JUSUyQlpIMUk1cExrJTJGdUI0dWQlM0FYMiUyRjhiTCUyQndmRlR0MXJGdyUzRA==";
        let readings = readings(header);
        assert_eq!(readings[0].0, "1PpG/Q 1");
        assert_eq!(readings[0].1, "z/tZ9VwFZqApmIQ+ZH1I5pLk/uB4ud:X2/8bL+wfFTt1rFw=");
        assert_eq!(readings.len(), 2);
    }

    #[test]
    fn letters_and_digits_have_one_reading() {
        assert_eq!(readings(&raw("client:Secret1")), [("client".to_owned(), "Secret1".to_owned())]);
        assert_eq!(readings("bASIC  YTpi"), [("a".to_owned(), "b".to_owned())]);
    }

    #[test]
    fn a_secret_that_cannot_be_decoded_is_read_as_it_is() {
        assert_eq!(readings(&raw("a:100%")), [("a".to_owned(), "100%".to_owned())]);
        assert_eq!(readings(&raw("a:b+c:d"))[1], ("a".to_owned(), "b+c:d".to_owned()));
    }

    #[test]
    fn padding_may_be_missing() {
        assert_eq!(readings("Basic YTpiYw"), readings("Basic YTpiYw=="));
    }

    #[test]
    fn what_is_no_basic_header_is_refused() {
        let parse = |text: &'static str| parse(&HeaderValue::from_static(text)).map(|_| ());
        for text in ["Bearer YTpi", "", "BasicYTpi", "DPoP a"] {
            assert_eq!(parse(text), Err(BasicError::Scheme), "{text}");
        }
        for text in ["Basic", "Basic ", "Basic ???", "Basic YWI=", "Basic YTpi YTpi"] {
            assert_eq!(parse(text), Err(BasicError::Malformed), "{text}");
        }
    }
}
