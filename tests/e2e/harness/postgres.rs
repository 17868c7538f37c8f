use std::ffi::OsString;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};

/// A PostgreSQL database of a test's own on the server of `CARNET_TEST_DATABASE_URL`, dropped at the end.
pub struct Database {
    server: String,
    name: String,
    url: String,
}

impl Database {
    /// A fresh one when the suite runs on PostgreSQL; `None` when it runs on SQLite.
    pub fn fresh() -> Option<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let server = std::env::var_os("CARNET_TEST_DATABASE_URL")
            .map(OsString::into_string)
            .map(Result::unwrap)
            .filter(|server| !server.is_empty())?;
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("carnet_e2e_{}_{number}", std::process::id());
        psql(
            &server,
            &format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'"),
        );
        let (base, query) = server.split_once('?').map_or((server.as_str(), None), |(b, q)| (b, Some(q)));
        let (authority, _) = base.rsplit_once('/').unwrap();
        let query = query.map(|query| format!("?{query}")).unwrap_or_default();
        let url = format!("{authority}/{name}{query}");
        Some(Self { server, name, url })
    }

    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        psql(&self.server, &format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
    }
}

fn psql(server: &str, statement: &str) {
    let output = Command::new("psql")
        .args(["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--command", statement, server])
        .output()
        .unwrap_or_else(|error| panic!("psql: {error}; run `cargo xtask setup`"));
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() || std::thread::panicking(), "psql: {complaint}");
}
