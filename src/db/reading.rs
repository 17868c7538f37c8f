use carnet_db::Row;
use carnet_db::sqlx::{self, Row as _};

use super::Error;
use super::whole_table::Cell;

/// A row being read: it knows its table and id, so that an error can name them.
pub(crate) struct Reading<'a> {
    values: Values<'a>,
    table: &'static str,
    id_column: &'static str,
}

/// What a row came as.
enum Values<'a> {
    /// By itself.
    Row(&'a Row),
    /// With the rest of its table.
    Cells { names: &'a [&'static str], cells: &'a [Cell<'a>] },
}

impl<'a> Reading<'a> {
    pub(crate) fn new(row: &'a Row, table: &'static str, id_column: &'static str) -> Self {
        Self { values: Values::Row(row), table, id_column }
    }

    /// A row of a whole table: what stands in the columns of these names, in their order.
    pub(super) fn of_cells(
        names: &'a [&'static str],
        cells: &'a [Cell<'a>],
        table: &'static str,
        id_column: &'static str,
    ) -> Self {
        Self { values: Values::Cells { names, cells }, table, id_column }
    }

    pub(crate) fn text(&self, column: &'static str) -> Result<String, Error> {
        self.optional_text(column)?.ok_or_else(|| self.corrupt(column, "it is null"))
    }

    pub(crate) fn optional_text(&self, column: &'static str) -> Result<Option<String>, Error> {
        match self.cell(column)? {
            None => self.of_row(column),
            Some(Cell::Null) => Ok(None),
            Some(Cell::Text(text)) => Ok(Some(text.clone().into_owned())),
            Some(Cell::Number(_)) => Err(self.corrupt(column, "it is no text")),
        }
    }

    pub(crate) fn number(&self, column: &'static str) -> Result<i64, Error> {
        self.optional_number(column)?.ok_or_else(|| self.corrupt(column, "it is null"))
    }

    pub(crate) fn optional_number(&self, column: &'static str) -> Result<Option<i64>, Error> {
        match self.cell(column)? {
            None => self.of_row(column),
            Some(Cell::Null) => Ok(None),
            Some(Cell::Number(number)) => Ok(Some(*number)),
            Some(Cell::Text(_)) => Err(self.corrupt(column, "it is no number")),
        }
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
        self.with_text(column, |text| text.parse().map_err(|reason: T::Err| reason.to_string()))
    }

    /// A text column that holds JSON.
    pub(crate) fn json<T: serde::de::DeserializeOwned>(&self, column: &'static str) -> Result<T, Error> {
        self.with_text(column, |text| serde_json::from_str(text).map_err(|reason| reason.to_string()))
    }

    pub(crate) fn corrupt(&self, column: &'static str, reason: impl Into<String>) -> Error {
        let id = if column == self.id_column { None } else { self.optional_text(self.id_column).ok() };
        let id = id.flatten().unwrap_or_else(|| "a row".to_owned());
        Error::Corrupt { table: self.table, column, id, reason: reason.into() }
    }

    pub(super) fn with_text<T>(
        &self,
        column: &'static str,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<T, Error> {
        let read = match self.cell(column)? {
            Some(Cell::Text(text)) => read(text),
            _ => read(&self.text(column)?),
        };
        read.map_err(|reason| self.corrupt(column, reason))
    }

    /// None when the row came by itself.
    fn cell(&self, column: &'static str) -> Result<Option<&Cell<'a>>, Error> {
        let Values::Cells { names, cells } = &self.values else { return Ok(None) };
        let at = names.iter().position(|name| *name == column);
        let cell = at.and_then(|at| cells.get(at));
        cell.map(Some).ok_or_else(|| sqlx::Error::ColumnNotFound(column.to_owned()).into())
    }

    fn of_row<T>(&self, column: &'static str) -> Result<Option<T>, Error>
    where
        T: for<'r> sqlx::Decode<'r, sqlx::Any> + sqlx::Type<sqlx::Any>,
    {
        match &self.values {
            Values::Row(row) => Ok(row.try_get(column)?),
            Values::Cells { .. } => Ok(None),
        }
    }
}
