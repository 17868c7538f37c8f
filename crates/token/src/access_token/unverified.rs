use serde_json::{Map, Value};

use super::{AccessToken, IssuerRules, TokenProfile};
use crate::claims::ClaimName;
use crate::compact::Compact;
use crate::{Algorithm, Confirmation, PublicKey, Refusal, identifier, numeric_date};

/// An access token that nobody has verified: well-formed, of the right kind, and nothing more.
///
/// Its claims are what a stranger wrote. The only use of them is to look up the rules and the key of the issuer that
/// it names.
#[derive(Debug)]
pub struct Unverified<'a> {
    compact: Compact<'a>,
    algorithm: Algorithm,
}

impl<'a> Unverified<'a> {
    /// Takes the text of a token apart, and turns away what cannot be an access token of anybody.
    ///
    /// # Errors
    /// [`Refusal::Malformed`], [`Refusal::Crit`], [`Refusal::AtTyp`], [`Refusal::AtAlg`], [`Refusal::UnknownKid`] or
    /// [`Refusal::UntrustedIssuer`] (no `iss`).
    pub fn parse(text: &'a str) -> Result<Self, Refusal> {
        let compact = Compact::parse(text)?;
        // RFC 9068 §4: other kinds of JWT of the same issuer must not pass for an access token.
        if !compact.is_typ("at+jwt") && !compact.is_typ("JWT") {
            return Err(Refusal::AtTyp);
        }
        // RFC 8725 §3.1: an exact allow-list; `none`, HMAC and lists of names are not in the type.
        let algorithm = compact.header().get("alg").and_then(Value::as_str).ok_or(Refusal::AtAlg)?;
        let algorithm = algorithm.parse().map_err(|_| Refusal::AtAlg)?;
        compact.kid()?;
        match compact.payload().get("iss") {
            Some(Value::String(_)) => Ok(Self { compact, algorithm }),
            Some(_) => Err(Refusal::Malformed),
            None => Err(Refusal::UntrustedIssuer),
        }
    }

    /// `iss` as the token has it: to look up rules by exact comparison, never to fetch anything from.
    #[must_use]
    pub fn unverified_issuer(&self) -> &str {
        self.compact.payload().get("iss").and_then(Value::as_str).unwrap_or_default()
    }

