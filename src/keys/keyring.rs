use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use aws_lc_rs::rsa::KeyPair as RsaKeyPair;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair};
use aws_lc_rs::{constant_time, hmac};
use carnet_token::{PublicKey, SigningKey, base64url};
use josekit::jwk::alg::ec::EcKeyPair;
use josekit::jwk::alg::rsa::RsaKeyPair as JoseRsaKeyPair;
use josekit::jwk::{Jwk, KeyPair as _};
use zeroize::Zeroizing;

use super::provider::{Handle, Prepared, install_crypto_provider};
use super::{
    GenerateError, KeyState, MasterKey, MasterKeyError, PublishedKeySet, Purpose, SealError, new_keys, seal,
};
use crate::config::KeyLife;
use crate::db::sealed_key::SealedKey;
use crate::registry::SigningAlgorithm;

/// What each key must be able to sign before the server starts.
const SELF_TEST: &[u8] = b"carnet: a throwaway message that no protocol knows";

/// The opened keys of the installation, as of one moment.
#[derive(Debug)]
pub struct Keyring {
    keys: Vec<LiveKey>,
    secret_mac: hmac::Key,
    published: PublishedKeySet,
    lists: PublishedKeySet,
}

/// A signing key that is announced, active or retiring.
#[derive(Debug)]
pub struct LiveKey {
    /// ULID of its row.
    pub id: String,
    /// RFC 7638 thumbprint.
    pub kid: String,
    /// What it is for.
    pub purpose: Purpose,
    /// Its one algorithm.
    pub algorithm: SigningAlgorithm,
    /// Where it stands.
    pub state: KeyState,
    /// Milliseconds since 1970-01-01 UTC.
    pub announced_at: i64,
    /// Milliseconds since 1970-01-01 UTC.
    pub activated_at: Option<i64>,
    /// Until when it is published, milliseconds since 1970-01-01 UTC.
    pub retires_at: Option<i64>,
    /// The public half.
    pub public: carnet_token::Jwk,
    // None once the private half was dropped.
    signer: Option<Arc<Signer>>,
}

#[derive(Debug)]
struct Signer {
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
    /// Opens the sealed keys, prepares them and tries each of them once. What `known` has opened already is taken
    /// over from it.
    ///
    /// # Errors
    /// [`KeysError`]: nothing must be signed with these keys.
    pub fn open(
        rows: &[SealedKey],
        master: &MasterKey,
        life: &KeyLife,
        known: Option<&Self>,
    ) -> Result<Self, KeysError> {
        install_crypto_provider();
        let known_signers: HashMap<&str, &Arc<Signer>> = known
            .iter()
            .flat_map(|known| &known.keys)
            .filter_map(|key| Some((key.id.as_str(), key.signer.as_ref()?)))
            .collect();
        let mut names = HashSet::new();
        let mut keys = Vec::new();
        let mut secret_mac = known.map(|known| known.secret_mac.clone());
        for row in rows {
            let purpose: Purpose =
                row.purpose.parse().map_err(|error| row_error(row, format!("purpose: {error}")))?;
            let state: KeyState =
                row.state.parse().map_err(|error| row_error(row, format!("state: {error}")))?;
            if purpose == Purpose::SecretMac {
                if known.is_none() && state == KeyState::Active {
                    let jwk = open_row(row, purpose, master)?;
                    take_name(&mut names, row, identity(&jwk))?;
                    secret_mac = Some(mac_key(row, &jwk)?);
                }
                continue;
            }
            let key =
                LiveKey::open(row, purpose, state, master, known_signers.get(row.id.as_str()).copied())?;
            take_name(&mut names, row, identity_of_public(&key.public))?;
            keys.push(key);
        }
        if !keys.iter().any(|key| key.signs_for(Purpose::AccessToken)) {
            return Err(KeysError::Missing("access-token"));
        }
        let secret_mac = secret_mac.ok_or(KeysError::Missing("secret-mac"))?;
        let published = PublishedKeySet::of(&keys, Purpose::AccessToken, life);
        let lists = PublishedKeySet::of(&keys, Purpose::TrustList, life);
        Ok(Self { keys, secret_mac, published, lists })
    }

    /// The active key for an algorithm.
    #[must_use]
    pub fn access_token_key(&self, algorithm: SigningAlgorithm) -> Option<&SigningKey> {
        self.active(Purpose::AccessToken).find(|key| key.algorithm == algorithm)?.signing_key()
    }

    /// The active key of a purpose that has one algorithm only: lists and feeds, journal heads.
    #[must_use]
    pub fn signing_key(&self, purpose: Purpose) -> Option<&SigningKey> {
        self.active(purpose).next()?.signing_key()
    }

