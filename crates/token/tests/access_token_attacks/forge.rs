//! Tokens and keys that an honest library does not make.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use carnet_token::{Algorithm, IssuerRules, Jwk, KeySet, PublicKey, SigningKey, base64url};
use jsonwebtoken::EncodingKey;
use serde_json::{Value, json};

pub const IAP1: &str = "https://iap.example";
pub const IAP2: &str = "https://iap2.example";
pub const AUDIENCE: &str = "https://1r.example";
pub const NOW: i64 = 1_800_000_000;
pub const SKEW: i64 = 30;

/// Two issuers that are trusted, one attacker who is not.
pub struct Forge {
    pub rs256: SigningKey,
    pub ps256: SigningKey,
    pub es256: SigningKey,
    pub eddsa: SigningKey,
    /// The key of the second issuer, under the same kid as `rs256`.
    pub other_iap: SigningKey,
    pub attacker: SigningKey,
    pub rules1: IssuerRules,
    pub keys1: KeySet,
    pub rules2: IssuerRules,
    pub keys2: KeySet,
    rsa: RsaKeyPair,
}

/// The header of an honest RS256 token.
pub fn header() -> Value {
    json!({"alg": "RS256", "typ": "at+jwt", "kid": "rs256"})
}

/// The claims of an honest token.
pub fn claims() -> Value {
    json!({
        "iss": IAP1, "sub": "widgetco", "client_id": "widgetco", "aud": [AUDIENCE],
        "exp": NOW + 600, "iat": NOW, "nbf": NOW - 5, "jti": "dce6023b-375f-4a35-9b4a-411289bf616f",
        "scope": "logistics_objects:read",
        "logistics_agent_uri": "https://1r.widgetco.example/logistics-objects/me",
        "https://github.com/IATA-Cargo/ONE-Record/schema/iolIdentifier": "https://widgetco.example/1elmeeab",
        "https://github.com/IATA-Cargo/ONE-Record/schema/role": "SHP", "roles": ["SHP", "FWD"]
    })
}

pub fn with(mut object: Value, name: &str, value: Value) -> Value {
    object[name] = value;
    object
}

pub fn without(mut object: Value, name: &str) -> Value {
    object.as_object_mut().unwrap().remove(name);
    object
}

