//! The file: a header line, then chunks that can only be read in their order and to their end.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest;
use carnet_token::{base64url, json};
use josekit::jwe::{self, Dir, JweHeader};
use rustix::fs::OFlags;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use zeroize::{Zeroize, Zeroizing};

use super::wrap::{FileKey, TAG_LEN, Wrapped, header_of};
use super::{BackupError, damaged};

const FORMAT: &str = "carnet-backup-1";
/// How much content a chunk has, in bytes.
const CHUNK: usize = 256 * 1024;
/// The longest line that is read, in bytes: a chunk with one long row more, in base64url.
const MAX_LINE: u64 = 16 * 1024 * 1024;
/// The header member that binds a chunk to its place.
const MEMBER: &str = "carnet_chunk";

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    format: String,
    key: Wrapped,
}

/// A new file that is being written.
pub(super) struct ChunkWriter {
    file: BufWriter<File>,
    path: PathBuf,
    key: FileKey,
    header: String,
    number: u64,
    content: Zeroizing<Vec<u8>>,
}

impl ChunkWriter {
    /// Makes the file, which must not be there, for its owner alone.
    pub(super) fn create(path: &Path, key: FileKey, wrapped: Wrapped) -> Result<Self, BackupError> {
        let io = |source| BackupError::Io { path: path.to_owned(), source };
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .custom_flags((OFlags::NOFOLLOW | OFlags::CLOEXEC).bits().cast_signed())
            .open(path)
            .map_err(io)?;
        let mut file = BufWriter::new(file);
        let header = Header { format: FORMAT.to_owned(), key: wrapped };
        let header = serde_json::to_string(&header).map_err(|e| BackupError::Internal(e.to_string()))?;
        writeln!(file, "{header}").map_err(io)?;
        let content = Zeroizing::new(Vec::with_capacity(2 * CHUNK));
        Ok(Self { file, path: path.to_owned(), key, header: hash(&header), number: 0, content })
    }

    /// Adds a line of content.
    pub(super) fn line(&mut self, line: &str) -> Result<(), BackupError> {
        self.content.extend_from_slice(line.as_bytes());
        self.content.push(b'\n');
        if self.content.len() >= CHUNK { self.chunk(false) } else { Ok(()) }
    }

    /// Writes the last chunk, down to the disk.
    pub(super) fn finish(mut self) -> Result<(), BackupError> {
        self.chunk(true)?;
        let io = |source| BackupError::Io { path: self.path.clone(), source };
        self.file.flush().map_err(io)?;
        self.file.get_ref().sync_all().map_err(io)
    }

    fn chunk(&mut self, last: bool) -> Result<(), BackupError> {
        let failed = |error: josekit::JoseError| BackupError::Internal(error.to_string());
        let mut header = JweHeader::new();
        header.set_algorithm("dir");
        header.set_content_encryption("A256GCM");
        header.set_claim(MEMBER, Some(place(self.number, last, &self.header))).map_err(failed)?;
        let encrypter = Dir.encrypter_from_bytes(*self.key).map_err(failed)?;
        let jwe = jwe::serialize_compact(&self.content, &header, &encrypter).map_err(failed)?;
        writeln!(self.file, "{jwe}").map_err(|source| BackupError::Io { path: self.path.clone(), source })?;
        self.content.zeroize();
        self.number += 1;
        Ok(())
    }
}

/// Reads every line of content and hands it to `each`, until that refuses. `open` finds the file's key.
pub(super) fn read(
    path: &Path,
    open: impl FnOnce(&Wrapped) -> Result<FileKey, BackupError>,
    mut each: impl FnMut(&str) -> Result<(), BackupError>,
) -> Result<(), BackupError> {
    let mut chunks = Chunks::open(path, open)?;
    while let Some(content) = chunks.next()? {
        let text = std::str::from_utf8(&content).or_else(|_| damaged("a chunk is no text"))?;
        for line in text.split_terminator('\n') {
            each(line)?;
        }
    }
    Ok(())
}

/// A file that is being read, chunk by chunk.
pub(super) struct Chunks {
    reader: BufReader<File>,
    path: PathBuf,
    key: FileKey,
    header: String,
    number: u64,
    ended: bool,
}

impl Chunks {
    pub(super) fn open(
        path: &Path,
        open: impl FnOnce(&Wrapped) -> Result<FileKey, BackupError>,
    ) -> Result<Self, BackupError> {
        let file = File::open(path).map_err(|source| BackupError::Io { path: path.to_owned(), source })?;
        let mut reader = BufReader::new(file);
        let line = line(&mut reader, path)?.unwrap_or_default();
        let header: Option<Header> = json::parse(line.as_bytes())
            .ok()
            .and_then(|value| serde_json::from_value(value).ok())
            .filter(|header: &Header| header.format == FORMAT);
        let Some(header) = header else { return damaged("this is no backup of carnet") };
        let key = open(&header.key)?;
        Ok(Self { reader, path: path.to_owned(), key, header: hash(&line), number: 0, ended: false })
    }

    /// The next chunk's content; none after the last one.
    pub(super) fn next(&mut self) -> Result<Option<Zeroizing<Vec<u8>>>, BackupError> {
        let found = line(&mut self.reader, &self.path)?;
        match (found, self.ended) {
            (None, true) => Ok(None),
            (Some(_), true) => damaged("something stands behind its end"),
            (None, false) => damaged(format!("it ends after {} chunks: it was cut", self.number)),
            (Some(jwe), false) => self.decrypt(&jwe).map(Some),
        }
    }

