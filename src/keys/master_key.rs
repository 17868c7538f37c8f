use std::fs::OpenOptions;
use std::io::Read as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use aws_lc_rs::hmac;
use carnet_ambient::Entropy;
use carnet_token::{base64url, json};
use rustix::fs::OFlags;
use rustix::io::Errno;
use zeroize::Zeroizing;

use super::KeysError;
use crate::private_file;

/// What the key check value is a MAC of.
const KEY_CHECK_CONTEXT: &[u8] = b"carnet master key check value 1";
/// A master key file is a few hundred bytes; whatever is larger is another file.
const MAX_FILE: u64 = 8 * 1024;

/// The key that seals every other private key of the installation: 256 bits in an `oct` JWK (RFC 7518 §6.4).
pub struct MasterKey {
    kid: String,
    key: Zeroizing<[u8; 32]>,
}

/// Why there is no master key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MasterKeyError {
    /// The file could not be opened, read or written.
    #[error("master key file {path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Others than its owner can read or change the file.
    #[error("master key file {path} is open to others than its owner (mode {mode:04o}): chmod 600 it")]
    Permissions {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The path is a symbolic link: somebody who can change the link would choose the key.
    #[error("master key file {0} is a symbolic link: name the file itself")]
    Link(PathBuf),
    /// The path is a folder or a device.
    #[error("master key file {0} is no regular file")]
    NotAFile(PathBuf),
    /// The file does not hold a master key.
    #[error("master key file {path}: {reason}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: &'static str,
    },
}

impl MasterKey {
    /// Makes a new master key.
    #[must_use]
    pub fn generate(entropy: &Entropy) -> Self {
        let mut key = Zeroizing::new([0; 32]);
        entropy.fill(&mut *key);
        // A random name, not a hash of the key: the name stands in every sealed key.
        Self { kid: base64url::encode(entropy.bytes::<12>()), key }
    }

    /// Reads a master key file.
    ///
    /// # Errors
    /// [`KeysError::MasterKey`] when the file cannot be read, is open to others, or holds something else.
    pub fn read(path: &Path) -> Result<Self, KeysError> {
        Self::read_file(path).map_err(KeysError::from)
    }

    fn read_file(path: &Path) -> Result<Self, MasterKeyError> {
        let file = OpenOptions::new()
            .read(true)
            .custom_flags((OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK).bits().cast_signed())
            .open(path)
            .map_err(|source| match source.raw_os_error() {
                Some(code) if code == Errno::LOOP.raw_os_error() => MasterKeyError::Link(path.to_owned()),
                _ => io(path, source),
            })?;
        // Of the open file, not of the path: what is checked is what is read.
        let metadata = file.metadata().map_err(|source| io(path, source))?;
        if !metadata.is_file() {
            return Err(MasterKeyError::NotAFile(path.to_owned()));
        }
        let mode = metadata.mode() & 0o7777;
        if !is_private(mode, metadata.uid(), metadata.gid()) {
            return Err(MasterKeyError::Permissions { path: path.to_owned(), mode });
        }
        let mut text = Zeroizing::new(Vec::new());
        file.take(MAX_FILE).read_to_end(&mut text).map_err(|source| io(path, source))?;
        Self::parse(&text).map_err(|reason| MasterKeyError::Malformed { path: path.to_owned(), reason })
    }

