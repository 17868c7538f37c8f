//! What an administrator does, once: check → transaction → journal → refresh of the memory image.
//!
//! One operation per file; whoever renders them (the admin API, the command line, the first start) decides
//! nothing. A refusal is typed and names the field that is at fault.

mod actor;
pub mod administrator;
pub mod approval;
pub mod bootstrap;
mod call;
mod check;
pub mod client;
pub mod client_key;
pub mod client_secret;
mod context;
pub mod expiring;
pub mod idempotency;
pub mod identifier;
pub mod initial_access_token;
pub mod journal;
mod negative;
pub mod participant;
mod refusal;
pub mod registration;
pub mod resource_server;
mod setting;
pub mod signing_key;
pub mod token;
mod version;

pub use actor::Actor;
pub use administrator::{Administrator, authenticate, reset_administrator};
pub use call::Call;
pub use context::{Context, ListRequest};
pub use refusal::{FieldError, Held, Refusal};
pub use version::version;
