use aws_lc_rs::digest;
use carnet_ambient::Entropy;
use zeroize::Zeroizing;

/// What every secret of this server begins with, so that scanners of leaked secrets know it.
const PREFIX: &str = "carnetsecret";
/// Part made from the client id, so that a secret in the wrong file is noticed before any work.
const CLIENT_LEN: usize = 6;
/// 43 letters and digits carry 256.03 bits.
const RANDOM_LEN: usize = 43;
/// Part made from all before it, so that a mistyped secret is refused before any work.
const CHECK_LEN: usize = 6;

/// A new client secret. It is shown once; what is kept is its MAC.
pub struct GeneratedSecret(Zeroizing<String>);

impl GeneratedSecret {
    /// Makes a secret of 256 random bits for a client. Letters and digits only, so that the encoded and the
    /// raw spelling of HTTP Basic credentials agree.
    #[must_use]
    pub fn new(entropy: &Entropy, client_id: &str) -> Self {
        let mut text =
            Zeroizing::new(String::with_capacity(PREFIX.len() + CLIENT_LEN + RANDOM_LEN + CHECK_LEN));
        text.push_str(PREFIX);
        text.push_str(&letters(client_id.as_bytes(), CLIENT_LEN));
        text.push_str(&Zeroizing::new(entropy.alphanumeric(RANDOM_LEN)));
        let check = letters(text.as_bytes(), CHECK_LEN);
        text.push_str(&check);
        Self(text)
    }

    /// The secret itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for GeneratedSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("GeneratedSecret(…)")
    }
}

/// Whether a text can be a secret of this server for that client: prefix, client part, length, check suffix.
#[must_use]
pub fn has_secret_format(text: &str, client_id: &str) -> bool {
    let body = PREFIX.len() + CLIENT_LEN + RANDOM_LEN;
    text.len() == body + CHECK_LEN
        && text.is_ascii()
        && text.starts_with(PREFIX)
        && text[PREFIX.len()..].starts_with(&letters(client_id.as_bytes(), CLIENT_LEN))
        && text[body..] == letters(&text.as_bytes()[..body], CHECK_LEN)
}

/// `len` lower-case letters and digits made from a hash. No secret: a check against mistakes.
fn letters(of: &[u8], len: usize) -> String {
    const SET: &[u8; 32] = b"abcdefghijkmnopqrstuvwxyz2345678";
    let hash = digest::digest(&digest::SHA256, of);
    hash.as_ref().iter().take(len).map(|byte| char::from(SET[usize::from(byte % 32)])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_or_foreign_secret_is_recognised_without_any_work() {
        let secret = GeneratedSecret::new(&Entropy::seeded(1), "client1");
        let text = secret.expose();
        assert!(has_secret_format(text, "client1"));
        assert!(text.bytes().all(|b| b.is_ascii_alphanumeric()));
        assert!(!has_secret_format(text, "client2"));
        let typo = text.replacen(&text[30..31], if &text[30..31] == "x" { "y" } else { "x" }, 1);
        assert!(!has_secret_format(&typo, "client1"));
        for wrong in ["", "carnetsecret", &text[1..], &format!("{text}a"), "é"] {
            assert!(!has_secret_format(wrong, "client1"), "{wrong}");
        }
        assert!(!format!("{secret:?}").contains(text));
    }
}
