use std::io;
use std::path::{Path, PathBuf};

use clap::Args;

use super::Failure;
use crate::config::{Config, DEFAULT_DATA_DIR, RawConfig, RecordConfig};
use crate::data_dir::{CREDENTIALS, Credentials, INSTALLATION};

/// Flags of `carnet serve`; they stand over the environment and the file.
#[derive(Debug, Clone, Default, Args)]
#[command(after_help = "Example:\n  carnet serve --data-dir iap --record-listen 127.0.0.1:8082")]
pub struct ServeArgs {
    /// Configuration file (TOML).
    #[arg(long, value_name = "FILE", env = "CARNET_CONFIG")]
    pub config: Option<PathBuf>,
    /// Folder for the embedded database, keys and credentials; made if missing [default: carnet-data].
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Address of the public listener [default: 127.0.0.1:8080].
    #[arg(long, value_name = "HOST:PORT")]
    pub listen: Option<String>,
    /// Address of the administration listener [default: 127.0.0.1:8081].
    #[arg(long, value_name = "HOST:PORT")]
    pub admin_listen: Option<String>,
    /// Also run the reference ONE Record server, at this address.
    #[arg(long, value_name = "HOST:PORT")]
    pub record_listen: Option<String>,
    /// The issuer, `https://HOST[:PORT]` [default: the public listener, if that is on loopback].
    #[arg(long, value_name = "URL")]
    pub issuer: Option<String>,
    /// Database of the registry, sqlite:PATH or postgres://… [default: carnet.db in the data folder].
    #[arg(long, value_name = "URL")]
    pub database: Option<String>,
    /// Database of the record server [default: record.db in the data folder].
    #[arg(long, value_name = "URL")]
    pub record_database: Option<String>,
}

impl ServeArgs {
    /// File, environment and flags in one.
    ///
    /// # Errors
    /// When the file cannot be read, or something in it makes no sense.
    pub fn load(&self) -> Result<(Config, RawConfig), Failure> {
        let mut raw = read(self.config.as_deref())?;
        lay(&mut raw.server.data_dir, self.data_dir.as_ref());
        lay(&mut raw.server.listen, self.listen.as_ref());
        lay(&mut raw.server.admin_listen, self.admin_listen.as_ref());
        lay(&mut raw.server.issuer, self.issuer.as_ref());
        lay(&mut raw.database.url, self.database.as_ref());
        lay(&mut raw.record.listen, self.record_listen.as_ref());
        lay(&mut raw.record.database, self.record_database.as_ref());
        let config = Config::try_from(raw.clone()).map_err(Failure::from_error)?;
        Ok((config, raw))
    }
}

impl ServeArgs {
    /// The same for a command on a data folder, which needs no address of the server: the issuer that was given at
    /// the first start is taken from the credentials file, if nothing else says it.
    ///
    /// # Errors
    /// As [`Self::load`]; also when there is no installation in the folder.
    pub fn for_folder(&self) -> Result<(Config, RawConfig), Failure> {
        let (config, raw) = self.with_known_issuer().load()?;
        is_installed(config.data_dir())?;
        Ok((config, raw))
    }
}

impl ServeArgs {
    /// The same with the issuer that the credentials file knows, if nothing else says it.
    #[must_use]
    pub fn with_known_issuer(&self) -> Self {
        let mut server = self.clone();
        if let (None, None) = (&self.issuer, &self.config) {
            let folder = self.data_dir.clone().unwrap_or_else(|| DEFAULT_DATA_DIR.into());
            let known = std::fs::read(folder.join(CREDENTIALS)).ok();
            let known = known.and_then(|text| serde_json::from_slice::<Credentials>(&text).ok());
            server.issuer = known.map(|known| known.issuer);
        }
        server
    }
}

/// Whether there is an installation in the folder.
pub(super) fn is_installed(folder: &Path) -> Result<(), Failure> {
    installed(folder, folder.join(INSTALLATION).try_exists())
}

