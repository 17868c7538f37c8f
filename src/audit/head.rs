use std::collections::HashMap;

use carnet_token::compact::Compact;
use carnet_token::{Jwk, PublicKey, SignError, SigningKey, json};
use serde::{Deserialize, Serialize};

use crate::db::sealed_key::SealedKey;

/// What the header of a signed head says that it is.
const TYP: &str = "iap-audit-head+jwt";

/// The head of the journal at a moment: what its audit key signs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// Whose journal.
    pub iss: String,
    /// When it was signed, seconds since 1970-01-01 UTC.
    pub iat: i64,
    /// The installation: two of one issuer have two journals.
    pub installation: String,
    /// The last record that it covers.
    pub sequence: i64,
    /// That record's hash, and with it everything before.
    pub hash: String,
    /// When it was signed, milliseconds since 1970-01-01 UTC.
    pub at: i64,
}

/// Why a signed head proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeadError {
    /// It is not of the form of a signed head.
    #[error("not a signed head")]
    Form,
    /// It is signed by a key that is not known.
    #[error("signed by the key {0}, which is not known")]
    Key(String),
    /// Its signature does not fit.
    #[error("the signature does not fit")]
    Signature,
}

/// Public audit keys by their names.
#[derive(Debug, Default)]
pub struct AuditKeys(HashMap<String, PublicKey>);

impl Head {
    /// Signs the head as a compact JWS.
    ///
    /// # Errors
    /// [`SignError`] when the key cannot be used.
    pub fn sign(&self, key: &SigningKey) -> Result<String, SignError> {
        let header = serde_json::json!({ "alg": key.algorithm().as_str(), "typ": TYP, "kid": key.kid() });
        key.sign_compact(&header, self)
    }

    /// Reads a signed head, if one of the keys has signed it. Returns the key's name with it.
    ///
    /// # Errors
    /// [`HeadError`]: it proves nothing.
    pub fn open(jws: &str, keys: &AuditKeys) -> Result<(Self, String), HeadError> {
        let compact = Compact::parse(jws).map_err(|_| HeadError::Form)?;
        let kid = compact.kid().ok().flatten().ok_or(HeadError::Form)?.to_owned();
        if !compact.is_typ(TYP) {
            return Err(HeadError::Form);
        }
        let key = keys.0.get(&kid).ok_or_else(|| HeadError::Key(kid.clone()))?;
        // One key, one algorithm: what the header says chooses nothing.
        if compact.header().get("alg").and_then(serde_json::Value::as_str) != Some(key.algorithm().as_str()) {
            return Err(HeadError::Form);
        }
        key.verify(compact.signing_input().as_bytes(), compact.signature())
            .map_err(|_| HeadError::Signature)?;
        let claims = serde_json::Value::Object(compact.into_payload());
        Ok((serde_json::from_value(claims).map_err(|_| HeadError::Form)?, kid))
    }
}

impl AuditKeys {
    /// Adds a key under the name that its content has, whatever name it brings along. Returns that name.
    pub fn add(&mut self, jwk: &serde_json::Value) -> Option<String> {
        let mut jwk = Jwk::from_value(jwk).ok()?.public_half();
        let kid = jwk.thumbprint().ok()?.to_string();
        jwk.kid = Some(kid.clone());
        let key = PublicKey::from_jwk(&jwk).ok()?;
        self.0.insert(kid.clone(), key);
        Some(kid)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this key is among them.
    #[must_use]
    pub fn contains(&self, kid: &str) -> bool {
        self.0.contains_key(kid)
    }

    /// The names of the keys, in order.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.0.keys().map(String::as_str).collect();
        names.sort_unstable();
        names
    }
}

/// The public half of a row, if it is an audit key's.
#[must_use]
pub fn public_key(row: &SealedKey) -> Option<serde_json::Value> {
    let text = row.public_jwk.as_deref().filter(|_| row.purpose == "audit")?;
    json::parse(text.as_bytes()).ok()
}
