//! Listeners: the accept loop, TLS, and what every request is held to before a router sees it.

mod budget;
mod client_address;
mod guard;
mod guarded;
mod prompt;
mod serve;
mod tls;
mod watch;

pub use budget::Budget;
pub use client_address::ClientAddress;
pub use guard::Guard;
pub use guarded::guard;
pub use serve::{Limits, Listener};
pub use tls::{TlsError, acceptor, certificate_expiry};
pub use watch::Watch;
