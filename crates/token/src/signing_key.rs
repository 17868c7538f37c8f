use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPairComponents, PublicKeyComponents};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RsaKeyPair,
};
use jsonwebtoken::EncodingKey;
use serde::Serialize;
use serde_json::Value;

use crate::{Algorithm, Jwk, PublicKey, base64url, json};

/// A private key with its `kid` and its one algorithm.
///
/// The key bytes are handed to the process's `jsonwebtoken` crypto provider at every signature: a provider may take
/// them for a key in DER, or for the handle of a key that it keeps prepared, or keeps in hardware.
#[derive(Clone, Debug)]
pub struct SigningKey {
    kid: String,
    algorithm: Algorithm,
    key: EncodingKey,
    public: Option<Jwk>,
}

/// Why a private key cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SigningKeyError {
    /// Not a private key in a form that is known here, or its parts do not belong together.
    #[error("not a private key in a known form")]
    Malformed,
    /// The public half would be refused by every verifier, or the key does not fit the algorithm.
    #[error("unsuitable key: {0}")]
    Unsuitable(#[from] crate::KeyError),
}

/// Signing failed: the crypto provider does not know the key, or the values cannot be written as JSON.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot sign: {0}")]
pub struct SignError(String);

impl SignError {
    pub(crate) fn new(reason: &str) -> Self {
        Self(reason.to_owned())
    }
}

impl SigningKey {
    /// A key by the bytes by which the crypto provider knows it. Its public half is not known here.
    pub fn new(kid: impl Into<String>, algorithm: Algorithm, key: EncodingKey) -> Self {
        Self { kid: kid.into(), algorithm, key, public: None }
    }

    /// A key in PEM: PKCS#8 as openssl writes it, for RSA also PKCS#1.
    ///
    /// # Errors
    /// [`SigningKeyError`] when it is not such a key, does not fit the algorithm or is too weak.
    pub fn from_pkcs8_pem(
        kid: impl Into<String>,
        algorithm: Algorithm,
        pem: &[u8],
    ) -> Result<Self, SigningKeyError> {
        let key = match algorithm {
            Algorithm::Rs256 | Algorithm::Ps256 => EncodingKey::from_rsa_pem(pem),
            Algorithm::Es256 => EncodingKey::from_ec_pem(pem),
            Algorithm::EdDsa => EncodingKey::from_ed_pem(pem),
        };
        Self::checked(Some(kid.into()), algorithm, key.map_err(|_| SigningKeyError::Malformed)?)
    }

    /// A key in PKCS#8 DER (RFC 5208).
    ///
    /// # Errors
    /// [`SigningKeyError`] when it is not such a key, does not fit the algorithm or is too weak.
    pub fn from_pkcs8_der(
        kid: impl Into<String>,
        algorithm: Algorithm,
        der: &[u8],
    ) -> Result<Self, SigningKeyError> {
        Self::from_pkcs8(Some(kid.into()), algorithm, der)
    }

    /// A private JWK (RFC 7517) as strict JSON text.
    ///
    /// Its name is its `kid` or, without one, its thumbprint; its algorithm is its `alg` or, without one, that of its
    /// type (RSA: RS256). An RSA key needs its CRT members.
    ///
    /// # Errors
    /// [`SigningKeyError`] when it is not a usable private key, or the private half is not that of the public one.
    pub fn from_jwk(json: &[u8]) -> Result<Self, SigningKeyError> {
        Self::from_jwk_value(&json::parse(json).map_err(|_| SigningKeyError::Malformed)?)
    }

