/// Why a proof is refused.
///
/// For logs and tests: [`code`](ProofError::code) is a stable word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// Two `Authorization` fields, or a token in the query beside it (RFC 6750 §2).
    #[error("more than one Authorization field or access token")]
    SeveralCredentials,
    /// No `Authorization` field, or one of a scheme that is not spoken here.
    #[error("no credentials")]
    NoCredentials,
    /// The `Authorization` field is not `scheme token68` (RFC 9110 §11.4).
    #[error("the Authorization field is malformed")]
    MalformedCredentials,
    /// A field, a JWS or its claims are not of the form that they must have.
    #[error("the proof is malformed")]
    Malformed,
    /// The header of the proof names a critical extension or `b64` (RFC 7515 §4.1.11, RFC 7797).
    #[error("the proof names a critical extension")]
    Crit,
    /// `typ` is not that of this kind of proof.
    #[error("typ is not that of a proof")]
    Typ,
    /// `alg` is missing, unknown, or not that of the key (RFC 8725 §3.1).
    #[error("the algorithm is not allowed or not that of the key")]
    Alg,
    /// The key in the proof is too weak, of an unsupported type or not a key.
    #[error("the key in the proof is not usable")]
    Key,
    /// The key in the proof has private members.
    #[error("the key in the proof has private members")]
    PrivateJwk,
    /// The token names a registered key that is not known here.
    #[error("the key that the token names is not known")]
    UnknownPopKid,
    /// The proof is by another key or certificate than the one that the token is bound to.
    #[error("the proof is by another key than the one that the token is bound to")]
    CnfMismatch,
    /// The signature of the proof is wrong.
    #[error("the signature of the proof is wrong")]
    Sig,
    /// The token is not bound to anything that this proof proves.
    #[error("the token is not bound to a key that could be proven")]
    NotBound,
    /// A token that is bound to a key came as a plain bearer token.
    #[error("a bound token cannot be used as a bearer token")]
    Downgrade,
    /// The token is bound to a key, and no proof came with it.
    #[error("the token is bound to a key, and no proof came with it")]
    ProofMissing,
    /// The kind of proof is not accepted here.
    #[error("this kind of proof is not accepted here")]
    Kind,
    /// The proof was made before a start of this server at which it was not known what had been used.
    #[error("the proof was made before this server started, make a fresh one")]
    MadeBeforeStart,
    /// SHR: `ts` is missing, not a whole number, or outside the window.
    #[error("ts is missing or outside the accepted time")]
    Ts,
    /// SHR: `m` is not the method.
    #[error("m is not the method of the request")]
    M,
    /// SHR: `u` is not the host.
    #[error("u is not the host of the request")]
    U,
    /// SHR: `p` is not the path.
    #[error("p is not the path of the request")]
    P,
    /// SHR: `q` does not fit the query.
    #[error("q does not fit the query of the request")]
    Q,
    /// SHR: `h` does not fit the header fields.
    #[error("h does not fit the header fields of the request")]
    H,
    /// SHR: `b` is not the digest of the body.
    #[error("b is not the digest of the body")]
    B,
    /// Something that must be covered by the proof is not.
    #[error("the proof does not cover all that it must cover")]
    Uncovered,
    /// `DPoP`: `htm` is not the method.
    #[error("htm is not the method of the request")]
    Htm,
    /// `DPoP`: `htu` is not the URL.
    #[error("htu is not the URL of the request")]
    Htu,
    /// `DPoP`: `iat` is outside the window.
    #[error("iat is outside the accepted time")]
    Iat,
    /// `DPoP`: `ath` is missing or not the digest of the access token.
    #[error("ath is not the digest of the access token")]
    Ath,
    /// A nonce of this server is wanted, and the proof has none or an old one.
    #[error("a nonce of this server is wanted in the proof")]
    UseNonce,
    /// HTTP message signature: there is none.
    #[error("the request has no signature")]
    NoSignature,
    /// HTTP message signature: none has the tag of this use.
    #[error("no signature has the tag onerecord-pop")]
    Tag,
    /// HTTP message signature: `created` is missing, outside the window, or `expires` has passed or lies too far ahead.
    #[error("created or expires is outside the accepted time")]
    Created,
    /// HTTP message signature: `nonce` is missing or too short.
    #[error("nonce is missing or too short")]
    Nonce,
    /// HTTP message signature: `Content-Digest` is missing or not that of the body (RFC 9530).
    #[error("Content-Digest is not that of the body")]
    ContentDigest,
    /// The proof must be compared with the body, and the server has not read it: a fault of the server.
    #[error("the body must be compared with the proof and was not read")]
    BodyUnread,
    /// The token is bound to a certificate, and the connection has none.
    #[error("the token is bound to a client certificate, and the connection has none")]
    NoCertificate,
    /// The token is bound to a certificate, and it came in a header field of somebody who is not trusted to tell.
    #[error("the client certificate came from a peer that is not trusted to tell")]
    UntrustedHeader,
}

