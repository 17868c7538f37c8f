//! Tables as such, whatever is in them: what a backup copies, in a form that no engine owns.
//!
//! Every column is TEXT or BIGINT, so that a row is a list of texts and numbers. Names of tables come from this
//! program's own migrations and names of columns from the database's catalogue, never from a backup.

use carnet_db::sqlx::{self, Any, AssertSqlSafe, Row as _};
use carnet_db::{Engine, Row, Transaction};
use futures_util::TryStreamExt;
use serde::{Deserialize, Serialize};

use super::Error;

/// A table and its columns in the order of its definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// Its columns.
    pub columns: Vec<Column>,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Whether it holds text; else it holds numbers.
    pub text: bool,
}

/// What stands in one column of a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Cell {
    /// Nothing.
    Null,
    /// A number.
    Number(i64),
    /// A text.
    Text(String),
}

/// The number of the newest migration that this program knows: what it means by its tables.
#[must_use]
pub fn schema() -> i64 {
    super::migrations().iter().map(|migration| migration.version).max().unwrap_or_default()
}

/// The number of the newest migration that was applied; 0 when none was, or the database is another program's.
pub async fn applied(tx: &mut Transaction, engine: Engine) -> Result<i64, Error> {
    if columns(tx, engine, super::MIGRATIONS_TABLE).await?.is_empty() {
        return Ok(0);
    }
    let query = AssertSqlSafe(format!("SELECT COALESCE(MAX(version), 0) FROM {}", super::MIGRATIONS_TABLE));
    Ok(sqlx::query_scalar(query).fetch_one(&mut **tx).await?)
}

/// Names of all tables, in the order in which they were made: what refers to a table stands behind it.
#[must_use]
pub fn names() -> Vec<String> {
    let mut names = Vec::new();
    for migration in super::migrations().iter() {
        for line in migration.sql.as_str().lines() {
            let Some(rest) = line.strip_prefix("CREATE TABLE ") else { continue };
            let rest = rest.trim_start_matches("IF NOT EXISTS ");
            names.extend(rest.split([' ', '(']).next().map(str::to_owned));
        }
    }
    names
}

/// All tables as they are in the database.
pub async fn all(tx: &mut Transaction, engine: Engine) -> Result<Vec<Table>, Error> {
    let mut tables = Vec::new();
    for name in names() {
        let columns = columns(tx, engine, &name).await?;
        tables.push(Table { name, columns });
    }
    Ok(tables)
}

async fn columns(tx: &mut Transaction, engine: Engine, table: &str) -> Result<Vec<Column>, Error> {
    // Each engine has a catalogue of its own; nothing else in this room asks which one it is.
    let query = match engine {
        Engine::Sqlite => {
            "SELECT CAST(name AS TEXT), CAST(type AS TEXT) FROM pragma_table_info($1) ORDER BY cid"
        }
        Engine::Postgres => {
            "SELECT CAST(column_name AS TEXT), CAST(data_type AS TEXT) FROM information_schema.columns \
             WHERE table_schema = current_schema() AND table_name = $1 ORDER BY ordinal_position"
        }
    };
    let found: Vec<(String, String)> = sqlx::query_as(query).bind(table).fetch_all(&mut **tx).await?;
    let column = |(name, kind): (String, String)| Column { name, text: kind.eq_ignore_ascii_case("text") };
    Ok(found.into_iter().map(column).collect())
}

/// Reads every row, in the order of the first column, and hands it to `each`, until that refuses.
pub async fn rows<E: From<Error>>(
    tx: &mut Transaction,
    table: &Table,
    mut each: impl FnMut(Vec<Cell>) -> Result<(), E>,
) -> Result<i64, E> {
    let query = format!("SELECT {} FROM {} ORDER BY 1", names_of(table), quoted(&table.name));
    let mut rows = sqlx::query(AssertSqlSafe(query)).fetch(&mut **tx);
    let mut count = 0;
    while let Some(row) = rows.try_next().await.map_err(Error::from)? {
        each(cells(&row, table)?)?;
        count += 1;
    }
    Ok(count)
}

