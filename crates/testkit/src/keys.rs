use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use carnet_ambient::Entropy;
use carnet_token::{Algorithm, SigningKey, assertion};

/// A client's key pair, made for one test.
#[derive(Debug, Clone)]
pub struct ClientKeyPair(SigningKey);

impl ClientKeyPair {
    /// A P-256 key for ES256.
    #[must_use]
    pub fn es256(kid: &str) -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a P-256 key");
        let der = pair.to_pkcs8v1().expect("PKCS#8");
        Self(SigningKey::from_pkcs8_der(kid, Algorithm::Es256, der.as_ref()).expect("a signing key"))
    }

    /// A 2048-bit RSA key for RS256.
    #[must_use]
    pub fn rs256(kid: &str) -> Self {
        let pair = KeyPair::generate(KeySize::Rsa2048).expect("an RSA key");
        let der: aws_lc_rs::encoding::Pkcs8V1Der<'_> = pair.as_der().expect("PKCS#8");
        Self(SigningKey::from_pkcs8_der(kid, Algorithm::Rs256, der.as_ref()).expect("a signing key"))
    }

    /// The private key.
    #[must_use]
    pub fn signing_key(&self) -> &SigningKey {
        &self.0
    }

    /// The public half as a JWK.
    #[must_use]
    pub fn jwk(&self) -> serde_json::Value {
        self.0.public_jwk().expect("a public half").to_value()
    }

    /// The public half as a JWK set.
    #[must_use]
    pub fn jwks(&self) -> serde_json::Value {
        serde_json::json!({ "keys": [self.jwk()] })
    }

    /// A fresh client assertion (RFC 7523 §3), `now` in seconds.
    #[must_use]
    pub fn assertion(&self, client_id: &str, audience: &str, now: i64) -> String {
        let jti = Entropy::system().uuid();
        assertion::make(client_id, audience, now, 60, &jti, &self.0).expect("an assertion")
    }
}
