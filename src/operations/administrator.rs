//! Administrators: who is one, and how the first one is recovered.

mod authenticate;
mod reset;

pub use authenticate::{Administrator, authenticate};
pub use reset::reset_administrator;