fn cells(row: &Row, table: &Table) -> Result<Vec<Cell>, Error> {
    let cell = |(at, column): (usize, &Column)| {
        Ok(if column.text {
            row.try_get::<Option<String>, _>(at)?.map_or(Cell::Null, Cell::Text)
        } else {
            row.try_get::<Option<i64>, _>(at)?.map_or(Cell::Null, Cell::Number)
        })
    };
    table.columns.iter().enumerate().map(cell).collect()
}

/// Writes a row. [`Error::Corrupt`] when a cell does not fit its column.
pub async fn insert(tx: &mut Transaction, table: &Table, row: Vec<Cell>) -> Result<(), Error> {
    let places: Vec<String> = (1..=table.columns.len()).map(|at| format!("${at}")).collect();
    let query =
        format!("INSERT INTO {} ({}) VALUES ({})", quoted(&table.name), names_of(table), places.join(", "));
    let misfit = |column: &Column| Error::Corrupt {
        table: "backup",
        column: "row",
        id: format!("{}.{}", table.name, column.name),
        reason: "another kind of value, or another number of them".to_owned(),
    };
    let mut insert = sqlx::query::<Any>(AssertSqlSafe(query));
    let mut row = row.into_iter();
    for column in &table.columns {
        insert = match (row.next(), column.text) {
            (Some(Cell::Null), true) => insert.bind(None::<String>),
            (Some(Cell::Null), false) => insert.bind(None::<i64>),
            (Some(Cell::Text(text)), true) => insert.bind(text),
            (Some(Cell::Number(number)), false) => insert.bind(number),
            _ => return Err(misfit(column)),
        };
    }
    insert.execute(&mut **tx).await?;
    Ok(())
}

/// Removes every row of all tables: those that the migrations put there.
pub async fn clear(tx: &mut Transaction) -> Result<(), Error> {
    for name in names().iter().rev() {
        sqlx::query(AssertSqlSafe(format!("DELETE FROM {}", quoted(name)))).execute(&mut **tx).await?;
    }
    Ok(())
}

/// What SQLite finds wrong with its own file; nothing when it is sound.
pub async fn integrity(tx: &mut Transaction, engine: Engine) -> Result<Vec<String>, Error> {
    if engine == Engine::Postgres {
        return Ok(Vec::new());
    }
    let found: Vec<String> = sqlx::query_scalar("PRAGMA integrity_check").fetch_all(&mut **tx).await?;
    Ok(found.into_iter().filter(|line| line != "ok").collect())
}

fn names_of(table: &Table) -> String {
    table.columns.iter().map(|column| quoted(&column.name)).collect::<Vec<_>>().join(", ")
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use carnet_db::testing::TestDatabase;

    use super::*;

    #[tokio::test]
    async fn every_table_of_the_database_is_known_with_its_columns() {
        let test = TestDatabase::create().await;
        let database = test.connect().await;
        crate::db::migrate(&database).await.unwrap();
        let mut tx = database.snapshot().await.unwrap();
        assert_eq!(applied(&mut tx, database.engine()).await.unwrap(), schema());
        let tables = all(&mut tx, database.engine()).await.unwrap();
        for table in &tables {
            assert!(!table.columns.is_empty(), "{} is not in the database", table.name);
        }
        let query = match database.engine() {
            Engine::Sqlite => "SELECT CAST(name AS TEXT) FROM sqlite_master WHERE type = 'table'",
            Engine::Postgres => {
                "SELECT CAST(table_name AS TEXT) FROM information_schema.tables \
                 WHERE table_schema = current_schema()"
            }
        };
        let found: Vec<String> = sqlx::query_scalar(query).fetch_all(&mut *tx).await.unwrap();
        for name in found.iter().filter(|name| !name.starts_with("sqlite_")) {
            let known = name == crate::db::MIGRATIONS_TABLE || tables.iter().any(|table| table.name == *name);
            assert!(known, "{name} would be missing in a backup");
        }
        let journal = tables.iter().find(|table| table.name == "journal").unwrap();
        assert_eq!(journal.columns[0], Column { name: "sequence".to_owned(), text: false });
        assert_eq!(journal.columns[2], Column { name: "actor".to_owned(), text: true });
        assert!(integrity(&mut tx, database.engine()).await.unwrap().is_empty());
    }
}
