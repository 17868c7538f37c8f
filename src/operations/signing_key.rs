//! Signing keys of this IAP: announce → activate → retire, by themselves, by command, or dropped at once.

mod announce;
mod list;
mod revoke;
mod rewrap;
mod rotate;
mod tend;

pub use list::{KeyRecord, list};
pub use revoke::{Revoked, revoke};
pub use rewrap::rewrap;
pub use rotate::{Rotated, rotate};
pub use tend::tend;

use crate::operations::Refusal;
use crate::registry::SigningAlgorithm;

const KIND: &str = "signing key";

/// What the journal says of a key: never more than its name and where it stands.
#[derive(Debug, Clone, Copy, serde::Serialize)]
struct Journaled<'a> {
    kid: &'a str,
    purpose: &'a str,
    alg: &'a str,
    state: &'a str,
}

/// Somebody else was first, between two looks of this operation.
fn changed() -> Refusal {
    Refusal::conflict("kid", "was changed at the same moment", "look at the keys again, and decide again")
}

/// A slot that one active key fills: a purpose, and one of its algorithms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Slot {
    purpose: crate::keys::Purpose,
    algorithm: SigningAlgorithm,
}
