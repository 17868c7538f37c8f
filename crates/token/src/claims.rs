//! The claims of an access token, as they are issued.

use std::sync::LazyLock;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::Confirmation;

/// The `typ` of an access token. A resource server says which one it can read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum AccessTokenTyp {
    /// `at+jwt` (RFC 9068 §2.1): the default.
    #[default]
    AtJwt,
    /// `JWT`: for servers of the current ONE Record text that know nothing else.
    Jwt,
}

impl AccessTokenTyp {
    /// The header value.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AtJwt => "at+jwt",
            Self::Jwt => "JWT",
        }
    }
}

impl std::str::FromStr for AccessTokenTyp {
    type Err = UnknownTyp;

    fn from_str(text: &str) -> Result<Self, UnknownTyp> {
        match text {
            "at+jwt" => Ok(Self::AtJwt),
            "JWT" => Ok(Self::Jwt),
            _ => Err(UnknownTyp),
        }
    }
}

/// The text is neither `at+jwt` nor `JWT`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("neither at+jwt nor JWT")]
pub struct UnknownTyp;

/// The name of one claim, and the other names under which it is understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimName {
    canonical: String,
    aliases: Vec<String>,
}

impl ClaimName {
    /// A claim that is issued as `canonical` and read as `canonical` or, in this order, one of `aliases`.
    pub fn new(canonical: impl Into<String>, aliases: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { canonical: canonical.into(), aliases: aliases.into_iter().map(Into::into).collect() }
    }

    /// The name under which the claim is issued.
    #[must_use]
    pub fn canonical(&self) -> &str {
        &self.canonical
    }

    /// Every name under which the claim is read, the canonical one first.
    pub fn all(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.canonical.as_str()).chain(self.aliases.iter().map(String::as_str))
    }
}

/// The names of the claims that ONE Record defines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimNames {
    /// The company as a logistics agent (ONE Record 2.x).
    pub logistics_agent_uri: ClaimName,
    /// The company as an `IoL` identifier (ONE Record 2020).
    pub iol_identifier: ClaimName,
    /// The company's main role (ONE Record 2020).
    pub role: ClaimName,
}

impl ClaimNames {
    /// The names of the specifications, with the two misprints that the 2020 text put into the world as aliases.
    #[must_use]
    pub fn standard() -> &'static Self {
        static STANDARD: LazyLock<ClaimNames> = LazyLock::new(|| ClaimNames {
            logistics_agent_uri: ClaimName {
                canonical: "logistics_agent_uri".to_owned(),
                aliases: Vec::new(),
            },
            iol_identifier: ClaimName {
                canonical: "https://github.com/IATA-Cargo/ONE-Record/schema/iolIdentifier".to_owned(),
                aliases: vec!["https://github./schema/iolIdentifier".to_owned()],
            },
            role: ClaimName {
                canonical: "https://github.com/IATA-Cargo/ONE-Record/schema/role".to_owned(),
                aliases: vec!["https://github.com.org/IATA-Cargo/ONE-Record/schema/role".to_owned()],
            },
        });
        &STANDARD
    }
}

impl Default for ClaimNames {
    fn default() -> Self {
        Self::standard().clone()
    }
}

/// The claims of one access token (RFC 9068 §2.2, and the ONE Record claims), borrowed: minting copies nothing.
#[derive(Debug, Clone, Copy)]
pub struct AccessTokenClaims<'a> {
    /// The issuer, exactly as in its metadata.
    pub iss: &'a str,
    /// The client id for machines; an opaque user id for people.
    pub sub: &'a str,
    /// The client that asked.
    pub client_id: &'a str,
    /// The resource servers that may accept the token; never empty.
    pub aud: &'a [&'a str],
    /// Expiry, seconds since 1970 UTC.
    pub exp: i64,
    /// Time of issue, seconds since 1970 UTC.
    pub iat: i64,
    /// Start of validity, seconds since 1970 UTC; a little before `iat`, for clocks that lag.
    pub nbf: i64,
    /// Unique id of the token.
    pub jti: &'a str,
    /// Scopes, separated by blanks.
    pub scope: Option<&'a str>,
    /// The proof that the holder must give.
    pub cnf: Option<&'a Confirmation>,
    /// The company as a logistics agent.
    pub logistics_agent_uri: Option<&'a str>,
    /// The company as an `IoL` identifier.
    pub iol_identifier: Option<&'a str>,
    /// The company's main role; one of `roles`.
    pub role: Option<&'a str>,
    /// All roles of the company.
    pub roles: &'a [&'a str],
    /// How the ONE Record claims are called; [`ClaimNames::standard`] unless configured.
    pub names: &'a ClaimNames,
}

impl Serialize for AccessTokenClaims<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("iss", self.iss)?;
        map.serialize_entry("sub", self.sub)?;
        map.serialize_entry("client_id", self.client_id)?;
        map.serialize_entry("aud", self.aud)?;
        map.serialize_entry("exp", &self.exp)?;
        map.serialize_entry("iat", &self.iat)?;
        map.serialize_entry("nbf", &self.nbf)?;
        map.serialize_entry("jti", self.jti)?;
        if let Some(scope) = self.scope {
            map.serialize_entry("scope", scope)?;
        }
        if let Some(cnf) = self.cnf {
            map.serialize_entry("cnf", cnf)?;
        }
        for (name, value) in [
            (&self.names.logistics_agent_uri, self.logistics_agent_uri),
            (&self.names.iol_identifier, self.iol_identifier),
            (&self.names.role, self.role),
        ] {
            if let Some(value) = value {
                map.serialize_entry(name.canonical(), value)?;
            }
        }
        if !self.roles.is_empty() {
            map.serialize_entry("roles", self.roles)?;
        }
        map.end()
    }
}
