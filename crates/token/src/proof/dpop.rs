//! `DPoP` (RFC 9449): a JWS in a header field of its own, with the key in it.
//!
//! It covers method and URL. Query, header fields and body are not covered: what is written with it needs a message
//! signature beside it wherever bodies must be covered.

use serde::Serialize;
use serde_json::{Map, Value};

use super::{Checked, Covered, ProofError, ProofKind, ProofRules, ReplayKey, RequestView, key, target};
use crate::compact::Compact;
use crate::{Algorithm, KeyRef, PublicKey, SignError, SigningKey, Thumbprint, numeric_date};

/// The `typ` of a proof.
pub const TYP: &str = "dpop+jwt";

/// The longest `jti`, in characters.
pub const MAX_JTI_LENGTH: usize = 256;

/// A `DPoP` proof whose signature nobody has verified.
#[derive(Debug)]
pub struct Presented<'a> {
    compact: Compact<'a>,
    key: PublicKey,
}

impl<'a> Presented<'a> {
    /// Reads the one `DPoP` field of a request; `None` without one.
    ///
    /// # Errors
    /// [`ProofError`] for two fields, or for one that cannot be a proof of anybody.
    pub fn of(request: &RequestView<'a>) -> Result<Option<Self>, ProofError> {
        let Some(field) = request.only_field("dpop")? else { return Ok(None) };
        let text = std::str::from_utf8(field).map_err(|_| ProofError::Malformed)?;
        Self::parse(text).map(Some)
    }

    /// Takes a proof apart.
    ///
    /// # Errors
    /// [`ProofError`] when it cannot be a proof of anybody.
    pub fn parse(text: &'a str) -> Result<Self, ProofError> {
        let compact = Compact::parse(text)?;
        if !compact.is_typ(TYP) {
            return Err(ProofError::Typ);
        }
        let jwk = compact.header().get("jwk").ok_or(ProofError::Malformed)?;
        if jwk.get("kty").and_then(Value::as_str) == Some("oct") {
            return Err(ProofError::Malformed);
        }
        let algorithm = compact.header().get("alg").and_then(Value::as_str).ok_or(ProofError::Alg)?;
        let algorithm = algorithm.parse().map_err(|_| ProofError::Alg)?;
        let key = key::inline(jwk, algorithm)?;
        Ok(Self { compact, key })
    }

    /// The thumbprint of the key in the proof: what a token endpoint binds a token to (RFC 9449 §6.1).
    #[must_use]
    pub const fn thumbprint(&self) -> Thumbprint {
        self.key.thumbprint()
    }

    /// The key in the proof.
    pub(super) const fn key(&self) -> &PublicKey {
        &self.key
    }

    /// Compares the proof with the request to a token endpoint, where no token is bound yet. `now` is seconds since
    /// 1970 UTC.
    ///
    /// # Errors
    /// The first [`ProofError`] that applies.
    pub fn check_without_token(
        &self,
        request: &RequestView<'_>,
        rules: &ProofRules<'_>,
        now: i64,
    ) -> Result<Checked, ProofError> {
        self.verify(request, None, rules, now)
    }

    /// Compares it with the key that the token is bound to, with the token and with the request. `now` is seconds
    /// since 1970 UTC.
    ///
    /// # Errors
    /// The first [`ProofError`] that applies.
    pub fn check(
        &self,
        access_token: &str,
        key_ref: &KeyRef,
        registered: Option<&PublicKey>,
        request: &RequestView<'_>,
        rules: &ProofRules<'_>,
        now: i64,
    ) -> Result<Checked, ProofError> {
        key::bound(key_ref, Some(&self.key), None, registered)?;
        self.verify(request, Some(access_token), rules, now)
    }

