use std::fmt;

use carnet_token::identifier;

/// A company's URI in canonical form: a ONE Record ID or a logistics agent URI.
///
/// Identifiers are compared, never repaired: two spellings of one URI would be two companies to one server
/// and one company to another, so that only one spelling is accepted. The rules are those by which verifiers
/// read tokens ([`carnet_token::identifier`]).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CompanyUri(String);

pub use carnet_token::identifier::IdentifierError as CompanyUriError;

impl CompanyUri {
    /// Checks a URI.
    ///
    /// # Errors
    /// The first reason why it is not canonical.
    pub fn parse(text: &str, allow_insecure_loopback: bool) -> Result<Self, CompanyUriError> {
        identifier::check(text, allow_insecure_loopback)?;
        Ok(Self(text.to_owned()))
    }

    /// The URI.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The URI as an owned text.
    #[must_use]
    pub fn into_string(self) -> String {
        self.0
    }
}

impl fmt::Display for CompanyUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