    /// The `kid`, to be looked up among the keys of the issuer. Without one, [`TokenProfile::OneRecord2x`] alone may
    /// take the only key of that issuer for [`Unverified::algorithm`].
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.compact.kid().ok().flatten()
    }

    /// `alg`.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// What can be refused without a key, so that garbage causes no fetch: kind, algorithm, issuer, `kid`, times,
    /// audience. **Passing proves nothing.** `now` and `skew` in seconds.
    ///
    /// # Errors
    /// The [`Refusal`] that [`Unverified::verify`] would end in too, whatever the key.
    pub fn precheck(
        &self,
        rules: &IssuerRules,
        audiences: &[impl AsRef<str>],
        now: i64,
        skew: i64,
    ) -> Result<(), Refusal> {
        self.check_header(rules)?;
        check_times(self.compact.payload(), rules, now, skew)?;
        check_audience(self.compact.payload(), rules.profile, audiences)
    }

    /// Checks everything, in the order in which a fault says most: kind, algorithm, issuer, key, signature, times,
    /// audience, claims, names, confirmation.
    ///
    /// `key` must come from the key set of exactly `rules.issuer`. `now` is seconds since 1970 UTC, `skew` what clocks
    /// may differ by: a token with `exp` = T is void from T + skew on.
    ///
    /// # Errors
    /// The first [`Refusal`] that applies.
    pub fn verify(
        self,
        rules: &IssuerRules,
        key: &PublicKey,
        audiences: &[impl AsRef<str>],
        now: i64,
        skew: i64,
    ) -> Result<AccessToken, Refusal> {
        self.check_header(rules)?;
        if self.kid().is_some_and(|kid| kid != key.kid()) {
            return Err(Refusal::UnknownKid);
        }
        // One algorithm per key: PS256 under an RS256 key is refused as HS256 would be.
        if key.algorithm() != self.algorithm {
            return Err(Refusal::AtAlg);
        }
        key.verify_compact(&self.compact).map_err(|_| Refusal::AtSig)?;
        // From here on the claims are the issuer's.
        let claims = self.compact.into_payload();
        let (expires_at, issued_at) = check_times(&claims, rules, now, skew)?;
        check_audience(&claims, rules.profile, audiences)?;
        check_required(&claims, rules.profile)?;
        let names = &rules.claim_names;
        let agent_uri = aliased(&claims, &names.logistics_agent_uri)?;
        let iol_identifier = aliased(&claims, &names.iol_identifier)?;
        let main_role = aliased(&claims, &names.role)?;
        if rules.profile == TokenProfile::OneRecord2x && agent_uri.is_none() {
            return Err(Refusal::AtClaims);
        }
        let all_roles = read_roles(&claims, main_role)?;
        for uri in [agent_uri, iol_identifier].into_iter().flatten() {
            check_namespace(uri, rules)?;
            check_form(uri, rules.profile)?;
        }
        let confirmation = claims.get("cnf").map(Confirmation::from_claim).transpose();
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Ok(AccessToken {
            expires_at,
            issued_at,
            agent_uri: owned(agent_uri),
            iol_identifier: owned(iol_identifier),
            role: owned(main_role),
            roles: all_roles,
            confirmation: confirmation.map_err(|_| Refusal::CnfUnsupported)?,
            claims,
        })
    }

    fn check_header(&self, rules: &IssuerRules) -> Result<(), Refusal> {
        let legacy = || rules.typ_jwt_allowed && !is_other_jwt(self.compact.payload());
        if !self.compact.is_typ("at+jwt") && !legacy() {
            return Err(Refusal::AtTyp);
        }
        if !rules.algorithms.contains(&self.algorithm) {
            return Err(Refusal::AtAlg);
        }
        // No normalisation: a trailing slash, another case, a port make another issuer.
        if self.unverified_issuer() != rules.issuer {
            return Err(Refusal::UntrustedIssuer);
        }
        // No trial of all keys: the token names its key, or has an issuer whose profile does not ask for it.
        if self.kid().is_none() && rules.profile == TokenProfile::Rfc9068 {
            return Err(Refusal::UnknownKid);
        }
        Ok(())
    }
}

/// Where `typ: JWT` tells nothing, the claims of ID tokens, logout and event tokens and proofs tell what they are.
fn is_other_jwt(claims: &Map<String, Value>) -> bool {
    ["nonce", "at_hash", "c_hash", "s_hash", "events", "htm", "htu"]
        .iter()
        .any(|name| claims.contains_key(*name))
}

/// `exp`, `iat`, `nbf` (RFC 7519 §4.1) and the lifetime; gives back `exp` and `iat`.
fn check_times(
    claims: &Map<String, Value>,
    rules: &IssuerRules,
    now: i64,
    skew: i64,
) -> Result<(i64, Option<i64>), Refusal> {
    let date = |name| numeric_date::read(claims, name).map_err(|_| Refusal::AtClaims);
    let exp = date("exp")?.ok_or(Refusal::AtClaims)?;
    let (iat, nbf) = (date("iat")?, date("nbf")?);
    if now >= exp.saturating_add(skew) {
        return Err(Refusal::AtExpired);
    }
    let latest = now.saturating_add(skew);
    if nbf.is_some_and(|nbf| nbf > latest) || iat.is_some_and(|iat| iat > latest) {
        return Err(Refusal::AtNotYet);
    }
    // Without `iat` the token cannot be younger than now. This also catches dates in milliseconds.
    let lifetime = exp.saturating_sub(iat.unwrap_or(latest));
    if rules.max_token_lifetime.is_some_and(|longest| lifetime > longest) {
        return Err(Refusal::AtLifetime);
    }
    Ok((exp, iat))
}

