//! Databases of Carnet: SQLite as the embedded default, PostgreSQL for several nodes, behind one SQL text.
//!
//! The dialect is what both understand through `sqlx::Any`: TEXT and BIGINT columns, `$1` binds,
//! `ON CONFLICT`, `RETURNING`. A [`Writer`] and a [`Reader`] are different types, so that a statement that
//! changes something cannot be sent to a connection that must not.

mod address;
mod connect;
mod error;
mod onlooker;
mod pools;
#[cfg(feature = "testing")]
pub mod testing;

pub use address::{DatabaseUrl, Engine};
pub use connect::Database;
pub use error::Error;
pub use onlooker::Onlooker;
pub use pools::{Reader, Writer};
pub use sqlx;

/// A transaction on either engine.
pub type Transaction = sqlx::Transaction<'static, sqlx::Any>;

/// A row of either engine.
pub type Row = sqlx::any::AnyRow;
