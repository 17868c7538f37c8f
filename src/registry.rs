//! Who is registered: participants, their ONE Record IDs, clients, resource servers; the rules that hold
//! for them, and the memory image that the token endpoint answers from.

mod address_range;
pub mod administration_token;
mod approval;
mod client;
mod company_uri;
mod follower;
mod image;
mod imported_hash;
mod opaque_token;
mod participant;
mod resource_server;
pub mod scope;
mod secret;

pub use crate::db::initial_access_token::InitialAccessToken;
pub use address_range::{AddressRange, AddressRangeError};
pub use approval::{Approval, ApprovalState, Sensitive};
pub use client::{
    Client, ClientKey, ClientKind, ClientSecret, CredentialKind, CredentialStatus, ExpiringCredential,
    SecretDigest, TokenEndpointAuthMethod,
};
pub use company_uri::{CompanyUri, CompanyUriError};
pub use follower::{Follower, Observed, Stale};
pub use image::{ClientEntry, Image, UsableKey};
pub use imported_hash::{HashMemory, ImportedHash, ImportedHashError};
pub use opaque_token::{OpaqueKind, OpaqueToken};
pub use participant::{OneRecordId, OneRecordIdStatus, Participant, Role, Status};
pub use resource_server::{AccessTokenTyp, ResourceServer, SigningAlgorithm};
pub use secret::{GeneratedSecret, MAX_IMPORTED_SECRET, has_secret_format, is_importable};

/// A word that the domain does not know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{word}` is not one of {known}")]
pub struct UnknownWord {
    /// What was given.
    pub word: String,
    /// What could have been.
    pub known: &'static str,
}

/// An enum that is one word on the wire and in the database.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident = $word:literal),+ $(,)? } known $known:literal) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $name {
            $($(#[$vmeta])* #[serde(rename = $word)] $variant),+
        }

        impl $name {
            /// The word that stands on the wire and in the database.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::registry::UnknownWord;
            fn from_str(word: &str) -> Result<Self, Self::Err> {
                match word {
                    $($word => Ok(Self::$variant),)+
                    _ => Err($crate::registry::UnknownWord { word: word.chars().take(64).collect(), known: $known }),
                }
            }
        }

        // By hand: the derive does not see through a literal that comes out of a macro, and would name the variants.
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .enum_values(Some([$($word),+]))
                    .into()
            }
        }

        impl utoipa::ToSchema for $name {
            fn name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}
pub(crate) use words;