    /// The algorithms for which there is an active key.
    pub fn algorithms(&self) -> impl Iterator<Item = SigningAlgorithm> {
        self.active(Purpose::AccessToken).map(|key| key.algorithm)
    }

    /// Every signing key that is announced, active or retiring, oldest first.
    #[must_use]
    pub fn keys(&self) -> &[LiveKey] {
        &self.keys
    }

    fn active(&self, purpose: Purpose) -> impl Iterator<Item = &LiveKey> {
        self.keys.iter().filter(move |key| key.signs_for(purpose))
    }

    /// What is kept of a client secret.
    ///
    /// At 256 random bits a fast MAC is enough; without the key, which never leaves the server, a stolen database
    /// does not even allow to test a guess.
    #[must_use]
    pub fn secret_mac(&self, secret: &str) -> [u8; 32] {
        mac(&self.secret_mac, secret)
    }

    /// Whether two MACs are equal, in constant time: how long a comparison takes must not tell how much of a
    /// guess was right.
    #[must_use]
    pub fn same_mac(a: &[u8; 32], b: &[u8; 32]) -> bool {
        constant_time::verify_slices_are_equal(a, b).is_ok()
    }

    pub(super) fn mac_key(&self) -> &hmac::Key {
        &self.secret_mac
    }

    /// The public keys of access tokens as they are served.
    #[must_use]
    pub fn published(&self) -> &PublishedKeySet {
        &self.published
    }

    /// The public keys of lists and feeds as they are served.
    #[must_use]
    pub fn published_for_lists(&self) -> &PublishedKeySet {
        &self.lists
    }
}

pub(super) fn mac(key: &hmac::Key, text: &str) -> [u8; 32] {
    let mut mac = [0; 32];
    mac.copy_from_slice(hmac::sign(key, text.as_bytes()).as_ref());
    mac
}

impl LiveKey {
    fn open(
        row: &SealedKey,
        purpose: Purpose,
        state: KeyState,
        master: &MasterKey,
        known: Option<&Arc<Signer>>,
    ) -> Result<Self, KeysError> {
        let algorithm: SigningAlgorithm =
            row.alg.parse().map_err(|error| row_error(row, format!("alg: {error}")))?;
        // A key that retires has no private half any more, and what it says of itself is what was published.
        let (public, signer) = if row.jwe.is_empty() && state == KeyState::Retiring {
            (stored_public(row)?, None)
        } else if let Some(signer) = known {
            (stored_public(row)?, Some(Arc::clone(signer)))
        } else {
            let jwk = open_row(row, purpose, master)?;
            let public = new_keys::public_half(&jwk, algorithm).map_err(|reason| row_error(row, reason))?;
            (public, Some(Arc::new(Signer::prepare(row, &jwk, algorithm)?)))
        };
        if public.kid.as_ref() != Some(&row.kid) {
            return Err(row_error(row, "kid is not the thumbprint of the key".to_owned()));
        }
        if let (Some(signer), None) = (&signer, known) {
            let checked = PublicKey::from_jwk(&public).map_err(|error| row_error(row, error.to_string()))?;
            signer.try_out(&checked, algorithm)?;
        }
        Ok(Self {
            id: row.id.clone(),
            kid: row.kid.clone(),
            purpose,
            algorithm,
            state,
            announced_at: row.announced_at.unwrap_or(row.created_at),
            activated_at: row.activated_at,
            retires_at: row.retires_at,
            public,
            signer,
        })
    }

    /// Whether it signs for this purpose now.
    #[must_use]
    pub fn signs_for(&self, purpose: Purpose) -> bool {
        self.purpose == purpose && self.state == KeyState::Active
    }

    fn signing_key(&self) -> Option<&SigningKey> {
        self.signer.as_ref().map(|signer| &signer.signing)
    }
}

impl Signer {
    fn prepare(row: &SealedKey, jwk: &Jwk, algorithm: SigningAlgorithm) -> Result<Self, KeysError> {
        let prepared = prepare(jwk, algorithm).map_err(|reason| row_error(row, reason.to_owned()))?;
        let handle = Handle::new(prepared);
        let signing = SigningKey::new(row.kid.clone(), algorithm.into(), handle.encoding_key());
        Ok(Self { signing, handle })
    }

    /// Signs a throwaway message and verifies it: better no start than tokens that nobody can verify.
    fn try_out(&self, public: &PublicKey, algorithm: SigningAlgorithm) -> Result<(), KeysError> {
        let failed = || KeysError::SelfTest(self.signing.kid().to_owned());
        let algorithm = carnet_token::Algorithm::from(algorithm);
        let key = self.handle.encoding_key();
        let signature =
            jsonwebtoken::crypto::sign(SELF_TEST, &key, algorithm.into()).map_err(|_| failed())?;
        public.verify(SELF_TEST, &signature).map_err(|_| failed())
    }
}

