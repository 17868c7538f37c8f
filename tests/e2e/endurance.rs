//! Long proofs in their small size; `cargo xtask soak NAME` runs the same programs in full.

mod admin_api;
mod crash;
mod rotation;
