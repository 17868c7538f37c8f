//! Tokens that are taken back before they expire.

mod revoke;
mod revoke_administration;
mod revoke_own;

pub use revoke::{Revocation, Revoked, revoke};
pub use revoke_administration::revoke_administration;
pub use revoke_own::{OwnToken, revoke_own};
