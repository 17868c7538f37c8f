use std::collections::HashSet;

use aws_lc_rs::rsa::KeyPair as RsaKeyPair;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use aws_lc_rs::{constant_time, hmac};
use carnet_token::{PublicKey, SigningKey};
use josekit::jwk::alg::ec::EcKeyPair;
use josekit::jwk::alg::rsa::RsaKeyPair as JoseRsaKeyPair;
use josekit::jwk::{Jwk, KeyPair as _};
use zeroize::Zeroizing;

use super::provider::{Handle, Prepared, install_crypto_provider};
use super::{
    GenerateError, KeyFacts, MasterKey, MasterKeyError, PublishedKeySet, Purpose, SealError, new_keys, seal,
};
use crate::db::sealed_key::SealedKey;
use crate::registry::SigningAlgorithm;

/// What each key must be able to sign before the server starts.
const SELF_TEST: &[u8] = b"carnet: a throwaway message that no protocol knows";

/// The opened keys of the installation.
#[derive(Debug)]
pub struct Keyring {
    access_token: Vec<AccessTokenKey>,
    secret_mac: hmac::Key,
    published: PublishedKeySet,
    facts: Vec<KeyFacts>,
}

#[derive(Debug)]
struct AccessTokenKey {
    algorithm: SigningAlgorithm,
    active: bool,
    public: carnet_token::Jwk,
    activated_at: i64,
    signing: SigningKey,
    // Keeps the prepared key findable as long as the keyring lives.
    handle: Handle,
}

