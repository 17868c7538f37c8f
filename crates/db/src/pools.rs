use std::io;
use std::time::Duration;

use carnet_ambient::Clock;
use sqlx::any::AnyPoolOptions;
use sqlx::{AnyConnection, AnyPool, Connection, Executor};

use crate::{DatabaseUrl, Engine, Error, Transaction};

/// How long a caller waits for a free connection before it is told that the database is overloaded.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a connection may take for a sign of life. What is left to be rolled back is part of that.
const SIGN_OF_LIFE: Duration = Duration::from_secs(1);

/// The connections that may change data. On SQLite there is exactly one: with several, concurrent
/// read-then-write transactions fail with "database is locked" instead of waiting.
#[derive(Clone, Debug)]
pub struct Writer(AnyPool);

/// The connections that only read.
#[derive(Clone, Debug)]
pub struct Reader(AnyPool);

/// Begins in a task of its own, which goes on when whoever asked has gone, such as a client that hung up. sqlx counts a
/// PostgreSQL transaction only once `BEGIN` is answered: dropped before, the connection would go back to its pool inside a
/// transaction that nobody knows of, and the next single change on it would be acknowledged and never committed. Here an
/// abandoned transaction is complete when it is dropped, and is rolled back.
async fn begin(pool: &AnyPool) -> Result<Transaction, Error> {
    let pool = pool.clone();
    let began = tokio::spawn(async move { pool.begin().await }).await;
    // The task neither panics nor is aborted, but by the end of the runtime.
    Ok(began.map_err(|_| sqlx::Error::PoolClosed)??)
}

impl Writer {
    /// Begins a transaction. Inside it every statement goes through it, never through a pool.
    ///
    /// # Errors
    /// [`Error::Statement`] when no connection is free within five seconds or the database is gone.
    pub async fn begin(&self) -> Result<Transaction, Error> {
        begin(&self.0).await
    }

    /// The pool, for a change that is one guarded statement.
    #[must_use]
    pub fn pool(&self) -> &AnyPool {
        &self.0
    }
}

impl Reader {
    /// Begins a transaction.
    ///
    /// # Errors
    /// [`Error::Statement`] when no connection is free within five seconds or the database is gone.
    pub async fn begin(&self) -> Result<Transaction, Error> {
        begin(&self.0).await
    }

    /// The pool.
    #[must_use]
    pub fn pool(&self) -> &AnyPool {
        &self.0
    }

    pub(crate) async fn snapshot(&self, engine: Engine) -> Result<Transaction, Error> {
        let mut tx = self.begin().await?;
        // SQLite's transactions are of one moment as they are, that of their first statement.
        if engine == Engine::Postgres {
            tx.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY").await?;
        }
        Ok(tx)
    }

    pub(crate) async fn time(&self, engine: Engine, clock: &Clock) -> Result<i64, Error> {
        if engine == Engine::Sqlite || clock.is_manual() {
            return Ok(clock.now_millis());
        }
        let millis =
            sqlx::query_scalar("SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)")
                .fetch_one(&self.0)
                .await?;
        Ok(millis)
    }

    pub(crate) async fn check_collation(&self, engine: Engine) -> Result<(), Error> {
        if engine == Engine::Sqlite {
            return Ok(());
        }
        let collation: String = sqlx::query_scalar(
            "SELECT CAST(datcollate AS TEXT) FROM pg_database WHERE datname = current_database()",
        )
        .fetch_one(&self.0)
        .await?;
        match collation.as_str() {
            "C" | "POSIX" | "C.UTF-8" | "C.utf8" => Ok(()),
            _ => Err(Error::Collation(collation)),
        }
    }
}

pub(crate) async fn writer(url: &DatabaseUrl) -> Result<Writer, Error> {
    let options = AnyPoolOptions::new().acquire_timeout(ACQUIRE_TIMEOUT);
    let (options, address) = match url.engine() {
        Engine::Sqlite => (
            options
                .min_connections(1)
                .max_connections(1)
                .idle_timeout(None)
                .max_lifetime(None)
                .after_connect(|connection, _| {
                    Box::pin(async move {
                        // FULL: an acknowledged change survives a power failure.
                        connection.execute("PRAGMA journal_mode = WAL").await?;
                        connection.execute("PRAGMA synchronous = FULL").await?;
                        connection.execute("PRAGMA foreign_keys = ON").await?;
                        connection.execute("PRAGMA busy_timeout = 5000").await?;
                        Ok(())
                    })
                }),
            with_parameter(url.as_str(), "mode=rwc"),
        ),
        Engine::Postgres => (alive(options.max_connections(16)), url.as_str().to_owned()),
    };
    let pool = options.connect(&address).await.map_err(|source| open(url, source))?;
    Ok(Writer(pool))
}

pub(crate) async fn reader(url: &DatabaseUrl) -> Result<Reader, Error> {
    let options = AnyPoolOptions::new().acquire_timeout(ACQUIRE_TIMEOUT).max_connections(8);
    let (options, address) = match url.engine() {
        Engine::Sqlite => (
            options.after_connect(|connection, _| {
                Box::pin(async move {
                    connection.execute("PRAGMA busy_timeout = 5000").await?;
                    connection.execute("PRAGMA query_only = ON").await?;
                    Ok(())
                })
            }),
            // Not mode=ro: a read-only handle cannot make the WAL's shared memory file when it comes first.
            with_parameter(url.as_str(), "mode=rw"),
        ),
        Engine::Postgres => (
            alive(options).after_connect(|connection, _| {
                Box::pin(async move {
                    connection.execute("SET default_transaction_read_only = on").await?;
                    Ok(())
                })
            }),
            url.as_str().to_owned(),
        ),
    };
    let pool = options.connect(&address).await.map_err(|source| open(url, source))?;
    Ok(Reader(pool))
}

/// A connection whose server has silently died is not waited for, neither when it is taken nor when it is given back. By
/// itself the pool would wait as long as the kernel does, a quarter of an hour, and soon have no room for a connection
/// that finds the server again.
fn alive(options: AnyPoolOptions) -> AnyPoolOptions {
    options
        .test_before_acquire(false)
        .before_acquire(|connection, _| Box::pin(is_alive(connection)))
        .after_release(|connection, _| Box::pin(is_alive(connection)))
}

async fn is_alive(connection: &mut AnyConnection) -> Result<bool, sqlx::Error> {
    match tokio::time::timeout(SIGN_OF_LIFE, connection.ping()).await {
        Ok(answered) => answered.map(|()| true),
        Err(_) => Err(io::Error::from(io::ErrorKind::TimedOut).into()),
    }
}

fn with_parameter(url: &str, parameter: &str) -> String {
    if url.contains("mode=") {
        return url.to_owned();
    }
    format!("{url}{}{parameter}", if url.contains('?') { '&' } else { '?' })
}

fn open(url: &DatabaseUrl, source: sqlx::Error) -> Error {
    Error::Open { url: url.to_string(), source }
}