impl ProofError {
    /// Every fault, for tests and documentation tables.
    pub const ALL: [Self; 38] = [
        Self::SeveralCredentials,
        Self::NoCredentials,
        Self::MalformedCredentials,
        Self::Malformed,
        Self::Crit,
        Self::Typ,
        Self::Alg,
        Self::Key,
        Self::PrivateJwk,
        Self::UnknownPopKid,
        Self::CnfMismatch,
        Self::Sig,
        Self::NotBound,
        Self::Downgrade,
        Self::ProofMissing,
        Self::Kind,
        Self::MadeBeforeStart,
        Self::Ts,
        Self::M,
        Self::U,
        Self::P,
        Self::Q,
        Self::H,
        Self::B,
        Self::Uncovered,
        Self::Htm,
        Self::Htu,
        Self::Iat,
        Self::Ath,
        Self::UseNonce,
        Self::NoSignature,
        Self::Tag,
        Self::Created,
        Self::Nonce,
        Self::ContentDigest,
        Self::BodyUnread,
        Self::NoCertificate,
        Self::UntrustedHeader,
    ];

    /// The stable word for logs, metrics and test vectors.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::SeveralCredentials => "several_credentials",
            Self::NoCredentials => "no_credentials",
            Self::MalformedCredentials => "malformed_credentials",
            Self::Malformed => "malformed",
            Self::Crit => "crit",
            Self::Typ => "typ",
            Self::Alg => "alg",
            Self::Key => "key",
            Self::PrivateJwk => "private_jwk",
            Self::UnknownPopKid => "unknown_pop_kid",
            Self::CnfMismatch => "cnf_mismatch",
            Self::Sig => "sig",
            Self::NotBound => "not_bound",
            Self::Downgrade => "downgrade",
            Self::ProofMissing => "proof_missing",
            Self::Kind => "proof_kind",
            Self::MadeBeforeStart => "made_before_start",
            Self::Ts => "ts",
            Self::M => "m",
            Self::U => "u",
            Self::P => "p",
            Self::Q => "q",
            Self::H => "h",
            Self::B => "b",
            Self::Uncovered => "uncovered",
            Self::Htm => "htm",
            Self::Htu => "htu",
            Self::Iat => "iat",
            Self::Ath => "ath",
            Self::UseNonce => "use_dpop_nonce",
            Self::NoSignature => "no_signature",
            Self::Tag => "tag",
            Self::Created => "created",
            Self::Nonce => "nonce",
            Self::ContentDigest => "content_digest",
            Self::BodyUnread => "body_unread",
            Self::NoCertificate => "no_cert",
            Self::UntrustedHeader => "untrusted_header",
        }
    }
}

impl From<crate::Refusal> for ProofError {
    /// For the refusals of [`Compact`](crate::compact::Compact), which are the same for every kind of JWT.
    fn from(refusal: crate::Refusal) -> Self {
        match refusal {
            crate::Refusal::Crit => Self::Crit,
            _ => Self::Malformed,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_fault_has_a_word_of_its_own_and_a_text_that_can_stand_between_quotes() {
        let words: HashSet<_> = ProofError::ALL.iter().map(|error| error.code()).collect();
        assert_eq!(words.len(), ProofError::ALL.len());
        for error in ProofError::ALL {
            // RFC 6750 §3: %x20-21 / %x23-5B / %x5D-7E.
            let quotable = |byte: u8| matches!(byte, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e);
            assert!(error.to_string().bytes().all(quotable), "{error}");
        }
    }
}
