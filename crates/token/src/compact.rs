//! The compact serialization of a JWS (RFC 7515 §7.1), taken apart but not yet verified.

use serde_json::{Map, Value};

use crate::{Refusal, base64url, json};

/// The longest JWS that [`Compact::parse`] looks at, in bytes.
pub const MAX_LENGTH: usize = 8 * 1024;

/// The longest encoded header, in bytes: room for an `x5c` that will be ignored, not for a book.
pub const MAX_HEADER_LENGTH: usize = 4 * 1024;

/// The longest `kid`, in bytes.
pub const MAX_KID_LENGTH: usize = 256;

/// A compact JWS whose payload has not been looked at. **Nothing in it is verified.**
///
/// For documents that may be long: their signature is checked before their content is read.
#[derive(Debug)]
pub struct Sealed<'a> {
    text: &'a str,
    payload: &'a str,
    signature_at: usize,
    signature: Vec<u8>,
    header: Map<String, Value>,
}

impl<'a> Sealed<'a> {
    /// Takes the text apart: at most `max_length` bytes, three parts of which the first is a strict JSON object and
    /// the last canonical base64url, no critical extension, no encrypted or nested content.
    ///
    /// # Errors
    /// [`Refusal::Malformed`] or [`Refusal::Crit`].
    pub fn parse(text: &'a str, max_length: usize) -> Result<Self, Refusal> {
        // Limits come before any decoding: garbage must be cheap to refuse.
        if text.len() > max_length {
            return Err(Refusal::Malformed);
        }
        // Exactly three parts: five are a JWE, which is never accepted here.
        let mut parts = text.splitn(4, '.');
        let (Some(header), Some(payload), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(Refusal::Malformed);
        };
        if header.len() > MAX_HEADER_LENGTH {
            return Err(Refusal::Malformed);
        }
        let header = object(header)?;
        // RFC 7515 §4.1.11: an extension that is not understood must be refused; none is understood here, and an
        // unencoded payload (RFC 7797) would change what is signed.
        if header.contains_key("crit") || header.contains_key("b64") {
            return Err(Refusal::Crit);
        }
        // `enc` marks a JWE (RFC 7516 §9), `cty: JWT` a nested token (RFC 7519 §5.2).
        let nested = header.get("cty").and_then(Value::as_str).is_some_and(|cty| is_media_type(cty, "jwt"));
        if header.contains_key("enc") || nested {
            return Err(Refusal::Malformed);
        }
        let signature_at = text.len() - signature.len();
        let signature = base64url::decode(signature).map_err(|_| Refusal::Malformed)?;
        Ok(Self { text, payload, signature_at, signature, header })
    }

    /// Reads the payload, which must be a strict JSON object.
    ///
    /// # Errors
    /// [`Refusal::Malformed`].
    pub fn open(self) -> Result<Compact<'a>, Refusal> {
        let payload = object(self.payload)?;
        Ok(Compact { sealed: self, payload })
    }

    /// The JOSE header.
    #[must_use]
    pub const fn header(&self) -> &Map<String, Value> {
        &self.header
    }

    /// What the signature covers: header, dot, payload as sent.
    #[must_use]
    pub fn signing_input(&self) -> &'a str {
        &self.text[..self.signature_at - 1]
    }

    /// The signature in base64url.
    #[must_use]
    pub fn signature(&self) -> &'a str {
        &self.text[self.signature_at..]
    }

    /// The signature itself.
    #[must_use]
    pub fn signature_bytes(&self) -> &[u8] {
        &self.signature
    }

    /// The `kid`: an opaque name of at most [`MAX_KID_LENGTH`] bytes, never a path, a query or a URL.
    ///
    /// # Errors
    /// [`Refusal::UnknownKid`] for an empty, overlong or non-string `kid`: no key can have it.
    pub fn kid(&self) -> Result<Option<&str>, Refusal> {
        match self.header.get("kid") {
            None => Ok(None),
            Some(Value::String(kid)) if !kid.is_empty() && kid.len() <= MAX_KID_LENGTH => Ok(Some(kid)),
            Some(_) => Err(Refusal::UnknownKid),
        }
    }

    /// Whether `typ` is the media type `application/{subtype}` (RFC 7515 §4.1.9): case does not count, and a value
    /// without a slash stands for one with `application/`.
    #[must_use]
    pub fn is_typ(&self, subtype: &str) -> bool {
        self.header.get("typ").and_then(Value::as_str).is_some_and(|typ| is_media_type(typ, subtype))
    }
}

