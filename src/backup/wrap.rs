//! How the key of a backup's file is wrapped: to a recipient, or under a passphrase.

use argon2::{Algorithm, Argon2, Params, Version};
use carnet_ambient::Entropy;
use carnet_token::{base64url, json};
use josekit::jwe::{self, A256GCMKW, ECDH_ES_A256KW, JweDecrypter, JweEncrypter, JweHeader};
use josekit::jwk::Jwk;
use josekit::jwk::alg::ec::EcCurve;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::BackupError;

/// Key of a file's chunks.
pub(super) type FileKey = Zeroizing<[u8; 32]>;

/// Memory in KiB, passes and lanes of argon2id (RFC 9106): 64 MiB, a fraction of a second.
const COST: (u32, u32, u32) = (64 * 1024, 3, 1);
/// What a file may ask of whoever opens it, so that a foreign one does not take all memory: 1 GiB.
const MOST: (u32, u32, u32) = (1024 * 1024, 16, 16);
/// A shorter passphrase is guessed, whatever the function.
const SHORTEST: usize = 12;

/// How the file's key is wrapped, as the header says.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Wrapped {
    /// To a recipient's key, whose name is `kid`.
    Recipient { kid: String, jwe: String },
    /// Under a passphrase.
    Passphrase { memory_kib: u32, passes: u32, lanes: u32, salt: String, jwe: String },
}

/// Makes a key pair for backups: the private JWK and the public one, as texts.
///
/// # Errors
/// When the cryptographic library fails.
pub fn generate_recipient() -> Result<(Zeroizing<String>, String), BackupError> {
    let failed = |error: josekit::JoseError| BackupError::Internal(error.to_string());
    let mut private = Jwk::generate_ec_key(EcCurve::P256).map_err(failed)?;
    private.set_algorithm(ECDH_ES_A256KW.to_string());
    private.set_key_use("enc");
    let mut public = private.to_public_key().map_err(failed)?;
    let kid = thumbprint(&public)?;
    private.set_key_id(&kid);
    public.set_key_id(&kid);
    Ok((Zeroizing::new(format!("{private}\n")), format!("{public}\n")))
}

/// A recipient's public key, and its name.
pub(super) fn recipient(text: &str) -> Result<(Jwk, String), BackupError> {
    let mut key = key(text, "the recipient's public key")?;
    if key.parameter("d").is_some() {
        return Err(BackupError::Key(
            "this is a private key: give the public one (FILE.pub), and keep the private one elsewhere"
                .to_owned(),
        ));
    }
    let kid = thumbprint(&key)?;
    key.set_key_id(&kid);
    Ok((key, kid))
}

/// A private key, and the name of its public half.
pub(super) fn identity(text: &str) -> Result<(Jwk, String), BackupError> {
    let mut key = key(text, "the private key")?;
    if key.parameter("d").is_none() {
        return Err(BackupError::Key("this is a public key: give the private one".to_owned()));
    }
    let public = key.to_public_key().map_err(|error| BackupError::Key(error.to_string()))?;
    let kid = thumbprint(&public)?;
    key.set_key_id(&kid);
    Ok((key, kid))
}

fn key(text: &str, what: &str) -> Result<Jwk, BackupError> {
    let wrong = || BackupError::Key(format!("{what} is not a P-256 JWK as carnet backup keygen makes it"));
    let key = json::parse_object(text.as_bytes()).map_err(|_| wrong())?;
    let key = Jwk::from_map(key).map_err(|_| wrong())?;
    if key.key_type() == "EC" && key.curve() == Some("P-256") { Ok(key) } else { Err(wrong()) }
}

fn thumbprint(public: &Jwk) -> Result<String, BackupError> {
    let value = serde_json::json!({
        "kty": "EC", "crv": "P-256", "x": public.parameter("x"), "y": public.parameter("y"),
    });
    let public =
        carnet_token::Jwk::from_value(&value).map_err(|error| BackupError::Key(error.to_string()))?;
    Ok(public.thumbprint().map_err(|error| BackupError::Key(error.to_string()))?.to_string())
}

/// A passphrase from its file: the first line, without its end.
pub(super) fn passphrase(text: &str) -> Result<Zeroizing<String>, BackupError> {
    let line = text.lines().next().unwrap_or_default();
    if line.chars().count() < SHORTEST {
        return Err(BackupError::Key(format!("the passphrase has less than {SHORTEST} characters")));
    }
    Ok(Zeroizing::new(line.to_owned()))
}

impl Wrapped {
    pub(super) fn to_recipient(key: &FileKey, recipient: &Jwk, kid: &str) -> Result<Self, BackupError> {
        let encrypter =
            ECDH_ES_A256KW.encrypter_from_jwk(recipient).map_err(|e| BackupError::Key(e.to_string()))?;
        let jwe = encrypt(key, &encrypter, "ECDH-ES+A256KW")?;
        Ok(Self::Recipient { kid: kid.to_owned(), jwe })
    }

