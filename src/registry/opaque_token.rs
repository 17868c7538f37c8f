use aws_lc_rs::digest;
use carnet_ambient::Entropy;
use carnet_token::base64url;
use zeroize::Zeroizing;

/// 43 letters and digits carry 256.03 bits.
const RANDOM_LEN: usize = 43;

/// What an opaque token is for. Its beginning says so: scanners of leaked secrets know it, and a token in the wrong
/// place is refused before any work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpaqueKind {
    /// Lets a machine of a participant register itself (RFC 7591 §3).
    InitialAccess,
    /// Lets a client that registered itself change its registration (RFC 7592 §2).
    Registration,
}

impl OpaqueKind {
    const fn prefix(self) -> &'static str {
        match self {
            Self::InitialAccess => "carnet_iat_",
            Self::Registration => "carnet_rat_",
        }
    }

    /// What is kept of a token of this kind: its digest, which at 256 random bits needs no salt and no slow hash.
    /// `None` for whatever cannot be one.
    #[must_use]
    pub fn digest_of(self, text: &str) -> Option<String> {
        let random = text.strip_prefix(self.prefix())?;
        let fits = random.len() == RANDOM_LEN && random.bytes().all(|byte| byte.is_ascii_alphanumeric());
        fits.then(|| digest(text))
    }
}

/// An opaque token that was just made. It is handed out once; what is kept is its digest.
pub struct OpaqueToken(Zeroizing<String>);

impl OpaqueToken {
    /// Makes a token.
    #[must_use]
    pub fn new(kind: OpaqueKind, entropy: &Entropy) -> Self {
        let random = Zeroizing::new(entropy.alphanumeric(RANDOM_LEN));
        Self(Zeroizing::new(format!("{}{}", kind.prefix(), &*random)))
    }

    /// The token itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What is kept of it.
    #[must_use]
    pub fn digest(&self) -> String {
        digest(&self.0)
    }
}

impl std::fmt::Debug for OpaqueToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OpaqueToken(…)")
    }
}

fn digest(text: &str) -> String {
    base64url::encode(digest::digest(&digest::SHA256, text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_form_of_its_kind_is_looked_up() {
        let token = OpaqueToken::new(OpaqueKind::InitialAccess, &Entropy::seeded(1));
        let text = token.expose();
        assert_eq!(OpaqueKind::InitialAccess.digest_of(text), Some(token.digest()));
        assert_eq!(OpaqueKind::Registration.digest_of(text), None);
        for wrong in ["", "carnet_iat_", &text[1..], &format!("{text}a"), &text.replace("iat", "IAT")] {
            assert_eq!(OpaqueKind::InitialAccess.digest_of(wrong), None, "{wrong}");
        }
        assert!(!format!("{token:?}").contains("carnet_iat_"));
    }
}
