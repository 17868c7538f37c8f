//! Long proofs in their small size; `cargo xtask soak NAME` runs the same programs in full.

mod admin_api;
mod crash;
mod rotation;

/// Whether a long proof is to run in its full size.
fn full_size() -> bool {
    std::env::var_os("CARNET_TEST_FULL_SIZE").is_some_and(|value| value == "1")
}
