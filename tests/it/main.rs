//! The identity provider as a whole, in process: real routers, a real database, a clock and a random
//! generator of the test's own.
//!
//! With `CARNET_TEST_DATABASE_URL` the suite runs on PostgreSQL, without it on SQLite.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test whose tools fail must fail")]

mod admin_administrators;
mod admin_api;
mod admin_approvals;
mod admin_clients;
mod admin_idempotency;
mod admin_routes;
mod admin_updates;
mod anchoring;
mod backup;
mod bound_tokens;
mod client_assertion;
mod client_authentication;
mod discovery;
mod doctor;
mod first_start;
mod harness;
mod introspection;
mod journal;
mod journal_api;
mod metrics;
mod registration;
mod registry_image;
mod restore;
mod revocation;
mod revocation_feed;
mod signing_keys;
mod tls;
mod token_endpoint;
mod traces;
mod upgrade;
