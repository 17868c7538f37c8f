//! Whole tables, for the memory image.
//!
//! A row is little work, but a driver that hands out every value of every row on its own makes it ten times as much. So
//! the database itself writes some hundred rows as one JSON text.

use std::borrow::Cow;
use std::fmt;

use carnet_db::sqlx::{self, AnyConnection, AssertSqlSafe, Row as _};
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, Visitor};

use super::{Error, Reading, soon_many};

/// How many rows come in one text.
const ROWS: usize = 512;

/// What is read, and where.
#[derive(Debug, Clone, Copy)]
pub(super) struct Whole {
    /// The table, for errors.
    pub(super) table: &'static str,
    /// The statement that reads rows; all its columns have plain names, or names by `AS`.
    pub(super) select: &'static str,
    /// The column with the row's id, as the statement calls it; unique.
    pub(super) key: &'static str,
    /// A condition that ends with ` AND `, or nothing.
    pub(super) only: &'static str,
}

/// A value of a row.
#[derive(Debug)]
pub(super) enum Cell<'a> {
    Null,
    Number(i64),
    Text(Cow<'a, str>),
}

/// Rows as the database wrote them, and the id of the last of them: none after the end of the table.
type Text = (String, Option<String>);

impl Whole {
    /// Reads all rows, in the order of their ids.
    pub(super) async fn read<T>(
        self,
        connection: &mut AnyConnection,
        mut parse: impl FnMut(&Reading<'_>) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        let names = self.names();
        let statement = self.statement(&names, connection.backend_name() == "PostgreSQL");
        let mut all = Vec::new();
        let (mut rows, mut last) = self.next(connection, &statement, "").await?;
        while let Some(after) = last {
            // The database writes the next text while this one is read.
            let reading = async { self.parse(&rows, &names, &mut parse, &mut all) };
            let (next, read) = tokio::join!(biased; self.next(connection, &statement, &after), reading);
            read?;
            (rows, last) = next?;
        }
        Ok(all)
    }

    async fn next(self, connection: &mut AnyConnection, statement: &str, after: &str) -> Result<Text, Error> {
        // Constants of this room, joined; nothing of a caller's ever enters here.
        let query = sqlx::query(AssertSqlSafe(statement.to_owned())).bind(after);
        let row = soon_many(query.fetch_one(connection)).await?;
        let last: Option<String> = row.try_get("last")?;
        // PostgreSQL makes nothing, not an empty list, of no rows.
        let rows: Option<String> = row.try_get("list")?;
        Ok((rows.unwrap_or_default(), last))
    }

    fn parse<T>(
        self,
        rows: &str,
        names: &[&'static str],
        parse: &mut impl FnMut(&Reading<'_>) -> Result<T, Error>,
        all: &mut Vec<T>,
    ) -> Result<(), Error> {
        let rows: Vec<Vec<Cell<'_>>> = serde_json::from_str(rows).map_err(|reason| Error::Corrupt {
            table: self.table,
            column: "(all)",
            id: "a row".to_owned(),
            reason: reason.to_string(),
        })?;
        all.reserve(rows.len());
        for cells in &rows {
            all.push(parse(&Reading::of_cells(names, cells, self.table, self.key_name()))?);
        }
        Ok(())
    }

    /// The names of the columns, out of the statement.
    fn names(self) -> Vec<&'static str> {
        let columns = self.select.trim_start_matches("SELECT ").split(" FROM ").next().unwrap_or_default();
        columns.split(',').map(name).collect()
    }

    fn key_name(self) -> &'static str {
        name(self.key)
    }

    fn statement(self, names: &[&str], postgres: bool) -> String {
        let Self { select, key, only, .. } = self;
        let (list, array, as_text) = if postgres {
            ("json_agg", "json_build_array", "CAST({} AS TEXT)")
        } else {
            ("json_group_array", "json_array", "{}")
        };
        let list = as_text.replace("{}", &format!("{list}({array}({}))", names.join(", ")));
        let key_name = self.key_name();
        format!(
            "SELECT {list} AS list, MAX({key_name}) AS last FROM ({select} WHERE {only}{key} > $1 ORDER BY {key} LIMIT \
             {ROWS}) AS part"
        )
    }
}

/// What a column of a statement is called: the last word of it, without the table's name.
fn name(column: &'static str) -> &'static str {
    column.rsplit([' ', '.']).next().unwrap_or(column)
}

impl<'de: 'a, 'a> Deserialize<'de> for Cell<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyCell;

        impl<'de> Visitor<'de> for AnyCell {
            type Value = Cell<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("null, a whole number or a text")
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Cell::Null)
            }

            fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
                Ok(Cell::Number(number))
            }

            fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Self::Value, E> {
                i64::try_from(number).map(Cell::Number).map_err(|_| E::custom("the number is too large"))
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Cell::Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Cell::Text(Cow::Owned(text.to_owned())))
            }

            fn visit_string<E>(self, text: String) -> Result<Self::Value, E> {
                Ok(Cell::Text(Cow::Owned(text)))
            }
        }

        deserializer.deserialize_any(AnyCell).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: Whole = Whole {
        table: "pair",
        select: "SELECT p.id, p.amount, o.uri AS main FROM pair p JOIN other o ON o.pair_id = p.id",
        key: "p.id",
        only: "p.status = 'active' AND ",
    };

    type Pair = (String, i64, Option<String>);

    fn pair(row: &Reading<'_>) -> Result<Pair, Error> {
        Ok((row.text("id")?, row.number("amount")?, row.optional_text("main")?))
    }

    fn parse(rows: &str) -> Result<Vec<Pair>, Error> {
        let mut all = Vec::new();
        WHOLE.parse(rows, &WHOLE.names(), &mut pair, &mut all).map(|()| all)
    }

    #[test]
    fn the_statement_asks_for_a_part_in_the_words_of_its_engine() {
        assert_eq!(
            WHOLE.statement(&WHOLE.names(), false),
            "SELECT json_group_array(json_array(id, amount, main)) AS list, MAX(id) AS last FROM (SELECT p.id, p.amount, \
             o.uri AS main FROM pair p JOIN other o ON o.pair_id = p.id WHERE p.status = 'active' AND p.id > $1 ORDER BY \
             p.id LIMIT 512) AS part"
        );
        let postgres = WHOLE.statement(&WHOLE.names(), true);
        assert!(
            postgres
                .starts_with("SELECT CAST(json_agg(json_build_array(id, amount, main)) AS TEXT) AS list,")
        );
    }

    #[test]
    fn values_come_as_they_were() {
        let rows = r#"[["a", 9007199254740993, null], ["b", -1, "line\nand \"quotes\" \u00e9é"]]"#;
        let expected = [
            ("a".to_owned(), 9_007_199_254_740_993, None),
            ("b".to_owned(), -1, Some("line\nand \"quotes\" éé".to_owned())),
        ];
        assert_eq!(parse(rows).unwrap(), expected);
    }

    #[test]
    fn what_a_column_must_not_hold_is_named_with_its_row() {
        for (rows, column) in [
            (r#"[["a", "1", null]]"#, "amount of a"),
            (r#"[["a", null, null]]"#, "amount of a"),
            (r"[[null, 1, null]]", "id of a row"),
            (r#"[["a", 1, 2]]"#, "main of a"),
            (r#"[["a", 1.5, null]]"#, "(all)"),
            (r#"[["a", 1]]"#, "main"),
            ("", "(all)"),
        ] {
            let error = parse(rows).unwrap_err().to_string();
            assert!(error.contains(column), "{rows}: {error}");
        }
    }
}
