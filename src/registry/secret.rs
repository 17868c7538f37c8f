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
        text.extend(letters::<CLIENT_LEN>(client_id.as_bytes()).map(char::from));
        text.push_str(&Zeroizing::new(entropy.alphanumeric(RANDOM_LEN)));
        let check = letters::<CHECK_LEN>(text.as_bytes());
        text.extend(check.map(char::from));
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
        && text.as_bytes()[PREFIX.len()..].starts_with(&letters::<CLIENT_LEN>(client_id.as_bytes()))
        && text.as_bytes()[body..] == letters::<CHECK_LEN>(&text.as_bytes()[..body])
}

/// The longest secret that can be imported, bytes.
pub const MAX_IMPORTED_SECRET: usize = 256;
/// The shortest one: 20 characters that a program chose have 80 bits and more.
const MIN_IMPORTED_SECRET: usize = 20;
/// How many different characters it must have: fewer have words and keyboard rows only.
const MIN_DIFFERENT: usize = 8;

/// Whether a secret that a partner brought along can be one: what a program made, not a password of a person. How it
/// was made nobody can see; what is plainly too little is refused.
///
/// # Errors
/// What is wrong with it, as the end of a sentence; never the secret.
pub fn is_importable(text: &str, client_id: &str) -> Result<(), String> {
    if !(MIN_IMPORTED_SECRET..=MAX_IMPORTED_SECRET).contains(&text.len()) {
        return Err(format!("must have {MIN_IMPORTED_SECRET} to {MAX_IMPORTED_SECRET} characters"));
    }
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("must have visible ASCII characters only, and no blank".to_owned());
    }
    let mut different: Vec<u8> = text.bytes().collect();
    different.sort_unstable();
    different.dedup();
    if different.len() < MIN_DIFFERENT {
        return Err(format!("must have at least {MIN_DIFFERENT} different characters"));
    }
    if text.contains(client_id) {
        return Err("must not contain the client id, which is public".to_owned());
    }
    if text.starts_with(PREFIX) {
        return Err(format!("must not begin with {PREFIX}, as only secrets of this server do"));
    }
    Ok(())
}

/// Lower-case letters and digits made from a hash. No secret: a check against mistakes.
fn letters<const LEN: usize>(of: &[u8]) -> [u8; LEN] {
    const SET: &[u8; 32] = b"abcdefghijkmnopqrstuvwxyz2345678";
    let hash = digest::digest(&digest::SHA256, of);
    let mut letters = [0; LEN];
    for (letter, byte) in letters.iter_mut().zip(hash.as_ref()) {
        *letter = SET[usize::from(byte % 32)];
    }
    letters
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_that_is_plainly_too_weak_is_not_imported() {
        let check = |text: &str| is_importable(text, "client1");
        assert_eq!(check("8f14e45f-ceea-467f-a8d6-1f1c0b0b2c2d"), Ok(()));
        assert_eq!(check(&"aB3$xY7!".repeat(32)), Ok(()));
        for wrong in [
            "",
            "Short-but-mixed-1!",
            &"aB3$xY7!".repeat(33),
            "abababababababababababab",
            "with blanks in 8f14e45fceea467f",
            "8f14e45fceea467fa8d6\u{e9}",
            "8f14e45fceea467fa8d6\0",
            "client1-8f14e45fceea467f",
            "carnetsecret8f14e45fceea467f",
        ] {
            let refused = check(wrong).unwrap_err();
            assert!(wrong.is_empty() || !refused.contains(wrong), "{refused}");
        }
    }

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