    /// A private JWK as a JSON value.
    ///
    /// # Errors
    /// [`SigningKeyError`], as [`SigningKey::from_jwk`].
    pub fn from_jwk_value(value: &Value) -> Result<Self, SigningKeyError> {
        let mut public = Jwk::from_value(value)?.public_half();
        // A private JWK says that it may `sign`; its public half may `verify`.
        public.key_ops = None;
        let algorithm = PublicKey::from_jwk(&public)?.algorithm();
        let member = |name: &str| {
            let text = value.get(name).and_then(Value::as_str).ok_or(SigningKeyError::Malformed)?;
            base64url::decode(text).map_err(|_| SigningKeyError::Malformed)
        };
        let rejected = |_| SigningKeyError::Malformed;
        let lost = |_| SigningKeyError::Malformed;
        let der = match algorithm {
            Algorithm::Rs256 | Algorithm::Ps256 => {
                let components = KeyPairComponents {
                    public_key: PublicKeyComponents { n: member("n")?, e: member("e")? },
                    d: member("d")?,
                    p: member("p")?,
                    q: member("q")?,
                    dP: member("dp")?,
                    dQ: member("dq")?,
                    qInv: member("qi")?,
                };
                let pair = RsaKeyPair::from_components(&components).map_err(rejected)?;
                AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).map_err(lost)?.as_ref().to_vec()
            }
            Algorithm::Es256 => {
                let point = [&[4][..], &member("x")?, &member("y")?].concat();
                EcdsaKeyPair::from_private_key_and_public_key(
                    &ECDSA_P256_SHA256_FIXED_SIGNING,
                    &member("d")?,
                    &point,
                )
                .map_err(rejected)?
                .to_pkcs8v1()
                .map_err(lost)?
                .as_ref()
                .to_vec()
            }
            Algorithm::EdDsa => Ed25519KeyPair::from_seed_and_public_key(&member("d")?, &member("x")?)
                .map_err(rejected)?
                .to_pkcs8v1()
                .map_err(lost)?
                .as_ref()
                .to_vec(),
        };
        Self::from_pkcs8(public.kid, algorithm, &der)
    }

    /// The key's name, which stands in the header of what it signs.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The key's one algorithm.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The public half with `kid`, `alg`, `use` and `key_ops`, ready to be registered or published; `None` for a key
    /// that only the crypto provider knows ([`SigningKey::new`]).
    #[must_use]
    pub const fn public_jwk(&self) -> Option<&Jwk> {
        self.public.as_ref()
    }

    /// Signs `header` and `claims` as a compact JWS (RFC 7515 §7.1).
    ///
    /// # Errors
    /// [`SignError`] when the provider refuses the key or the values cannot be written as JSON.
    pub fn sign_compact(
        &self,
        header: &impl Serialize,
        claims: &impl Serialize,
    ) -> Result<String, SignError> {
        // Room for what tokens hold: growing in steps would copy the claims three times.
        self.sign_parts(&json_bytes(header, 256)?, &json_bytes(claims, 1024)?)
    }

    /// Signs a header and a payload that are bytes already, such as a header that was written once.
    ///
    /// # Errors
    /// [`SignError`] when the provider refuses the key.
    pub fn sign_parts(&self, header: &[u8], payload: &[u8]) -> Result<String, SignError> {
        // 4/3 of both, two dots, and room for an RSA-4096 signature: one allocation.
        let mut text = String::with_capacity((header.len() + payload.len()) * 4 / 3 + 700);
        base64url::encode_into(header, &mut text);
        text.push('.');
        base64url::encode_into(payload, &mut text);
        let signature = jsonwebtoken::crypto::sign(text.as_bytes(), &self.key, self.algorithm.into())
            .map_err(|error| SignError(error.to_string()))?;
        text.push('.');
        text.push_str(&signature);
        Ok(text)
    }

    /// Signs bytes that are no JWS, by the key's algorithm: for signatures of HTTP messages (RFC 9421 §3.3.7).
    ///
    /// # Errors
    /// [`SignError`] when the provider refuses the key.
    pub fn sign_bytes(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let signature = jsonwebtoken::crypto::sign(message, &self.key, self.algorithm.into())
            .map_err(|error| SignError(error.to_string()))?;
        base64url::decode(&signature).map_err(|error| SignError(error.to_string()))
    }

    fn from_pkcs8(kid: Option<String>, algorithm: Algorithm, der: &[u8]) -> Result<Self, SigningKeyError> {
        let key = match algorithm {
            Algorithm::Rs256 | Algorithm::Ps256 => {
                EncodingKey::from_rsa_der(private_key_of(der).ok_or(SigningKeyError::Malformed)?)
            }
            Algorithm::Es256 => EncodingKey::from_ec_der(der),
            Algorithm::EdDsa => EncodingKey::from_ed_der(der),
        };
        Self::checked(kid, algorithm, key)
    }

    /// Derives the public half, and refuses a key whose signatures nobody would accept.
    fn checked(kid: Option<String>, algorithm: Algorithm, key: EncodingKey) -> Result<Self, SigningKeyError> {
        let mut public = public_half(algorithm, key.as_bytes()).ok_or(SigningKeyError::Malformed)?;
        public.alg = Some(algorithm.as_str().to_owned());
        public.use_ = Some("sig".to_owned());
        public.key_ops = Some(vec!["verify".to_owned()]);
        public.kid = kid;
        // Gives a key without a name its thumbprint.
        let kid = PublicKey::from_jwk(&public)?.kid().to_owned();
        public.kid = Some(kid.clone());
        Ok(Self { kid, algorithm, key, public: Some(public) })
    }
}

fn json_bytes(value: &impl Serialize, room: usize) -> Result<Vec<u8>, SignError> {
    let mut bytes = Vec::with_capacity(room);
    serde_json::to_writer(&mut bytes, value).map_err(|error| SignError(error.to_string()))?;
    Ok(bytes)
}

/// The public members of a key in the form that `jsonwebtoken` keeps: PKCS#1 for RSA, PKCS#8 for the others.
fn public_half(algorithm: Algorithm, der: &[u8]) -> Option<Jwk> {
    let mut jwk = Jwk::default();
    match algorithm {
        Algorithm::Rs256 | Algorithm::Ps256 => {
            let pair = RsaKeyPair::from_der(der).ok()?;
            let components = PublicKeyComponents::<Vec<u8>>::from(pair.public_key());
            "RSA".clone_into(&mut jwk.kty);
            jwk.n = Some(base64url::encode(components.n));
            jwk.e = Some(base64url::encode(components.e));
        }
        Algorithm::Es256 => {
            let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der).ok()?;
            // SEC 1 §2.3.3: 4, x, y.
            let (x, y) = pair.public_key().as_ref().strip_prefix(&[4])?.split_at_checked(32)?;
            "EC".clone_into(&mut jwk.kty);
            jwk.crv = Some("P-256".to_owned());
            jwk.x = Some(base64url::encode(x));
            jwk.y = Some(base64url::encode(y));
        }
        Algorithm::EdDsa => {
            let pair = Ed25519KeyPair::from_pkcs8(der).ok()?;
            "OKP".clone_into(&mut jwk.kty);
            jwk.crv = Some("Ed25519".to_owned());
            jwk.x = Some(base64url::encode(pair.public_key()));
        }
    }
    Some(jwk)
}

