//! Keys of the installation: the master key that seals the others, the signing keys (of access tokens, of lists and
//! feeds, of journal heads), and the key under which client secrets are kept.
//!
//! Private keys rest in the database as JWE-encrypted JWKs and live in memory as prepared key pairs. Nothing on
//! the way of a request parses a key: `provider` tells why that matters.

mod handle;
mod keyring;
mod life;
mod master_key;
mod new_keys;
mod provider;
mod published;
mod purpose;
mod seal;

pub use handle::{Keys, RefreshError};
pub use keyring::{Keyring, KeysError, LiveKey};
pub use master_key::{MasterKey, MasterKeyError, coming_master_key, take_over_master_key};
pub use new_keys::{GenerateError, LIST_ALGORITHM, NewKey, NewKeys};
pub use provider::install_crypto_provider;
pub use published::PublishedKeySet;
pub use purpose::{KeyState, Purpose};
pub use seal::SealError;
