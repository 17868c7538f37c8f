//! Machines of participants, and administrators.

mod audiences;
mod create;
mod disable;
mod enable;
mod get;
mod list;
mod status;
mod update;

pub use create::{Created, NewClient, create};
pub(super) use create::{insert, prepare};
pub use disable::disable;
pub use enable::enable;
pub use get::get;
pub use list::list;
pub use update::{ClientChange, update};

pub(super) use status::disable_in;

use serde::Serialize;

use crate::registry::Client;

pub(super) const KIND: &str = "client";

/// A client, with its audiences spelled out.
#[derive(Debug, Clone, Serialize)]
pub struct Details {
    /// The client.
    pub client: Client,
    /// Identifiers of the resource servers that it may ask for; empty means the default one.
    pub audiences: Vec<String>,
    /// Identifiers of the resource servers that it speaks for.
    pub introspects: Vec<String>,
}

impl Details {
    /// An administrator, whose tokens are for this server alone.
    pub(super) fn administrator(client: Client) -> Self {
        Self { client, audiences: Vec::new(), introspects: Vec::new() }
    }
}
