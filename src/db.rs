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
pub mod registration;
pub mod resource_server;
pub mod revocation_feed;
pub mod sealed_key;
pub mod signed_head;
pub mod table;
pub mod withdrawal;

use carnet_db::sqlx::{self, Row as _};
use carnet_db::{Database, Row};
use futures_util::{Stream, TryStreamExt as _};

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

/// A row being read: it knows its table and id, so that an error can name them.
pub(crate) struct Reading<'a> {
    row: &'a Row,
    table: &'static str,
    id: String,
}

impl<'a> Reading<'a> {
    pub(crate) fn new(row: &'a Row, table: &'static str, id_column: &'static str) -> Result<Self, Error> {
        Ok(Self { row, table, id: row.try_get(id_column)? })
    }

    pub(crate) fn text(&self, column: &'static str) -> Result<String, Error> {
        Ok(self.row.try_get(column)?)
    }

    pub(crate) fn optional_text(&self, column: &'static str) -> Result<Option<String>, Error> {
        Ok(self.row.try_get(column)?)
    }

    pub(crate) fn number(&self, column: &'static str) -> Result<i64, Error> {
        Ok(self.row.try_get(column)?)
    }

    pub(crate) fn optional_number(&self, column: &'static str) -> Result<Option<i64>, Error> {
        Ok(self.row.try_get(column)?)
    }

    pub(crate) fn flag(&self, column: &'static str) -> Result<bool, Error> {
        Ok(self.number(column)? == 1)
    }

    /// A text column that holds a word of the domain.
    pub(crate) fn word<T>(&self, column: &'static str) -> Result<T, Error>
    where
        T: std::str::FromStr,
        T::Err: std::fmt::Display,
    {
        self.text(column)?.parse().map_err(|reason: T::Err| self.corrupt(column, reason.to_string()))
    }

    /// A text column that holds JSON.
    pub(crate) fn json<T: serde::de::DeserializeOwned>(&self, column: &'static str) -> Result<T, Error> {
        serde_json::from_str(&self.text(column)?).map_err(|reason| self.corrupt(column, reason.to_string()))
    }

    pub(crate) fn corrupt(&self, column: &'static str, reason: String) -> Error {
        Error::Corrupt { table: self.table, column, id: self.id.clone(), reason }
    }
}

/// Reads rows one by one, for statements that give a whole table: all rows at once, in the general form in which they
/// come, would be several times as large as what is made of them.
pub(crate) async fn read_all<T>(
    mut rows: impl Stream<Item = Result<Row, sqlx::Error>> + Unpin,
    read: fn(&Row) -> Result<T, Error>,
) -> Result<Vec<T>, Error> {
    let mut all = Vec::new();
    while let Some(row) = rows.try_next().await? {
        all.push(read(&row)?);
    }
    Ok(all)
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
