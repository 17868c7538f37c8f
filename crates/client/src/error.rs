//! Why there is no token.

use carnet_fetch::FetchError;

/// Why there is no token. It never contains a secret or a token.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenError {
    /// The token endpoint said no (RFC 6749 §5.2).
    #[error("{error} (status {status}){}", description.as_deref().map(|d| format!(": {d}")).unwrap_or_default())]
    OAuth {
        /// The HTTP status.
        status: u16,
        /// `error`, for instance `invalid_client`.
        error: String,
        /// `error_description`, if there is one.
        description: Option<String>,
        /// `Retry-After` in seconds, if there is one.
        retry_after: Option<u64>,
    },
    /// The IAP could not be asked.
    #[error("the IAP cannot be reached: {0}")]
    Fetch(#[from] FetchError),
    /// The metadata cannot be used: it speaks for another issuer, or names no token endpoint of its own.
    #[error("metadata of the issuer: {0}")]
    Metadata(String),
    /// The answer is not one of RFC 6749 §5.1 or §5.2.
    #[error("answer of the token endpoint (status {status}): {reason}")]
    Answer {
        /// The HTTP status.
        status: u16,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The token is of a type that this client cannot use.
    #[error("token_type {0:?} is not usable here")]
    TokenType(String),
    /// The client assertion could not be signed.
    #[error("client assertion: {0}")]
    Assertion(String),
    /// No proof can be made for this request.
    #[error("proof of possession: {0}")]
    Proof(String),
    /// The source is not configured well.
    #[error("configuration: {0}")]
    Configuration(String),
}

/// How many characters of the other side's text a message takes.
const LONGEST: usize = 2000;

/// Text of the other side, for a message: bounded, with a mark where it is cut, and without control characters.
pub(crate) fn printable(text: &str) -> String {
    let mut rest = text.chars().filter(|c| !c.is_control());
    let mut kept: String = rest.by_ref().take(LONGEST).collect();
    if rest.next().is_some() {
        kept.push('…');
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_text_carries_a_mark() {
        assert_eq!(printable(&"ü".repeat(LONGEST)), "ü".repeat(LONGEST));
        assert_eq!(printable(&"ü".repeat(LONGEST + 1)), "ü".repeat(LONGEST) + "…");
        assert_eq!(printable("a\nb\u{1b}"), "ab");
    }
}