/// `aud` (RFC 7519 §4.1.3): a string or an array of strings, one of which is exactly one of `audiences`.
fn check_audience(
    claims: &Map<String, Value>,
    profile: TokenProfile,
    audiences: &[impl AsRef<str>],
) -> Result<(), Refusal> {
    let is_mine = |aud: &str| !aud.is_empty() && audiences.iter().any(|mine| mine.as_ref() == aud);
    let found = match claims.get("aud") {
        None => profile == TokenProfile::OneRecord2x,
        Some(Value::String(aud)) => is_mine(aud),
        Some(Value::Array(all)) => {
            all.iter().all(Value::is_string) && all.iter().filter_map(Value::as_str).any(is_mine)
        }
        Some(_) => false,
    };
    if found { Ok(()) } else { Err(Refusal::AtAud) }
}

/// The claims that RFC 9068 §2.2 requires, and the types of those that are there.
fn check_required(claims: &Map<String, Value>, profile: TokenProfile) -> Result<(), Refusal> {
    let required = profile == TokenProfile::Rfc9068;
    for name in ["sub", "client_id", "jti"] {
        match claims.get(name) {
            Some(Value::String(text)) if !text.is_empty() => {}
            None if !required => {}
            _ => return Err(Refusal::AtClaims),
        }
    }
    if required && !claims.contains_key("iat") {
        return Err(Refusal::AtClaims);
    }
    match claims.get("scope") {
        None | Some(Value::String(_)) => Ok(()),
        Some(_) => Err(Refusal::AtClaims),
    }
}

/// A claim under any of its names; names that contradict each other are refused, or two readers would see two companies.
fn aliased<'a>(claims: &'a Map<String, Value>, name: &ClaimName) -> Result<Option<&'a str>, Refusal> {
    let mut found: Option<&str> = None;
    for value in name.all().filter_map(|name| claims.get(name)) {
        let text = value.as_str().filter(|text| !text.is_empty()).ok_or(Refusal::AtClaims)?;
        if found.is_some_and(|found| found != text) {
            return Err(Refusal::AtClaims);
        }
        found = Some(text);
    }
    Ok(found)
}

/// `roles` (RFC 9068 §2.2.3.1), of which the main role must be one.
fn read_roles(claims: &Map<String, Value>, main: Option<&str>) -> Result<Vec<String>, Refusal> {
    let Some(roles) = claims.get("roles") else {
        return Ok(main.map(str::to_owned).into_iter().collect());
    };
    let roles = roles.as_array().ok_or(Refusal::AtClaims)?;
    let roles = roles.iter().map(|role| role.as_str().map(str::to_owned));
    let roles = roles.collect::<Option<Vec<_>>>().ok_or(Refusal::AtClaims)?;
    if main.is_some_and(|main| !roles.iter().any(|role| role == main)) {
        return Err(Refusal::AtClaims);
    }
    Ok(roles)
}

/// A company or an agent is named by an absolute URL. A path, a word or a fragment would be resolved by each reader
/// against an address of its own, and name another company at every server.
fn check_form(uri: &str, profile: TokenProfile) -> Result<(), Refusal> {
    let good = match profile {
        TokenProfile::Rfc9068 => identifier::check(uri, true).is_ok(),
        TokenProfile::OneRecord2x => identifier::is_absolute_url(uri),
    };
    if good { Ok(()) } else { Err(Refusal::AtClaims) }
}

/// An issuer names only companies of its own, or one provider could speak for the members of another.
fn check_namespace(uri: &str, rules: &IssuerRules) -> Result<(), Refusal> {
    let Some(prefixes) = &rules.uri_prefixes else {
        return Ok(());
    };
    // Loopback identifiers pass the form; only a loopback prefix, set on purpose, lets them pass as names.
    let canonical = identifier::check(uri, true).is_ok();
    if canonical && prefixes.iter().any(|prefix| identifier::is_within(uri, prefix)) {
        Ok(())
    } else {
        Err(Refusal::AtNamespace)
    }
}