fn open_row(row: &SealedKey, purpose: Purpose, master: &MasterKey) -> Result<Jwk, KeysError> {
    seal::open(row, purpose, master).map_err(|source| KeysError::Seal { kid: row.kid.clone(), source })
}

/// Of the key itself, not of what the row says.
fn take_name(names: &mut HashSet<String>, row: &SealedKey, name: String) -> Result<(), KeysError> {
    if names.insert(name) { Ok(()) } else { Err(KeysError::TwoRoles(row.kid.clone())) }
}

fn mac_key(row: &SealedKey, jwk: &Jwk) -> Result<hmac::Key, KeysError> {
    let key = Zeroizing::new(jwk.key_value().unwrap_or_default());
    if key.len() != 32 {
        return Err(row_error(row, "not a symmetric key of 256 bits".to_owned()));
    }
    Ok(hmac::Key::new(hmac::HMAC_SHA256, &key))
}

/// The public half as the row has it; its `kid` is recomputed, so that a row cannot lend its name to another key.
fn stored_public(row: &SealedKey) -> Result<carnet_token::Jwk, KeysError> {
    let text = row.public_jwk.as_deref().unwrap_or_default();
    let mut public = carnet_token::json::parse(text.as_bytes())
        .ok()
        .and_then(|value| carnet_token::Jwk::from_value(&value).ok())
        .ok_or_else(|| row_error(row, "public_jwk is no public key".to_owned()))?;
    let thumbprint = public.thumbprint().map_err(|error| row_error(row, error.to_string()))?;
    public.kid = Some(thumbprint.to_string());
    Ok(public)
}

fn prepare(jwk: &Jwk, algorithm: SigningAlgorithm) -> Result<Prepared, &'static str> {
    match algorithm {
        SigningAlgorithm::Rs256 => Ok(Prepared::Rs256(rsa(jwk)?)),
        SigningAlgorithm::Ps256 => Ok(Prepared::Ps256(rsa(jwk)?)),
        SigningAlgorithm::Es256 => {
            let key = EcKeyPair::from_jwk(jwk).map_err(|_| "no P-256 private key")?;
            let der = Zeroizing::new(key.to_der_private_key());
            let key = EcdsaKeyPair::from_private_key_der(&ECDSA_P256_SHA256_FIXED_SIGNING, &der);
            Ok(Prepared::Es256(key.map_err(|_| "not a sound P-256 private key")?))
        }
        SigningAlgorithm::EdDsa => {
            let member = |name: &str| {
                let text = jwk.parameter(name).and_then(serde_json::Value::as_str).unwrap_or_default();
                Zeroizing::new(base64url::decode(text).unwrap_or_default())
            };
            let key = Ed25519KeyPair::from_seed_and_public_key(&member("d"), &member("x"));
            Ok(Prepared::EdDsa(key.map_err(|_| "not a sound Ed25519 private key")?))
        }
    }
}

fn rsa(jwk: &Jwk) -> Result<RsaKeyPair, &'static str> {
    let key = JoseRsaKeyPair::from_jwk(jwk).map_err(|_| "no RSA private key")?;
    let der = Zeroizing::new(key.to_der_private_key());
    RsaKeyPair::from_pkcs8(&der).map_err(|_| "not a sound RSA private key")
}

/// What makes a key that key: its public numbers, or a digest of a symmetric one.
fn identity(jwk: &Jwk) -> String {
    let member = |name: &str| jwk.parameter(name).and_then(serde_json::Value::as_str).unwrap_or_default();
    let text = Zeroizing::new([jwk.key_type(), member("n"), member("x"), member("y"), member("k")].join("."));
    carnet_token::Thumbprint::of(text.as_bytes()).to_string()
}

fn identity_of_public(jwk: &carnet_token::Jwk) -> String {
    let member = |text: &Option<String>| text.clone().unwrap_or_default();
    let text = [jwk.kty.clone(), member(&jwk.n), member(&jwk.x), member(&jwk.y), String::new()].join(".");
    carnet_token::Thumbprint::of(text.as_bytes()).to_string()
}

fn row_error(row: &SealedKey, reason: String) -> KeysError {
    KeysError::Row { kid: row.kid.clone(), reason }
}

