//! Companies registered with this IAP.

mod create;
mod disable;
mod enable;
mod get;
mod list;
mod status;

pub use create::{NewParticipant, create};
pub use disable::disable;
pub use enable::enable;
pub use get::get;
pub use list::list;

pub(super) const KIND: &str = "participant";
