use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use crate::{Jwk, Thumbprint};

/// How the holder of a token must prove that it is his: the `cnf` claim (RFC 7800).
///
/// Never empty, and every member must be proven: a token that names a key *and* a certificate is confirmed by both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirmation {
    key: Option<KeyRef>,
    certificate: Option<Thumbprint>,
}

/// The key of a [`Confirmation`], in every way in which the token names it. Never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRef {
    kid: Option<String>,
    jkt: Option<Thumbprint>,
    jwk: Option<Box<Jwk>>,
}

/// Why a `cnf` claim cannot be honoured; such a token is refused, never treated as a bearer token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfirmationError {
    /// Not a non-empty JSON object, or a known member has the wrong type.
    #[error("not a confirmation")]
    Malformed,
    /// Only methods that are not known here.
    #[error("no confirmation method known here")]
    Unsupported,
    /// Two members name different keys.
    #[error("two members disagree")]
    Contradiction,
}

impl KeyRef {
    /// A key by its registered id and its RFC 7638 thumbprint: the form that this network issues.
    #[must_use]
    pub fn new(kid: impl Into<String>, jkt: Thumbprint) -> Self {
        Self { kid: Some(kid.into()), jkt: Some(jkt), jwk: None }
    }

    /// A key by its thumbprint alone (RFC 9449 §6.1).
    #[must_use]
    pub const fn from_jkt(jkt: Thumbprint) -> Self {
        Self { kid: None, jkt: Some(jkt), jwk: None }
    }

    /// A key by its registered id alone; it means something only together with (`iss`, `client_id`).
    #[must_use]
    pub fn from_kid(kid: impl Into<String>) -> Self {
        Self { kid: Some(kid.into()), jkt: None, jwk: None }
    }

    /// The id under which the client registered the key. Resolve it as (`iss`, `client_id`, `kid`), never alone:
    /// two clients may use one `kid`.
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The thumbprint; present also when the token carried the key itself.
    #[must_use]
    pub const fn jkt(&self) -> Option<Thumbprint> {
        self.jkt
    }

    /// The key itself, if the token carried it.
    #[must_use]
    pub fn jwk(&self) -> Option<&Jwk> {
        self.jwk.as_deref()
    }
}

impl Confirmation {
    /// A confirmation by a key.
    #[must_use]
    pub const fn key(key: KeyRef) -> Self {
        Self { key: Some(key), certificate: None }
    }

    /// A confirmation by a client certificate (`x5t#S256`, RFC 8705 §3.1).
    #[must_use]
    pub const fn certificate(certificate: Thumbprint) -> Self {
        Self { key: None, certificate: Some(certificate) }
    }

    /// A confirmation by a key and a certificate, both of which must be proven.
    #[must_use]
    pub const fn key_and_certificate(key: KeyRef, certificate: Thumbprint) -> Self {
        Self { key: Some(key), certificate: Some(certificate) }
    }

    /// The key that must be proven, if any.
    #[must_use]
    pub const fn key_ref(&self) -> Option<&KeyRef> {
        self.key.as_ref()
    }

    /// The certificate that must be proven, if any.
    #[must_use]
    pub const fn certificate_thumbprint(&self) -> Option<Thumbprint> {
        self.certificate
    }

    /// Reads a `cnf` claim.
    ///
    /// Members `kid`, `jkt`, `jwk` and `x5t#S256` are known. `jku` is never followed and `jwe` never opened; like
    /// every unknown member they are ignored, which leaves the token unverifiable when nothing else is there.
    ///
    /// # Errors
    /// [`ConfirmationError`]; the token must then be refused.
    pub fn from_claim(cnf: &Value) -> Result<Self, ConfirmationError> {
        let cnf = cnf.as_object().filter(|cnf| !cnf.is_empty()).ok_or(ConfirmationError::Malformed)?;
        let kid = text(cnf, "kid")?.map(str::to_owned);
        let mut jkt = thumbprint(cnf, "jkt")?;
        let jwk = match cnf.get("jwk") {
            None => None,
            Some(jwk) => {
                let jwk = Jwk::from_value(jwk).map_err(|_| ConfirmationError::Malformed)?;
                // A private or symmetric key in a readable token is a key that everybody has.
                if jwk.is_private() {
                    return Err(ConfirmationError::Malformed);
                }
                let own = jwk.thumbprint().map_err(|_| ConfirmationError::Unsupported)?;
                if jkt.is_some_and(|jkt| jkt != own) {
                    return Err(ConfirmationError::Contradiction);
                }
                if let (Some(kid), Some(own)) = (&kid, &jwk.kid)
                    && kid != own
                {
                    return Err(ConfirmationError::Contradiction);
                }
                jkt = Some(own);
                Some(Box::new(jwk))
            }
        };
        let certificate = thumbprint(cnf, "x5t#S256")?;
        let key = (kid.is_some() || jkt.is_some()).then_some(KeyRef { kid, jkt, jwk });
        if key.is_none() && certificate.is_none() {
            return Err(ConfirmationError::Unsupported);
        }
        Ok(Self { key, certificate })
    }

