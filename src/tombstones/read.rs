use std::path::Path;

use super::{Decision, Line, TombstonesError};
use crate::private_file;

/// A whole file of tombstones, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tombstones {
    /// The first record of the journal that it covers.
    pub first: i64,
    /// The last one.
    pub last: i64,
    /// Hash of its last line.
    pub hash: String,
    /// The decisions, in the journal's order.
    pub decisions: Vec<Decision>,
}

/// Reads and checks a file of this installation: every line, that each follows the one before, and that no number is
/// missing between two. A torn last line is left out.
///
/// # Errors
/// [`TombstonesError`]: nothing must be restored by it.
pub fn read(path: &Path, installation: &str) -> Result<Tombstones, TombstonesError> {
    let mut chain = ChainOfLines::new(Some(installation));
    let walked = private_file::read_lines(path, |number, text| chain.push(number, text));
    walked.map_err(|source| TombstonesError::Io { path: path.to_owned(), source })?;
    let (first, decisions) = (chain.first, std::mem::take(&mut chain.decisions));
    let (last, hash) = chain.end(path)?;
    Ok(Tombstones { first: first.unwrap_or_default(), last, hash, decisions })
}

/// Lines, each held against the one before.
pub(super) struct ChainOfLines<'a> {
    installation: Option<&'a str>,
    first: Option<i64>,
    last: i64,
    hash: String,
    decisions: Vec<Decision>,
    wrong: Option<(usize, String)>,
}

impl<'a> ChainOfLines<'a> {
    pub(super) fn new(installation: Option<&'a str>) -> Self {
        Self { installation, first: None, last: 0, hash: String::new(), decisions: Vec::new(), wrong: None }
    }

    pub(super) fn push(&mut self, number: usize, text: &str) {
        if self.wrong.is_none()
            && let Err(reason) = self.take(text)
        {
            self.wrong = Some((number, reason));
        }
    }

    fn take(&mut self, text: &str) -> Result<(), String> {
        let (line, hash) = Line::read(text)?;
        if self.installation.is_some_and(|installation| installation != line.installation) {
            return Err("it belongs to another installation".to_owned());
        }
        if line.previous != self.hash {
            return Err("it does not follow the line before: lines are missing or were changed".to_owned());
        }
        if self.first.is_some() && line.from != self.last + 1 {
            return Err(format!("records {} to {} of the journal are missing", self.last + 1, line.from - 1));
        }
        self.first.get_or_insert(line.from);
        (self.last, self.hash) = (line.to, hash);
        self.decisions.extend(line.decisions);
        Ok(())
    }

    pub(super) fn end(self, path: &Path) -> Result<(i64, String), TombstonesError> {
        match self.wrong {
            Some((line, reason)) => Err(TombstonesError::Line { path: path.to_owned(), line, reason }),
            None => Ok((self.last, self.hash)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write as _;

    use super::super::{Feed, TombstoneFile};
    use super::*;

    fn decision(sequence: i64) -> Decision {
        Decision {
            sequence,
            kind: "client".to_owned(),
            value: format!("c{sequence}"),
            at: 7,
            feed: Some(Feed {
                member: "client_id".to_owned(),
                value: format!("c{sequence}"),
                until: 9,
                iat_before: None,
            }),
        }
    }

    fn written(path: &Path) {
        let mut file = TombstoneFile::open(path, "i").unwrap();
        file.append(3, vec![decision(2)]).unwrap();
        file.append(4, Vec::new()).unwrap();
        file.append(9, vec![decision(5), decision(9)]).unwrap();
    }

    #[test]
    fn a_torn_line_is_repaired_and_the_chain_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tombstones.log");
        written(&path);
        let whole = read(&path, "i").unwrap();
        fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(b"abc {\"inst").unwrap();
        assert_eq!(read(&path, "i").unwrap(), whole);
        let mut file = TombstoneFile::open(&path, "i").unwrap();
        assert_eq!(file.last(), 9);
        file.append(10, vec![decision(10)]).unwrap();
        let read = read(&path, "i").unwrap();
        assert_eq!((read.first, read.last), (1, 10));
        assert_eq!(read.decisions, [decision(2), decision(5), decision(9), decision(10)]);
    }

    #[test]
    fn changed_missing_swapped_and_foreign_lines_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tombstones.log");
        written(&path);
        let text = fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let mut reasons = Vec::new();
        for wrong in [
            text.replace("\"value\":\"c5\"", "\"value\":\"c6\""),
            format!("{}\n{}\n", lines[0], lines[2]),
            format!("{}\n{}\n{}\n", lines[1], lines[0], lines[2]),
            format!("{text}nonsense\n"),
        ] {
            fs::write(&path, wrong).unwrap();
            let error = read(&path, "i").unwrap_err().to_string();
            assert_eq!(error, TombstoneFile::open(&path, "i").unwrap_err().to_string());
            reasons.push(error);
        }
        assert!(reasons[0].contains("line 3") && reasons[0].contains("was changed"), "{reasons:?}");
        assert!(reasons[1].contains("line 2") && reasons[1].contains("missing"), "{reasons:?}");
        assert!(reasons[2].contains("line 1"), "{reasons:?}");
        assert!(reasons[3].contains("line 4"), "{reasons:?}");
        fs::write(&path, &text).unwrap();
        assert!(read(&path, "j").unwrap_err().to_string().contains("another installation"));
    }

    #[test]
    fn numbers_that_are_missing_between_two_lines_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tombstones.log");
        let line = |from, to, previous| Line {
            installation: "i".to_owned(),
            from,
            to,
            decisions: Vec::new(),
            previous,
        };
        let (first, hash) = line(1, 3, String::new()).write();
        let (second, _) = line(6, 7, hash).write();
        fs::write(&path, format!("{first}\n{second}\n")).unwrap();
        let error = read(&path, "i").unwrap_err().to_string();
        assert!(error.contains("records 4 to 5 of the journal are missing"), "{error}");
    }
}