fn pkcs8(rsa: &RsaKeyPair) -> Vec<u8> {
    AsDer::<Pkcs8V1Der<'_>>::as_der(rsa).unwrap().as_ref().to_vec()
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<_> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

impl Forge {
    pub fn new() -> Self {
        let generate = || RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let (rsa, other, stranger) = (generate(), generate(), generate());
        let key = |kid: &str, algorithm, der: &[u8]| SigningKey::from_pkcs8_der(kid, algorithm, der).unwrap();
        let ec = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let ed = Ed25519KeyPair::generate().unwrap();
        let rs256 = key("rs256", Algorithm::Rs256, &pkcs8(&rsa));
        let ps256 = key("ps256", Algorithm::Ps256, &pkcs8(&stranger));
        let es256 = key("es256", Algorithm::Es256, ec.to_pkcs8v1().unwrap().as_ref());
        let eddsa = key("eddsa", Algorithm::EdDsa, ed.to_pkcs8v1().unwrap().as_ref());
        let other_iap = key("rs256", Algorithm::Rs256, &pkcs8(&other));
        let attacker = key("rs256", Algorithm::Rs256, &pkcs8(&stranger));
        let set = |keys: &[&SigningKey]| {
            let keys: Vec<_> = keys.iter().map(|key| key.public_jwk().unwrap().to_value()).collect();
            KeySet::parse(json!({"keys": keys}).to_string().as_bytes()).unwrap()
        };
        let keys1 = set(&[&rs256, &ps256, &es256, &eddsa]);
        let keys2 = set(&[&other_iap]);
        let (rules1, rules2) = (IssuerRules::new(IAP1), IssuerRules::new(IAP2));
        Self { rs256, ps256, es256, eddsa, other_iap, attacker, rules1, keys1, rules2, keys2, rsa }
    }

    /// A token without a fault, under this key of the first issuer.
    pub fn honest(&self, key: &SigningKey) -> String {
        let header = json!({"alg": key.algorithm(), "typ": "at+jwt", "kid": key.kid()});
        self.signed_by(key, &header, &claims())
    }

    /// Signed by the first issuer's RS256 key, whatever the header says.
    pub fn signed(&self, header: &Value, claims: &Value) -> String {
        self.signed_by(&self.rs256, header, claims)
    }

    #[expect(clippy::unused_self, reason = "reads as what it is: made in the forge")]
    pub fn signed_by(&self, key: &SigningKey, header: &Value, claims: &Value) -> String {
        key.sign_compact(header, claims).unwrap()
    }

    pub fn signed_raw(&self, header: &[u8], claims: &[u8]) -> String {
        self.rs256.sign_parts(header, claims).unwrap()
    }

    /// Header and claims with an empty signature.
    #[expect(clippy::unused_self, reason = "reads as what it is: made in the forge")]
    pub fn unsigned(&self, header: &Value, claims: &Value) -> String {
        format!("{}.{}.", base64url::encode(header.to_string()), base64url::encode(claims.to_string()))
    }

    fn with_jsonwebtoken(&self, alg: jsonwebtoken::Algorithm, key: &EncodingKey) -> String {
        let name = format!("{alg:?}");
        let token = self.unsigned(&with(header(), "alg", name.into()), &claims());
        let input = token.trim_end_matches('.');
        format!("{input}.{}", jsonwebtoken::crypto::sign(input.as_bytes(), key, alg).unwrap())
    }

    /// A good MAC under `key`.
    pub fn hmac(&self, alg: &str, key: &[u8]) -> String {
        self.with_jsonwebtoken(alg.parse().unwrap(), &EncodingKey::from_secret(key))
    }

    /// A good signature by the issuer's RSA key in another algorithm.
    pub fn rsa_as(&self, alg: jsonwebtoken::Algorithm) -> String {
        let pem = pem("PRIVATE KEY", &pkcs8(&self.rsa));
        self.with_jsonwebtoken(alg, &EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap())
    }

    pub fn public_der(&self) -> Vec<u8> {
        AsDer::<PublicKeyX509Der<'_>>::as_der(self.rsa.public_key()).unwrap().as_ref().to_vec()
    }

    pub fn public_pem(&self) -> String {
        pem("PUBLIC KEY", &self.public_der())
    }

    pub fn modulus(&self) -> Vec<u8> {
        member(self.rs256.public_jwk().unwrap().n.as_ref())
    }

    /// The point of the first issuer's EC key.
    pub fn point(&self) -> (Vec<u8>, Vec<u8>) {
        let jwk = self.es256.public_jwk().unwrap();
        (member(jwk.x.as_ref()), member(jwk.y.as_ref()))
    }
}

fn member(text: Option<&String>) -> Vec<u8> {
    base64url::decode(text.unwrap()).unwrap()
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

/// A 2048-bit product of two primes of the form k·M + (65537^a mod M), M the product of the first 126 primes.
pub fn roca_modulus() -> Vec<u8> {
    let text = "0u4ubNR1ulZfp4mWQcc00M_swYYVXbHU1e_IVxGMYT0cDhI7ZbJSEsignt97ZyoBZZaD7Aa7Ckukd5lUq71Vb5AGJGl-iiVlSRi8-PXa\
                gs96gstjFFi3j0iIscsz7_IhpmTzgunINUShrEipWxulmCKvmIA7F5kdNJn6bhDs6ms7wF7bZLpVvew55cVcSlQ3p_j7wPqxWTrM78Z4X4Qe\
                v-m33ZoH8kq_sud0o4jPH0Kp0FspJmdolP4MBYNt0IhgnwkZ7O_nnyY5Cs_MdzbqzlqnGRu8eDGk09CHvAzJouiZcMBUaFyFZD9Jmkq-L6gP\
                9kp54BHrWP01P1Iv_-qwwQ";
    base64url::decode(text).unwrap()
}

/// SEC 2 §2.4.1.
pub fn secp256k1_generator() -> (Vec<u8>, Vec<u8>) {
    (
        hex("79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"),
        hex("483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8"),
    )
}

/// Every encoding of a point whose order divides 8, and the encodings of them that are not canonical.
pub fn small_order_points() -> Vec<Vec<u8>> {
    let mut points = Vec::new();
    for y in [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ] {
        let mut point = hex(y);
        points.push(point.clone());
        point[31] |= 0x80;
        points.push(point);
    }
    points
}

/// A private key whose halves belong together (RFC 8037 appendix A.1).
pub fn private_jwk() -> Value {
    json!({
        "kty": "OKP", "crv": "Ed25519", "d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
    })
}

/// The order n of P-256.
pub fn p256_order() -> Vec<u8> {
    hex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551")
}

/// a − b of big-endian numbers of one length, a ≥ b.
pub fn subtract(a: &[u8], b: &[u8]) -> Vec<u8> {
    let mut difference = vec![0; a.len()];
    let mut borrow = 0;
    for at in (0..a.len()).rev() {
        let value = i16::from(a[at]) - i16::from(b[at]) - borrow;
        borrow = i16::from(value < 0);
        difference[at] = u8::try_from(value.rem_euclid(256)).unwrap();
    }
    difference
}

/// An Ed25519 signature with the order L added to S: the same equation, another text.
pub fn raise_by_order(signature: &[u8]) -> Vec<u8> {
    let order = hex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
    let mut raised = signature.to_vec();
    let mut carry = 0;
    for (at, byte) in order.iter().enumerate() {
        let sum = u16::from(raised[32 + at]) + u16::from(*byte) + carry;
        raised[32 + at] = u8::try_from(sum % 256).unwrap();
        carry = sum / 256;
    }
    raised
}

/// The ASN.1 form of an ECDSA signature.
pub fn der_signature(r: &[u8], s: &[u8]) -> Vec<u8> {
    let integer = |number: &[u8]| {
        let digits: Vec<u8> = number.iter().copied().skip_while(|byte| *byte == 0).collect();
        let sign: &[u8] = if digits[0] & 0x80 == 0 { &[] } else { &[0] };
        let content = [sign, &digits].concat();
        [&[2, u8::try_from(content.len()).unwrap()][..], &content].concat()
    };
    let content = [integer(r), integer(s)].concat();
    [&[0x30, u8::try_from(content.len()).unwrap()][..], &content].concat()
}

/// Key, good token and bad tokens of `tests/fixtures/rsa_signatures.json`.
pub fn rsa_fixture(name: &str) -> (PublicKey, String, Vec<String>) {
    let file: Value = serde_json::from_str(include_str!("../fixtures/rsa_signatures.json")).unwrap();
    let alg = name.to_uppercase();
    let jwk = with(with(file["jwk"].clone(), "alg", alg.as_str().into()), "kid", alg.as_str().into());
    let key = PublicKey::from_jwk(&Jwk::from_value(&jwk).unwrap()).unwrap();
    let token = |signature: &Value| {
        format!("{}.{}", file[name]["input"].as_str().unwrap(), signature.as_str().unwrap())
    };
    let wrong = file[name]["wrong"].as_object().unwrap().values().map(token).collect();
    (key, token(&file[name]["right"]), wrong)
}