    /// The `cnf` claim.
    #[must_use]
    pub fn to_claim(&self) -> Value {
        let mut cnf = Map::new();
        if let Some(key) = &self.key {
            if let Some(kid) = &key.kid {
                cnf.insert("kid".to_owned(), kid.as_str().into());
            }
            if let Some(jwk) = &key.jwk {
                cnf.insert("jwk".to_owned(), jwk.to_value());
            } else if let Some(jkt) = key.jkt {
                cnf.insert("jkt".to_owned(), jkt.to_string().into());
            }
        }
        if let Some(certificate) = self.certificate {
            cnf.insert("x5t#S256".to_owned(), certificate.to_string().into());
        }
        Value::Object(cnf)
    }
}

impl Serialize for Confirmation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_claim().serialize(serializer)
    }
}

fn text<'a>(cnf: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, ConfirmationError> {
    match cnf.get(name) {
        None => Ok(None),
        Some(Value::String(text)) if !text.is_empty() => Ok(Some(text)),
        Some(_) => Err(ConfirmationError::Malformed),
    }
}

fn thumbprint(cnf: &Map<String, Value>, name: &str) -> Result<Option<Thumbprint>, ConfirmationError> {
    let parse = |text: &str| text.parse().map_err(|_| ConfirmationError::Malformed);
    text(cnf, name)?.map(parse).transpose()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const X: &str = "BpfQFSGVHFFkz6vladmtlJQ9HMphpJ10q_ioz6KcZw8";
    const Y: &str = "V9m9xj6Oo1QsIdk_838jjWoLYvU9CdAjyHzeV3rm7Yo";
    const JKT: &str = "8u1HNz5pSBBJLOW9h_RVxG_B3Ps5lfXd-6hD5dR8agw";

    #[test]
    fn each_known_method_is_read() {
        for cnf in [
            json!({"kid": "k"}),
            json!({"jkt": JKT}),
            json!({"kid": "k", "jkt": JKT}),
            json!({"x5t#S256": JKT}),
            json!({"kid": "k", "jkt": JKT, "x5t#S256": JKT}),
            json!({"jwk": {"kty": "EC", "crv": "P-256", "x": X, "y": Y}}),
        ] {
            let confirmation = Confirmation::from_claim(&cnf).unwrap();
            assert_eq!(confirmation.to_claim(), cnf);
        }
        let cnf = json!({"jku": "https://evil.example", "new": 1, "jkt": JKT});
        assert_eq!(Confirmation::from_claim(&cnf).unwrap().to_claim(), json!({"jkt": JKT}));
    }

    #[test]
    fn an_embedded_key_is_known_by_its_thumbprint() {
        let cnf = json!({"jwk": {"kty": "EC", "crv": "P-256", "x": X, "y": Y}});
        let confirmation = Confirmation::from_claim(&cnf).unwrap();
        assert_eq!(confirmation.key_ref().unwrap().jkt().unwrap().to_string(), JKT);
    }

    #[test]
    fn what_confirms_nothing_is_refused() {
        use ConfirmationError::{Contradiction, Malformed, Unsupported};
        let jwk = json!({"kty": "EC", "crv": "P-256", "x": X, "y": Y, "kid": "own"});
        let mut private = jwk.clone();
        private["d"] = X.into();
        let other = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU";
        for (cnf, error) in [
            (json!(null), Malformed),
            (json!("k"), Malformed),
            (json!([]), Malformed),
            (json!({}), Malformed),
            (json!({"kid": 1}), Malformed),
            (json!({"kid": ""}), Malformed),
            (json!({"jkt": "short"}), Malformed),
            (json!({"jkt": JKT, "x5t#S256": 1}), Malformed),
            (json!({"jwk": "x"}), Malformed),
            (json!({"jwk": private}), Malformed),
            (json!({"jwk": {"kty": "oct", "k": "AAAA"}}), Malformed),
            (json!({"jku": "https://iap.example/keys"}), Unsupported),
            (json!({"jwe": "x"}), Unsupported),
            (json!({"future": {}}), Unsupported),
            (json!({"jwk": jwk, "jkt": other}), Contradiction),
            (json!({"jwk": jwk, "kid": "another"}), Contradiction),
        ] {
            assert_eq!(Confirmation::from_claim(&cnf), Err(error), "{cnf}");
        }
    }
}