fn installed(folder: &Path, found: io::Result<bool>) -> Result<(), Failure> {
    let folder = folder.display();
    match found {
        Ok(true) => Ok(()),
        // Whoever may not look in must not be told that nothing is there.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            Err(Failure(format!("{folder}: {error}; run this as the user to whom the data folder belongs")))
        }
        _ => Err(Failure(format!(
            "there is no installation in {folder}: give the --data-dir with which the server runs"
        ))),
    }
}

/// Flags of `carnet record serve`.
#[derive(Debug, Clone, Default, Args)]
#[command(
    after_help = "Example:\n  carnet record serve --issuer https://iap.example --listen 127.0.0.1:8082 --config record.toml"
)]
pub struct RecordServeArgs {
    /// Configuration file (TOML), of which `[record]` and `[log]` are used.
    #[arg(long, value_name = "FILE", env = "CARNET_CONFIG")]
    pub config: Option<PathBuf>,
    /// The issuer whose tokens are accepted.
    #[arg(long, value_name = "URL")]
    pub issuer: Option<String>,
    /// Address to listen on.
    #[arg(long, value_name = "HOST:PORT")]
    pub listen: Option<String>,
    /// External base URL [default: the listener, if that is on loopback].
    #[arg(long, value_name = "URL")]
    pub base_url: Option<String>,
    /// The audience that tokens must carry [default: the base URL].
    #[arg(long, value_name = "URI")]
    pub audience: Option<String>,
    /// Folder for the embedded database [default: carnet-record-data].
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Database, sqlite:PATH or postgres://… [default: record.db in the data folder].
    #[arg(long, value_name = "URL")]
    pub database: Option<String>,
}

impl RecordServeArgs {
    /// File, environment and flags in one; also the folder for the embedded database.
    ///
    /// # Errors
    /// When the file cannot be read, or something in it makes no sense.
    pub fn load(&self) -> Result<(RecordConfig, RawConfig), Failure> {
        let mut raw = read(self.config.as_deref())?;
        lay(&mut raw.record.issuer, self.issuer.as_ref());
        lay(&mut raw.record.listen, self.listen.as_ref());
        lay(&mut raw.record.base_url, self.base_url.as_ref());
        lay(&mut raw.record.audience, self.audience.as_ref());
        lay(&mut raw.record.database, self.database.as_ref());
        lay(&mut raw.server.data_dir, self.data_dir.as_ref());
        raw.server.data_dir.get_or_insert_with(|| PathBuf::from("carnet-record-data"));
        let config = RecordConfig::alone(&raw).map_err(Failure::from_error)?;
        Ok((config, raw))
    }
}

/// Flags of `carnet demo`.
#[derive(Debug, Clone, Default, Args)]
#[command(after_help = "Example:\n  carnet demo --exit")]
pub struct DemoArgs {
    /// End after the last step instead of staying up for exploring.
    #[arg(long)]
    pub exit: bool,
}

/// The one place where the environment is read.
fn read(file: Option<&Path>) -> Result<RawConfig, Failure> {
    let text = match file {
        Some(path) => Some(std::fs::read_to_string(path).map_err(|error| {
            Failure(format!("cannot read the configuration {}: {error}", path.display()))
        })?),
        None => None,
    };
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    RawConfig::parse(text.as_deref(), environment).map_err(|error| {
        Failure(match file {
            Some(path) => format!("{}: {error}", path.display()),
            None => error.to_string(),
        })
    })
}

fn lay<T: Clone>(under: &mut Option<T>, over: Option<&T>) {
    if let Some(over) = over {
        *under = Some(over.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_is_closed_is_not_said_to_be_empty() {
        let folder = Path::new("/var/lib/carnet");
        let said = |found| installed(folder, found).unwrap_err().to_string();
        assert!(installed(folder, Ok(true)).is_ok());
        assert!(said(Ok(false)).contains("--data-dir"));
        assert!(said(Err(io::ErrorKind::NotADirectory.into())).contains("--data-dir"));
        assert!(
            said(Err(io::ErrorKind::PermissionDenied.into())).contains("to whom the data folder belongs")
        );
    }
}
