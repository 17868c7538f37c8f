//! Configuration: one TOML file, `CARNET_…` variables over it, command-line flags over both; validated once
//! into private fields, so that the rest of the program cannot meet a value that makes no sense.

mod raw;
mod validated;

pub use raw::{RawCompany, RawConfig};
pub use validated::{Config, ConfigError, DEFAULT_DATA_DIR, KeySetCache, RecordConfig, TlsFiles, Tokens};
