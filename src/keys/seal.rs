//! Private keys at rest: JWE-encrypted JWKs (RFC 7516, RFC 7517 §7) under the master key.
//!
//! Only A256GCMKW with A256GCM is written or read. The protected header repeats what the row says about the key;
//! whoever can write to the database but does not hold the master key can therefore neither swap two rows nor
//! give a key another purpose.

use carnet_token::{base64url, json};
use josekit::jwe::{self, A256GCMKW, JweHeader};
use josekit::jwk::Jwk;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::{MasterKey, Purpose};
use crate::db::sealed_key::SealedKey;

/// The header member that holds what the key is: not registered, and never seen outside the database.
const KEY_MEMBER: &str = "carnet_key";
/// 96 bits of nonce and 128 bits of tag in base64url: a shorter tag would be a weaker one, and is not read.
const NONCE_LEN: usize = 16;
const TAG_LEN: usize = 22;

/// Why a sealed key cannot be opened, or a key not be sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// Not a JWE of the one form that is written.
    #[error("not a JWE with A256GCMKW and A256GCM")]
    Form,
    /// Sealed by another master key.
    #[error("sealed by another master key")]
    MasterKey,
    /// The JWE belongs to another row, or the row was changed.
    #[error("the sealed key does not belong to its row")]
    Row,
    /// The content does not pass authenticated decryption.
    #[error("the sealed key was changed")]
    Content,
    /// The content is no private JWK.
    #[error("the sealed content is no private key")]
    Key,
    /// The cryptographic library refused to encrypt.
    #[error("the key could not be sealed")]
    Encrypt,
}

/// What a row says about its key, and the protected header repeats.
#[derive(Debug, Clone, Copy)]
pub(super) struct Facts<'a> {
    pub row: &'a str,
    pub kid: &'a str,
    pub purpose: Purpose,
    pub alg: &'a str,
}

impl Facts<'_> {
    fn to_value(self) -> Value {
        serde_json::json!({
            "row": self.row, "kid": self.kid, "purpose": self.purpose.as_str(), "alg": self.alg
        })
    }
}

/// Encrypts a private JWK.
pub(super) fn seal(jwk: &Jwk, facts: Facts<'_>, master: &MasterKey) -> Result<String, SealError> {
    let mut header = JweHeader::new();
    header.set_algorithm("A256GCMKW");
    header.set_content_encryption("A256GCM");
    header.set_key_id(master.kid());
    header.set_content_type("jwk+json");
    header.set_claim(KEY_MEMBER, Some(facts.to_value())).map_err(|_| SealError::Encrypt)?;
    let encrypter = A256GCMKW.encrypter_from_bytes(master.bytes()).map_err(|_| SealError::Encrypt)?;
    let content = Zeroizing::new(jwk.to_string());
    jwe::serialize_compact(content.as_bytes(), &header, &encrypter).map_err(|_| SealError::Encrypt)
}

/// Decrypts the private JWK of a row.
pub(super) fn open(row: &SealedKey, purpose: Purpose, master: &MasterKey) -> Result<Jwk, SealError> {
    // The header is judged before anything is decrypted.
    let parts: Vec<&str> = row.jwe.split('.').collect();
    let &[header, _, nonce, _, tag] = parts.as_slice() else { return Err(SealError::Form) };
    if nonce.len() != NONCE_LEN || tag.len() != TAG_LEN {
        return Err(SealError::Form);
    }
    let header = base64url::decode(header).map_err(|_| SealError::Form)?;
    let header = json::parse_object(&header).map_err(|_| SealError::Form)?;
    check_form(&header)?;
    if header.get("kid").and_then(Value::as_str) != Some(master.kid()) {
        return Err(SealError::MasterKey);
    }
    let facts = Facts { row: &row.id, kid: &row.kid, purpose, alg: &row.alg };
    if header.get(KEY_MEMBER) != Some(&facts.to_value()) {
        return Err(SealError::Row);
    }
    let decrypter = A256GCMKW.decrypter_from_bytes(master.bytes()).map_err(|_| SealError::Content)?;
    let (content, _) = jwe::deserialize_compact(&row.jwe, &decrypter).map_err(|_| SealError::Content)?;
    let content = Zeroizing::new(content);
    Jwk::from_bytes(&*content).map_err(|_| SealError::Key)
}

/// Exactly the members that [`seal`] writes: no `zip`, no `crit`, no other algorithm, no shortened tag.
fn check_form(header: &Map<String, Value>) -> Result<(), SealError> {
    let text = |name: &str| header.get(name).and_then(Value::as_str);
    let known = ["alg", "enc", "kid", "cty", "iv", "tag", KEY_MEMBER];
    let fits = header.len() == known.len()
        && known.iter().all(|name| header.contains_key(*name))
        && text("alg") == Some("A256GCMKW")
        && text("enc") == Some("A256GCM")
        && text("cty") == Some("jwk+json")
        && text("iv").is_some_and(|iv| iv.len() == NONCE_LEN)
        && text("tag").is_some_and(|tag| tag.len() == TAG_LEN);
    if fits { Ok(()) } else { Err(SealError::Form) }
}

