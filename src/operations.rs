//! What an administrator does, once: check → transaction → journal → refresh of the memory image.
//!
//! One operation per file; whoever renders them (the admin API, the command line, the first start) decides
//! nothing. A refusal is typed and names the field that is at fault.

mod administrator;
pub mod bootstrap;
mod check;
pub mod client;
pub mod client_key;
pub mod client_secret;
mod context;
pub mod identifier;
pub mod journal;
mod negative;
pub mod participant;
mod refusal;
pub mod resource_server;

pub use administrator::{Administrator, authenticate, reset_administrator};
pub use context::{Actor, Context, ListRequest};
pub use refusal::{FieldError, Refusal};
