//! Fresh databases for tests: a SQLite file of its own, or with `CARNET_TEST_DATABASE_URL` a PostgreSQL
//! database of its own, dropped at the end.

use std::sync::atomic::{AtomicU64, Ordering};

use sqlx::{AnyConnection, AssertSqlSafe, Connection, Executor};

use crate::{Database, DatabaseUrl};

/// A database that lives as long as this value.
#[derive(Debug)]
pub struct TestDatabase {
    url: DatabaseUrl,
    cleanup: Cleanup,
}

#[derive(Debug)]
enum Cleanup {
    Folder { _folder: tempfile::TempDir },
    Drop { server: String, name: String },
}

impl TestDatabase {
    /// Makes a fresh, empty database.
    ///
    /// # Panics
    /// When it cannot be made: a test without its database must fail.
    #[expect(clippy::disallowed_methods, reason = "the one switch of the test suites")]
    #[expect(clippy::expect_used, reason = "a test without its database must fail")]
    pub async fn create() -> Self {
        match std::env::var("CARNET_TEST_DATABASE_URL") {
            Ok(server) if !server.is_empty() => Self::postgres(server).await,
            _ => {
                let folder = tempfile::tempdir().expect("a temporary folder");
                let url = DatabaseUrl::sqlite(&folder.path().join("test.db"));
                Self { url, cleanup: Cleanup::Folder { _folder: folder } }
            }
        }
    }

    #[expect(clippy::expect_used, reason = "a test without its database must fail")]
    async fn postgres(server: String) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        sqlx::any::install_default_drivers();
        let name = format!("carnet_test_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let mut connection = AnyConnection::connect(&server).await.expect("the test PostgreSQL server");
        let create =
            format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'");
        connection.execute(AssertSqlSafe(create)).await.expect("CREATE DATABASE");
        let _ = connection.close().await;
        let (base, query) = server.split_once('?').map_or((server.as_str(), ""), |(b, q)| (b, q));
        let base = base.rsplit_once('/').map_or(base, |(base, _)| base);
        let query = if query.is_empty() { String::new() } else { format!("?{query}") };
        let url = format!("{base}/{name}{query}").parse().expect("a PostgreSQL URL");
        Self { url, cleanup: Cleanup::Drop { server, name } }
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> &DatabaseUrl {
        &self.url
    }

    /// A connection to it.
    ///
    /// # Panics
    /// When it cannot be opened.
    #[expect(clippy::expect_used, reason = "a test without its database must fail")]
    pub async fn connect(&self) -> Database {
        Database::connect(&self.url).await.expect("the test database opens")
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let Cleanup::Drop { server, name } = &self.cleanup else { return };
        let (server, drop) = (server.clone(), format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
        // A thread of its own: a test's runtime cannot be entered again from a destructor.
        let _ = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            if let Ok(runtime) = runtime {
                runtime.block_on(async {
                    if let Ok(mut connection) = AnyConnection::connect(&server).await {
                        let _ = connection.execute(AssertSqlSafe(drop)).await;
                        let _ = connection.close().await;
                    }
                });
            }
        })
        .join();
    }
}
