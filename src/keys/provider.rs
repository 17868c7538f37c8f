//! Signing through `jsonwebtoken` without parsing the key at every signature.
//!
//! `jsonwebtoken` hands the bytes of an `EncodingKey` to its crypto provider each time, and the one that comes with
//! it parses them each time: an RS256 signature then costs three times as much as signing does. Here the bytes of an
//! access-token key are a handle, and the provider finds a key pair that was prepared once. Whatever is no handle
//! (a client's key in the same process, a test's) is left to the provider that comes with the crate.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair as RsaKeyPair;
use aws_lc_rs::signature::{EcdsaKeyPair, Ed25519KeyPair, RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding};
use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, aws_lc};
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::{Algorithm, EncodingKey};
use signature::Signer;

/// What a handle begins with. A key in DER begins with 0x30, so the two cannot be confused.
const MAGIC: &[u8; 8] = b"carnet:\0";

static PREPARED: LazyLock<RwLock<HashMap<u64, Arc<Prepared>>>> = LazyLock::new(RwLock::default);
static NEXT: AtomicU64 = AtomicU64::new(1);

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: find_signer,
    verifier_factory: |algorithm, key| (aws_lc::DEFAULT_PROVIDER.verifier_factory)(algorithm, key),
    key_utils: jsonwebtoken::crypto::KeyUtils {
        rsa_pub_components_from_private_key: |der| {
            (aws_lc::DEFAULT_PROVIDER.key_utils.rsa_pub_components_from_private_key)(der)
        },
        rsa_pub_components_from_public_key: |der| {
            (aws_lc::DEFAULT_PROVIDER.key_utils.rsa_pub_components_from_public_key)(der)
        },
        ec_pub_components_from_private_key: |der, algorithm| {
            (aws_lc::DEFAULT_PROVIDER.key_utils.ec_pub_components_from_private_key)(der, algorithm)
        },
        ed_pub_components_from_private_key: |der, curve| {
            (aws_lc::DEFAULT_PROVIDER.key_utils.ed_pub_components_from_private_key)(der, curve)
        },
        compute_digest: |data, hash| (aws_lc::DEFAULT_PROVIDER.key_utils.compute_digest)(data, hash),
    },
};

/// Makes this process sign with prepared keys. May be called any number of times.
///
/// It has no effect when something has signed or verified in this process before the first call; a keyring notices
/// that when it opens and refuses, because its handles would then not be understood.
pub fn install_crypto_provider() {
    // The error only says that a provider is installed already: this one, or another that `Keyring::open` notices.
    let _ = PROVIDER.install_default();
}

/// A private key in the form in which it signs.
pub(super) enum Prepared {
    Rs256(RsaKeyPair),
    Ps256(RsaKeyPair),
    Es256(EcdsaKeyPair),
    EdDsa(Ed25519KeyPair),
}

/// A prepared key that the provider finds; it is forgotten with this value.
#[derive(Debug)]
pub(super) struct Handle {
    number: u64,
    algorithm: Algorithm,
}

impl Handle {
    pub(super) fn new(key: Prepared) -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let algorithm = key.algorithm();
        PREPARED.write().unwrap_or_else(PoisonError::into_inner).insert(number, Arc::new(key));
        Self { number, algorithm }
    }

    /// The key by which `jsonwebtoken` reaches the prepared one.
    pub(super) fn encoding_key(&self) -> EncodingKey {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(MAGIC);
        bytes[8..].copy_from_slice(&self.number.to_be_bytes());
        match self.algorithm {
            Algorithm::ES256 => EncodingKey::from_ec_der(&bytes),
            Algorithm::EdDSA => EncodingKey::from_ed_der(&bytes),
            _ => EncodingKey::from_rsa_der(&bytes),
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        PREPARED.write().unwrap_or_else(PoisonError::into_inner).remove(&self.number);
    }
}