/// The `privateKey` octets of a PKCS#8 structure: version, algorithm, **key** (RFC 5208 §5).
fn private_key_of(der: &[u8]) -> Option<&[u8]> {
    let (info, _) = element(0x30, der)?;
    let (_version, rest) = element(0x02, info)?;
    let (_algorithm, rest) = element(0x30, rest)?;
    element(0x04, rest).map(|(key, _)| key)
}

/// The content of a DER element with this tag, and what follows it.
fn element(tag: u8, der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&[found, first], rest) = der.split_first_chunk::<2>()?;
    if found != tag {
        return None;
    }
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x84 => {
            let (octets, rest) = rest.split_at_checked(usize::from(first - 0x80))?;
            (octets.iter().fold(0, |length, octet| length << 8 | usize::from(*octet)), rest)
        }
        _ => return None,
    };
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// RFC 8037 appendix A.1.
    fn sample() -> Value {
        json!({
            "kty": "OKP", "crv": "Ed25519", "key_ops": ["sign"],
            "d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
            "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
        })
    }

    #[test]
    fn the_sample_of_rfc_8037_is_signed_byte_for_byte() {
        let key = SigningKey::from_jwk_value(&sample()).unwrap();
        assert_eq!(key.kid(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
        let text = key.sign_parts(br#"{"alg":"EdDSA"}"#, b"Example of Ed25519 signing").unwrap();
        assert_eq!(
            text,
            "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6d\
             WbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
        );
    }

    #[test]
    fn every_kind_of_key_signs_what_its_public_half_verifies() {
        let rsa = aws_lc_rs::rsa::KeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).unwrap();
        let rsa = AsDer::<Pkcs8V1Der<'_>>::as_der(&rsa).unwrap().as_ref().to_vec();
        let ec = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let ec = ec.to_pkcs8v1().unwrap().as_ref().to_vec();
        let ed = Ed25519KeyPair::generate().unwrap();
        for (algorithm, der) in [
            (Algorithm::Rs256, &rsa),
            (Algorithm::Ps256, &rsa),
            (Algorithm::Es256, &ec),
            (Algorithm::EdDsa, &ed.to_pkcs8v1().unwrap().as_ref().to_vec()),
            (Algorithm::EdDsa, &ed.to_pkcs8().unwrap().as_ref().to_vec()),
        ] {
            let key = SigningKey::from_pkcs8_der("k", algorithm, der).unwrap();
            let public = PublicKey::from_jwk(key.public_jwk().unwrap()).unwrap();
            assert_eq!((public.kid(), public.algorithm()), ("k", algorithm));
            let prepared = PublicKey::prepare(key.public_jwk().unwrap()).unwrap();
            assert_eq!((prepared.kid(), prepared.thumbprint()), (public.kid(), public.thumbprint()));
            let text = key.sign_compact(&json!({"alg": algorithm}), &json!({})).unwrap();
            let (message, signature) = text.rsplit_once('.').unwrap();
            for public in [public, prepared] {
                public.verify(message.as_bytes(), signature).unwrap();
                public.verify(b"another message", signature).unwrap_err();
                public.verify(message.as_bytes(), &format!("{signature}=")).unwrap_err();
                public.verify(message.as_bytes(), &signature[4..]).unwrap_err();
                public.verify(message.as_bytes(), "").unwrap_err();
            }
        }
        SigningKey::from_pkcs8_der("k", Algorithm::Es256, &rsa).unwrap_err();
        SigningKey::from_pkcs8_der("k", Algorithm::Rs256, &ec).unwrap_err();
    }

    #[test]
    fn a_private_half_of_another_key_is_refused() {
        let mut jwk = sample();
        jwk["d"] = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyufmA".into();
        assert_eq!(SigningKey::from_jwk_value(&jwk).unwrap_err(), SigningKeyError::Malformed);
        jwk.as_object_mut().unwrap().remove("d");
        assert_eq!(SigningKey::from_jwk_value(&jwk).unwrap_err(), SigningKeyError::Malformed);
    }

    #[test]
    fn neither_debug_nor_errors_show_the_private_half() {
        let key = SigningKey::from_jwk_value(&sample()).unwrap();
        assert!(!format!("{key:?}").contains("nWGxne_9"));
    }

    #[test]
    fn truncated_der_is_refused() {
        for der in [&b""[..], b"\x30", b"\x30\x82", b"\x30\x84\xff\xff\xff\xff", b"\x30\x03\x02\x01\x00"] {
            assert_eq!(private_key_of(der), None);
        }
    }
}
