//! The identity provider as a whole, in process: real routers, a real database, a clock and a random
//! generator of the test's own.
//!
//! With `CARNET_TEST_DATABASE_URL` the suite runs on PostgreSQL, without it on SQLite.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test whose tools fail must fail")]

mod admin_api;
mod admin_clients;
mod admin_routes;
mod anchoring;
mod backup;
mod client_assertion;
mod discovery;
mod doctor;
mod first_start;
mod harness;
mod journal;
mod journal_api;
mod registry_image;
mod restore;
mod tls;
mod token_endpoint;
