//! The answer to a request that is not let in: RFC 6750 §3, RFC 9449 §7.1, RFC 9110 §11.6.1.

use std::fmt;

use carnet_token::proof::message_signature::accept_signature;
use carnet_token::proof::{ProofError, ProofKind, ProofKinds, Scheme};
use carnet_token::revocation::RevokedBy;
use carnet_token::{Algorithm, Refusal};
use http::header::{CACHE_CONTROL, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use crate::verifier::is_pop;

/// RFC 9449 §8.1.
pub(crate) const DPOP_NONCE: HeaderName = HeaderName::from_static("dpop-nonce");
/// RFC 9421 §5.1.
const ACCEPT_SIGNATURE: HeaderName = HeaderName::from_static("accept-signature");

/// The answer to a request that is not let in: a status, header fields, and a reason for one's own log.
///
/// The sender learns what is wrong with its proof, and of its token no more than the RFC 6750 error: which check failed
/// there is [`Challenge::reason`], for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge(Box<Inner>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Inner {
    reason: Reason,
    /// The scheme of the request; the error belongs to it.
    scheme: Option<Scheme>,
    realm: Option<String>,
    resource_metadata: Option<String>,
    explain: bool,
    scope: Option<String>,
    kinds: ProofKinds,
    bearer: bool,
    nonce: Option<String>,
}

/// What a server says of itself in every challenge.
#[derive(Clone, Debug)]
pub(crate) struct Dress<'a> {
    pub(crate) realm: &'a str,
    pub(crate) resource_metadata: Option<&'a str>,
    pub(crate) explain: bool,
    pub(crate) kinds: ProofKinds,
    pub(crate) bearer: bool,
    pub(crate) nonce: String,
}

/// Why a request is not let in. For logs and tests, not for the sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// No `Authorization` field, or one of a scheme that is not spoken here.
    NoCredentials,
    /// More than one `Authorization` field, or a token in the query beside it (RFC 6750 §2).
    SeveralCredentials,
    /// The `Authorization` field is not `scheme token68` (RFC 9110 §11.4).
    MalformedCredentials,
    /// The access token is refused.
    Token(Refusal),
    /// The issuer has taken the token back; by which kind of entry of its revocation feed.
    Revoked(RevokedBy),
    /// The token is not bound to its sender, and the policy of its issuer or route does not allow that.
    BearerNotAllowed,
    /// The token is bound to its sender, and the proof is refused.
    Proof(ProofError),
    /// The proof was used before.
    Replayed,
    /// There is no room to keep that this proof is used now.
    ReplayStoreFull {
        /// When another try makes sense, in seconds.
        retry_after: u64,
    },
    /// The store of used proofs cannot be asked: our trouble and not the sender's.
    ReplayStoreUnavailable {
        /// When another try makes sense, in seconds.
        retry_after: u64,
    },
    /// After a start it is not known yet which proofs were used.
    Starting {
        /// When another try makes sense, in seconds.
        retry_after: u64,
    },
    /// The body is larger than what is read to be compared with a proof.
    BodyTooLarge,
    /// The body did not arrive in time, or not as a whole.
    BodyIncomplete,
    /// The keys of the issuer cannot be had: our trouble and not the sender's.
    KeysUnavailable {
        /// When another try makes sense, in seconds.
        retry_after: u64,
    },
    /// For too long it has not been known what the issuer has revoked: our trouble and not the sender's.
    FeedUnavailable {
        /// When another try makes sense, in seconds.
        retry_after: u64,
    },
    /// The token is good and lacks a scope.
    InsufficientScope,
}

impl Reason {
    /// For what cannot be taken apart.
    pub(crate) fn of_shown(error: ProofError) -> Self {
        match error {
            ProofError::NoCredentials => Self::NoCredentials,
            ProofError::SeveralCredentials => Self::SeveralCredentials,
            ProofError::MalformedCredentials => Self::MalformedCredentials,
            other => Self::Proof(other),
        }
    }