impl From<SigningAlgorithm> for carnet_token::Algorithm {
    fn from(algorithm: SigningAlgorithm) -> Self {
        match algorithm {
            SigningAlgorithm::Rs256 => Self::Rs256,
            SigningAlgorithm::Ps256 => Self::Ps256,
            SigningAlgorithm::Es256 => Self::Es256,
            SigningAlgorithm::EdDsa => Self::EdDsa,
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

    static KEYS: LazyLock<NewKeys> =
        LazyLock::new(|| NewKeys::generate(&ALGORITHMS, &Entropy::seeded(1)).unwrap());

    const ALGORITHMS: [SigningAlgorithm; 4] =
        [SigningAlgorithm::Rs256, SigningAlgorithm::Es256, SigningAlgorithm::Ps256, SigningAlgorithm::EdDsa];
    const LIFE: KeyLife = KeyLife { period: 86_400, lead: 3600, retire_after: 7200 };

    fn open(rows: &[SealedKey]) -> Result<Keyring, KeysError> {
        Keyring::open(rows, &master(), &LIFE, None)
    }

    fn master() -> MasterKey {
        MasterKey::generate(&Entropy::seeded(9))
    }

    fn rows() -> Vec<SealedKey> {
        KEYS.seal(&master(), &Clock::manual(1_800_000_000_000), &Entropy::seeded(2)).unwrap()
    }

    #[test]
    fn fresh_keys_open_and_sign_what_is_published() {
        let keyring = open(&rows()).unwrap();
        let set: serde_json::Value = serde_json::from_slice(&keyring.published().bytes).unwrap();
        let keys = set["keys"].as_array().unwrap();
        assert_eq!(keys.len(), 4);
        for key in keys {
            let mut members: Vec<&str> = key.as_object().unwrap().keys().map(String::as_str).collect();
            members.sort_unstable();
            let expected: &[&str] = match key["kty"].as_str().unwrap() {
                "RSA" => &["alg", "e", "key_ops", "kid", "kty", "n", "use"],
                "OKP" => &["alg", "crv", "key_ops", "kid", "kty", "use", "x"],
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
        let keyring = open(&rows()).unwrap();
        let again = open(&rows()).unwrap();
        assert!(Keyring::same_mac(&keyring.secret_mac("a"), &again.secret_mac("a")));
        assert!(!Keyring::same_mac(&keyring.secret_mac("a"), &keyring.secret_mac("b")));
    }

    #[test]
    fn swapped_rows_stop_the_start() {
        let mut rows = rows();
        let jwe = rows[0].jwe.clone();
        rows[0].jwe = std::mem::replace(&mut rows[1].jwe, jwe);
        assert!(matches!(open(&rows), Err(KeysError::Seal { source: SealError::Row, .. })));
    }

    #[test]
    fn one_key_in_two_roles_stops_the_start() {
        let mut rows = rows();
        let jwk = seal::open(&rows[4], Purpose::SecretMac, &master()).unwrap();
        let mut second = rows[4].clone();
        (second.id, second.kid) = ("another row".to_owned(), "another name".to_owned());
        let facts = Facts { row: &second.id, kid: &second.kid, purpose: Purpose::SecretMac, alg: "HS256" };
        second.jwe = seal::seal(&jwk, facts, &master()).unwrap();
        rows.push(second);
        assert!(matches!(open(&rows), Err(KeysError::TwoRoles(_))));
    }

    #[test]
    fn a_row_with_a_kid_that_is_not_its_thumbprint_stops_the_start() {
        let mut rows = rows();
        let jwk = seal::open(&rows[0], Purpose::AccessToken, &master()).unwrap();
        rows[0].kid = "chosen".to_owned();
        let facts = Facts { row: &rows[0].id, kid: "chosen", purpose: Purpose::AccessToken, alg: "RS256" };
        rows[0].jwe = seal::seal(&jwk, facts, &master()).unwrap();
        assert!(matches!(open(&rows), Err(KeysError::Row { .. })));
    }

    #[test]
    fn halves_that_do_not_belong_together_stop_the_start() {
        let other = NewKeys::generate(&ALGORITHMS, &Entropy::seeded(3)).unwrap();
        let other = other.seal(&master(), &Clock::manual(0), &Entropy::seeded(4)).unwrap();
        let mut rows = rows();
        let mut mixed = seal::open(&rows[1], Purpose::AccessToken, &master()).unwrap();
        let stranger = seal::open(&other[1], Purpose::AccessToken, &master()).unwrap();
        mixed.set_parameter("d", stranger.parameter("d").cloned()).unwrap();
        let facts =
            Facts { row: &rows[1].id, kid: &rows[1].kid, purpose: Purpose::AccessToken, alg: "ES256" };
        rows[1].jwe = seal::seal(&mixed, facts, &master()).unwrap();
        assert!(open(&rows).is_err());
    }

    #[test]
    fn a_missing_key_is_named() {
        let rows = rows();
        assert!(matches!(open(&rows[..4]), Err(KeysError::Missing("secret-mac"))));
        assert!(matches!(open(&rows[4..]), Err(KeysError::Missing("access-token"))));
    }
}