    fn decrypt(&mut self, jwe: &str) -> Result<Zeroizing<Vec<u8>>, BackupError> {
        let here = || format!("chunk {} was changed, or belongs to another place or file", self.number);
        let Some(header) = header_of(jwe) else { return damaged(here()) };
        // Exactly the header that is written, here: what it says is also authenticated.
        let last = header.get(MEMBER).and_then(|place| place["last"].as_bool()).unwrap_or(false);
        let fits = header.len() == 3
            && header.get("alg").and_then(Value::as_str) == Some("dir")
            && header.get("enc").and_then(Value::as_str) == Some("A256GCM")
            && header.get(MEMBER) == Some(&place(self.number, last, &self.header))
            && jwe.rsplit('.').next().is_some_and(|tag| tag.len() == TAG_LEN);
        if !fits {
            return damaged(here());
        }
        let decrypter =
            Dir.decrypter_from_bytes(*self.key).map_err(|e| BackupError::Internal(e.to_string()))?;
        let Ok((content, _)) = jwe::deserialize_compact(jwe, &decrypter) else { return damaged(here()) };
        self.number += 1;
        self.ended = last;
        Ok(Zeroizing::new(content))
    }
}

fn place(number: u64, last: bool, header: &str) -> Value {
    serde_json::json!({ "number": number, "last": last, "header": header })
}

fn line(reader: &mut BufReader<File>, path: &Path) -> Result<Option<String>, BackupError> {
    let mut line = String::new();
    let io = |source| BackupError::Io { path: path.to_owned(), source };
    match reader.by_ref().take(MAX_LINE).read_line(&mut line) {
        Ok(0) => Ok(None),
        Ok(_) => match line.strip_suffix('\n') {
            Some(whole) => Ok(Some(whole.to_owned())),
            None => damaged("its last line has no end: it was cut"),
        },
        Err(error) if error.kind() == std::io::ErrorKind::InvalidData => damaged("it is no text"),
        Err(error) => Err(io(error)),
    }
}

fn hash(header: &str) -> String {
    base64url::encode(digest::digest(&digest::SHA256, header.as_bytes()).as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrapped(name: &str) -> Wrapped {
        Wrapped::Recipient { kid: name.to_owned(), jwe: String::new() }
    }

    fn key() -> FileKey {
        Zeroizing::new([7; 32])
    }

    /// Some three chunks of lines.
    fn write(path: &Path, name: &str) -> Vec<String> {
        let lines: Vec<String> = (0..7000).map(|at| format!("{at}{}", "x".repeat(100))).collect();
        let mut writer = ChunkWriter::create(path, key(), wrapped(name)).unwrap();
        for line in &lines {
            writer.line(line).unwrap();
        }
        writer.finish().unwrap();
        lines
    }

    fn read_all(path: &Path) -> Result<Vec<String>, String> {
        let mut lines = Vec::new();
        read(
            path,
            |_| Ok(key()),
            |line| {
                lines.push(line.to_owned());
                Ok(())
            },
        )
        .map(|()| lines)
        .map_err(|error| error.to_string())
    }

    #[test]
    fn what_was_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("b");
        let lines = write(&path, "a");
        assert_eq!(read_all(&path).unwrap(), lines);
        assert!(ChunkWriter::create(&path, key(), wrapped("a")).is_err());
        let other = read(&path, |_| Ok(Zeroizing::new([8; 32])), |_| Ok(()));
        assert!(matches!(other, Err(BackupError::Damaged(_))));
    }

    #[test]
    fn chunks_that_were_cut_swapped_repeated_or_taken_from_elsewhere_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (path, other) = (folder.path().join("b"), folder.path().join("o"));
        write(&path, "a");
        write(&other, "b");
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let foreign = std::fs::read_to_string(&other).unwrap();
        let foreign: Vec<&str> = foreign.lines().collect();
        let [header, one, two, .., last] = lines.as_slice() else { panic!("{} lines", lines.len()) };
        let middle = &lines[3..lines.len() - 1];
        let mut flipped = (*two).to_owned();
        let at = flipped.len() / 2;
        let with = if flipped.as_bytes()[at] == b'A' { "B" } else { "A" };
        flipped.replace_range(at..=at, with);
        let join = |chunks: &[&str]| {
            let all: Vec<&str> =
                chunks.iter().copied().chain(middle.iter().copied()).chain([*last]).collect();
            all.join("\n") + "\n"
        };
        let cases = [
            (join(&[header, two, one]), "chunk 0"),
            (join(&[header, one, one]), "chunk 1"),
            (join(&[header, two]), "chunk 0"),
            (join(&[header, one, &flipped]), "chunk 1"),
            (join(&[header, one, foreign[2]]), "chunk 1"),
            (join(&[foreign[0], one, two]), "chunk 0"),
            ([*header, *one, *two].join("\n") + "\n", "it was cut"),
            (join(&[header, one, two]) + two + "\n", "behind its end"),
            (join(&[header, one, two]).trim_end().to_owned(), "it was cut"),
        ];
        let mut counted = 0;
        for (wrong, expected) in cases {
            std::fs::write(&path, wrong).unwrap();
            let error = read_all(&path).unwrap_err();
            assert!(error.contains(expected), "{expected}: {error}");
            counted += 1;
        }
        assert_eq!(counted, 9);
        std::fs::write(&path, join(&[header, one, two])).unwrap();
        assert!(read_all(&path).is_ok());
    }
}