/// Why the keys of the installation cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeysError {
    /// There is no usable master key.
    #[error(transparent)]
    MasterKey(#[from] MasterKeyError),
    /// New keys could not be made.
    #[error(transparent)]
    Generate(#[from] GenerateError),
    /// New keys could not be sealed.
    #[error("new keys: {0}")]
    SealNew(#[from] SealError),
    /// A sealed key does not open.
    #[error("sealed key {kid}: {source}")]
    Seal {
        /// Which.
        kid: String,
        /// Why.
        source: SealError,
    },
    /// A row says something about its key that cannot be.
    #[error("sealed key {kid}: {reason}")]
    Row {
        /// Which.
        kid: String,
        /// What.
        reason: String,
    },
    /// Two rows hold one key.
    #[error("one key stands in two rows ({0}): every key has one purpose; refusing to start")]
    TwoRoles(String),
    /// A key does not sign what its public half verifies.
    #[error(
        "signing key {0} failed its self-test: its halves do not belong together, or another JWT crypto provider \
         was installed in this process"
    )]
    SelfTest(String),
    /// A key that the server cannot do without is missing.
    #[error("the database holds no active {0} key")]
    Missing(&'static str),
}

impl Keyring {
    /// Opens the sealed keys, prepares them and tries each of them once.
    ///
    /// # Errors
    /// [`KeysError`]: the server must not start with these keys.
    pub fn open(rows: &[SealedKey], master: &MasterKey) -> Result<Self, KeysError> {
        install_crypto_provider();
        let mut names = HashSet::new();
        let mut access_token = Vec::new();
        let mut secret_mac = None;
        for row in rows {
            let purpose: Purpose =
                row.purpose.parse().map_err(|error| row_error(row, format!("purpose: {error}")))?;
            let jwk = seal::open(row, purpose, master)
                .map_err(|source| KeysError::Seal { kid: row.kid.clone(), source })?;
            // Of the key itself, not of what the row says.
            if !names.insert(identity(&jwk)) {
                return Err(KeysError::TwoRoles(row.kid.clone()));
            }
            match purpose {
                Purpose::AccessToken => access_token.push(AccessTokenKey::prepare(row, &jwk)?),
                Purpose::SecretMac if row.state == "active" => {
                    let key = Zeroizing::new(jwk.key_value().unwrap_or_default());
                    if key.len() != 32 {
                        return Err(row_error(row, "not a symmetric key of 256 bits".to_owned()));
                    }
                    secret_mac = Some(hmac::Key::new(hmac::HMAC_SHA256, &key));
                }
                Purpose::SecretMac => {}
            }
        }
        if !access_token.iter().any(|key| key.active) {
            return Err(KeysError::Missing("access-token"));
        }
        let secret_mac = secret_mac.ok_or(KeysError::Missing("secret-mac"))?;
        let youngest = access_token.iter().map(|key| key.activated_at).max().unwrap_or_default();
        let published =
            PublishedKeySet::new(access_token.iter().map(|key| &key.public), youngest.div_euclid(1000));
        let facts = rows.iter().map(KeyFacts::of).collect();
        Ok(Self { access_token, secret_mac, published, facts })
    }

    /// The active key for an algorithm.
    #[must_use]
    pub fn access_token_key(&self, algorithm: SigningAlgorithm) -> Option<&SigningKey> {
        self.access_token.iter().find(|key| key.active && key.algorithm == algorithm).map(|key| &key.signing)
    }

    /// The algorithms for which there is an active key.
    pub fn algorithms(&self) -> impl Iterator<Item = SigningAlgorithm> {
        self.access_token.iter().filter(|key| key.active).map(|key| key.algorithm)
    }

    /// What is kept of a client secret.
    ///
    /// At 256 random bits a fast MAC is enough; without the key, which never leaves the server, a stolen database
    /// does not even allow to test a guess.
    #[must_use]
    pub fn secret_mac(&self, secret: &str) -> [u8; 32] {
        let mut mac = [0; 32];
        mac.copy_from_slice(hmac::sign(&self.secret_mac, secret.as_bytes()).as_ref());
        mac
    }

    /// Whether two MACs are equal, in constant time: how long a comparison takes must not tell how much of a
    /// guess was right.
    #[must_use]
    pub fn same_mac(a: &[u8; 32], b: &[u8; 32]) -> bool {
        constant_time::verify_slices_are_equal(a, b).is_ok()
    }

    /// What may be told of each key.
    #[must_use]
    pub fn facts(&self) -> &[KeyFacts] {
        &self.facts
    }

    /// The public keys as they are served.
    #[must_use]
    pub fn published(&self) -> &PublishedKeySet {
        &self.published
    }
}

impl AccessTokenKey {
    fn prepare(row: &SealedKey, jwk: &Jwk) -> Result<Self, KeysError> {
        let algorithm: SigningAlgorithm =
            row.alg.parse().map_err(|error| row_error(row, format!("alg: {error}")))?;
        let public = new_keys::public_half(jwk, algorithm).map_err(|reason| row_error(row, reason))?;
        if public.kid.as_ref() != Some(&row.kid) {
            return Err(row_error(row, "kid is not the thumbprint of the key".to_owned()));
        }
        let checked = PublicKey::from_jwk(&public).map_err(|error| row_error(row, error.to_string()))?;
        let prepared = prepare(jwk, algorithm).map_err(|reason| row_error(row, reason.to_owned()))?;
        let handle = Handle::new(prepared);
        let signing = SigningKey::new(row.kid.clone(), algorithm.into(), handle.encoding_key());
        let key = Self {
            algorithm,
            active: row.state == "active",
            public,
            activated_at: row.activated_at.unwrap_or(row.created_at),
            signing,
            handle,
        };
        key.try_out(&checked)?;
        Ok(key)
    }

    /// Signs a throwaway message and verifies it: better no start than tokens that nobody can verify.
    fn try_out(&self, public: &PublicKey) -> Result<(), KeysError> {
        let failed = || KeysError::SelfTest(self.signing.kid().to_owned());
        let algorithm = carnet_token::Algorithm::from(self.algorithm);
        let key = self.handle.encoding_key();
        let signature =
            jsonwebtoken::crypto::sign(SELF_TEST, &key, algorithm.into()).map_err(|_| failed())?;
        public.verify(SELF_TEST, &signature).map_err(|_| failed())
    }
}

fn prepare(jwk: &Jwk, algorithm: SigningAlgorithm) -> Result<Prepared, &'static str> {
    match algorithm {
        SigningAlgorithm::Rs256 => {
            let key = JoseRsaKeyPair::from_jwk(jwk).map_err(|_| "no RSA private key")?;
            let der = Zeroizing::new(key.to_der_private_key());
            Ok(Prepared::Rs256(RsaKeyPair::from_pkcs8(&der).map_err(|_| "not a sound RSA private key")?))
        }
        SigningAlgorithm::Es256 => {
            let key = EcKeyPair::from_jwk(jwk).map_err(|_| "no P-256 private key")?;
            let der = Zeroizing::new(key.to_der_private_key());
            let key = EcdsaKeyPair::from_private_key_der(&ECDSA_P256_SHA256_FIXED_SIGNING, &der);
            Ok(Prepared::Es256(key.map_err(|_| "not a sound P-256 private key")?))
        }
    }
}

/// What makes a key that key: its public numbers, or a digest of a symmetric one.
fn identity(jwk: &Jwk) -> String {
    let member = |name: &str| jwk.parameter(name).and_then(serde_json::Value::as_str).unwrap_or_default();
    let text = Zeroizing::new([jwk.key_type(), member("n"), member("x"), member("y"), member("k")].join("."));
    carnet_token::Thumbprint::of(text.as_bytes()).to_string()
}

fn row_error(row: &SealedKey, reason: String) -> KeysError {
    KeysError::Row { kid: row.kid.clone(), reason }
}

