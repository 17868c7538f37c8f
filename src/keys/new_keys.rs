use carnet_ambient::{Clock, Entropy};
use carnet_token::base64url;
use josekit::jwk::Jwk;
use josekit::jwk::alg::ec::EcCurve;

use super::seal::{self, Facts};
use super::{KeysError, MasterKey, Purpose};
use crate::db::sealed_key::SealedKey;
use crate::registry::SigningAlgorithm;

/// Size of a new RSA key in bits.
const RSA_BITS: u32 = 2048;

/// The keys that an installation begins with, not yet sealed.
#[derive(Debug)]
pub struct NewKeys(Vec<NewKey>);

struct NewKey {
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
    /// Makes an RS256 and an ES256 key for access tokens, and the key under which client secrets are kept.
    ///
    /// The asymmetric keys take their randomness from the cryptographic library, never from a test's seed. About
    /// 100 ms of work: call it outside the async workers.
    ///
    /// # Errors
    /// [`KeysError::Generate`] when the library fails.
    pub fn generate(entropy: &Entropy) -> Result<Self, KeysError> {
        let rsa = Jwk::generate_rsa_key(RSA_BITS).map_err(|error| GenerateError(error.to_string()))?;
        let ec = Jwk::generate_ec_key(EcCurve::P256).map_err(|error| GenerateError(error.to_string()))?;
        let mut mac = Jwk::new("oct");
        mac.set_key_value(entropy.bytes::<32>());
        let mac = NewKey {
            // A name that is no hash of the key: whoever reads the row must not learn anything to test guesses on.
            kid: base64url::encode(entropy.bytes::<16>()),
            purpose: Purpose::SecretMac,
            alg: "HS256",
            private: mac,
            public: None,
        };
        Ok(Self(vec![
            NewKey::for_access_tokens(SigningAlgorithm::Rs256, rsa)?,
            NewKey::for_access_tokens(SigningAlgorithm::Es256, ec)?,
            mac,
        ]))
    }

    /// Seals the keys into the rows that hold them, active from now on.
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
        let sealed = |key: &NewKey| {
            let id = entropy.ulid(clock);
            let facts = Facts { row: &id, kid: &key.kid, purpose: key.purpose, alg: key.alg };
            Ok(SealedKey {
                jwe: seal::seal(&key.private, facts, master)?,
                id,
                kid: key.kid.clone(),
                purpose: key.purpose.to_string(),
                alg: key.alg.to_owned(),
                state: "active".to_owned(),
                public_jwk: key.public.as_ref().map(|jwk| jwk.to_value().to_string()),
                created_at: now,
                activated_at: Some(now),
            })
        };
        self.0.iter().map(sealed).collect()
    }
}

impl NewKey {
    fn for_access_tokens(alg: SigningAlgorithm, private: Jwk) -> Result<Self, GenerateError> {
        let public = public_half(&private, alg).map_err(GenerateError)?;
        let kid = public.kid.clone().unwrap_or_default();
        Ok(Self { kid, purpose: Purpose::AccessToken, alg: alg.as_str(), private, public: Some(public) })
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
        SigningAlgorithm::Rs256 => &["n", "e"],
        SigningAlgorithm::Es256 => &["crv", "x", "y"],
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
