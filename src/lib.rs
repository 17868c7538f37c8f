//! Carnet, the identity and authorization provider (IAP) of the Internet of Logistics.
//!
//! The rooms and who may use whom: `docs/architecture.md`. A request enters by [`router`]; what an
//! administrator does stands once in [`operations`]; every SQL statement is in `db`.

pub mod admin;
pub mod anchoring;
pub mod app;
pub mod audit;
pub mod backup;
pub mod cli;
pub mod config;
pub mod data_dir;
pub mod db;
pub mod doctor;
pub mod following;
pub mod http;
pub mod keys;
pub mod oauth;
pub mod operations;
pub mod private_file;
pub mod registry;
pub mod revocation;
pub mod router;
pub mod telemetry;
pub mod tombstones;
