//! base64url without padding (RFC 4648 §5, RFC 7515 §2), canonical form only.
//!
//! Two texts for the same bytes would be two names for one signed message (draft-ietf-oauth-rfc8725bis), so
//! padding, the `+/` alphabet, whitespace and tail bits that are not zero are all refused.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The text is not the canonical base64url form of any bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not canonical base64url")]
pub struct NotCanonical;

/// Bytes as base64url without padding.
#[must_use]
pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Appends the base64url form of `bytes` to `text`: the hot path builds a token in one buffer.
pub fn encode_into(bytes: impl AsRef<[u8]>, text: &mut String) {
    URL_SAFE_NO_PAD.encode_string(bytes, text);
}

/// The bytes of a canonical base64url text.
///
/// # Errors
/// [`NotCanonical`] when encoding the bytes again would not give the same text.
pub fn decode(text: impl AsRef<[u8]>) -> Result<Vec<u8>, NotCanonical> {
    // The engine's own defaults are the rule wanted here: no padding, no stray tail bits, no whitespace.
    URL_SAFE_NO_PAD.decode(text).map_err(|_| NotCanonical)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_text_round_trips() {
        for bytes in [&b""[..], b"f", b"fo", b"foo", &[0xfb, 0xff]] {
            assert_eq!(decode(encode(bytes)).unwrap(), bytes);
        }
        assert_eq!(encode([0xfb, 0xff]), "-_8");
    }

    #[test]
    fn padding_other_alphabet_whitespace_and_tail_bits_are_refused() {
        for text in ["Zg==", "Zg=", "+/8", "Z g", "Zm9v\n", " Zm9v", "Zh", "Zm9", "Z", "Zm9v=", "Zä"] {
            assert_eq!(decode(text), Err(NotCanonical), "{text:?}");
        }
    }
}
