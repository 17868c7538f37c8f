//! Secrets and client keys that will expire soon: a list for whoever asks, and warnings for the log.

mod list;
mod warn;

pub use list::list;
pub use warn::warn;

/// A day in milliseconds.
pub const DAY: i64 = 86_400_000;