    /// Reads a master key from the text of its file.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn from_text(text: &str) -> Result<Self, &'static str> {
        Self::parse(text.as_bytes())
    }

    /// The text of its file: for an encrypted backup, and for nothing else.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(format!(
            "{{\"kty\":\"oct\",\"kid\":\"{}\",\"use\":\"enc\",\"alg\":\"A256GCMKW\",\"k\":\"{}\"}}\n",
            self.kid,
            &*Zeroizing::new(base64url::encode(*self.key)),
        ))
    }

    /// Writes the key to a new file that only its owner can read. A file that is there is never touched.
    ///
    /// # Errors
    /// [`KeysError::MasterKey`], also when the path exists already, as a link or as anything else.
    pub fn write_new(&self, path: &Path) -> Result<(), KeysError> {
        private_file::create(path, self.to_text().as_bytes()).map_err(|source| io(path, source).into())
    }

    /// A value by which an installation recognises its master key; it says nothing about the key.
    #[must_use]
    pub fn key_check_value(&self) -> String {
        let mac = hmac::Key::new(hmac::HMAC_SHA256, &*self.key);
        base64url::encode(hmac::sign(&mac, KEY_CHECK_CONTEXT))
    }

    /// The key's name.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    pub(super) fn bytes(&self) -> &[u8; 32] {
        &self.key
    }

    fn parse(text: &[u8]) -> Result<Self, &'static str> {
        let jwk = json::parse_object(text).map_err(|_| "not a JSON object")?;
        let member = |name: &str| jwk.get(name).and_then(serde_json::Value::as_str);
        if member("kty") != Some("oct") {
            return Err("not a symmetric key: `kty` must be `oct`");
        }
        if member("alg").is_some_and(|alg| alg != "A256GCMKW") {
            return Err("made for another algorithm: `alg` must be `A256GCMKW`");
        }
        let kid = member("kid")
            .filter(|kid| (1..=64).contains(&kid.len()))
            .ok_or("`kid` is missing or too long")?;
        let bytes = Zeroizing::new(base64url::decode(member("k").unwrap_or_default()).unwrap_or_default());
        let mut key = Zeroizing::new([0; 32]);
        if bytes.len() != key.len() {
            return Err("`k` must be 32 bytes in base64url");
        }
        key.copy_from_slice(&bytes);
        Ok(Self { kid: kid.to_owned(), key })
    }
}

/// Where a new master key waits until everything is sealed with it.
#[must_use]
pub fn coming_master_key(current: &Path) -> PathBuf {
    beside(current, "next")
}

/// Lets the master key that waits take the place of the current one; returns where the old one is kept.
///
/// # Errors
/// [`KeysError::MasterKey`] when a file cannot be moved.
pub fn take_over_master_key(current: &Path) -> Result<PathBuf, KeysError> {
    let coming = coming_master_key(current);
    let moved = || {
        // A hard link first: at no moment is there no master key.
        let old = keep_old(current)?;
        std::fs::rename(&coming, current)?;
        private_file::sync_folder(current)?;
        Ok(old)
    };
    Ok(moved().map_err(|source| io(current, source))?)
}

/// Gives the current master key a second name, under which it stays. Those of earlier changes keep theirs: backups of the
/// database from their time open with nothing else.
fn keep_old(current: &Path) -> std::io::Result<PathBuf> {
    let key = Zeroizing::new(std::fs::read(current)?);
    let mut number = 1_u32;
    loop {
        let old = beside(current, &if number == 1 { "old".to_owned() } else { format!("old.{number}") });
        match std::fs::hard_link(current, &old) {
            Ok(()) => return Ok(old),
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(error),
            // Left by a change that was cut off here.
            Err(_) if Zeroizing::new(std::fs::read(&old)?) == key => return Ok(old),
            Err(error) => number = number.checked_add(1).ok_or(error)?,
        }
    }
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(suffix);
    path.with_file_name(name)
}

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MasterKey").field("kid", &self.kid).finish_non_exhaustive()
    }
}

/// Whether the owner alone can read a file, besides root.
///
/// A credential that systemd hands over (`LoadCredential=`) belongs to root and lets the service in by an access
/// list, whose mask then stands where the group's permissions would: 0440, and a group that is root's.
fn is_private(mode: u32, uid: u32, gid: u32) -> bool {
    matches!((mode & 0o077, mode, uid, gid), (0, ..) | (_, 0o440, 0, 0))
}

