//! The record server through its router, on a database of its own per test.
//!
//! SQLite by default, PostgreSQL with `CARNET_TEST_DATABASE_URL`.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on must fail")]

mod acl;
mod create;
mod errors;
mod harness;
mod order;
mod proofs;
mod read;
mod samples;
mod tokens;
