use super::{
    Body, Checked, ProofError, ProofRules, RequestView, certificate, dpop, message_signature, shr, target,
};
use crate::compact::Sealed;
use crate::{AccessToken, PublicKey};

/// The scheme of the `Authorization` field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// RFC 6750 §2.1; also that of tokens bound to a certificate alone (RFC 8705 §3).
    Bearer,
    /// A signed HTTP request, or an access token with a message signature.
    Pop,
    /// RFC 9449 §7.1.
    Dpop,
}

impl Scheme {
    /// The scheme of this name, in any case.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Bearer, Self::Pop, Self::Dpop]
            .into_iter()
            .find(|scheme| scheme.as_str().eq_ignore_ascii_case(name))
    }

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bearer => "Bearer",
            Self::Pop => "PoP",
            Self::Dpop => "DPoP",
        }
    }
}

/// What a request shows: an access token, and what is to prove that it is the sender's. **Nothing is verified.**
#[derive(Debug)]
pub struct Presentation<'a>(Shown<'a>);

#[derive(Debug)]
enum Shown<'a> {
    Bearer(&'a str),
    Shr(Box<shr::Presented<'a>>),
    Signed(&'a str, Box<message_signature::Presented>),
    Dpop(&'a str, Box<dpop::Presented<'a>>, Option<Box<message_signature::Presented>>),
}

impl<'a> Presentation<'a> {
    /// Takes a request apart: exactly one `Authorization` field, one scheme, and what belongs to it.
    ///
    /// `legacy_no_typ` accepts signed HTTP requests without `typ` (drafts before -03).
    ///
    /// # Errors
    /// [`ProofError`] when there is nothing to be validated.
    pub fn of(request: &RequestView<'a>, legacy_no_typ: bool) -> Result<Self, ProofError> {
        let mut fields = request.fields("authorization");
        let field = fields.next().ok_or(ProofError::NoCredentials)?;
        // Two servers in a row could each look at another one of two.
        if fields.next().is_some() || request.query.is_some_and(has_token) {
            return Err(ProofError::SeveralCredentials);
        }
        let text = std::str::from_utf8(field).map_err(|_| ProofError::MalformedCredentials)?;
        let (scheme, token) = text.split_once(' ').unwrap_or((text, ""));
        // Basic and others: nothing that could be judged here; the challenge says what could.
        let scheme = Scheme::named(scheme).ok_or(ProofError::NoCredentials)?;
        let token = token.trim_start_matches(' ');
        if !is_token68(token) {
            return Err(ProofError::MalformedCredentials);
        }
        // A path that two servers read differently is nobody's to sign.
        if scheme != Scheme::Bearer && target::path(request.path).is_err() {
            return Err(ProofError::Malformed);
        }
        match scheme {
            Scheme::Bearer => Ok(Self(Shown::Bearer(token))),
            Scheme::Pop => Self::pop(token, request, legacy_no_typ),
            Scheme::Dpop => {
                let proof = dpop::Presented::of(request)?.ok_or(ProofError::ProofMissing)?;
                let signature = match message_signature::Presented::of(request) {
                    // One of somebody else, a proxy perhaps: it is none of ours, and DPoP needs none.
                    Err(ProofError::Tag) => None,
                    other => other?.map(Box::new),
                };
                Ok(Self(Shown::Dpop(token, Box::new(proof), signature)))
            }
        }
    }

    /// A token that came by itself, without any proof.
    #[must_use]
    pub const fn bearer(token: &'a str) -> Self {
        Self(Shown::Bearer(token))
    }

    /// `PoP` holds a signed HTTP request or an access token; its `typ` tells which.
    fn pop(token: &'a str, request: &RequestView<'a>, legacy_no_typ: bool) -> Result<Self, ProofError> {
        let sealed = Sealed::parse(token, shr::MAX_LENGTH)?;
        if sealed.is_typ("at+jwt") || sealed.is_typ("JWT") {
            return match message_signature::Presented::of(request)? {
                Some(signature) => Ok(Self(Shown::Signed(token, Box::new(signature)))),
                None => Err(ProofError::NoSignature),
            };
        }
        shr::Presented::parse(token, legacy_no_typ).map(|shr| Self(Shown::Shr(Box::new(shr))))
    }

    /// The access token: to be validated as one before anything else.
    #[must_use]
    pub fn access_token(&self) -> &str {
        match &self.0 {
            Shown::Bearer(token) | Shown::Signed(token, _) | Shown::Dpop(token, ..) => token,
            Shown::Shr(shr) => shr.access_token(),
        }
    }

    /// The scheme under which it came.
    #[must_use]
    pub const fn scheme(&self) -> Scheme {
        match &self.0 {
            Shown::Bearer(_) => Scheme::Bearer,
            Shown::Shr(_) | Shown::Signed(..) => Scheme::Pop,
            Shown::Dpop(..) => Scheme::Dpop,
        }
    }

    /// Whether a registered key of the client must be looked up, by issuer, client and the `kid` or thumbprint that the
    /// token names, to check this.
    #[must_use]
    pub fn wants_registered_key(&self, token: &AccessToken) -> bool {
        let Some(key) = token.confirmation().and_then(crate::Confirmation::key_ref) else { return false };
        let shows_key = match &self.0 {
            Shown::Bearer(_) => return false,
            Shown::Shr(shr) => shr.shows_key(),
            Shown::Signed(..) => false,
            Shown::Dpop(..) => true,
        };
        key.jwk().is_none() && (!shows_key || key.jkt().is_none())
    }

    /// Compares token, proof and request: every obligation of the token must be met, in the scheme that belongs to it.
    ///
    /// `token` must be the validated [`Presentation::access_token`], and `registered` the key that was looked up. `now`
    /// is seconds since 1970 UTC.
    ///
    /// # Errors
    /// The first [`ProofError`] that applies.
    pub fn check(
        &self,
        token: &AccessToken,
        registered: Option<&PublicKey>,
        request: &RequestView<'_>,
        rules: &ProofRules<'_>,
        now: i64,
    ) -> Result<Checked, ProofError> {
        let Some(confirmation) = token.confirmation() else {
            // Whatever proof lies beside it: the issuer has not said whose key that is.
            let bearer = matches!(self.0, Shown::Bearer(_)) && rules.allow_bearer;
            return if bearer { Ok(Checked::bearer()) } else { Err(ProofError::NotBound) };
        };
        let by_key = match (confirmation.key_ref(), &self.0) {
            (Some(_), Shown::Bearer(_)) => return Err(ProofError::Downgrade),
            (None, Shown::Bearer(_)) => None,
            (None, _) => return Err(ProofError::NotBound),
            (Some(key), Shown::Shr(shr)) => Some(shr.check(key, registered, request, rules, now)?),
            (Some(key), Shown::Signed(_, signature)) => {
                Some(signature.check(key, registered, request, rules, now)?)
            }
            (Some(key), Shown::Dpop(text, dpop, signature)) => {
                let mut checked = dpop.check(text, key, registered, request, rules, now)?;
                if let Some(signature) = signature {
                    // The proof has shown which key it is.
                    join(&mut checked, signature.check(key, Some(dpop.key()), request, rules, now)?);
                }
                Some(checked)
            }
        };
        let by_certificate = confirmation.certificate_thumbprint();
        let by_certificate =
            by_certificate.map(|bound| certificate::check(request.certificate, bound)).transpose()?;
        let checked = match (by_key, by_certificate) {
            (Some(mut checked), Some(other)) => {
                join(&mut checked, other);
                checked
            }
            (Some(checked), None) | (None, Some(checked)) => checked,
            // A confirmation is never empty.
            (None, None) => return Err(ProofError::NotBound),
        };
        if !checked.kinds.iter().any(|kind| rules.kinds.contains(kind)) {
            return Err(ProofError::Kind);
        }
        if rules.cover_body && !request.body.is_empty() && !checked.covered.body {
            let unread = matches!(request.body, Body::Unread);
            return Err(if unread { ProofError::BodyUnread } else { ProofError::Uncovered });
        }
        Ok(checked)
    }
}

/// Both were proven.
fn join(checked: &mut Checked, other: Checked) {
    checked.kinds = checked.kinds.iter().chain(other.kinds.iter()).collect();
    checked.key = checked.key.or(other.key);
    checked.certificate = checked.certificate.or(other.certificate);
    checked.covered = checked.covered.and(other.covered);
    checked.replay.extend(other.replay);
}

/// A token in the query ends up in logs, and beside a header it makes two (RFC 6750 §2.3; the same of `PoP`).
fn has_token(query: &str) -> bool {
    let mut names = query.split('&').map(|piece| piece.split('=').next().unwrap_or_default());
    names.any(|name| matches!(name, "access_token" | "pop_access_token"))
}

/// RFC 9110 §11.2.
fn is_token68(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    let plain =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/');
    !body.is_empty() && body.bytes().all(plain)
}
