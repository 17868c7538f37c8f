//! Files for their owner alone, which are there as a whole or not at all, whenever the power fails; and files of
//! lines that only grow.

mod line_log;

pub use line_log::{LineLog, read_lines};

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Puts `content` in the place of whatever stands at `path`.
///
/// # Errors
/// When the file cannot be written; what stood there still does.
pub fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let written = write_beside(path, content)?;
    fs::rename(&written, path).inspect_err(|_| discard(&written))?;
    sync_folder(path)
}

/// Writes a file that must not be there yet.
///
/// # Errors
/// [`io::ErrorKind::AlreadyExists`] when anything stands at `path`, a link included; otherwise when it cannot
/// be written.
pub fn create(path: &Path, content: &[u8]) -> io::Result<()> {
    let written = write_beside(path, content)?;
    // A rename would replace what is there; a second name for the file is refused then.
    let linked = fs::hard_link(&written, path);
    fs::remove_file(&written)?;
    linked?;
    sync_folder(path)
}

/// Writes the content under another name in the same folder, down to the disk.
fn write_beside(path: &Path, content: &[u8]) -> io::Result<PathBuf> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".tmp");
    let beside = path.with_file_name(name);
    // Left by a crash, or put there by somebody: removed as what it is, never written through.
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
    // Half of it, on a full disk, would be half a key that nobody knows of.
    file.write_all(content).and_then(|()| file.sync_all()).inspect_err(|_| discard(&beside))?;
    Ok(beside)
}

/// What could not be put in its place does not stay; the error that kept it out is the one to tell.
fn discard(written: &Path) {
    let _ = fs::remove_file(written);
}

/// What was made or renamed in the folder of `path` survives a power failure.
///
/// # Errors
/// When the folder cannot be written down.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn a_file_is_replaced_as_a_whole_and_no_link_is_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (path, victim) = (folder.path().join("file"), folder.path().join("victim"));
        fs::write(&victim, "untouched").unwrap();
        symlink(&victim, &path).unwrap();
        symlink(&victim, folder.path().join("file.tmp")).unwrap();
        replace(&path, b"one").unwrap();
        replace(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read(&victim).unwrap(), b"untouched");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn nothing_stays_behind_of_what_could_not_be_put_in_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::create_dir(&path).unwrap();
        fs::write(path.join("inside"), "").unwrap();
        assert!(replace(&path, b"secret").is_err());
        assert!(create(&path, b"secret").is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_there_is_never_touched_by_create() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        create(&path, b"one").unwrap();
        assert_eq!(create(&path, b"two").unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"one");
        let dangling = folder.path().join("link");
        symlink(folder.path().join("nowhere"), &dangling).unwrap();
        assert_eq!(create(&dangling, b"x").unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