    pub(super) fn under_passphrase(
        key: &FileKey,
        passphrase: &str,
        entropy: &Entropy,
    ) -> Result<Self, BackupError> {
        let (memory_kib, passes, lanes) = COST;
        let salt = entropy.bytes::<16>();
        let kek = derive(passphrase, &salt, COST)?;
        let encrypter =
            A256GCMKW.encrypter_from_bytes(*kek).map_err(|e| BackupError::Internal(e.to_string()))?;
        let jwe = encrypt(key, &encrypter, "A256GCMKW")?;
        Ok(Self::Passphrase { memory_kib, passes, lanes, salt: base64url::encode(salt), jwe })
    }

    pub(super) fn open_with_identity(&self, identity: &Jwk, own: &str) -> Result<FileKey, BackupError> {
        let Self::Recipient { kid, jwe } = self else {
            return Err(BackupError::Key(
                "the backup is encrypted under a passphrase: give --passphrase-file".to_owned(),
            ));
        };
        if kid != own {
            return Err(BackupError::Key(format!("the backup is for the key {kid}, this one is {own}")));
        }
        let decrypter =
            ECDH_ES_A256KW.decrypter_from_jwk(identity).map_err(|e| BackupError::Key(e.to_string()))?;
        decrypt(jwe, &decrypter, "ECDH-ES+A256KW")
    }

    pub(super) fn open_with_passphrase(&self, passphrase: &str) -> Result<FileKey, BackupError> {
        let Self::Passphrase { memory_kib, passes, lanes, salt, jwe } = self else {
            return Err(BackupError::Key("the backup is for a recipient's key: give --identity".to_owned()));
        };
        if *memory_kib > MOST.0 || *passes > MOST.1 || *lanes > MOST.2 {
            return Err(BackupError::Damaged("it asks for more work than any backup needs".to_owned()));
        }
        let salt = base64url::decode(salt).map_err(|_| BackupError::DoesNotOpen)?;
        let kek = derive(passphrase, &salt, (*memory_kib, *passes, *lanes))?;
        let decrypter = A256GCMKW.decrypter_from_bytes(*kek).map_err(|_| BackupError::DoesNotOpen)?;
        decrypt(jwe, &decrypter, "A256GCMKW")
    }
}

fn derive(passphrase: &str, salt: &[u8], cost: (u32, u32, u32)) -> Result<Zeroizing<[u8; 32]>, BackupError> {
    let wrong = |error: argon2::Error| BackupError::Damaged(format!("argon2id: {error}"));
    let params = Params::new(cost.0, cost.1, cost.2, Some(32)).map_err(wrong)?;
    let mut key = Zeroizing::new([0; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase.as_bytes(), salt, &mut *key)
        .map_err(wrong)?;
    Ok(key)
}

fn encrypt(key: &FileKey, encrypter: &dyn JweEncrypter, alg: &str) -> Result<String, BackupError> {
    let mut header = JweHeader::new();
    header.set_algorithm(alg);
    header.set_content_encryption("A256GCM");
    jwe::serialize_compact(&**key, &header, encrypter).map_err(|e| BackupError::Internal(e.to_string()))
}

fn decrypt(jwe: &str, decrypter: &dyn JweDecrypter, alg: &str) -> Result<FileKey, BackupError> {
    let header = header_of(jwe).ok_or(BackupError::DoesNotOpen)?;
    // Exactly what is written: a shortened tag, compression or another algorithm is somebody else's.
    let fits = header.get("alg").and_then(Value::as_str) == Some(alg)
        && header.get("enc").and_then(Value::as_str) == Some("A256GCM")
        && header.keys().all(|name| ["alg", "enc", "epk", "iv", "tag", "kid"].contains(&name.as_str()))
        && header.get("tag").is_none_or(|tag| tag.as_str().is_some_and(|tag| tag.len() == TAG_LEN));
    if !fits || jwe.rsplit('.').next().is_none_or(|tag| tag.len() != TAG_LEN) {
        return Err(BackupError::DoesNotOpen);
    }
    let (content, _) = jwe::deserialize_compact(jwe, decrypter).map_err(|_| BackupError::DoesNotOpen)?;
    let content = Zeroizing::new(content);
    let mut key = Zeroizing::new([0; 32]);
    if content.len() != key.len() {
        return Err(BackupError::DoesNotOpen);
    }
    key.copy_from_slice(&content);
    Ok(key)
}

/// 128 bits in base64url.
pub(super) const TAG_LEN: usize = 22;

/// The protected header of a JWE in five parts.
pub(super) fn header_of(jwe: &str) -> Option<Map<String, Value>> {
    let parts: Vec<&str> = jwe.split('.').collect();
    let &[header, _, _, _, _] = parts.as_slice() else { return None };
    json::parse_object(&base64url::decode(header).ok()?).ok()
}