impl From<SigningAlgorithm> for carnet_token::Algorithm {
    fn from(algorithm: SigningAlgorithm) -> Self {
        match algorithm {
            SigningAlgorithm::Rs256 => Self::Rs256,
            SigningAlgorithm::Es256 => Self::Es256,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use carnet_ambient::{Clock, Entropy};

    use super::super::NewKeys;
    use super::super::seal::Facts;
    use super::*;

    static KEYS: LazyLock<NewKeys> = LazyLock::new(|| NewKeys::generate(&Entropy::seeded(1)).unwrap());

    fn master() -> MasterKey {
        MasterKey::generate(&Entropy::seeded(9))
    }

    fn rows() -> Vec<SealedKey> {
        KEYS.seal(&master(), &Clock::manual(1_800_000_000_000), &Entropy::seeded(2)).unwrap()
    }

    #[test]
    fn fresh_keys_open_and_sign_what_is_published() {
        let keyring = Keyring::open(&rows(), &master()).unwrap();
        let set: serde_json::Value = serde_json::from_slice(&keyring.published().bytes).unwrap();
        let keys = set["keys"].as_array().unwrap();
        assert_eq!(keys.len(), 2);
        for key in keys {
            let mut members: Vec<&str> = key.as_object().unwrap().keys().map(String::as_str).collect();
            members.sort_unstable();
            let expected: &[&str] = match key["kty"].as_str().unwrap() {
                "RSA" => &["alg", "e", "key_ops", "kid", "kty", "n", "use"],
                _ => &["alg", "crv", "key_ops", "kid", "kty", "use", "x", "y"],
            };
            assert_eq!(members, expected);
            assert_eq!((&key["use"], &key["key_ops"]), (&"sig".into(), &serde_json::json!(["verify"])));
            let public = PublicKey::from_jwk(&carnet_token::Jwk::from_value(key).unwrap()).unwrap();
            assert_eq!(public.kid(), public.thumbprint().to_string());
            let algorithm: SigningAlgorithm = key["alg"].as_str().unwrap().parse().unwrap();
            let signing = keyring.access_token_key(algorithm).unwrap();
            let compact = signing.sign_compact(&serde_json::json!({}), &serde_json::json!({})).unwrap();
            let (message, signature) = compact.rsplit_once('.').unwrap();
            public.verify(message.as_bytes(), signature).unwrap();
        }
        assert_eq!(keyring.published().last_modified, 1_800_000_000);
        assert!(!format!("{keyring:?}").contains("\"d\""));
    }

    #[test]
    fn a_secret_has_one_mac_and_only_that() {
        let keyring = Keyring::open(&rows(), &master()).unwrap();
        let again = Keyring::open(&rows(), &master()).unwrap();
        assert!(Keyring::same_mac(&keyring.secret_mac("a"), &again.secret_mac("a")));
        assert!(!Keyring::same_mac(&keyring.secret_mac("a"), &keyring.secret_mac("b")));
    }

    #[test]
    fn swapped_rows_stop_the_start() {
        let mut rows = rows();
        let jwe = rows[0].jwe.clone();
        rows[0].jwe = std::mem::replace(&mut rows[1].jwe, jwe);
        assert!(matches!(
            Keyring::open(&rows, &master()),
            Err(KeysError::Seal { source: SealError::Row, .. })
        ));
    }

    #[test]
    fn one_key_in_two_roles_stops_the_start() {
        let mut rows = rows();
        let jwk = seal::open(&rows[2], Purpose::SecretMac, &master()).unwrap();
        let mut second = rows[2].clone();
        (second.id, second.kid) = ("another row".to_owned(), "another name".to_owned());
        let facts = Facts { row: &second.id, kid: &second.kid, purpose: Purpose::SecretMac, alg: "HS256" };
        second.jwe = seal::seal(&jwk, facts, &master()).unwrap();
        rows.push(second);
        assert!(matches!(Keyring::open(&rows, &master()), Err(KeysError::TwoRoles(_))));
    }

    #[test]
    fn a_row_with_a_kid_that_is_not_its_thumbprint_stops_the_start() {
        let mut rows = rows();
        let jwk = seal::open(&rows[0], Purpose::AccessToken, &master()).unwrap();
        rows[0].kid = "chosen".to_owned();
        let facts = Facts { row: &rows[0].id, kid: "chosen", purpose: Purpose::AccessToken, alg: "RS256" };
        rows[0].jwe = seal::seal(&jwk, facts, &master()).unwrap();
        assert!(matches!(Keyring::open(&rows, &master()), Err(KeysError::Row { .. })));
    }

    #[test]
    fn halves_that_do_not_belong_together_stop_the_start() {
        let other = NewKeys::generate(&Entropy::seeded(3)).unwrap();
        let other = other.seal(&master(), &Clock::manual(0), &Entropy::seeded(4)).unwrap();
        let mut rows = rows();
        let mut mixed = seal::open(&rows[1], Purpose::AccessToken, &master()).unwrap();
        let stranger = seal::open(&other[1], Purpose::AccessToken, &master()).unwrap();
        mixed.set_parameter("d", stranger.parameter("d").cloned()).unwrap();
        let facts =
            Facts { row: &rows[1].id, kid: &rows[1].kid, purpose: Purpose::AccessToken, alg: "ES256" };
        rows[1].jwe = seal::seal(&mixed, facts, &master()).unwrap();
        assert!(Keyring::open(&rows, &master()).is_err());
    }

    #[test]
    fn a_missing_key_is_named() {
        let rows = rows();
        assert!(matches!(Keyring::open(&rows[..2], &master()), Err(KeysError::Missing("secret-mac"))));
        assert!(matches!(Keyring::open(&rows[2..], &master()), Err(KeysError::Missing("access-token"))));
    }
}
