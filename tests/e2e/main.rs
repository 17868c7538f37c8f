//! The built binary, driven as a user would: processes, plain sockets, other people's clients.
//!
//! `CARNET_TEST_DATABASE_URL=postgres://…` runs everything on PostgreSQL, otherwise on SQLite. A missing tool is a
//! failure, never a skip.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what went wrong by panicking, its helpers too"
)]

mod cluster;
mod endurance;
mod harness;
mod iap;
mod readme;
mod record;