    fn verify(
        &self,
        request: &RequestView<'_>,
        access_token: Option<&str>,
        rules: &ProofRules<'_>,
        now: i64,
    ) -> Result<Checked, ProofError> {
        if !rules.algorithms.contains(&self.key.algorithm()) {
            return Err(ProofError::Alg);
        }
        self.key.verify_compact(&self.compact).map_err(|_| ProofError::Sig)?;
        // From here on the claims are the sender's.
        let claims = self.compact.payload();
        let text = |name| match claims.get(name) {
            Some(Value::String(text)) => Ok(text.as_str()),
            _ => Err(ProofError::Malformed),
        };
        let (jti, method, url) = (text("jti")?, text("htm")?, text("htu")?);
        if jti.is_empty() || jti.chars().count() > MAX_JTI_LENGTH {
            return Err(ProofError::Malformed);
        }
        let keep_until = check_time(claims, rules, now)?;
        if method != request.method {
            return Err(ProofError::Htm);
        }
        if !target::is_url_of(url, request) {
            return Err(ProofError::Htu);
        }
        if let Some(token) = access_token {
            let digest = Thumbprint::of(token.as_bytes()).to_string();
            if claims.get("ath").and_then(Value::as_str) != Some(&digest) {
                return Err(ProofError::Ath);
            }
        }
        let covered = Covered { target: true, query: false, body: false };
        let replay = ReplayKey { digest: self.identity(jti, request), keep_until };
        Ok(Checked::by_key(ProofKind::Dpop, self.key.thumbprint(), covered, replay))
    }

    /// One `jti` of one key at one URL; the URL as the server knows it, so that another spelling is the same proof.
    fn identity(&self, jti: &str, request: &RequestView<'_>) -> [u8; 32] {
        let authority = target::authority(request.scheme, request.authority).unwrap_or_default();
        let path = target::path(request.path).unwrap_or_default();
        let jkt = self.key.thumbprint();
        let identity = format!("dpop\n{jkt}\n{}://{authority}{path}\n{jti}", request.scheme);
        *Thumbprint::of(identity.as_bytes()).as_bytes()
    }
}

/// `iat`, or the nonce of this server in its place, and `exp` and `nbf` where they are; gives back until when the
/// proof must be remembered.
fn check_time(claims: &Map<String, Value>, rules: &ProofRules<'_>, now: i64) -> Result<i64, ProofError> {
    let date = |name| numeric_date::read(claims, name).map_err(|_| ProofError::Malformed);
    let iat = date("iat")?.ok_or(ProofError::Malformed)?;
    let skew = rules.window.skew;
    if date("exp")?.is_some_and(|exp| now >= exp.saturating_add(skew))
        || date("nbf")?.is_some_and(|nbf| nbf > now.saturating_add(skew))
    {
        return Err(ProofError::Iat);
    }
    let nonce = match claims.get("nonce") {
        None => None,
        Some(Value::String(nonce)) => Some(nonce.as_str()),
        Some(_) => return Err(ProofError::Malformed),
    };
    rules.check_time(iat, nonce, now, ProofError::Iat)
}

/// What a proof is made of.
#[derive(Debug, Clone, Copy)]
pub struct Making<'a> {
    /// The method of the request.
    pub method: &'a str,
    /// The URL of the request without query and fragment.
    pub url: &'a str,
    /// Seconds since 1970 UTC.
    pub now: i64,
    /// Fresh random text of at least 96 bits.
    pub jti: &'a str,
    /// The access token; none at a token endpoint.
    pub access_token: Option<&'a str>,
    /// The nonce of the server, if it gave one.
    pub nonce: Option<&'a str>,
}

/// Makes a proof: the value of the `DPoP` header field.
///
/// # Errors
/// [`SignError`] when the key cannot be used, or its public half is not known.
pub fn make(making: &Making<'_>, key: &SigningKey) -> Result<String, SignError> {
    #[derive(Serialize)]
    struct Header<'a> {
        typ: &'a str,
        alg: Algorithm,
        jwk: Value,
    }
    #[derive(Serialize)]
    struct Claims<'a> {
        jti: &'a str,
        htm: &'a str,
        htu: &'a str,
        iat: i64,
        #[serde(skip_serializing_if = "Option::is_none")]
        ath: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        nonce: Option<&'a str>,
    }
    let jwk = key::shown(key).ok_or_else(|| SignError::new("the public half of the key is not known"))?;
    let url = making.url.split(['?', '#']).next().unwrap_or_default();
    key.sign_compact(
        &Header { typ: TYP, alg: key.algorithm(), jwk },
        &Claims {
            jti: making.jti,
            htm: making.method,
            htu: url,
            iat: making.now,
            ath: making.access_token.map(|token| Thumbprint::of(token.as_bytes()).to_string()),
            nonce: making.nonce,
        },
    )
}
