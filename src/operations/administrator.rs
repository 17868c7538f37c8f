//! Administrators: who is one, how they are made and changed, and how the first one is recovered.

mod authenticate;
mod check_reach;
mod create;
mod disable;
mod enable;
mod get;
mod list;
mod reset;
mod update;

pub(super) use authenticate::is_active;
pub use authenticate::{Administrator, authenticate};
pub use create::{NewAdministrator, create};
pub use disable::disable;
pub use enable::enable;
pub use get::get;
pub use list::list;
pub use reset::reset_administrator;
pub use update::{AdministratorChange, update};

pub(super) use check_reach::{check_gives, check_takes};

const KIND: &str = "administrator";