fn object(part: &str) -> Result<Map<String, Value>, Refusal> {
    let bytes = base64url::decode(part).map_err(|_| Refusal::Malformed)?;
    json::parse_object(&bytes).map_err(|_| Refusal::Malformed)
}

/// A compact JWS of strict JSON. **Nothing in it is verified.**
#[derive(Debug)]
pub struct Compact<'a> {
    sealed: Sealed<'a>,
    payload: Map<String, Value>,
}

impl<'a> Compact<'a> {
    /// Takes a text of at most [`MAX_LENGTH`] bytes apart: as [`Sealed::parse`], and a payload that is a strict JSON
    /// object.
    ///
    /// # Errors
    /// [`Refusal::Malformed`] or [`Refusal::Crit`].
    pub fn parse(text: &'a str) -> Result<Self, Refusal> {
        Sealed::parse(text, MAX_LENGTH)?.open()
    }

    /// The JOSE header.
    #[must_use]
    pub const fn header(&self) -> &Map<String, Value> {
        self.sealed.header()
    }

    /// The payload, unverified.
    #[must_use]
    pub const fn payload(&self) -> &Map<String, Value> {
        &self.payload
    }

    /// The payload by value.
    #[must_use]
    pub fn into_payload(self) -> Map<String, Value> {
        self.payload
    }

    /// As [`Sealed::signing_input`].
    #[must_use]
    pub fn signing_input(&self) -> &'a str {
        self.sealed.signing_input()
    }

    /// As [`Sealed::signature`].
    #[must_use]
    pub fn signature(&self) -> &'a str {
        self.sealed.signature()
    }

    /// As [`Sealed::signature_bytes`].
    #[must_use]
    pub fn signature_bytes(&self) -> &[u8] {
        self.sealed.signature_bytes()
    }

    /// As [`Sealed::kid`].
    ///
    /// # Errors
    /// [`Refusal::UnknownKid`], as [`Sealed::kid`].
    pub fn kid(&self) -> Result<Option<&str>, Refusal> {
        self.sealed.kid()
    }

    /// As [`Sealed::is_typ`].
    #[must_use]
    pub fn is_typ(&self, subtype: &str) -> bool {
        self.sealed.is_typ(subtype)
    }
}

fn is_media_type(value: &str, subtype: &str) -> bool {
    let bare = match value.split_once('/') {
        None => value,
        Some((kind, bare)) if kind.eq_ignore_ascii_case("application") => bare,
        Some(_) => return false,
    };
    bare.eq_ignore_ascii_case(subtype)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(header: &str, payload: &str) -> String {
        format!("{}.{}.AAAA", base64url::encode(header), base64url::encode(payload))
    }

    #[test]
    fn the_parts_are_given_back_as_sent() {
        let text = text(r#"{"alg":"RS256","kid":"k"}"#, r#"{"iss":"i"}"#);
        let compact = Compact::parse(&text).unwrap();
        assert_eq!(format!("{}.{}", compact.signing_input(), compact.signature()), text);
        assert_eq!((compact.signature(), compact.signature_bytes()), ("AAAA", &[0; 3][..]));
        assert_eq!(compact.kid(), Ok(Some("k")));
        assert_eq!(compact.payload()["iss"], "i");
    }

    #[test]
    fn media_types_ignore_case_and_the_application_prefix() {
        assert!(is_media_type("at+jwt", "at+jwt"));
        assert!(is_media_type("Application/AT+JWT", "at+jwt"));
        assert!(!is_media_type("text/at+jwt", "at+jwt"));
        assert!(!is_media_type("application/x/at+jwt", "at+jwt"));
        assert!(!is_media_type(" at+jwt", "at+jwt"));
    }
}
