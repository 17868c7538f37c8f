/// Why an access token is refused.
///
/// For logs and tests: [`code`](Refusal::code) is a stable word. Towards the sender all of these are one
/// `invalid_token` (RFC 6750 §3.1), so that nobody can probe which check stopped him.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// Not a compact JWS of strict JSON within the size limits (RFC 7515 §7.1).
    #[error("not a well-formed compact JWS")]
    Malformed,
    /// The header names a critical extension or `b64` (RFC 7515 §4.1.11, RFC 7797).
    #[error("the header names a critical extension")]
    Crit,
    /// `typ` is not that of an access token, or the claims are those of another kind of JWT (RFC 9068 §2.1).
    #[error("not an access token")]
    AtTyp,
    /// `alg` is missing, unknown, not allowed for this issuer, or not that of the key (RFC 8725 §3.1).
    #[error("algorithm not allowed")]
    AtAlg,
    /// `iss` is missing or is not exactly the issuer that is trusted.
    #[error("issuer not trusted")]
    UntrustedIssuer,
    /// The issuer has no usable key of this `kid`, or the token names none.
    #[error("no such key of this issuer")]
    UnknownKid,
    /// The signature is not that of the issuer's key.
    #[error("signature wrong")]
    AtSig,
    /// `exp` has passed.
    #[error("expired")]
    AtExpired,
    /// `nbf` or `iat` lies ahead.
    #[error("not valid yet")]
    AtNotYet,
    /// The token lives longer than the issuer may let a token live.
    #[error("lifetime too long")]
    AtLifetime,
    /// `aud` does not name this resource server.
    #[error("not meant for this audience")]
    AtAud,
    /// A required claim is missing, a claim has the wrong type, or two claims contradict each other.
    #[error("claims missing, mistyped or contradictory")]
    AtClaims,
    /// The issuer asserts an identifier outside the URI prefixes that are its own.
    #[error("identifier outside the issuer's namespace")]
    AtNamespace,
    /// `cnf` is not an object, is empty, names no method known here, or contradicts itself (RFC 7800 §3.1).
    #[error("confirmation method not supported")]
    CnfUnsupported,
}

impl Refusal {
    /// Every refusal, for tests and documentation tables.
    pub const ALL: [Self; 14] = [
        Self::Malformed,
        Self::Crit,
        Self::AtTyp,
        Self::AtAlg,
        Self::UntrustedIssuer,
        Self::UnknownKid,
        Self::AtSig,
        Self::AtExpired,
        Self::AtNotYet,
        Self::AtLifetime,
        Self::AtAud,
        Self::AtClaims,
        Self::AtNamespace,
        Self::CnfUnsupported,
    ];

    /// The stable word for logs, metrics and test vectors.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Crit => "crit",
            Self::AtTyp => "at_typ",
            Self::AtAlg => "at_alg",
            Self::UntrustedIssuer => "untrusted_issuer",
            Self::UnknownKid => "unknown_kid",
            Self::AtSig => "at_sig",
            Self::AtExpired => "at_expired",
            Self::AtNotYet => "at_not_yet",
            Self::AtLifetime => "at_lifetime",
            Self::AtAud => "at_aud",
            Self::AtClaims => "at_claims",
            Self::AtNamespace => "at_namespace",
            Self::CnfUnsupported => "cnf_unsupported",
        }
    }
}
