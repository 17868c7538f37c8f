use std::fmt::Write;

use tempfile::TempDir;

use super::iap::{authority, wait_until_ready};
use super::port;
use super::postgres::Database;
use super::process::{Process, carnet};

/// A `carnet record serve` on its own: it knows its companies and the address of one issuer.
pub struct RecordServer {
    // Before its database: the server must be gone when that is dropped.
    _process: Process,
    _database: Option<Database>,
    _folder: TempDir,
    base_url: String,
}

impl RecordServer {
    /// The base URL of a record server that is yet to start: its companies are registered under it first.
    pub fn reserve() -> String {
        format!("http://127.0.0.1:{}", port::free())
    }

    /// Starts it at `base_url` with one company per path.
    #[track_caller]
    pub fn start(base_url: &str, issuer: &str, companies: &[&str]) -> Self {
        Self::start_with(base_url, issuer, companies, &[])
    }

    /// The same with variables of its environment.
    #[track_caller]
    pub fn start_with(
        base_url: &str,
        issuer: &str,
        companies: &[&str],
        environment: &[(&str, &str)],
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut configuration = String::new();
        for path in companies {
            writeln!(
                configuration,
                "[[record.company]]\npath = \"{path}\"\nidentifier = \"{base_url}/{path}\"\n"
            )
            .unwrap();
        }
        let file = folder.path().join("record.toml");
        std::fs::write(&file, configuration).unwrap();
        let database = Database::fresh();
        let mut command = carnet();
        command.args(["record", "serve", "--issuer", issuer, "--listen", authority(base_url)]);
        command.arg("--config").arg(&file).arg("--data-dir").arg(folder.path().join("data"));
        if let Some(database) = &database {
            command.args(["--database", database.url()]);
        }
        command.env("CARNET_RECORD__ALLOW_BEARER", "true");
        command.envs(environment.iter().copied());
        let mut process = Process::start("record", command, folder.path());
        wait_until_ready(&mut process, base_url);
        Self { _process: process, _database: database, _folder: folder, base_url: base_url.to_owned() }
    }

    pub fn base_url(&self) -> &str {
        &self.base_url
    }
}
