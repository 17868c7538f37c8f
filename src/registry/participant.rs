use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{UnknownWord, words};

words! {
    /// Whether something may be used.
    Status {
        /// It may.
        Active = "active",
        /// It may not, nor may anything below it, until it is enabled again.
        Disabled = "disabled",
    } known "active, disabled"
}

words! {
    /// Where a ONE Record ID stands.
    OneRecordIdStatus {
        /// It may stand in tokens.
        Approved = "approved",
        /// It may not, for now.
        Suspended = "suspended",
    } known "approved, suspended"
}

/// A company registered with this IAP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Participant {
    /// ULID.
    pub id: String,
    /// Its name, for people.
    pub name: String,
    /// Its main ONE Record ID, canonical.
    pub iol_identifier: String,
    /// The same company in the current standard, canonical.
    pub logistics_agent_uri: String,
    /// Stakeholder roles, the main one first; never empty.
    pub roles: Vec<Role>,
    /// Whether its clients get tokens.
    pub status: Status,
    /// Milliseconds since 1970-01-01 UTC.
    pub created_at: i64,
    /// Milliseconds since 1970-01-01 UTC.
    pub updated_at: i64,
}

/// A ONE Record ID: an https URI that names one company, and no other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OneRecordId {
    /// The URI, canonical.
    pub uri: String,
    /// Whose it is.
    pub participant_id: String,
    /// Whether it stands in tokens of clients that are registered for no other.
    pub main: bool,
    /// Whether it may stand in tokens.
    pub status: OneRecordIdStatus,
    /// Milliseconds since 1970-01-01 UTC.
    pub created_at: i64,
}

/// A stakeholder code such as `SHP`, `FWD`, `CAR`, `GHA`: two to sixteen capital letters, digits or `_`.
///
/// Which codes an installation knows is configuration; this type keeps their form.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Role(String);

impl Role {
    /// The codes that every installation knows.
    pub const KNOWN: [&'static str; 7] = ["SHP", "FWD", "CAR", "GHA", "CUS", "RFS", "ITP"];

    /// The code.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Role {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        let fits = (2..=16).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(UnknownWord {
                word: text.chars().take(64).collect(),
                known: "the role codes, such as SHP, FWD, CAR, GHA, CUS, RFS, ITP",
            })
        }
    }
}

impl TryFrom<String> for Role {
    type Error = UnknownWord;

    fn try_from(text: String) -> Result<Self, UnknownWord> {
        text.parse()
    }
}

impl From<Role> for String {
    fn from(role: Role) -> Self {
        role.0
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
