//! Audiences: servers that accept this IAP's access tokens.

mod create;
mod disable;
mod enable;
mod get;
mod identifier;
mod list;
mod status;
mod update;

pub use create::{NewResourceServer, create};
pub use disable::disable;
pub use enable::enable;
pub use get::get;
pub use list::list;
pub use update::{ResourceServerChange, update};

pub(super) const KIND: &str = "resource server";
const HINT: &str = "one identifier names one server: change the one that has it, or choose another";
