use carnet_ambient::Clock;

use crate::{DatabaseUrl, Engine, Error, Reader, Transaction, pools};

/// A database that is looked at beside the process that it belongs to. Nothing can be changed through it.
#[derive(Clone, Debug)]
pub struct Onlooker {
    engine: Engine,
    reader: Reader,
}

impl Onlooker {
    /// Opens a database that is there.
    ///
    /// # Errors
    /// [`Error::Open`] when it is missing or cannot be reached.
    pub async fn connect(url: &DatabaseUrl) -> Result<Self, Error> {
        sqlx::any::install_default_drivers();
        Ok(Self { engine: url.engine(), reader: pools::reader(url).await? })
    }

    /// The engine.
    #[must_use]
    pub fn engine(&self) -> Engine {
        self.engine
    }

    /// The connections.
    #[must_use]
    pub fn reader(&self) -> &Reader {
        &self.reader
    }

    /// Begins a transaction that sees everything as of one moment.
    ///
    /// # Errors
    /// [`Error::Statement`] when the database does not answer.
    pub async fn snapshot(&self) -> Result<Transaction, Error> {
        self.reader.snapshot(self.engine).await
    }

    /// The database's own time, as [`crate::Database::time`].
    ///
    /// # Errors
    /// [`Error::Statement`] when the database does not answer.
    pub async fn time(&self, clock: &Clock) -> Result<i64, Error> {
        self.reader.time(self.engine, clock).await
    }

    /// Whether text is sorted by bytes.
    ///
    /// # Errors
    /// [`Error::Collation`] when it is not.
    pub async fn check_collation(&self) -> Result<(), Error> {
        self.reader.check_collation(self.engine).await
    }

    /// Closes every connection.
    pub async fn close(&self) {
        self.reader.pool().close().await;
    }
}
