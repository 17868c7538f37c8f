use std::fs::OpenOptions;
use std::io::Read;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use carnet_ambient::Entropy;
use josekit::jwk::Jwk;
use rustix::fs::OFlags;
use zeroize::Zeroizing;

use super::BackupError;
use super::wrap::{self, FileKey, Wrapped};

/// A key or passphrase file is a few hundred bytes.
const MAX_FILE: u64 = 8 * 1024;

/// For whom a backup is sealed.
pub enum Sealing {
    /// For the holder of a private key; its public half and name.
    Recipient(Box<Jwk>, String),
    /// For whoever knows a passphrase.
    Passphrase(Zeroizing<String>),
}

/// What a backup is opened with.
pub enum Opening {
    /// A private key and the name of its public half.
    Identity(Box<Jwk>, String),
    /// A passphrase.
    Passphrase(Zeroizing<String>),
}

impl Sealing {
    /// Reads a recipient's public key.
    ///
    /// # Errors
    /// When it cannot be read or is something else.
    pub fn recipient(path: &Path) -> Result<Self, BackupError> {
        let (key, kid) = wrap::recipient(&read(path, false)?)?;
        Ok(Self::Recipient(Box::new(key), kid))
    }

    /// Reads a passphrase, the first line of a file that only its owner can read.
    ///
    /// # Errors
    /// When it cannot be read, is open to others or too short.
    pub fn passphrase(path: &Path) -> Result<Self, BackupError> {
        Ok(Self::Passphrase(wrap::passphrase(&read(path, true)?)?))
    }

    pub(super) fn wrap(&self, key: &FileKey, entropy: &Entropy) -> Result<Wrapped, BackupError> {
        match self {
            Self::Recipient(recipient, kid) => Wrapped::to_recipient(key, recipient, kid),
            Self::Passphrase(passphrase) => Wrapped::under_passphrase(key, passphrase, entropy),
        }
    }
}

impl Opening {
    /// Reads a private key from a file that only its owner can read.
    ///
    /// # Errors
    /// When it cannot be read, is open to others or is something else.
    pub fn identity(path: &Path) -> Result<Self, BackupError> {
        let (key, kid) = wrap::identity(&read(path, true)?)?;
        Ok(Self::Identity(Box::new(key), kid))
    }

    /// Reads a passphrase, the first line of a file that only its owner can read.
    ///
    /// # Errors
    /// When it cannot be read, is open to others or too short.
    pub fn passphrase(path: &Path) -> Result<Self, BackupError> {
        Ok(Self::Passphrase(wrap::passphrase(&read(path, true)?)?))
    }

    pub(super) fn open(&self, wrapped: &Wrapped) -> Result<FileKey, BackupError> {
        match self {
            Self::Identity(key, kid) => wrapped.open_with_identity(key, kid),
            Self::Passphrase(passphrase) => wrapped.open_with_passphrase(passphrase),
        }
    }
}

fn read(path: &Path, secret: bool) -> Result<Zeroizing<String>, BackupError> {
    let io = |source| BackupError::Io { path: path.to_owned(), source };
    // Whoever can change a link would choose the key.
    let file = OpenOptions::new()
        .read(true)
        .custom_flags((OFlags::NOFOLLOW | OFlags::CLOEXEC).bits().cast_signed())
        .open(path)
        .map_err(io)?;
    let metadata = file.metadata().map_err(io)?;
    if secret && metadata.is_file() && metadata.mode() & 0o077 != 0 {
        return Err(BackupError::Key(format!(
            "{} is open to others than its owner: chmod 600 it",
            path.display()
        )));
    }
    let mut text = Zeroizing::new(String::new());
    file.take(MAX_FILE).read_to_string(&mut text).map_err(io)?;
    Ok(text)
}
