//! Reading the audit journal.

mod head;
mod list;

pub use head::head;
pub use list::list;

pub use crate::db::journal::{Filter, Record};
pub use crate::db::signed_head::SignedHead;