    /// For what does not fit.
    pub(crate) fn of_proof(error: ProofError, scheme: Scheme) -> Self {
        match (error, scheme) {
            (ProofError::NotBound, Scheme::Bearer) => Self::BearerNotAllowed,
            (other, _) => Self::Proof(other),
        }
    }

    /// A short name for logs and counters.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::NoCredentials => "no_credentials",
            Self::SeveralCredentials => "several_credentials",
            Self::MalformedCredentials => "malformed_credentials",
            Self::Token(refusal) => refusal.code(),
            Self::Revoked(_) => "revoked",
            Self::BearerNotAllowed => "bearer_not_allowed",
            Self::Proof(error) => error.code(),
            Self::Replayed => "replay",
            Self::ReplayStoreFull { .. } => "replay_store_full",
            Self::ReplayStoreUnavailable { .. } => "replay_store_unavailable",
            Self::Starting { .. } => "starting",
            Self::BodyTooLarge => "body_too_large",
            Self::BodyIncomplete => "body_incomplete",
            Self::KeysUnavailable { .. } => "keys_unavailable",
            Self::FeedUnavailable { .. } => "revocations_unavailable",
            Self::InsufficientScope => "insufficient_scope",
        }
    }

    /// More about it for the log, where there is more: the kind of entry that has revoked the token.
    #[must_use]
    pub fn detail(self) -> Option<&'static str> {
        match self {
            Self::Revoked(by) => Some(by.name()),
            _ => None,
        }
    }

    fn retry_after(self) -> Option<u64> {
        match self {
            Self::KeysUnavailable { retry_after }
            | Self::FeedUnavailable { retry_after }
            | Self::ReplayStoreFull { retry_after }
            | Self::ReplayStoreUnavailable { retry_after }
            | Self::Starting { retry_after } => Some(retry_after),
            _ => None,
        }
    }

    fn status(self) -> StatusCode {
        match self {
            Self::SeveralCredentials
            | Self::MalformedCredentials
            | Self::Proof(ProofError::Malformed)
            | Self::BodyIncomplete => StatusCode::BAD_REQUEST,
            // This server asks for a proof of the body and does not read it: nothing that a sender could mend.
            Self::Proof(ProofError::BodyUnread) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::InsufficientScope => StatusCode::FORBIDDEN,
            other if other.retry_after().is_some() => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::UNAUTHORIZED,
        }
    }

    /// RFC 6750 §3.1, RFC 9449 §7.1, and their likes for `PoP`. A request without credentials gets no error code: it did
    /// nothing wrong yet.
    fn error(self, scheme: Option<Scheme>) -> Option<&'static str> {
        let of_proof = || match scheme {
            Some(Scheme::Dpop) => "invalid_dpop_proof",
            Some(Scheme::Pop) => "invalid_pop_proof",
            _ => "invalid_token",
        };
        match self {
            Self::SeveralCredentials | Self::MalformedCredentials | Self::Proof(ProofError::Malformed) => {
                Some("invalid_request")
            }
            Self::Token(_) | Self::Revoked(_) | Self::BearerNotAllowed => Some("invalid_token"),
            Self::Proof(error) => match error {
                ProofError::BodyUnread => None,
                ProofError::UseNonce => Some(match scheme {
                    Some(Scheme::Dpop) => "use_dpop_nonce",
                    _ => "use_pop_nonce",
                }),
                // The token is not this sender's, or not one for this way.
                ProofError::NotBound
                | ProofError::Downgrade
                | ProofError::CnfMismatch
                | ProofError::UnknownPopKid
                | ProofError::NoCertificate
                | ProofError::UntrustedHeader => Some("invalid_token"),
                _ => Some(of_proof()),
            },
            Self::Replayed => Some(of_proof()),
            Self::InsufficientScope => Some("insufficient_scope"),
            // No credentials yet, or our own trouble.
            _ => None,
        }
    }

    /// What the sender may read: its proof is its own making, so that it is told what is wrong with it.
    fn description(self, explain: bool) -> Option<String> {
        match self {
            Self::Proof(error) => Some(error.to_string()),
            Self::Replayed => {
                Some("the proof was used before, make a fresh one for every request".to_owned())
            }
            other if explain => Some(other.code().to_owned()),
            _ => None,
        }
    }
}

