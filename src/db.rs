//! Every SQL statement of the identity provider, one file per table.
//!
//! A row becomes a domain value in one place, beside its statements; a row that does not parse is an
//! error that names table, column and id, never a guess.

pub mod administration_token;
pub mod approval;
pub mod client;
pub mod client_key;
pub mod client_secret;
pub mod consumed_identifier;
pub mod credential_expiry;
pub mod idempotency_record;
pub mod initial_access_token;
pub mod installation;
pub mod journal;
pub mod negative_decision;
pub mod one_record_id;
pub mod participant;
mod reading;
pub mod registration;
pub mod resource_server;
pub mod revocation_feed;
pub mod sealed_key;
mod shared_lists;
pub mod signed_head;
pub mod table;
mod whole_table;
pub mod withdrawal;

use std::time::Duration;

use carnet_db::Database;
use carnet_db::sqlx;

pub(crate) use self::reading::Reading;

/// The table that remembers which migrations of the identity provider were applied.
const MIGRATIONS_TABLE: &str = "carnet_iap_migrations";

/// What a statement of this room can fail with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The database refused or did not answer.
    #[error(transparent)]
    Database(#[from] carnet_db::Error),
    /// The database takes too long.
    #[error("the database did not answer in time")]
    NoAnswer,
    /// The journal is not the one that this node has followed.
    #[error(
        "the database was set back: record {seen} of the journal, which this node has seen, is not there any more, and \
         what was revoked since may be valid again; stop this node, and see what carnet doctor says"
    )]
    SetBack {
        /// The last record that this node has seen.
        seen: i64,
    },
    /// A unique constraint refused an insert: somebody else holds that value.
    #[error("already taken in table {table}")]
    Taken {
        /// The table whose constraint refused.
        table: &'static str,
    },
    /// A row holds something that its column must not hold.
    #[error(
        "the database holds a value that this program does not understand: {table}.{column} of {id}: {reason}"
    )]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// The row's id.
        id: String,
        /// What is wrong with the value.
        reason: String,
    },
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error.into())
    }
}

/// Brings the schema up to date.
///
/// # Errors
/// When a migration fails or the schema is newer than this program.
pub async fn migrate(database: &Database) -> Result<(), Error> {
    Ok(database.migrate(migrations(), MIGRATIONS_TABLE).await?)
}

fn migrations() -> sqlx::migrate::Migrator {
    sqlx::migrate!("./migrations/iap")
}

/// Turns a refusal by a unique constraint into [`Error::Taken`].
pub(crate) fn taken(table: &'static str) -> impl Fn(sqlx::Error) -> Error {
    move |error| match &error {
        sqlx::Error::Database(inner) if inner.is_unique_violation() => Error::Taken { table },
        _ => error.into(),
    }
}

/// How long the database may take for an answer before a node that follows it
/// gives up and tries again: a connection that has silently died would else keep it from finding the database again.
const PATIENCE: Duration = Duration::from_secs(1);

/// The same for some hundred rows of a whole table, which a database that has just started reads from its disk.
const PATIENCE_WITH_MANY: Duration = Duration::from_secs(10);

/// Waits for one answer as long as a node that follows the database can.
///
/// # Errors
/// The answer's own, and [`Error::NoAnswer`].
pub(crate) async fn soon<T, E: Into<Error>>(answer: impl Future<Output = Result<T, E>>) -> Result<T, Error> {
    within(PATIENCE, answer).await
}

/// Waits for some hundred rows.
///
/// # Errors
/// The answer's own, and [`Error::NoAnswer`].
pub(crate) async fn soon_many<T, E: Into<Error>>(
    answer: impl Future<Output = Result<T, E>>,
) -> Result<T, Error> {
    within(PATIENCE_WITH_MANY, answer).await
}

async fn within<T, E: Into<Error>>(
    patience: Duration,
    answer: impl Future<Output = Result<T, E>>,
) -> Result<T, Error> {
    match tokio::time::timeout(patience, answer).await {
        Ok(answered) => answered.map_err(Into::into),
        Err(_) => Err(Error::NoAnswer),
    }
}

/// A list as a JSON text column.
pub(crate) fn json_text<T: serde::Serialize>(value: &T) -> String {
    // Lists of words always serialise; an empty list is what a reader of a broken one would get.
    serde_json::to_string(value).unwrap_or_else(|_| "[]".to_owned())
}

/// One page of a list in id order, and where the next begins.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// The rows of this page.
    pub items: Vec<T>,
    /// Pass this as the next `cursor`; `None` on the last page.
    pub next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// Cuts a list that was read with one row more than `limit`.
    pub(crate) fn cut(mut items: Vec<T>, limit: i64, id: impl Fn(&T) -> String) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = items.len() > limit;
        items.truncate(limit);
        let next_cursor = if more { items.last().map(id) } else { None };
        Self { items, next_cursor }
    }
}

/// A statement of two constant pieces; nothing of a caller's ever enters here.
pub(crate) fn select(columns: &'static str, rest: &'static str) -> sqlx::AssertSqlSafe<String> {
    sqlx::AssertSqlSafe(format!("{columns}{rest}"))
}
