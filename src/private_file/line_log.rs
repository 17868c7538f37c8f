use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use super::sync_folder;

/// A file of lines for its owner alone that only grows, one writer at a time.
#[derive(Debug)]
pub struct LineLog {
    path: PathBuf,
    file: File,
    length: u64,
}

impl LineLog {
    /// Opens the file, making it if it is missing, and shows every line to `each`, counted from 1.
    ///
    /// A last line that does not end was torn by a crash before anybody relied on it: it is cut off.
    ///
    /// # Errors
    /// When it cannot be read or written, is a link or no regular file, or is open to others.
    pub fn open(path: &Path, each: impl FnMut(usize, &str)) -> io::Result<Self> {
        let mut file = options().append(true).create(true).mode(0o600).open(path)?;
        check(&file)?;
        let length = walk(&file, each)?;
        if length < file.metadata()?.len() {
            file.set_len(length)?;
        }
        file.seek(SeekFrom::End(0))?;
        file.sync_all()?;
        sync_folder(path)?;
        Ok(Self { path: path.to_owned(), file, length })
    }

    /// Appends lines, down to the disk.
    ///
    /// # Errors
    /// When they cannot be written as a whole; then none of them is there.
    pub fn append(&mut self, lines: &[String]) -> io::Result<()> {
        let mut text = String::new();
        for line in lines {
            // Two lines of one would be two claims.
            if line.contains('\n') {
                return Err(io::ErrorKind::InvalidData.into());
            }
            text.push_str(line);
            text.push('\n');
        }
        self.check_place()?;
        let written = self.file.write_all(text.as_bytes()).and_then(|()| self.file.sync_data());
        match written {
            Ok(()) => {
                self.length += text.len() as u64;
                Ok(())
            }
            Err(error) => {
                // A full disk may have taken half a line; what comes later must not stand behind it.
                self.file.set_len(self.length)?;
                Err(error)
            }
        }
    }

    /// Whoever moves the file away, as programs that rotate logs do, would take with it what is written from then on.
    fn check_place(&self) -> io::Result<()> {
        let own = self.file.metadata()?;
        let in_place = fs::symlink_metadata(&self.path)
            .is_ok_and(|there| (there.dev(), there.ino()) == (own.dev(), own.ino()));
        if !in_place || own.len() < self.length {
            let path = self.path.display();
            return Err(io::Error::other(format!(
                "{path} was moved, replaced or cut while this server had it open: start the server again"
            )));
        }
        // Half a line that could not be taken back when the disk was full.
        if own.len() > self.length {
            self.file.set_len(self.length)?;
        }
        Ok(())
    }
}

/// Shows every whole line of a file to `each`, counted from 1, without changing anything.
///
/// # Errors
/// When it cannot be read, or is no regular file.
pub fn read_lines(path: &Path, each: impl FnMut(usize, &str)) -> io::Result<()> {
    let file = options().open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    walk(&file, each)?;
    Ok(())
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options
        .read(true)
        .custom_flags((OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK).bits().cast_signed());
    options
}

/// Of the open file, not of the path: what is checked is what is written.
fn check(file: &File) -> io::Result<()> {
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    if metadata.mode() & 0o077 != 0 {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "open to others than its owner: chmod 600 it",
        ));
    }
    Ok(())
}

/// Returns how many bytes whole lines take.
fn walk(file: &File, mut each: impl FnMut(usize, &str)) -> io::Result<u64> {
    let mut reader = BufReader::new(file);
    let (mut length, mut number, mut line) = (0, 0, Vec::new());
    loop {
        line.clear();
        let read = reader.read_until(b'\n', &mut line)?;
        let Some(whole) = line.strip_suffix(b"\n") else { return Ok(length) };
        number += 1;
        length += read as u64;
        // What is no text is shown as something that no reader takes for a line of its own.
        each(number, std::str::from_utf8(whole).unwrap_or("\u{fffd}"));
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn lines(path: &Path) -> Vec<String> {
        let mut lines = Vec::new();
        read_lines(path, |_, line| lines.push(line.to_owned())).unwrap();
        lines
    }

    #[test]
    fn a_torn_last_line_is_cut_off_and_the_next_one_stands_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        LineLog::open(&path, |_, _| {}).unwrap().append(&["one".to_owned(), "two".to_owned()]).unwrap();
        fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(b"thr\0\0").unwrap();
        assert_eq!(lines(&path), ["one", "two"]);
        let mut seen = Vec::new();
        let mut log = LineLog::open(&path, |number, line| seen.push((number, line.to_owned()))).unwrap();
        assert_eq!(seen, [(1, "one".to_owned()), (2, "two".to_owned())]);
        log.append(&["three".to_owned()]).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "one\ntwo\nthree\n");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn links_open_files_and_lines_of_two_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("log"), folder.path().join("link"));
        let mut log = LineLog::open(&path, |_, _| {}).unwrap();
        assert!(log.append(&["one\ntwo".to_owned()]).is_err());
        symlink(&path, &link).unwrap();
        assert!(LineLog::open(&link, |_, _| {}).is_err());
        assert!(read_lines(&link, |_, _| {}).is_err());
        assert!(read_lines(folder.path(), |_, _| {}).is_err());
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(LineLog::open(&path, |_, _| {}).is_err());
    }

    #[test]
    fn a_file_that_is_moved_replaced_or_cut_while_it_is_open_takes_no_more_lines() {
        let folder = tempfile::tempdir().unwrap();
        let (path, moved) = (folder.path().join("log"), folder.path().join("log.1"));
        let open = || LineLog::open(&path, |_, _| {}).unwrap();
        let mut log = open();
        log.append(&["one".to_owned()]).unwrap();
        fs::rename(&path, &moved).unwrap();
        let refused = log.append(&["two".to_owned()]).unwrap_err().to_string();
        assert!(refused.contains("was moved"), "{refused}");
        let _new = open();
        assert!(log.append(&["two".to_owned()]).is_err());
        assert_eq!((lines(&moved), lines(&path)), (vec!["one".to_owned()], Vec::new()));
        fs::rename(&moved, &path).unwrap();
        log.append(&["two".to_owned()]).unwrap();
        fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(b"half").unwrap();
        log.append(&["three".to_owned()]).unwrap();
        assert_eq!(lines(&path), ["one", "two", "three"]);
        fs::write(&path, "one\n").unwrap();
        assert!(log.append(&["four".to_owned()]).is_err());
        open().append(&["five".to_owned()]).unwrap();
        assert_eq!(lines(&path), ["one", "five"]);
    }
}