impl Challenge {
    pub(crate) fn of(reason: Reason) -> Self {
        Self(Box::new(Inner {
            reason,
            scheme: None,
            realm: None,
            resource_metadata: None,
            explain: false,
            scope: None,
            kinds: ProofKinds::NONE,
            bearer: true,
            nonce: None,
        }))
    }

    pub(crate) fn under(mut self, scheme: Option<Scheme>) -> Self {
        self.0.scheme = scheme;
        self
    }

    pub(crate) fn with_scope(mut self, scope: &str) -> Self {
        self.0.scope = Some(scope.to_owned());
        self
    }

    pub(crate) fn dressed(mut self, dress: &Dress<'_>) -> Self {
        let wants_nonce = self.0.reason == Reason::Proof(ProofError::UseNonce);
        self.0.realm = Some(dress.realm.to_owned());
        self.0.resource_metadata = dress.resource_metadata.map(str::to_owned);
        self.0.explain = dress.explain;
        self.0.kinds = dress.kinds;
        self.0.bearer = dress.bearer;
        self.0.nonce = wants_nonce.then(|| dress.nonce.clone());
        self
    }

    /// Why, for the log.
    #[must_use]
    pub fn reason(&self) -> Reason {
        self.0.reason
    }

    /// 400, 401, 403, 413, 500 or 503.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.0.reason.status()
    }

    /// The `error` of RFC 6750 §3.1 and its likes, if there is one.
    #[must_use]
    pub fn error(&self) -> Option<&'static str> {
        self.0.reason.error(self.0.scheme)
    }

    /// What is wrong, in words for the sender; `None` where it is told no more than the error.
    #[must_use]
    pub fn description(&self) -> Option<String> {
        self.0.reason.description(self.0.explain)
    }

    /// Seconds after which another try makes sense; only with 503.
    #[must_use]
    pub fn retry_after(&self) -> Option<u64> {
        self.0.reason.retry_after()
    }

    /// The values of `WWW-Authenticate`, one per scheme that is spoken here, that of the request first; none where the
    /// credentials are not at fault.
    #[must_use]
    pub fn www_authenticate(&self) -> Vec<HeaderValue> {
        let status = self.status();
        if !matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::BAD_REQUEST)
            || self.0.reason == Reason::BodyIncomplete
        {
            return Vec::new();
        }
        let mut schemes = self.schemes();
        // An error belongs to the scheme that was used, even if it is spoken here no more.
        if let Some(used) = self.0.scheme {
            schemes.retain(|scheme| *scheme != used);
            schemes.insert(0, used);
        }
        // Once it is known who asks, there is one scheme to talk in.
        if status == StatusCode::FORBIDDEN {
            schemes.truncate(1);
        }
        let used = self.0.scheme.or(schemes.first().copied());
        let value = |scheme| HeaderValue::try_from(self.in_scheme(scheme, Some(scheme) == used)).ok();
        schemes.into_iter().filter_map(value).collect()
    }

    /// The schemes that are spoken here, the best first.
    fn schemes(&self) -> Vec<Scheme> {
        let kinds = self.0.kinds;
        let mut schemes = Vec::new();
        if kinds.iter().any(is_pop) {
            schemes.push(Scheme::Pop);
        }
        if kinds.contains(ProofKind::Dpop) {
            schemes.push(Scheme::Dpop);
        }
        // Tokens that are bound to a certificate come as bearer tokens too (RFC 8705 §3).
        if self.0.bearer || kinds.contains(ProofKind::Mtls) {
            schemes.push(Scheme::Bearer);
        }
        schemes
    }

    fn in_scheme(&self, scheme: Scheme, with_error: bool) -> String {
        let mut parameters = Vec::new();
        let mut parameter = |name: &str, value: Option<&str>| {
            if let Some(value) = value.filter(|value| is_quotable(value)) {
                parameters.push(format!("{name}=\"{value}\""));
            }
        };
        parameter("realm", self.0.realm.as_deref().or(Some("one-record")));
        if with_error {
            parameter("error", self.error());
            parameter("error_description", self.description().as_deref());
            parameter("scope", self.0.scope.as_deref());
        }
        let algorithms = || Algorithm::ALL.map(Algorithm::as_str).join(" ");
        match scheme {
            Scheme::Bearer => {}
            Scheme::Dpop => parameter("algs", Some(&algorithms())),
            Scheme::Pop => {
                parameter("algs", Some(&algorithms()));
                parameter("required", Some("ts m u p q h b"));
                // Readers of PoP challenges look for it here.
                parameter("nonce", self.0.nonce.as_deref().filter(|_| with_error));
            }
        }
        parameter("resource_metadata", self.0.resource_metadata.as_deref());
        format!("{} {}", scheme.as_str(), parameters.join(", "))
    }

    /// `WWW-Authenticate`, `Retry-After` and what belongs to proofs, ready to be put into an answer.
    #[must_use]
    pub fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in self.www_authenticate() {
            headers.append(WWW_AUTHENTICATE, value);
        }
        if let Some(seconds) = self.retry_after() {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(nonce) = self.0.nonce.as_deref().and_then(|nonce| HeaderValue::try_from(nonce).ok()) {
            headers.insert(DPOP_NONCE, nonce);
            // RFC 9449 §8.2: a nonce is not for whoever asks a cache.
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
        if self.status() == StatusCode::UNAUTHORIZED && self.0.kinds.contains(ProofKind::MessageSignature) {
            headers.insert(ACCEPT_SIGNATURE, HeaderValue::from_static(accept_signature()));
        }
        headers
    }
}

