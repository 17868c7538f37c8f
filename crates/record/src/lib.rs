//! Reference ONE Record server: logistics objects, who owns them and who may read them.
//!
//! A resource server like any stranger's: it knows its IAP by address alone, finds the keys by discovery, and
//! checks tokens with `carnet-verifier`.

mod config;
mod core;
mod rdf;
mod router;
mod server;
mod used_proofs;
mod v2020;

pub use carnet_verifier::ReadsWithoutFeed;
pub use config::{Company, Config, ConfigError, Settings};
pub use server::{OpenError, Server};
