use std::io;
use std::path::Path;

use aws_lc_rs::{constant_time, digest};
use http::{HeaderMap, header};
use zeroize::Zeroizing;

/// A token of more than this is another file.
const MAX_TOKEN: usize = 4096;
/// A token of fewer characters could be guessed.
const MIN_TOKEN: usize = 16;

/// Who may read the metrics.
#[derive(Clone)]
pub enum Readers {
    /// Whoever reaches the administration listener: it is on loopback.
    Everybody,
    /// Whoever shows a token; kept as its hash.
    Token([u8; 32]),
    /// Nobody: the listener can be reached from elsewhere, and there is no token.
    Nobody,
}

/// Why somebody may not read the metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotAdmitted {
    /// The token is missing or another one.
    Token,
    /// A token must be configured first.
    NotConfigured,
}

impl Readers {
    /// Decides by the configuration: a token's file, else whether the listener is on loopback.
    ///
    /// # Errors
    /// When the file cannot be read, or holds no token of at least 16 visible characters.
    pub fn open(token_file: Option<&Path>, on_loopback: bool) -> io::Result<Self> {
        let Some(path) = token_file else {
            return Ok(if on_loopback { Self::Everybody } else { Self::Nobody });
        };
        let text = Zeroizing::new(std::fs::read_to_string(path)?);
        let token = text.trim_end_matches(['\r', '\n']);
        if !(MIN_TOKEN..=MAX_TOKEN).contains(&token.len())
            || !token.bytes().all(|byte| byte.is_ascii_graphic())
        {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "it must hold one line of 16 to 4096 visible ASCII characters, such as `openssl rand -hex 32` prints",
            ));
        }
        Ok(Self::Token(hash(token)))
    }

    /// Whether a request with these headers may read (RFC 6750 §2.1).
    ///
    /// # Errors
    /// Why not.
    pub fn admit(&self, headers: &HeaderMap) -> Result<(), NotAdmitted> {
        let expected = match self {
            Self::Everybody => return Ok(()),
            Self::Nobody => return Err(NotAdmitted::NotConfigured),
            Self::Token(hash) => hash,
        };
        let mut values = headers.get_all(header::AUTHORIZATION).iter();
        let (Some(value), None) = (values.next(), values.next()) else { return Err(NotAdmitted::Token) };
        let (scheme, token) = value.to_str().ok().and_then(|text| text.split_once(' ')).unwrap_or_default();
        // Of hashes: how long a comparison takes must tell neither the length nor the beginning.
        let same = constant_time::verify_slices_are_equal(&hash(token), expected).is_ok();
        if scheme.eq_ignore_ascii_case("bearer") && same { Ok(()) } else { Err(NotAdmitted::Token) }
    }
}

fn hash(token: &str) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest::digest(&digest::SHA256, token.as_bytes()).as_ref());
    bytes
}

impl std::fmt::Debug for Readers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Everybody => "Everybody",
            Self::Token(_) => "Token",
            Self::Nobody => "Nobody",
        })
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(values: &[&'static str]) -> HeaderMap {
        values.iter().map(|value| (header::AUTHORIZATION, HeaderValue::from_static(value))).collect()
    }

    fn file(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        file
    }

    #[test]
    fn only_the_token_opens_what_has_one() {
        let file = file("0123456789abcdef\n");
        let readers = Readers::open(Some(file.path()), true).unwrap();
        assert_eq!(readers.admit(&headers(&["Bearer 0123456789abcdef"])), Ok(()));
        assert_eq!(readers.admit(&headers(&["bearer 0123456789abcdef"])), Ok(()));
        for wrong in [
            &[][..],
            &["Bearer 0123456789abcdeF"],
            &["Bearer 0123456789abcde"],
            &["Bearer "],
            &["Bearer"],
            &["Basic 0123456789abcdef"],
            &["Bearer 0123456789abcdef", "Bearer 0123456789abcdef"],
        ] {
            assert_eq!(readers.admit(&headers(wrong)), Err(NotAdmitted::Token), "{wrong:?}");
        }
    }

    #[test]
    fn without_a_token_only_loopback_is_open() {
        assert_eq!(Readers::open(None, true).unwrap().admit(&headers(&[])), Ok(()));
        let closed = Readers::open(None, false).unwrap();
        assert_eq!(closed.admit(&headers(&["Bearer x"])), Err(NotAdmitted::NotConfigured));
    }

    #[test]
    fn a_file_without_a_good_token_is_refused() {
        for text in ["", "\n", "short", "0123456789 abcdef", "0123456789abcdef\nsecond line"] {
            assert!(Readers::open(Some(file(text).path()), true).is_err(), "{text:?}");
        }
        assert!(Readers::open(Some(Path::new("/nowhere/token")), true).is_err());
    }
}
