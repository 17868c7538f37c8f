//! The folder of one node: its lock, its keys, the administrator's credentials.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::private_file;

/// Name of the file with the administrator's credentials.
pub const CREDENTIALS: &str = "admin-credentials.json";
const PENDING_CREDENTIALS: &str = "admin-credentials.json.new";
/// Name of the file that says which installation a folder belongs to.
pub const INSTALLATION: &str = "installation";

/// A data folder that this process holds alone.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    // Held open: the lock goes with the file, also when the process is killed.
    _lock: File,
}

/// Why a data folder cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataDirError {
    /// Something in it could not be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another process has it.
    #[error(
        "{0} is in use by another carnet process: stop that one first, or use another --data-dir and database"
    )]
    Locked(PathBuf),
}

/// What an administrator needs to begin: the content of `admin-credentials.json`.
#[derive(Serialize, Deserialize, Clone)]
pub struct Credentials {
    /// The issuer.
    pub issuer: String,
    /// Where tokens are asked for.
    pub token_endpoint: String,
    /// Base URL of the administration API.
    pub admin_url: String,
    /// The administrator's client id.
    pub client_id: String,
    /// Its secret.
    pub client_secret: Zeroizing<String>,
    /// The scopes to ask for.
    pub scope: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("client_id", &self.client_id).finish_non_exhaustive()
    }
}

impl DataDir {
    /// Opens the folder, making it with mode 0700 if it is missing, and locks it.
    ///
    /// # Errors
    /// When it cannot be made, or another process holds it.
    pub fn open(path: &Path) -> Result<Self, DataDirError> {
        let io = |path: &Path| {
            let path = path.to_owned();
            move |source| DataDirError::Io { path, source }
        };
        if !path.exists() {
            DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(io(path))?;
        }
        let metadata = fs::metadata(path).map_err(io(path))?;
        if !metadata.is_dir() {
            return Err(io(path)(io::ErrorKind::NotADirectory.into()));
        }
        let mode = metadata.permissions().mode();
        if mode & 0o077 != 0 {
            tracing::warn!(
                path = %path.display(),
                "the data folder can be entered by other users of this machine: chmod 700 it"
            );
        }
        let keys = path.join("keys");
        if !keys.exists() {
            DirBuilder::new().mode(0o700).create(&keys).map_err(io(&keys))?;
        }
        let lock = lock(&path.join("lock"), path)?;
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the administrator's credentials stand.
    #[must_use]
    pub fn credentials_path(&self) -> PathBuf {
        self.path.join(CREDENTIALS)
    }

    /// The installation that this folder belongs to; none before the first start.
    ///
    /// # Errors
    /// When the file is there but cannot be read.
    pub fn installation(&self) -> Result<Option<String>, DataDirError> {
        let path = self.path.join(INSTALLATION);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text.trim().to_owned()).filter(|id| !id.is_empty())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(DataDirError::Io { path, source }),
        }
    }

    /// Notes the installation that this folder belongs to.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn set_installation(&self, id: &str) -> Result<(), DataDirError> {
        if self.installation()?.is_some_and(|known| known == id) {
            return Ok(());
        }
        self.write_private(INSTALLATION, format!("{id}\n").as_bytes())
    }

    /// Writes the administrator's credentials beside their final place. They move there by
    /// [`Self::publish_credentials`] once the database has what they open, so that a crash in between leaves
    /// either both or something that the next start completes.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_credentials(&self, credentials: &Credentials) -> Result<(), DataDirError> {
        let mut text = Zeroizing::new(serde_json::to_vec_pretty(credentials).unwrap_or_default());
        text.push(b'\n');
        self.write_private(PENDING_CREDENTIALS, &text)
    }

    /// Moves written credentials to their place. Nothing happens if none are waiting.
    ///
    /// # Errors
    /// When the file cannot be moved.
    pub fn publish_credentials(&self) -> Result<(), DataDirError> {
        let from = self.path.join(PENDING_CREDENTIALS);
        match fs::rename(&from, self.credentials_path()) {
            Ok(()) => self.sync(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(source) => Err(DataDirError::Io { path: from, source }),
        }
    }

    /// Replaces a private file of this folder.
    fn write_private(&self, name: &str, content: &[u8]) -> Result<(), DataDirError> {
        let path = self.path.join(name);
        private_file::replace(&path, content).map_err(|source| DataDirError::Io { path, source })
    }

    fn sync(&self) -> Result<(), DataDirError> {
        File::open(&self.path)
            .and_then(|folder| folder.sync_all())
            .map_err(|source| DataDirError::Io { path: self.path.clone(), source })
    }
}

/// Takes the lock that `file` stands for, on behalf of `what`. It goes with the returned file, also when the
/// process is killed.
///
/// # Errors
/// [`DataDirError::Locked`] when another process has it.
pub fn lock(file: &Path, what: &Path) -> Result<File, DataDirError> {
    let opened = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(file)
        .map_err(|source| DataDirError::Io { path: file.to_owned(), source })?;
    match flock(&opened, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(opened),
        Err(_) => Err(DataDirError::Locked(what.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_missing_folder_is_made_for_its_owner_alone() {
        let parent = tempfile::tempdir().unwrap();
        let folder = DataDir::open(&parent.path().join("a/b")).unwrap();
        assert_eq!(mode(folder.path()), 0o700);
        assert_eq!(mode(&folder.path().join("keys")), 0o700);
    }

    #[test]
    fn two_processes_cannot_have_it() {
        let parent = tempfile::tempdir().unwrap();
        let first = DataDir::open(parent.path()).unwrap();
        assert!(matches!(DataDir::open(parent.path()), Err(DataDirError::Locked(_))));
        drop(first);
        assert!(DataDir::open(parent.path()).is_ok());
    }

    #[test]
    fn credentials_are_private_and_do_not_follow_a_link() {
        let parent = tempfile::tempdir().unwrap();
        let folder = DataDir::open(&parent.path().join("data")).unwrap();
        let victim = parent.path().join("victim");
        fs::write(&victim, "untouched").unwrap();
        std::os::unix::fs::symlink(&victim, folder.path().join(PENDING_CREDENTIALS)).unwrap();
        let credentials = Credentials {
            issuer: "https://iap.example".to_owned(),
            token_endpoint: "https://iap.example/token".to_owned(),
            admin_url: "https://iap.example/admin/v1".to_owned(),
            client_id: "c".to_owned(),
            client_secret: Zeroizing::new("s3cret".to_owned()),
            scope: "admin:read".to_owned(),
        };
        folder.write_credentials(&credentials).unwrap();
        assert!(!folder.credentials_path().exists());
        folder.publish_credentials().unwrap();
        folder.publish_credentials().unwrap();
        assert_eq!(mode(&folder.credentials_path()), 0o600);
        assert_eq!(fs::read_to_string(&victim).unwrap(), "untouched");
        assert!(fs::read_to_string(folder.credentials_path()).unwrap().contains("s3cret"));
        assert!(!format!("{credentials:?}").contains("s3cret"));
    }
}
