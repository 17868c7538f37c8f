//! Public keys: the wire type, the checked key, the key set of one issuer (RFC 7517, RFC 7518 §6, RFC 8037 §2).

mod key_set;
mod public_key;
mod roca;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{Thumbprint, json};

pub use key_set::{KeySet, KeySetError, MAX_KEYS, Withheld};
pub use public_key::{BadSignature, PublicKey};

/// A JWK as it travels: its public members, and the knowledge whether private ones stood beside them.
///
/// Private members are never kept. Nothing about the key is checked yet; [`PublicKey::from_jwk`] does that.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(into = "Map<String, Value>", try_from = "Map<String, Value>")]
pub struct Jwk {
    /// `RSA`, `EC` or `OKP`.
    pub kty: String,
    /// The key's name.
    pub kid: Option<String>,
    /// The key's one algorithm.
    pub alg: Option<String>,
    /// `use`: `sig`, when it is said at all.
    pub use_: Option<String>,
    /// What the key may be used for: a public one to `verify`.
    pub key_ops: Option<Vec<String>>,
    /// RSA: the modulus.
    pub n: Option<String>,
    /// RSA: the public exponent.
    pub e: Option<String>,
    /// EC and OKP: the curve.
    pub crv: Option<String>,
    /// EC: the first coordinate; OKP: the public key.
    pub x: Option<String>,
    /// EC: the second coordinate.
    pub y: Option<String>,
    /// The issuer whose key this is: an extra member of key sets that hold the keys of several issuers.
    pub iss: Option<String>,
    private: bool,
}

/// Members that belong to a private or symmetric key (RFC 7518 §6.2.2, §6.3.2, §6.4.1).
const PRIVATE_MEMBERS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// Why a key is not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// A member is missing, of the wrong type, or not canonical base64url.
    #[error("a member is missing or malformed")]
    Malformed,
    /// `kid` is empty or longer than 256 bytes.
    #[error("kid is empty or too long")]
    Kid,
    /// Private members stand beside the public ones.
    #[error("private members where only public ones belong")]
    PrivateMembers,
    /// The private members are really the private half: whoever read the set can sign.
    #[error("the private key was published")]
    PrivateKeyPublished,
    /// A symmetric key (`oct`).
    #[error("symmetric key")]
    Symmetric,
    /// A `kty` that is not `RSA`, `EC` or `OKP`.
    #[error("key type not supported")]
    KeyType,
    /// A curve that is not P-256 or Ed25519.
    #[error("curve not supported")]
    Curve,
    /// `alg` is not supported, or not one for this type of key.
    #[error("alg does not fit the key")]
    Algorithm,
    /// `use` or `key_ops` do not allow to verify signatures.
    #[error("key is not meant to verify signatures")]
    Use,
    /// RSA modulus below 2048 or above 8192 bits, or even.
    #[error("RSA modulus too small, too large or even")]
    RsaModulus,
    /// RSA exponent even, below 65537 or not below 2^32.
    #[error("RSA exponent not an odd number from 65537 to 2^32")]
    RsaExponent,
    /// The modulus carries the fingerprint of generators with the ROCA weakness (CVE-2017-15361).
    #[error("RSA key of a generator with the ROCA weakness")]
    Roca,
    /// A coordinate does not have 32 bytes.
    #[error("coordinate of the wrong length")]
    CoordinateLength,
    /// The point is not on the curve.
    #[error("point not on the curve")]
    NotOnCurve,
    /// An Ed25519 key of small order or not in canonical form: one signature would fit many messages.
    #[error("Ed25519 key of small order")]
    SmallOrder,
    /// Another key of the set has the same `kid`; which of them is meant cannot be known.
    #[error("kid occurs twice in the set")]
    DuplicateKid,
}

impl Jwk {
    /// Reads a JWK from strict JSON text (see [`json`]).
    ///
    /// # Errors
    /// [`KeyError::Malformed`] when it is not strict JSON, `kty` is missing or a known member has the wrong type.
    pub fn parse(json: &[u8]) -> Result<Self, KeyError> {
        Self::from_members(&json::parse_object(json).map_err(|_| KeyError::Malformed)?)
    }

    /// Reads a JWK from a JSON value.
    ///
    /// # Errors
    /// [`KeyError::Malformed`], as [`Jwk::parse`].
    pub fn from_value(value: &Value) -> Result<Self, KeyError> {
        Self::from_members(value.as_object().ok_or(KeyError::Malformed)?)
    }

    fn from_members(members: &Map<String, Value>) -> Result<Self, KeyError> {
        let text = |name: &str| match members.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(KeyError::Malformed),
        };
        let key_ops = match members.get("key_ops") {
            None => None,
            Some(Value::Array(ops)) => {
                let ops = ops.iter().map(|op| op.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>();
                Some(ops.ok_or(KeyError::Malformed)?)
            }
            Some(_) => return Err(KeyError::Malformed),
        };
        Ok(Self {
            kty: text("kty")?.ok_or(KeyError::Malformed)?,
            kid: text("kid")?,
            alg: text("alg")?,
            use_: text("use")?,
            key_ops,
            n: text("n")?,
            e: text("e")?,
            crv: text("crv")?,
            x: text("x")?,
            y: text("y")?,
            iss: text("iss")?,
            private: PRIVATE_MEMBERS.iter().any(|name| members.contains_key(*name)),
        })
    }

