//! Logistics objects, their revisions and the rights on them: what both generations of the API stand on.
//!
//! A face hands in canonical IRIs and takes canonical IRIs out; it decides nothing. Each command is one
//! transaction.

mod access;
mod acl;
mod create;
mod graph;
mod open;

use carnet_ambient::{Clock, Entropy};
use carnet_db::Database;

use crate::rdf::Limits;

pub(crate) use access::{Mode, Modes};
pub(crate) use acl::{AclError, Rule};
pub(crate) use create::{CreateError, NewObject, Prepared};
pub(crate) use open::{OpenError, Opened, Stored};

/// The commands.
#[derive(Clone)]
pub(crate) struct Core {
    pub(crate) database: Database,
    pub(crate) clock: Clock,
    pub(crate) entropy: Entropy,
    /// Whether a company named in an object may read it.
    pub(crate) implicit_grant: bool,
    pub(crate) limits: Limits,
}

/// Where a logistics object lives on this server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    /// The path of the company.
    pub tenant: String,
    pub local_id: String,
}

/// The database failed, or holds what it must not.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    #[error(transparent)]
    Database(#[from] carnet_db::Error),
    #[error("database: {0}")]
    Statement(#[from] sqlx::Error),
    #[error("{table}.{column} of {id} cannot be read")]
    Corrupt { table: &'static str, column: &'static str, id: String },
    #[error("a stored graph cannot be written")]
    Unwritable,
}
