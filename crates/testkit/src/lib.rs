//! Requests, answers and keys for the tests of Carnet. A dev-dependency only: it panics freely.
#![expect(clippy::expect_used, clippy::missing_panics_doc, reason = "a test without its tools must fail")]

mod answer;
mod keys;

pub use answer::{Answer, form, send};
pub use keys::ClientKeyPair;
