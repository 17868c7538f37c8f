//! Listeners: the accept loop, TLS, and what every request is held to before a router sees it.

mod budget;
mod guard;
mod prompt;
mod serve;
mod tls;

pub use budget::Budget;
pub use guard::{Guard, guard};
pub use serve::{Limits, Listener};
pub use tls::{TlsError, acceptor, certificate_expiry};
