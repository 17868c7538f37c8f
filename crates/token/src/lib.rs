#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

pub mod access_token;
mod algorithm;
pub mod assertion;
pub mod base64url;
pub mod claims;
pub mod compact;
mod confirmation;
pub mod identifier;
pub mod json;
pub mod jwk;
mod numeric_date;
pub mod proof;
mod refusal;
pub mod revocation;
mod signing_key;
mod thumbprint;

pub use access_token::{AccessToken, IssuerRules, TokenProfile};
pub use algorithm::{Algorithm, UnknownAlgorithm};
pub use claims::{AccessTokenClaims, AccessTokenTyp, ClaimName, ClaimNames};
pub use confirmation::{Confirmation, ConfirmationError, KeyRef};
pub use jsonwebtoken::EncodingKey;
pub use jwk::{Jwk, KeyError, KeySet, KeySetError, PublicKey, Withheld};
pub use refusal::Refusal;
pub use signing_key::{SignError, SigningKey, SigningKeyError};
pub use thumbprint::Thumbprint;
