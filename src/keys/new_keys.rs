use carnet_ambient::{Clock, Entropy};
use carnet_token::base64url;
use josekit::jwk::Jwk;
use josekit::jwk::alg::ec::EcCurve;
use josekit::jwk::alg::ed::EdCurve;

use super::seal::{self, Facts};
use super::{KeyState, KeysError, MasterKey, Purpose};
use crate::db::sealed_key::SealedKey;
use crate::registry::SigningAlgorithm;

/// Size of a new RSA key in bits.
const RSA_BITS: u32 = 2048;

/// The algorithm of the keys that sign lists, feeds and journal heads: small, and known to every verifier.
pub const LIST_ALGORITHM: SigningAlgorithm = SigningAlgorithm::Es256;

/// The keys that an installation begins with, not yet sealed.
#[derive(Debug)]
pub struct NewKeys(Vec<(NewKey, KeyState)>);

/// A key that was just made, not yet sealed.
pub struct NewKey {
    kid: String,
    purpose: Purpose,
    alg: &'static str,
    private: Jwk,
    public: Option<carnet_token::Jwk>,
}

/// A key could not be made.
#[derive(Debug, thiserror::Error)]
#[error("the cryptographic library could not make a key: {0}")]
pub struct GenerateError(String);

impl NewKeys {
    /// Makes a key for access tokens for each algorithm, the key under which client secrets are kept, the one that
    /// signs journal heads, and two for lists and feeds, of which the second is the announced backup.
    ///
    /// The asymmetric keys take their randomness from the cryptographic library, never from a test's seed. Some
    /// 100 ms of work for each RSA key: call it outside the async workers.
    ///
    /// # Errors
    /// [`KeysError::Generate`] when the library fails.
    pub fn generate(algorithms: &[SigningAlgorithm], entropy: &Entropy) -> Result<Self, KeysError> {
        let mut keys = Vec::new();
        for algorithm in algorithms {
            keys.push((NewKey::generate(Purpose::AccessToken, *algorithm)?, KeyState::Active));
        }
        keys.push((NewKey::secret_mac(entropy), KeyState::Active));
        keys.push((NewKey::generate(Purpose::TrustList, LIST_ALGORITHM)?, KeyState::Active));
        keys.push((NewKey::generate(Purpose::TrustList, LIST_ALGORITHM)?, KeyState::Announced));
        keys.push((NewKey::generate(Purpose::Audit, LIST_ALGORITHM)?, KeyState::Active));
        Ok(Self(keys))
    }

    /// Seals the keys into the rows that hold them, active or announced from now on.
    ///
    /// # Errors
    /// [`KeysError::SealNew`] when the cryptographic library fails.
    pub fn seal(
        &self,
        master: &MasterKey,
        clock: &Clock,
        entropy: &Entropy,
    ) -> Result<Vec<SealedKey>, KeysError> {
        let now = clock.now_millis();
        self.0.iter().map(|(key, state)| key.seal(master, *state, now, entropy.ulid(clock))).collect()
    }
}

impl NewKey {
    /// Makes a signing key. RSA takes some 100 ms: call it outside the async workers.
    ///
    /// # Errors
    /// [`GenerateError`] when the library fails.
    pub fn generate(purpose: Purpose, algorithm: SigningAlgorithm) -> Result<Self, GenerateError> {
        let private = match algorithm {
            SigningAlgorithm::Rs256 | SigningAlgorithm::Ps256 => Jwk::generate_rsa_key(RSA_BITS),
            SigningAlgorithm::Es256 => Jwk::generate_ec_key(EcCurve::P256),
            SigningAlgorithm::EdDsa => Jwk::generate_ed_key(EdCurve::Ed25519),
        };
        let private = private.map_err(|error| GenerateError(error.to_string()))?;
        let public = public_half(&private, algorithm).map_err(GenerateError)?;
        let kid = public.kid.clone().unwrap_or_default();
        Ok(Self { kid, purpose, alg: algorithm.as_str(), private, public: Some(public) })
    }

    fn secret_mac(entropy: &Entropy) -> Self {
        let mut private = Jwk::new("oct");
        private.set_key_value(entropy.bytes::<32>());
        Self {
            // A name that is no hash of the key: whoever reads the row must not learn anything to test guesses on.
            kid: base64url::encode(entropy.bytes::<16>()),
            purpose: Purpose::SecretMac,
            alg: "HS256",
            private,
            public: None,
        }
    }

    /// The key's name.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// Seals the key into the row `id`; `now` in milliseconds since 1970-01-01 UTC.
    ///
    /// # Errors
    /// [`KeysError::SealNew`] when the cryptographic library fails.
    pub fn seal(
        &self,
        master: &MasterKey,
        state: KeyState,
        now: i64,
        id: String,
    ) -> Result<SealedKey, KeysError> {
        let facts = Facts { row: &id, kid: &self.kid, purpose: self.purpose, alg: self.alg };
        Ok(SealedKey {
            jwe: seal::seal(&self.private, facts, master)?,
            id,
            kid: self.kid.clone(),
            purpose: self.purpose.to_string(),
            alg: self.alg.to_owned(),
            state: state.to_string(),
            public_jwk: self.public.as_ref().map(|jwk| jwk.to_value().to_string()),
            created_at: now,
            announced_at: Some(now),
            activated_at: (state == KeyState::Active).then_some(now),
            retires_at: None,
        })
    }
}

impl std::fmt::Debug for NewKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewKey")
            .field("kid", &self.kid)
            .field("purpose", &self.purpose)
            .finish_non_exhaustive()
    }
}

/// The public half of a private JWK, with the members that are published (identity-provider: kty, kid, use, alg,
/// `key_ops` and the parameters). The `kid` is the RFC 7638 thumbprint, so that no two issuers can share one.
pub(super) fn public_half(private: &Jwk, alg: SigningAlgorithm) -> Result<carnet_token::Jwk, String> {
    let names: &[&str] = match alg {
        SigningAlgorithm::Rs256 | SigningAlgorithm::Ps256 => &["n", "e"],
        SigningAlgorithm::Es256 => &["crv", "x", "y"],
        SigningAlgorithm::EdDsa => &["crv", "x"],
    };
    let mut public = serde_json::json!({
        "kty": private.key_type(), "alg": alg.as_str(), "use": "sig", "key_ops": ["verify"]
    });
    for name in names {
        public[*name] = private.parameter(name).cloned().unwrap_or_default();
    }
    let mut public = carnet_token::Jwk::from_value(&public).map_err(|error| error.to_string())?;
    public.kid = Some(public.thumbprint().map_err(|error| error.to_string())?.to_string());
    Ok(public)
}
