//! Registered public keys of a client.

mod add;
mod check_key;
mod insert;
mod list;
mod revoke;

pub use add::{NewKeys, add};
pub use list::list;
pub use revoke::revoke;

pub(super) use check_key::{CheckedKey, check_set};
pub(super) use insert::insert;
