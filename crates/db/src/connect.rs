use carnet_ambient::Clock;
use sqlx::migrate::{MigrateError, Migrator};

use crate::{DatabaseUrl, Engine, Error, Reader, Transaction, Writer, pools};

/// A connected database.
#[derive(Clone, Debug)]
pub struct Database {
    engine: Engine,
    writer: Writer,
    reader: Reader,
}

impl Database {
    /// Opens the database, making a SQLite file that is not there yet.
    ///
    /// # Errors
    /// [`Error::Open`] when it cannot be reached, [`Error::Collation`] when a PostgreSQL database does not
    /// sort by bytes.
    pub async fn connect(url: &DatabaseUrl) -> Result<Self, Error> {
        sqlx::any::install_default_drivers();
        let writer = pools::writer(url).await?;
        let reader = pools::reader(url).await?;
        let database = Self { engine: url.engine(), writer, reader };
        database.check_collation().await?;
        Ok(database)
    }

    /// The engine.
    #[must_use]
    pub fn engine(&self) -> Engine {
        self.engine
    }

    /// The connections that may change data.
    #[must_use]
    pub fn writer(&self) -> &Writer {
        &self.writer
    }

    /// The connections that only read.
    #[must_use]
    pub fn reader(&self) -> &Reader {
        &self.reader
    }

    /// Applies the migrations that are missing, remembering them in `table`.
    ///
    /// # Errors
    /// [`Error::Newer`] when the schema was made by a later program, [`Error::Migrate`] when a migration
    /// fails; the schema is then as it was before that migration.
    pub async fn migrate(&self, mut migrator: Migrator, table: &'static str) -> Result<(), Error> {
        migrator.dangerous_set_table_name(table);
        match migrator.run(self.writer.pool()).await {
            Ok(()) => Ok(()),
            Err(MigrateError::VersionMissing(version)) => Err(Error::Newer(version)),
            Err(error) => Err(error.into()),
        }
    }

    /// Begins a transaction that reads, and sees everything as of one moment, whatever is changed beside it.
    ///
    /// # Errors
    /// [`Error::Statement`] when the database does not answer.
    pub async fn snapshot(&self) -> Result<Transaction, Error> {
        self.reader.snapshot(self.engine).await
    }

    /// The database's own time in milliseconds since 1970-01-01 UTC: what several nodes agree on.
    ///
    /// On SQLite that is this process's `clock`, as it is for a manual clock of a test.
    ///
    /// # Errors
    /// [`Error::Statement`] when the database does not answer.
    pub async fn time(&self, clock: &Clock) -> Result<i64, Error> {
        self.reader.time(self.engine, clock).await
    }

    /// Closes every connection, after the statements that run have ended.
    pub async fn close(&self) {
        self.reader.pool().close().await;
        self.writer.pool().close().await;
    }

    async fn check_collation(&self) -> Result<(), Error> {
        self.reader.check_collation(self.engine).await
    }
}
