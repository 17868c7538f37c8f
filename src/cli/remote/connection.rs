mod server;

use std::path::{Path, PathBuf};

use carnet_client::{Method, Url};
use clap::{Args, value_parser};
use serde_json::Value;

pub(super) use self::server::Server;
use super::output::Listed;
use super::stop::Stop;
use super::terminal;
use crate::data_dir::Credentials;

/// Whom to ask, as whom, and how to print the answer.
#[derive(Debug, Clone, Args)]
pub(super) struct Connection {
    /// The administrator's credentials, as `carnet serve` wrote them: admin-credentials.json in its data folder.
    #[arg(long, value_name = "FILE", env = "CARNET_CREDENTIALS")]
    credentials: Option<PathBuf>,
    /// Print the server's JSON instead of a table; what goes wrong is JSON on standard error.
    #[arg(long)]
    pub(super) json: bool,
}

/// The flags of a command that lists.
#[derive(Debug, Clone, Args)]
pub(super) struct Listing {
    /// How many items at most. Default: all.
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(1..))]
    limit: Option<u32>,
    #[command(flatten)]
    pub(super) connection: Connection,
}

const NO_CREDENTIALS: &str =
    "give --credentials FILE or set CARNET_CREDENTIALS (admin-credentials.json in the server's data folder)";

/// How many items a page of a list has while all of them are fetched.
const PAGE: usize = 100;

impl Connection {
    /// Asks for one resource.
    pub(super) async fn get(&self, segments: &[&str]) -> Result<Value, Stop> {
        // Only what the command needs: a token that is lost on the way of a list changes nothing.
        Ok(self.open(READ)?.read(segments).await?.body)
    }

    /// Changes something.
    pub(super) async fn send(
        &self,
        method: Method,
        segments: &[&str],
        body: Option<&Value>,
    ) -> Result<Value, Stop> {
        self.open(WRITE)?.change(method, segments, body, None).await
    }

    /// Fetches every page of a list.
    pub(super) async fn list(&self, segments: &[&str], filter: &[(&str, &str)]) -> Result<Vec<Value>, Stop> {
        Ok(self.open(READ)?.list(segments, filter, None).await?.items)
    }

    /// A server to ask several things, with a token for `scope`.
    pub(super) fn open(&self, scope: &str) -> Result<Server, Stop> {
        let path = self.path()?;
        Server::open(read(path)?, path, scope)
    }

    /// The credentials as they stand in the file.
    pub(super) fn credentials(&self) -> Result<Credentials, Stop> {
        read(self.path()?)
    }

    fn path(&self) -> Result<&Path, Stop> {
        self.credentials.as_deref().ok_or_else(|| Stop::usage(NO_CREDENTIALS))
    }
}

impl Listing {
    /// Fetches as many items as were asked for; people are told when there are more.
    pub(super) async fn fetch(&self, segments: &[&str], filter: &[(&str, &str)]) -> Result<Listed, Stop> {
        let limit = self.limit.map(|limit| usize::try_from(limit).unwrap_or(usize::MAX));
        let listed = self.connection.open(READ)?.list(segments, filter, limit).await?;
        if listed.next_cursor.is_some() && !self.connection.json {
            terminal::complain("note: there are more: raise --limit, or leave it out\n");
        }
        Ok(listed)
    }
}

/// The scope of a command that reads.
pub(super) const READ: &str = "admin:read";
/// The scope of a command that changes something.
pub(super) const WRITE: &str = "admin:write";
/// The scope of a command that reads what it changes.
pub(super) const READ_AND_WRITE: &str = "admin:read admin:write";

fn read(path: &Path) -> Result<Credentials, Stop> {
    let bytes = std::fs::read(path).map_err(|error| {
        Stop::usage(format!("the credentials file {} cannot be read: {error}", path.display()))
    })?;
    serde_json::from_slice(&bytes)
        .map_err(|error| Stop::usage(format!("{} is no credentials file: {error}", path.display())))
}

fn url(name: &str, text: &str, path: &Path) -> Result<Url, Stop> {
    text.parse().map_err(|error| Stop::usage(format!("{name} in {} is no URL: {error}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_credentials_name_the_flag_and_the_variable() {
        let connection = Connection { credentials: None, json: false };
        let stop = connection.open(READ).err().unwrap();
        let said = stop.sentence();
        assert!(said.contains("--credentials FILE") && said.contains("CARNET_CREDENTIALS"), "{said}");
    }

    #[test]
    fn a_file_that_is_no_credentials_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("credentials.json");
        assert!(read(&path).unwrap_err().sentence().contains("cannot be read"));
        std::fs::write(&path, "{}").unwrap();
        assert!(read(&path).unwrap_err().sentence().contains("is no credentials file"));
    }
}