    /// The same key without the memory of its private members: what the holder of the private half may hand out.
    #[must_use]
    pub fn public_half(self) -> Self {
        Self { private: false, ..self }
    }

    /// The public members as JSON.
    #[must_use]
    pub fn to_value(&self) -> Value {
        Value::Object(self.clone().into())
    }

    /// The members that make up the key and nothing that is said about it: what a proof carries.
    pub(crate) fn bare_value(&self) -> Value {
        let mut members: Map<String, Value> = self.clone().into();
        for name in ["kid", "alg", "use", "key_ops", "iss"] {
            members.remove(name);
        }
        Value::Object(members)
    }

    /// Whether private or symmetric members stood in what was read.
    #[must_use]
    pub const fn is_private(&self) -> bool {
        self.private
    }

    /// The SHA-256 thumbprint (RFC 7638 §3, for OKP RFC 8037 §2): over the required members alone, in lexical order.
    ///
    /// # Errors
    /// [`KeyError::KeyType`] for another `kty`, [`KeyError::Malformed`] when a required member is missing.
    pub fn thumbprint(&self) -> Result<Thumbprint, KeyError> {
        let required: &[(&str, Option<&String>)] = match self.kty.as_str() {
            "RSA" => &[("e", self.e.as_ref()), ("kty", Some(&self.kty)), ("n", self.n.as_ref())],
            "EC" => &[
                ("crv", self.crv.as_ref()),
                ("kty", Some(&self.kty)),
                ("x", self.x.as_ref()),
                ("y", self.y.as_ref()),
            ],
            "OKP" => &[("crv", self.crv.as_ref()), ("kty", Some(&self.kty)), ("x", self.x.as_ref())],
            _ => return Err(KeyError::KeyType),
        };
        // Values are base64url or registered names; serde_json escapes whatever else somebody put there.
        let member = |(name, value): &(&str, Option<&String>)| {
            let value =
                serde_json::to_string(value.ok_or(KeyError::Malformed)?).map_err(|_| KeyError::Malformed)?;
            Ok(format!("\"{name}\":{value}"))
        };
        let members = required.iter().map(member).collect::<Result<Vec<_>, _>>()?;
        let text = format!("{{{}}}", members.join(","));
        Ok(Thumbprint::of(text.as_bytes()))
    }
}

impl From<Jwk> for Map<String, Value> {
    fn from(jwk: Jwk) -> Self {
        let mut members = Self::new();
        members.insert("kty".to_owned(), jwk.kty.into());
        for (name, value) in [
            ("kid", jwk.kid),
            ("alg", jwk.alg),
            ("use", jwk.use_),
            ("n", jwk.n),
            ("e", jwk.e),
            ("crv", jwk.crv),
            ("x", jwk.x),
            ("y", jwk.y),
            ("iss", jwk.iss),
        ] {
            if let Some(value) = value {
                members.insert(name.to_owned(), value.into());
            }
        }
        if let Some(key_ops) = jwk.key_ops {
            members.insert("key_ops".to_owned(), key_ops.into());
        }
        members
    }
}

impl TryFrom<Map<String, Value>> for Jwk {
    type Error = KeyError;

    fn try_from(members: Map<String, Value>) -> Result<Self, KeyError> {
        Self::from_members(&members)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_sample_of_rfc_7638_has_its_thumbprint() {
        let jwk = Jwk::from_value(&json!({
            "kty": "RSA",
            "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRX\
                  jBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSq\
                  zs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHa\
                  Q-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
            "e": "AQAB", "alg": "RS256", "kid": "2011-04-29", "future": [1]
        }))
        .unwrap();
        assert_eq!(jwk.thumbprint().unwrap().to_string(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
        assert!(!jwk.is_private());
        assert!(jwk.to_value().get("future").is_none());
    }

    #[test]
    fn private_members_are_noticed_and_never_kept() {
        let jwk = Jwk::parse(br#"{"kty":"EC","crv":"P-256","x":"AA","y":"AA","d":"SECRET"}"#).unwrap();
        assert!(jwk.is_private());
        assert!(!jwk.to_value().to_string().contains("SECRET"));
        assert!(!format!("{jwk:?}").contains("SECRET"));
    }

    #[test]
    fn members_of_the_wrong_type_are_refused() {
        for text in [
            "[]",
            "{}",
            r#"{"kty":1}"#,
            r#"{"kty":"RSA","n":1}"#,
            r#"{"kty":"RSA","kid":2}"#,
            r#"{"kty":"RSA","key_ops":"verify"}"#,
            r#"{"kty":"RSA","key_ops":[1]}"#,
            r#"{"kty":"EC","kty":"RSA"}"#,
        ] {
            assert_eq!(Jwk::parse(text.as_bytes()), Err(KeyError::Malformed), "{text}");
        }
    }
}