#[cfg(test)]
mod tests {
    use carnet_ambient::Entropy;

    use super::*;

    fn sealed(id: &str, kid: &str, master: &MasterKey) -> SealedKey {
        let mut jwk = Jwk::new("oct");
        jwk.set_key_value([id.len().try_into().unwrap(); 32]);
        let facts = Facts { row: id, kid, purpose: Purpose::SecretMac, alg: "HS256" };
        SealedKey {
            id: id.to_owned(),
            kid: kid.to_owned(),
            purpose: Purpose::SecretMac.to_string(),
            alg: "HS256".to_owned(),
            state: "active".to_owned(),
            public_jwk: None,
            jwe: seal(&jwk, facts, master).unwrap(),
            created_at: 0,
            announced_at: Some(0),
            activated_at: Some(0),
            retires_at: None,
        }
    }

    fn master(seed: u64) -> MasterKey {
        MasterKey::generate(&Entropy::seeded(seed))
    }

    #[test]
    fn a_sealed_key_opens_and_shows_nothing_of_itself() {
        let row = sealed("row1", "kid1", &master(1));
        let jwk = open(&row, Purpose::SecretMac, &master(1)).unwrap();
        assert_eq!(jwk.key_value().unwrap(), [4; 32]);
        assert!(!row.jwe.contains(&base64url::encode([4; 32])));
    }

    #[test]
    fn two_rows_cannot_be_swapped() {
        let (mut a, b) = (sealed("row1", "kid1", &master(1)), sealed("row2", "kid2", &master(1)));
        a.jwe.clone_from(&b.jwe);
        assert_eq!(open(&a, Purpose::SecretMac, &master(1)).unwrap_err(), SealError::Row);
    }

    #[test]
    fn a_row_that_was_changed_does_not_open() {
        let row = sealed("row1", "kid1", &master(1));
        let changed: [fn(&mut SealedKey); 3] =
            [|row| row.id.push('x'), |row| row.kid.push('x'), |row| row.alg = "RS256".to_owned()];
        for change in changed {
            let mut row = row.clone();
            change(&mut row);
            assert_eq!(open(&row, Purpose::SecretMac, &master(1)).unwrap_err(), SealError::Row);
        }
        assert_eq!(open(&row, Purpose::AccessToken, &master(1)).unwrap_err(), SealError::Row);
    }

    #[test]
    fn another_master_key_is_recognised() {
        let row = sealed("row1", "kid1", &master(1));
        assert_eq!(open(&row, Purpose::SecretMac, &master(2)).unwrap_err(), SealError::MasterKey);
    }

    #[test]
    fn a_header_that_was_changed_does_not_open() {
        let row = sealed("row1", "kid1", &master(1));
        let (header, rest) = row.jwe.split_once('.').unwrap();
        let header = String::from_utf8(base64url::decode(header).unwrap()).unwrap();
        for (from, to, error) in [
            ("A256GCMKW", "A128GCMKW", SealError::Form),
            ("\"A256GCM\"", "\"A128GCM\"", SealError::Form),
            ("{", "{\"zip\":\"DEF\",", SealError::Form),
            ("{", "{\"crit\":[],", SealError::Form),
            ("{", "{\"alg\":\"A256GCMKW\",", SealError::Form),
            ("{", "{ ", SealError::Content),
        ] {
            let changed = header.replacen(from, to, 1);
            assert_ne!(changed, header);
            let row = SealedKey { jwe: format!("{}.{rest}", base64url::encode(changed)), ..row.clone() };
            assert_eq!(open(&row, Purpose::SecretMac, &master(1)).unwrap_err(), error, "{from} → {to}");
        }
    }

    #[test]
    fn content_that_was_changed_or_cut_does_not_open() {
        let row = sealed("row1", "kid1", &master(1));
        for part in 1..5 {
            let mut parts: Vec<String> = row.jwe.split('.').map(str::to_owned).collect();
            let flipped = if parts[part].starts_with('A') { "B" } else { "A" };
            parts[part].replace_range(..1, flipped);
            let row = SealedKey { jwe: parts.join("."), ..row.clone() };
            assert_eq!(
                open(&row, Purpose::SecretMac, &master(1)).unwrap_err(),
                SealError::Content,
                "part {part}"
            );
        }
        // A tag of four bytes would be forged in an afternoon.
        let (most, tag) = row.jwe.rsplit_once('.').unwrap();
        let row = SealedKey { jwe: format!("{most}.{}", &tag[..6]), ..row.clone() };
        assert_eq!(open(&row, Purpose::SecretMac, &master(1)).unwrap_err(), SealError::Form);
        for jwe in ["", "a.b.c", "....", "a.b.c.d.e.f"] {
            let row = SealedKey { jwe: jwe.to_owned(), ..row.clone() };
            assert_eq!(open(&row, Purpose::SecretMac, &master(1)).unwrap_err(), SealError::Form, "{jwe}");
        }
    }
}
