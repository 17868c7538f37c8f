//! The answer to a request that is not let in: RFC 6750 §3, RFC 9110 §11.6.1.

use std::fmt;

use carnet_token::Refusal;
use carnet_token::revocation::RevokedBy;
use http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, StatusCode};

/// The answer to a request that is not let in: a status, header fields, and a reason for one's own log.
///
/// The sender learns the RFC 6750 error and no more: which check failed is [`Challenge::reason`], for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge(Box<Inner>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Inner {
    reason: Reason,
    realm: Option<String>,
    resource_metadata: Option<String>,
    description: Option<String>,
    scope: Option<String>,
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
    /// The token came as bearer, and the policy of its issuer does not allow that.
    BearerNotAllowed,
    /// The token is bound to its sender and came without the proof.
    ProofMissing,
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
            Self::ProofMissing => "proof_missing",
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

    fn status(self) -> StatusCode {
        match self {
            Self::SeveralCredentials | Self::MalformedCredentials => StatusCode::BAD_REQUEST,
            Self::NoCredentials
            | Self::Token(_)
            | Self::Revoked(_)
            | Self::BearerNotAllowed
            | Self::ProofMissing => StatusCode::UNAUTHORIZED,
            Self::InsufficientScope => StatusCode::FORBIDDEN,
            Self::KeysUnavailable { .. } | Self::FeedUnavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// RFC 6750 §3.1. A request without credentials gets no error code: it did nothing wrong yet.
    fn error(self) -> Option<&'static str> {
        match self {
            Self::NoCredentials | Self::KeysUnavailable { .. } | Self::FeedUnavailable { .. } => None,
            Self::SeveralCredentials | Self::MalformedCredentials => Some("invalid_request"),
            Self::Token(_) | Self::Revoked(_) | Self::BearerNotAllowed | Self::ProofMissing => {
                Some("invalid_token")
            }
            Self::InsufficientScope => Some("insufficient_scope"),
        }
    }
}

impl Challenge {
    pub(crate) fn of(reason: Reason) -> Self {
        Self(Box::new(Inner { reason, realm: None, resource_metadata: None, description: None, scope: None }))
    }

    pub(crate) fn with_scope(mut self, scope: &str) -> Self {
        self.0.scope = Some(scope.to_owned());
        self
    }

    pub(crate) fn dressed(mut self, realm: &str, resource_metadata: Option<&str>, explain: bool) -> Self {
        self.0.realm = Some(realm.to_owned());
        self.0.resource_metadata = resource_metadata.map(str::to_owned);
        if explain {
            self.0.description = Some(self.0.reason.code().to_owned());
        }
        self
    }

    /// Why, for the log.
    #[must_use]
    pub fn reason(&self) -> Reason {
        self.0.reason
    }

    /// 400, 401, 403 or 503.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.0.reason.status()
    }

    /// The `error` of RFC 6750 §3.1, if there is one.
    #[must_use]
    pub fn error(&self) -> Option<&'static str> {
        self.0.reason.error()
    }

    /// Seconds after which another try makes sense; only with 503.
    #[must_use]
    pub fn retry_after(&self) -> Option<u64> {
        match self.0.reason {
            Reason::KeysUnavailable { retry_after } | Reason::FeedUnavailable { retry_after } => {
                Some(retry_after)
            }
            _ => None,
        }
    }

    /// The values of `WWW-Authenticate`, one per scheme that is spoken here; none with 503.
    #[must_use]
    pub fn www_authenticate(&self) -> Vec<HeaderValue> {
        if self.retry_after().is_some() {
            return Vec::new();
        }
        let mut parameters = Vec::new();
        let mut parameter = |name: &str, value: Option<&str>| {
            if let Some(value) = value.filter(|value| is_quotable(value)) {
                parameters.push(format!("{name}=\"{value}\""));
            }
        };
        parameter("realm", self.0.realm.as_deref().or(Some("one-record")));
        parameter("error", self.error());
        parameter("error_description", self.0.description.as_deref());
        parameter("scope", self.0.scope.as_deref());
        parameter("resource_metadata", self.0.resource_metadata.as_deref());
        HeaderValue::try_from(format!("Bearer {}", parameters.join(", "))).into_iter().collect()
    }

    /// `WWW-Authenticate` and `Retry-After`, ready to be put into an answer.
    #[must_use]
    pub fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in self.www_authenticate() {
            headers.append(WWW_AUTHENTICATE, value);
        }
        if let Some(seconds) = self.retry_after() {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
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

    fn header(reason: Reason) -> String {
        let challenge = Challenge::of(reason).dressed("https://1r.example", None, false);
        challenge.www_authenticate()[0].to_str().unwrap().to_owned()
    }

    #[test]
    fn the_table_of_errors() {
        let table = [
            (Reason::NoCredentials, 401, None),
            (Reason::SeveralCredentials, 400, Some("invalid_request")),
            (Reason::MalformedCredentials, 400, Some("invalid_request")),
            (Reason::Token(Refusal::AtExpired), 401, Some("invalid_token")),
            (Reason::BearerNotAllowed, 401, Some("invalid_token")),
            (Reason::ProofMissing, 401, Some("invalid_token")),
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
    fn without_credentials_there_is_no_error_attribute() {
        assert_eq!(header(Reason::NoCredentials), "Bearer realm=\"https://1r.example\"");
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
