//! Requests, answers and keys for the tests of Carnet, and the report of its benchmark. A dev-dependency only: it
//! panics freely.
#![expect(clippy::expect_used, clippy::missing_panics_doc, reason = "a test without its tools must fail")]

mod answer;
pub mod fuzzing;
mod keys;
pub mod measure;

pub use answer::{Answer, form, send};
pub use keys::ClientKeyPair;
