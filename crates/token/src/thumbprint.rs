use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::base64url::{self, NotCanonical};

/// A SHA-256 digest that names a key (RFC 7638) or a certificate (`x5t#S256`, RFC 8705 §3.1).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Thumbprint([u8; 32]);

impl Thumbprint {
    /// The digest of `bytes`: the canonical members of a JWK, or a certificate in DER.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
        let mut thumbprint = [0; 32];
        thumbprint.copy_from_slice(digest.as_ref());
        Self(thumbprint)
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl From<[u8; 32]> for Thumbprint {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl FromStr for Thumbprint {
    type Err = NotCanonical;

    /// Reads the 43 characters of canonical base64url.
    fn from_str(text: &str) -> Result<Self, NotCanonical> {
        base64url::decode(text)?.try_into().map(Self).map_err(|_| NotCanonical)
    }
}

impl TryFrom<String> for Thumbprint {
    type Error = NotCanonical;

    fn try_from(text: String) -> Result<Self, NotCanonical> {
        text.parse()
    }
}

impl From<Thumbprint> for String {
    fn from(thumbprint: Thumbprint) -> Self {
        base64url::encode(thumbprint.0)
    }
}

impl fmt::Display for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base64url::encode(self.0))
    }
}

impl fmt::Debug for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Thumbprint({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_another_length_is_refused() {
        let text = Thumbprint::of(b"").to_string();
        assert_eq!(text, "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU");
        assert_eq!(text.parse::<Thumbprint>().unwrap(), Thumbprint::of(b""));
        assert!(text[1..].parse::<Thumbprint>().is_err());
        assert!("".parse::<Thumbprint>().is_err());
    }
}
