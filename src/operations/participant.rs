//! Companies registered with this IAP.

mod create;
mod disable;
mod enable;
mod get;
mod list;
mod status;
mod update;

pub use create::{NewParticipant, create};
pub use disable::disable;
pub use enable::enable;
pub use get::get;
pub use list::list;
pub use update::{ParticipantChange, update};

pub(super) const KIND: &str = "participant";
