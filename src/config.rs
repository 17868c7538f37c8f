//! Configuration: one TOML file, `CARNET_…` variables over it, command-line flags over both; validated once
//! into private fields, so that the rest of the program cannot meet a value that makes no sense.

mod approvals;
mod check;
mod keys;
mod network;
mod proxies;
mod raw;
mod record;
mod throttle;
mod traces;
mod validated;

pub use approvals::Approvals;
pub use check::ConfigError;
pub use keys::KeyLife;
pub use network::Network;
pub use proxies::{ForwardedHeader, Proxies};
pub use raw::{RawCompany, RawConfig};
pub use record::RecordConfig;
pub use throttle::ThrottleLimits;
pub use traces::Tracing;
pub use validated::{Config, DEFAULT_DATA_DIR, DpopKeyPolicy, KeySetCache, TlsFiles, Tokens};