fn io(path: &Path, source: std::io::Error) -> MasterKeyError {
    MasterKeyError::Io { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_master_key_is_read_as_it_was_written_and_nobody_else_can_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.jwk");
        let key = MasterKey::generate(&Entropy::seeded(1));
        key.write_new(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let read = MasterKey::read(&path).unwrap();
        assert_eq!((read.bytes(), read.kid()), (key.bytes(), key.kid()));
        assert_eq!(read.key_check_value(), key.key_check_value());
        assert_ne!(read.key_check_value(), MasterKey::generate(&Entropy::seeded(2)).key_check_value());
        assert!(!format!("{key:?}").contains(&base64url::encode(key.bytes())));
    }

    #[test]
    fn a_file_that_exists_is_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.jwk");
        fs::write(&path, "precious").unwrap();
        assert!(matches!(
            MasterKey::generate(&Entropy::seeded(1)).write_new(&path),
            Err(KeysError::MasterKey(MasterKeyError::Io { .. }))
        ));
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    }

    #[test]
    fn every_old_master_key_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.jwk");
        fs::write(&path, "first").unwrap();
        let next = |content: &str| fs::write(coming_master_key(&path), content).unwrap();
        let read = |path: &Path| fs::read_to_string(path).unwrap();
        next("second");
        let first = take_over_master_key(&path).unwrap();
        next("third");
        // Cut off between the two steps: the next attempt gives it no second name.
        fs::hard_link(&path, beside(&path, "old.2")).unwrap();
        let second = take_over_master_key(&path).unwrap();
        next("fourth");
        let third = take_over_master_key(&path).unwrap();
        let kept: Vec<String> = [&first, &second, &third, &path].into_iter().map(|path| read(path)).collect();
        assert_eq!(kept, ["first", "second", "third", "fourth"]);
        assert_eq!(second, beside(&path, "old.2"));
        assert!(!coming_master_key(&path).exists());
    }

    #[test]
    fn a_file_that_others_can_read_is_refused_with_its_mode() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.jwk");
        MasterKey::generate(&Entropy::seeded(1)).write_new(&path).unwrap();
        for mode in [0o640, 0o604, 0o620, 0o601] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            let error = MasterKey::read(&path).unwrap_err().to_string();
            assert!(error.contains(&format!("{mode:04o}")) && error.contains("chmod 600"), "{error}");
        }
    }

    #[test]
    fn a_credential_of_the_service_manager_is_private() {
        assert!(is_private(0o440, 0, 0) && is_private(0o400, 1000, 1000));
        for (mode, uid, gid) in
            [(0o440, 1000, 0), (0o440, 0, 1000), (0o444, 0, 0), (0o640, 0, 0), (0o460, 0, 0)]
        {
            assert!(!is_private(mode, uid, gid), "{mode:o} {uid} {gid}");
        }
    }

    #[test]
    fn a_link_and_a_folder_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("master.jwk"), folder.path().join("link.jwk"));
        let key = MasterKey::generate(&Entropy::seeded(1));
        key.write_new(&path).unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(matches!(MasterKey::read(&link), Err(KeysError::MasterKey(MasterKeyError::Link(_)))));
        assert!(matches!(
            MasterKey::read(folder.path()),
            Err(KeysError::MasterKey(MasterKeyError::NotAFile(_)))
        ));
        let dangling = folder.path().join("dangling.jwk");
        std::os::unix::fs::symlink(folder.path().join("elsewhere"), &dangling).unwrap();
        assert!(matches!(key.write_new(&dangling), Err(KeysError::MasterKey(MasterKeyError::Io { .. }))));
        assert!(!folder.path().join("elsewhere").exists());
    }

    #[test]
    fn a_file_that_holds_something_else_is_refused() {
        let short = base64url::encode([1; 31]);
        for text in [
            String::new(),
            "[]".to_owned(),
            r#"{"kty":"RSA","kid":"a","k":"AA"}"#.to_owned(),
            format!(r#"{{"kty":"oct","kid":"a","k":"{short}"}}"#),
            format!(r#"{{"kty":"oct","k":"{}"}}"#, base64url::encode([1; 32])),
            format!(r#"{{"kty":"oct","kid":"a","alg":"dir","k":"{}"}}"#, base64url::encode([1; 32])),
            format!(r#"{{"kty":"oct","kid":"a","k":"{}="}}"#, base64url::encode([1; 32])),
        ] {
            assert!(MasterKey::parse(text.as_bytes()).is_err(), "{text}");
        }
    }
}
