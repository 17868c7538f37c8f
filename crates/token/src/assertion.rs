//! `private_key_jwt`: how a client proves to a token endpoint that it holds its registered key (RFC 7523 §3,
//! tightened by draft-ietf-oauth-rfc7523bis).

use serde::Serialize;
use serde_json::{Map, Value};

use crate::compact::Compact;
use crate::{Algorithm, PublicKey, Refusal, SignError, SigningKey, Thumbprint, base64url, numeric_date};

/// The `typ` of a client assertion.
pub const TYP: &str = "client-authentication+jwt";

/// The value of the `client_assertion_type` parameter.
pub const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// How far ahead `exp` may lie, in seconds: it bounds how long a `jti` must be remembered.
pub const MAX_LIFETIME: i64 = 300;

/// The longest `jti`, in bytes.
pub const MAX_JTI_LENGTH: usize = 512;

/// What a token endpoint expects of an assertion.
#[derive(Debug, Clone, Copy)]
pub struct AssertionRules<'a> {
    /// The issuer identifier of the authorization server: the one audience that it answers to.
    pub issuer: &'a str,
    /// The URL of the token endpoint, which older clients take for the audience.
    pub token_endpoint: &'a str,
    /// Whether the token endpoint is accepted as the audience, too.
    pub accept_token_endpoint_aud: bool,
    /// The client whose registered key verifies the assertion.
    pub client_id: &'a str,
}

/// Why a client assertion is refused; towards the client all of these are one `invalid_client` (RFC 6749 §5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum AssertionError {
    /// Not a compact JWS of strict JSON within the size limits.
    #[error("not a well-formed compact JWS")]
    Malformed,
    /// The header names a critical extension.
    #[error("the header names a critical extension")]
    Crit,
    /// `typ` is that of another kind of JWT.
    #[error("typ is not that of a client assertion")]
    Typ,
    /// `alg` is missing, unknown, or not that of the registered key.
    #[error("algorithm not that of the registered key")]
    Alg,
    /// `kid` is not that of the registered key.
    #[error("no such key of this client")]
    UnknownKid,
    /// The signature is not that of the registered key.
    #[error("signature wrong")]
    Signature,
    /// `iss` or `sub` is missing, or they are not both the client.
    #[error("iss and sub must be the client")]
    Client,
    /// `aud` is not this authorization server alone.
    #[error("aud must be the issuer and nothing else")]
    Audience,
    /// `exp` has passed.
    #[error("expired")]
    Expired,
    /// `exp` lies more than five minutes ahead.
    #[error("exp too far ahead")]
    Lifetime,
    /// `nbf` or `iat` lies ahead.
    #[error("not valid yet")]
    NotYet,
    /// `exp`, `jti` or another claim is missing or has the wrong type.
    #[error("claims missing or mistyped")]
    Claims,
}

impl AssertionError {
    /// The stable word for logs and tests.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Crit => "crit",
            Self::Typ => "assertion_typ",
            Self::Alg => "assertion_alg",
            Self::UnknownKid => "unknown_kid",
            Self::Signature => "assertion_sig",
            Self::Client => "assertion_client",
            Self::Audience => "assertion_aud",
            Self::Expired => "assertion_expired",
            Self::Lifetime => "assertion_lifetime",
            Self::NotYet => "assertion_not_yet",
            Self::Claims => "assertion_claims",
        }
    }
}

impl From<Refusal> for AssertionError {
    /// For the refusals of [`Compact`], which are the same for every kind of JWT.
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Crit => Self::Crit,
            Refusal::UnknownKid => Self::UnknownKid,
            _ => Self::Malformed,
        }
    }
}

/// A client assertion that nobody has verified.
#[derive(Debug)]
pub struct Unverified<'a> {
    compact: Compact<'a>,
    algorithm: Algorithm,
}

/// A verified assertion that is **not consumed yet**: the caller must store `replay_key`, refuse the request if it is
/// there already, and keep it until `keep_until`.
#[derive(Debug, Clone, PartialEq)]
#[must_use = "an assertion that is not consumed can be replayed"]
pub struct Checked {
    /// What must not be seen twice: 43 characters of base64url over client and `jti`.
    pub replay_key: String,
    /// Until when the replay key must be kept, seconds since 1970 UTC: `exp` and the skew.
    pub keep_until: i64,
    /// The claims.
    pub claims: Map<String, Value>,
}

impl<'a> Unverified<'a> {
    /// Takes the text of an assertion apart.
    ///
    /// # Errors
    /// [`AssertionError`] when it cannot be an assertion of any client.
    pub fn parse(text: &'a str) -> Result<Self, AssertionError> {
        let compact = Compact::parse(text)?;
        // Today's clients send no typ or the generic one; that of another kind of JWT is a substitution.
        let generic = !compact.header().contains_key("typ") || compact.is_typ("JWT");
        if !generic && !compact.is_typ(TYP) {
            return Err(AssertionError::Typ);
        }
        let algorithm = compact.header().get("alg").and_then(Value::as_str).ok_or(AssertionError::Alg)?;
        let algorithm = algorithm.parse().map_err(|_| AssertionError::Alg)?;
        compact.kid()?;
        match (compact.payload().get("iss"), compact.payload().get("sub")) {
            (Some(Value::String(iss)), Some(Value::String(sub))) if iss == sub && !iss.is_empty() => {
                Ok(Self { compact, algorithm })
            }
            _ => Err(AssertionError::Client),
        }
    }

