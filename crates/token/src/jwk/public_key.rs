use std::fmt;
use std::sync::Arc;

use aws_lc_rs::rsa::PublicKeyComponents;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256,
    RsaParameters, UnparsedPublicKey,
};
use jsonwebtoken::DecodingKey;

use super::{Jwk, KeyError, roca};
use crate::compact::{Compact, MAX_KID_LENGTH};
use crate::{Algorithm, Thumbprint, base64url};

/// A public key that passed every rule, with exactly one algorithm.
///
/// RSA keys have 2048 to 8192 bits and an odd exponent from 65537 to 2^32, which also bounds what a verification can
/// cost; EC points lie on P-256; Ed25519 keys have no small order.
#[derive(Clone)]
pub struct PublicKey {
    kid: String,
    algorithm: Algorithm,
    thumbprint: Thumbprint,
    key: DecodingKey,
    prepared: Option<Arc<ParsedPublicKey>>,
}

/// The signature is not one by this key over this message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("signature wrong")]
pub struct BadSignature;

impl PublicKey {
    /// Checks a key and prepares it.
    ///
    /// Without `kid` its name is its thumbprint. Without `alg` it is the one of its type; an RSA key is then for
    /// RS256 alone, since one key serves one algorithm (RFC 8725 §3.1).
    ///
    /// # Errors
    /// [`KeyError`] names the first rule that the key breaks.
    pub fn from_jwk(jwk: &Jwk) -> Result<Self, KeyError> {
        if jwk.kty == "oct" {
            return Err(KeyError::Symmetric);
        }
        if jwk.is_private() {
            return Err(KeyError::PrivateMembers);
        }
        if jwk.kid.as_ref().is_some_and(|kid| kid.is_empty() || kid.len() > MAX_KID_LENGTH) {
            return Err(KeyError::Kid);
        }
        let may_verify = jwk.key_ops.as_ref().is_none_or(|ops| ops.iter().any(|op| op == "verify"));
        if jwk.use_.as_ref().is_some_and(|use_| use_ != "sig") || !may_verify {
            return Err(KeyError::Use);
        }
        let (algorithm, key) = match jwk.kty.as_str() {
            "RSA" => (algorithm(jwk, &[Algorithm::Rs256, Algorithm::Ps256])?, rsa(jwk)?),
            "EC" => {
                curve(jwk, "P-256")?;
                (algorithm(jwk, &[Algorithm::Es256])?, p256(jwk)?)
            }
            "OKP" => {
                curve(jwk, "Ed25519")?;
                (algorithm(jwk, &[Algorithm::EdDsa])?, ed25519(jwk)?)
            }
            _ => return Err(KeyError::KeyType),
        };
        let thumbprint = jwk.thumbprint()?;
        let kid = jwk.kid.clone().unwrap_or_else(|| thumbprint.to_string());
        Ok(Self { kid, algorithm, thumbprint, key, prepared: None })
    }

    /// Checks a key as [`PublicKey::from_jwk`] does, and prepares it for verifying much: its numbers are not taken
    /// apart anew at each signature. It takes more memory, so that a registry of many keys, each of which verifies
    /// now and then, does better without.
    ///
    /// # Errors
    /// [`KeyError`], as [`PublicKey::from_jwk`].
    pub fn prepare(jwk: &Jwk) -> Result<Self, KeyError> {
        let key = Self::from_jwk(jwk)?;
        let prepared = match key.algorithm {
            Algorithm::Rs256 => prepared_rsa(jwk, &RSA_PKCS1_2048_8192_SHA256)?,
            Algorithm::Ps256 => prepared_rsa(jwk, &RSA_PSS_2048_8192_SHA256)?,
            Algorithm::Es256 => UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point(jwk)?).parse().ok(),
            Algorithm::EdDsa => UnparsedPublicKey::new(&ED25519, coordinate(jwk.x.as_ref())?).parse().ok(),
        };
        Ok(Self { prepared: prepared.map(Arc::new), ..key })
    }

    /// The key's name within its issuer or client.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The one algorithm for which the key may be used.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The key's RFC 7638 thumbprint.
    #[must_use]
    pub const fn thumbprint(&self) -> Thumbprint {
        self.thumbprint
    }

    /// Checks a `signature` (base64url, as in a compact JWS) over `message`.
    ///
    /// An ECDSA signature (r, s) is as good as (r, n − s): never use a signature to recognise a message.
    ///
    /// # Errors
    /// [`BadSignature`], whatever is wrong with it.
    pub fn verify(&self, message: &[u8], signature: &str) -> Result<(), BadSignature> {
        if let Some(prepared) = &self.prepared {
            let signature = base64url::decode(signature).map_err(|_| BadSignature)?;
            return prepared.verify_sig(message, &signature).map_err(|_| BadSignature);
        }
        match jsonwebtoken::crypto::verify(signature, message, &self.key, self.algorithm.into()) {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(BadSignature),
        }
    }

    /// The same for a signature that is bytes already.
    ///
    /// # Errors
    /// [`BadSignature`], whatever is wrong with it.
    pub fn verify_bytes(&self, message: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
        match &self.prepared {
            Some(key) => key.verify_sig(message, signature).map_err(|_| BadSignature),
            None => self.verify(message, &base64url::encode(signature)),
        }
    }

    /// The same for a JWS that was taken apart, whose signature need not be decoded again.
    pub(crate) fn verify_compact(&self, jws: &Compact<'_>) -> Result<(), BadSignature> {
        let message = jws.signing_input().as_bytes();
        match &self.prepared {
            Some(key) => key.verify_sig(message, jws.signature_bytes()).map_err(|_| BadSignature),
            None => self.verify(message, jws.signature()),
        }
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublicKey")
            .field("kid", &self.kid)
            .field("algorithm", &self.algorithm)
            .field("thumbprint", &self.thumbprint)
            .finish_non_exhaustive()
    }
}