/// RFC 6750 §3: what may stand between the quotes.
pub(crate) fn is_quotable(text: &str) -> bool {
    text.bytes().all(|b| matches!(b, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e))
}

impl fmt::Display for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.status(), self.0.reason.code())
    }
}

impl std::error::Error for Challenge {}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of a server that speaks everything.
    fn dressed(reason: Reason, scheme: Option<Scheme>, bearer: bool) -> Challenge {
        Challenge::of(reason).under(scheme).dressed(&Dress {
            realm: "https://1r.example",
            resource_metadata: None,
            explain: false,
            kinds: ProofKinds::ALL,
            bearer,
            nonce: "n".to_owned(),
        })
    }

    fn header(reason: Reason) -> String {
        dressed(reason, Some(Scheme::Bearer), true).www_authenticate()[0].to_str().unwrap().to_owned()
    }

    #[test]
    fn the_table_of_errors() {
        let table = [
            (Reason::NoCredentials, 401, None),
            (Reason::SeveralCredentials, 400, Some("invalid_request")),
            (Reason::MalformedCredentials, 400, Some("invalid_request")),
            (Reason::Token(Refusal::AtExpired), 401, Some("invalid_token")),
            (Reason::BearerNotAllowed, 401, Some("invalid_token")),
            (Reason::Proof(ProofError::Downgrade), 401, Some("invalid_token")),
            (Reason::Proof(ProofError::CnfMismatch), 401, Some("invalid_token")),
            (Reason::Proof(ProofError::NoCertificate), 401, Some("invalid_token")),
            (Reason::Proof(ProofError::Malformed), 400, Some("invalid_request")),
            (Reason::Proof(ProofError::BodyUnread), 500, None),
            (Reason::ReplayStoreFull { retry_after: 7 }, 503, None),
            (Reason::ReplayStoreUnavailable { retry_after: 7 }, 503, None),
            (Reason::Starting { retry_after: 7 }, 503, None),
            (Reason::BodyTooLarge, 413, None),
            (Reason::BodyIncomplete, 400, None),
            (Reason::Revoked(RevokedBy::ClientId), 401, Some("invalid_token")),
            (Reason::KeysUnavailable { retry_after: 7 }, 503, None),
            (Reason::FeedUnavailable { retry_after: 7 }, 503, None),
            (Reason::InsufficientScope, 403, Some("insufficient_scope")),
        ];
        for (reason, status, error) in table {
            let challenge = Challenge::of(reason);
            assert_eq!((challenge.status().as_u16(), challenge.error()), (status, error), "{reason:?}");
        }
    }

    #[test]
    fn without_credentials_every_scheme_is_offered_and_none_has_an_error() {
        let told = dressed(Reason::NoCredentials, None, true);
        let told: Vec<_> = told.www_authenticate();
        let algs = "algs=\"RS256 PS256 ES256 EdDSA\"";
        assert_eq!(
            told,
            [
                format!("PoP realm=\"https://1r.example\", {algs}, required=\"ts m u p q h b\""),
                format!("DPoP realm=\"https://1r.example\", {algs}"),
                "Bearer realm=\"https://1r.example\"".to_owned(),
            ]
        );
    }

    #[test]
    fn what_is_not_spoken_is_not_offered() {
        let mut challenge = dressed(Reason::NoCredentials, None, false);
        challenge.0.kinds = ProofKinds::NONE.with(ProofKind::Dpop);
        let told = challenge.www_authenticate();
        assert!(told.len() == 1 && told[0].to_str().unwrap().starts_with("DPoP "));
        assert!(!challenge.headers().contains_key(ACCEPT_SIGNATURE));
    }

    #[test]
    fn the_error_stands_in_the_scheme_that_was_used_and_in_no_other() {
        for (scheme, error) in [(Scheme::Pop, "invalid_pop_proof"), (Scheme::Dpop, "invalid_dpop_proof")] {
            let told = dressed(Reason::Proof(ProofError::Sig), Some(scheme), true).www_authenticate();
            let told: Vec<&str> = told.iter().map(|value| value.to_str().unwrap()).collect();
            assert!(told[0].starts_with(&format!("{} realm=", scheme.as_str())), "{told:?}");
            assert!(
                told[0].contains(&format!("error=\"{error}\", error_description=\"the signature")),
                "{told:?}"
            );
            assert!(told.len() == 3 && told[1..].iter().all(|other| !other.contains("error")), "{told:?}");
        }
    }

    #[test]
    fn a_wanted_nonce_is_given_where_each_client_looks_for_it() {
        for (scheme, error) in [(Scheme::Pop, "use_pop_nonce"), (Scheme::Dpop, "use_dpop_nonce")] {
            let challenge = dressed(Reason::Proof(ProofError::UseNonce), Some(scheme), false);
            let headers = challenge.headers();
            assert_eq!(
                (&headers[DPOP_NONCE], &headers[CACHE_CONTROL]),
                (&"n".parse().unwrap(), &"no-store".parse().unwrap())
            );
            let told = challenge.www_authenticate()[0].to_str().unwrap().to_owned();
            assert!(told.contains(&format!("error=\"{error}\"")), "{told}");
            assert_eq!(told.contains("nonce=\"n\""), scheme == Scheme::Pop);
        }
        assert!(!dressed(Reason::Replayed, Some(Scheme::Pop), false).headers().contains_key(DPOP_NONCE));
    }

    #[test]
    fn the_failed_check_is_not_told() {
        for refusal in Refusal::ALL {
            let told = header(Reason::Token(refusal));
            assert_eq!(told, "Bearer realm=\"https://1r.example\", error=\"invalid_token\"");
        }
        for by in RevokedBy::ALL {
            let told = header(Reason::Revoked(by));
            assert_eq!(told, "Bearer realm=\"https://1r.example\", error=\"invalid_token\"");
        }
    }

    #[test]
    fn our_own_trouble_is_a_503_with_retry_after() {
        for reason in [Reason::KeysUnavailable { retry_after: 7 }, Reason::FeedUnavailable { retry_after: 7 }]
        {
            let headers = Challenge::of(reason).headers();
            assert_eq!(headers.get(RETRY_AFTER).unwrap(), "7");
            assert!(!headers.contains_key(WWW_AUTHENTICATE));
        }
    }

    #[test]
    fn a_missing_scope_is_named() {
        let challenge = Challenge::of(Reason::InsufficientScope).with_scope("logistics_objects:write");
        let header = &challenge.www_authenticate()[0];
        assert!(header.to_str().unwrap().contains("scope=\"logistics_objects:write\""));
    }
}