impl Prepared {
    fn algorithm(&self) -> Algorithm {
        match self {
            Self::Rs256(_) => Algorithm::RS256,
            Self::Ps256(_) => Algorithm::PS256,
            Self::Es256(_) => Algorithm::ES256,
            Self::EdDsa(_) => Algorithm::EdDSA,
        }
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a signature's randomness is the library's own, never a test's seed"
    )]
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, aws_lc_rs::error::Unspecified> {
        match self {
            Self::Rs256(key) => sign_rsa(key, &RSA_PKCS1_SHA256, message),
            Self::Ps256(key) => sign_rsa(key, &RSA_PSS_SHA256, message),
            Self::Es256(key) => Ok(key.sign(&SystemRandom::new(), message)?.as_ref().to_vec()),
            Self::EdDsa(key) => Ok(key.sign(message).as_ref().to_vec()),
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a signature's randomness is the library's own, never a test's seed"
)]
fn sign_rsa(
    key: &RsaKeyPair,
    padding: &'static dyn RsaEncoding,
    message: &[u8],
) -> Result<Vec<u8>, aws_lc_rs::error::Unspecified> {
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(padding, &SystemRandom::new(), message, &mut signature)?;
    Ok(signature)
}

impl std::fmt::Debug for Prepared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Prepared({:?})", self.algorithm())
    }
}

struct PreparedSigner(Arc<Prepared>);

impl Signer<Vec<u8>> for PreparedSigner {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, signature::Error> {
        self.0.sign(message).map_err(signature::Error::from_source)
    }
}

impl JwtSigner for PreparedSigner {
    fn algorithm(&self) -> Algorithm {
        self.0.algorithm()
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature of a signer factory")]
fn find_signer(algorithm: &Algorithm, key: &EncodingKey) -> Result<Box<dyn JwtSigner>, Error> {
    let Some(number) = handle_number(key.as_bytes()) else {
        return (aws_lc::DEFAULT_PROVIDER.signer_factory)(algorithm, key);
    };
    let prepared = PREPARED.read().unwrap_or_else(PoisonError::into_inner).get(&number).cloned();
    match prepared {
        Some(prepared) if prepared.algorithm() == *algorithm => Ok(Box::new(PreparedSigner(prepared))),
        Some(_) => Err(ErrorKind::InvalidAlgorithm.into()),
        None => Err(ErrorKind::InvalidKeyFormat.into()),
    }
}

fn handle_number(bytes: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(bytes.strip_prefix(MAGIC)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, KeyPair as _};

    use super::*;

    fn es256() -> EcdsaKeyPair {
        EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap()
    }

    #[test]
    fn a_handle_signs_with_its_key_until_it_is_dropped() {
        install_crypto_provider();
        install_crypto_provider();
        let key = es256();
        let public = jsonwebtoken::DecodingKey::from_ec_der(key.public_key().as_ref());
        let handle = Handle::new(Prepared::Es256(key));
        let encoding = handle.encoding_key();
        let signature = jsonwebtoken::crypto::sign(b"message", &encoding, Algorithm::ES256).unwrap();
        assert!(jsonwebtoken::crypto::verify(&signature, b"message", &public, Algorithm::ES256).unwrap());
        assert!(!jsonwebtoken::crypto::verify(&signature, b"massage", &public, Algorithm::ES256).unwrap());
        drop(handle);
        assert!(jsonwebtoken::crypto::sign(b"message", &encoding, Algorithm::ES256).is_err());
    }

    #[test]
    fn a_handle_does_not_sign_with_another_algorithm() {
        install_crypto_provider();
        let handle = Handle::new(Prepared::Es256(es256()));
        for algorithm in [Algorithm::RS256, Algorithm::PS256, Algorithm::HS256, Algorithm::EdDSA] {
            assert!(jsonwebtoken::crypto::sign(b"m", &handle.encoding_key(), algorithm).is_err());
        }
    }

    #[test]
    fn keys_that_are_no_handles_are_left_to_the_crate() {
        install_crypto_provider();
        let der = es256().to_pkcs8v1().unwrap();
        let key = EncodingKey::from_ec_der(der.as_ref());
        assert!(jsonwebtoken::crypto::sign(b"m", &key, Algorithm::ES256).is_ok());
        let key = EncodingKey::from_ec_der(b"neither a key nor a handle");
        assert!(jsonwebtoken::crypto::sign(b"m", &key, Algorithm::ES256).is_err());
    }
}