    /// The client that the assertion claims to come from: to look up its keys.
    #[must_use]
    pub fn unverified_client_id(&self) -> &str {
        self.compact.payload().get("iss").and_then(Value::as_str).unwrap_or_default()
    }

    /// The `kid`, to be looked up among the keys of that client; without one, the client's only key for
    /// [`Unverified::algorithm`].
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.compact.kid().ok().flatten()
    }

    /// `alg`.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Checks everything but the replay. `now` is seconds since 1970 UTC, `skew` what clocks may differ by.
    ///
    /// # Errors
    /// The first [`AssertionError`] that applies.
    pub fn verify(
        self,
        key: &PublicKey,
        rules: &AssertionRules<'_>,
        now: i64,
        skew: i64,
    ) -> Result<Checked, AssertionError> {
        if self.unverified_client_id() != rules.client_id {
            return Err(AssertionError::Client);
        }
        if self.kid().is_some_and(|kid| kid != key.kid()) {
            return Err(AssertionError::UnknownKid);
        }
        if key.algorithm() != self.algorithm {
            return Err(AssertionError::Alg);
        }
        key.verify_compact(&self.compact).map_err(|_| AssertionError::Signature)?;
        let claims = self.compact.into_payload();
        check_audience(&claims, rules)?;
        let exp = check_times(&claims, now, skew)?;
        let jti = match claims.get("jti") {
            Some(Value::String(jti)) if !jti.is_empty() && jti.len() <= MAX_JTI_LENGTH => jti,
            _ => return Err(AssertionError::Claims),
        };
        let replay_key = replay_key(rules.client_id, jti);
        // An assertion is accepted until exp + skew: forget its jti earlier, and it can be replayed.
        Ok(Checked { replay_key, keep_until: exp.saturating_add(skew), claims })
    }
}

/// `aud` must be this server and nobody else: with a second audience, or with the endpoint of another server, a
/// malicious authorization server could use here what a client made for it (rfc7523bis, audience injection).
fn check_audience(claims: &Map<String, Value>, rules: &AssertionRules<'_>) -> Result<(), AssertionError> {
    let only = match claims.get("aud") {
        Some(Value::String(aud)) => aud.as_str(),
        Some(Value::Array(all)) => match all.as_slice() {
            [Value::String(aud)] => aud,
            _ => return Err(AssertionError::Audience),
        },
        _ => return Err(AssertionError::Audience),
    };
    if only == rules.issuer || (rules.accept_token_endpoint_aud && only == rules.token_endpoint) {
        Ok(())
    } else {
        Err(AssertionError::Audience)
    }
}

fn check_times(claims: &Map<String, Value>, now: i64, skew: i64) -> Result<i64, AssertionError> {
    let date = |name| numeric_date::read(claims, name).map_err(|_| AssertionError::Claims);
    let exp = date("exp")?.ok_or(AssertionError::Claims)?;
    let (iat, nbf) = (date("iat")?, date("nbf")?);
    if now >= exp.saturating_add(skew) {
        return Err(AssertionError::Expired);
    }
    let latest = now.saturating_add(skew);
    // The skew counts here too: a client whose clock runs ahead, and who asks for all of the lifetime, is honest.
    if exp > latest.saturating_add(MAX_LIFETIME) {
        return Err(AssertionError::Lifetime);
    }
    if nbf.is_some_and(|nbf| nbf > latest) || iat.is_some_and(|iat| iat > latest) {
        return Err(AssertionError::NotYet);
    }
    Ok(exp)
}

/// One name per (client, jti), of one length and one alphabet whatever a client puts into its `jti`.
fn replay_key(client_id: &str, jti: &str) -> String {
    // The length keeps ("ab", "c") and ("a", "bc") apart.
    let text = format!("client_assertion\n{}\n{client_id}\n{jti}", client_id.len());
    base64url::encode(Thumbprint::of(text.as_bytes()).as_bytes())
}

/// Makes an assertion for `audience`, the issuer identifier of the authorization server.
///
/// `now` is seconds since 1970 UTC, `lifetime` seconds (at most [`MAX_LIFETIME`]); `jti` must be fresh random text for
/// every request.
///
/// # Errors
/// [`SignError`] when the key cannot be used.
pub fn make(
    client_id: &str,
    audience: &str,
    now: i64,
    lifetime: i64,
    jti: &str,
    key: &SigningKey,
) -> Result<String, SignError> {
    #[derive(Serialize)]
    struct Header<'a> {
        alg: Algorithm,
        typ: &'a str,
        kid: &'a str,
    }
    #[derive(Serialize)]
    struct Claims<'a> {
        iss: &'a str,
        sub: &'a str,
        aud: &'a str,
        iat: i64,
        exp: i64,
        jti: &'a str,
    }
    key.sign_compact(
        &Header { alg: key.algorithm(), typ: TYP, kid: key.kid() },
        &Claims {
            iss: client_id,
            sub: client_id,
            aud: audience,
            iat: now,
            exp: now.saturating_add(lifetime),
            jti,
        },
    )
}