/// The key's algorithm: its `alg` if that is one of `allowed`, the first of them if it names none.
fn algorithm(jwk: &Jwk, allowed: &[Algorithm]) -> Result<Algorithm, KeyError> {
    let named = |algorithm: &&Algorithm| match jwk.alg.as_deref() {
        None => true,
        // RFC 9864 gives EdDSA on this curve a name of its own; tokens of this network keep the older one.
        Some("Ed25519") => **algorithm == Algorithm::EdDsa,
        Some(alg) => algorithm.as_str() == alg,
    };
    allowed.iter().find(named).copied().ok_or(KeyError::Algorithm)
}

fn curve(jwk: &Jwk, wanted: &str) -> Result<(), KeyError> {
    match jwk.crv.as_deref() {
        None => Err(KeyError::Malformed),
        Some(crv) if crv == wanted => Ok(()),
        Some(_) => Err(KeyError::Curve),
    }
}

fn bytes(member: Option<&String>) -> Result<Vec<u8>, KeyError> {
    base64url::decode(member.ok_or(KeyError::Malformed)?).map_err(|_| KeyError::Malformed)
}

/// A number in the only form that RFC 7518 §2 allows: no leading zero octet, or its thumbprint would be ambiguous.
fn number(member: Option<&String>) -> Result<Vec<u8>, KeyError> {
    let bytes = bytes(member)?;
    match bytes.first() {
        None | Some(0) => Err(KeyError::Malformed),
        Some(_) => Ok(bytes),
    }
}

fn coordinate(member: Option<&String>) -> Result<[u8; 32], KeyError> {
    bytes(member)?.try_into().map_err(|_| KeyError::CoordinateLength)
}

fn rsa(jwk: &Jwk) -> Result<DecodingKey, KeyError> {
    let modulus = number(jwk.n.as_ref())?;
    let exponent = number(jwk.e.as_ref())?;
    // Eight bits of the length are counted by the leading octet, which is not zero.
    let bits = modulus.len() * 8 - modulus.first().map_or(0, |first| first.leading_zeros() as usize);
    let odd = |number: &[u8]| number.last().is_some_and(|last| last & 1 == 1);
    if !(2048..=8192).contains(&bits) || !odd(&modulus) {
        return Err(KeyError::RsaModulus);
    }
    // e = 1 signs nothing, e = 3 invites forged padding, a huge e makes every verification cost like a signature.
    let small = exponent.iter().take(5).fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
    if exponent.len() > 4 || small < 65_537 || !odd(&exponent) {
        return Err(KeyError::RsaExponent);
    }
    if roca::has_fingerprint(&modulus) {
        return Err(KeyError::Roca);
    }
    Ok(DecodingKey::from_rsa_raw_components(&modulus, &exponent))
}

/// `None` when the library finds more wrong with the key than is checked here: then it verifies nothing either way.
fn prepared_rsa(jwk: &Jwk, parameters: &'static RsaParameters) -> Result<Option<ParsedPublicKey>, KeyError> {
    let components = PublicKeyComponents { n: number(jwk.n.as_ref())?, e: number(jwk.e.as_ref())? };
    Ok(components.to_parsed_public_key(parameters).ok())
}

fn point(jwk: &Jwk) -> Result<Vec<u8>, KeyError> {
    let mut point = Vec::with_capacity(65);
    point.push(4); // SEC 1 §2.3.3: an uncompressed point
    point.extend_from_slice(&coordinate(jwk.x.as_ref())?);
    point.extend_from_slice(&coordinate(jwk.y.as_ref())?);
    Ok(point)
}

fn p256(jwk: &Jwk) -> Result<DecodingKey, KeyError> {
    let point = point(jwk)?;
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &point).parse().map_err(|_| KeyError::NotOnCurve)?;
    Ok(DecodingKey::from_ec_der(&point))
}

fn ed25519(jwk: &Jwk) -> Result<DecodingKey, KeyError> {
    let key = coordinate(jwk.x.as_ref())?;
    if is_weak_ed25519(&key) {
        return Err(KeyError::SmallOrder);
    }
    Ok(DecodingKey::from_ed_der(&key))
}

/// Whether an encoded point has an order that divides 8, or a y-coordinate that is not below the field's prime.
fn is_weak_ed25519(key: &[u8; 32]) -> bool {
    // The y-coordinates of the points of order 8; those of order 1, 2 and 4 are 1, −1 and 0.
    const ORDER_8: [[u8; 32]; 2] = [
        [
            0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0,
            0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
        ],
        [
            0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f,
            0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
        ],
    ];
    let mut y = *key;
    y[31] &= 0x7f; // the top bit is the sign of x
    // 2^255 − 19 is ed ff … ff 7f: from −1 (ec …) upwards every encoding is −1 or not canonical.
    let near_prime = y[31] == 0x7f && y[1..31].iter().all(|byte| *byte == 0xff) && y[0] >= 0xec;
    let zero_or_one = y[0] <= 1 && y[1..].iter().all(|byte| *byte == 0);
    near_prime || zero_or_one || ORDER_8.contains(&y)
}
