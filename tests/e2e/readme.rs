//! The README, executed: its first command, and the five-minute walk with every answer that it prints.
//!
//! These build the release program, as the README says; `cargo xtask test` runs them as its last step.

mod blocks;
mod demo;
mod expected;
mod shell;
mod walk;

fn readme() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap()
}
