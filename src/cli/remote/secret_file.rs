//! A file for secrets: new, for its owner alone, and there before the first secret is.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::stop::Stop;

/// A file for secrets. It is removed again if none was written into it.
#[derive(Debug)]
pub(super) struct SecretFile {
    path: PathBuf,
    file: File,
    is_empty: bool,
}

impl SecretFile {
    /// Makes the file, mode 0600. Whatever stands at the path already, a link included, is a refusal: it may be open
    /// to others, or lead elsewhere.
    pub(super) fn create(path: &Path) -> Result<Self, Stop> {
        let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        match made {
            Ok(file) => Ok(Self { path: path.to_owned(), file, is_empty: true }),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(Stop::usage(format!(
                "{} exists already: secrets are written into a new file only, give another name",
                path.display()
            ))),
            Err(error) => Err(Stop::usage(format!("{} cannot be made: {error}", path.display()))),
        }
    }

    /// Writes one line of JSON, down to the disk: the server has forgotten the secret by now.
    pub(super) fn write_line(&mut self, value: &Value) -> Result<(), Stop> {
        self.write(&format!("{value}\n"))
    }

    /// Writes the content of the whole file.
    pub(super) fn write(&mut self, text: &str) -> Result<(), Stop> {
        self.is_empty = false;
        self.file.write_all(text.as_bytes()).and_then(|()| self.file.sync_all()).map_err(|error| {
            Stop::failed(format!(
                "{} cannot be written: {error}; its last secret is lost: make another one",
                self.path.display()
            ))
        })
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether nothing was written into it.
    pub(super) fn is_empty(&self) -> bool {
        self.is_empty
    }
}

impl Drop for SecretFile {
    fn drop(&mut self) {
        if self.is_empty {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_go_into_a_new_file_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secrets");
        let mut file = SecretFile::create(&path).unwrap();
        file.write_line(&json!({"client_secret": "one"})).unwrap();
        file.write_line(&json!({"client_secret": "two"})).unwrap();
        drop(file);
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text, "{\"client_secret\":\"one\"}\n{\"client_secret\":\"two\"}\n");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn what_is_there_is_neither_written_nor_removed() {
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("secrets"), folder.path().join("link"));
        std::fs::write(&path, "mine").unwrap();
        symlink(folder.path().join("nowhere"), &link).unwrap();
        for taken in [&path, &link] {
            assert!(SecretFile::create(taken).unwrap_err().sentence().contains("exists already"));
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
        assert!(!folder.path().join("nowhere").exists());
    }

    #[test]
    fn a_file_without_a_secret_is_removed_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secrets");
        drop(SecretFile::create(&path).unwrap());
        assert!(!path.exists());
    }
}
