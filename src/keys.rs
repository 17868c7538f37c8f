//! Keys of the installation: the master key that seals the others, the signing keys of access tokens, and the
//! key under which client secrets are kept.
//!
//! Private keys rest in the database as JWE-encrypted JWKs and live in memory as prepared key pairs. Nothing on
//! the way of a request parses a key: `provider` tells why that matters.

mod facts;
mod keyring;
mod master_key;
mod new_keys;
mod provider;
mod published;
mod purpose;
mod seal;

pub use facts::KeyFacts;
pub use keyring::{Keyring, KeysError};
pub use master_key::{MasterKey, MasterKeyError};
pub use new_keys::{GenerateError, NewKeys};
pub use provider::install_crypto_provider;
pub use published::PublishedKeySet;
pub use purpose::Purpose;
pub use seal::SealError;
