//! Decoding of `application/x-www-form-urlencoded` text, strictly.

use std::borrow::Cow;

/// Decodes a name or a value: `+` is a blank, `%XX` a byte of UTF-8. `None` when an escape is broken, or the bytes
/// are not UTF-8 or hold a control character; no parameter of RFC 6749 appendix A may hold one.
pub(super) fn decode(text: &[u8]) -> Option<Cow<'_, str>> {
    // Most of what comes, a signed assertion above all, is nothing but letters: one look at each is enough.
    if text.iter().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'%' | b'+')) {
        return std::str::from_utf8(text).ok().map(Cow::Borrowed);
    }
    let decoded = if text.iter().any(|byte| matches!(byte, b'%' | b'+')) {
        Cow::Owned(String::from_utf8(unescape(text)?).ok()?)
    } else {
        Cow::Borrowed(std::str::from_utf8(text).ok()?)
    };
    if decoded.chars().any(char::is_control) { None } else { Some(decoded) }
}

fn unescape(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'+' => b' ',
            b'%' => digit(*bytes.next()?)? << 4 | digit(*bytes.next()?)?,
            other => *other,
        });
    }
    Some(out)
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_and_blanks_are_decoded() {
        for (text, decoded) in
            [("", ""), ("a-b", "a-b"), ("a+b", "a b"), ("%2b%2B", "++"), ("%C3%A9", "é"), ("é", "é")]
        {
            assert_eq!(decode(text.as_bytes()).unwrap(), decoded);
        }
    }

    #[test]
    fn broken_escapes_other_encodings_and_control_characters_are_refused() {
        for text in [&b"%"[..], b"%a", b"a%zz", b"%+1", b"%C3", b"\xff", b"%00", b"a%0Ab", b"\n"] {
            assert!(decode(text).is_none(), "{text:?}");
        }
    }
}
