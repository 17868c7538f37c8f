//! Configuration: one TOML file, `CARNET_…` variables over it, command-line flags over both; validated once
//! into private fields, so that the rest of the program cannot meet a value that makes no sense.

mod check;
mod network;
mod raw;
mod record;
mod traces;
mod validated;

pub use check::ConfigError;
pub use network::Network;
pub use raw::{RawCompany, RawConfig};
pub use record::RecordConfig;
pub use traces::Tracing;
pub use validated::{Config, DEFAULT_DATA_DIR, KeySetCache, TlsFiles, Tokens};
