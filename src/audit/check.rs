use std::collections::BTreeMap;
use std::path::Path;

use carnet_db::Transaction;

use super::heads_file::Line;
use super::{AuditKeys, Broken, Chain, Head, HeadError, Restore, public_key};
use crate::db;
use crate::private_file;

/// What a check of the journal has found in order.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// How many records hold.
    pub records: i64,
    /// The last one that does.
    pub last: i64,
    /// The newest head that fits, and the name of its key.
    pub anchor: Option<(Head, String)>,
    /// How many records follow the one that it is of; numbers tell less, since a restore leaves some out.
    pub newer: i64,
    /// How many heads fit.
    pub heads: usize,
    /// Up to which record retention has removed them; 0 when it has not.
    pub removed: i64,
    /// The restores that the file, or the caller, knows of.
    pub restores: Vec<Restore>,
    /// Whether the file has a key of its own against which the heads were checked.
    pub pinned: bool,
}

/// What a check of the journal has found wrong, and what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Finding {
    /// The chain breaks.
    #[error(
        "{0}; records after that place prove nothing: compare with an export or a backup of an earlier day"
    )]
    Broken(Broken),
    /// Records at the end are missing.
    #[error(
        "the tail was cut: a head of record {head} was signed, but the journal ends at record {last}; the database was \
         set back: restore the newest backup with carnet restore and the tombstones of a node"
    )]
    CutTail {
        /// The highest head.
        head: i64,
        /// The last record.
        last: i64,
    },
    /// The chain is whole, but another one than the heads were signed over.
    #[error(
        "the chain was rebuilt: record {sequence} is not the one that its signed head names; everything after record \
         {agreed}, the last one that agrees, may be an invention: take the database from the network and compare with \
         an export"
    )]
    Rebuilt {
        /// The first head that disagrees.
        sequence: i64,
        /// The last head before it that agrees; 0 when none does.
        agreed: i64,
    },
    /// A head whose signature does not fit, or that is no head.
    #[error(
        "line {line}: {reason}: the file was changed, or somebody forged a head; compare with another node's"
    )]
    Forged {
        /// The line of the file, from 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// A head by a key that the file does not have.
    #[error(
        "line {line}: the head is signed by the key {kid}, which is not pinned in the file: foreign, or the file was put \
         together from two"
    )]
    ForeignKey {
        /// The line of the file, from 1.
        line: usize,
        /// The key.
        kid: String,
    },
    /// A key of the file that the database does not know.
    #[error(
        "the audit key {0} of the file is not in the database: the database was made anew with other keys, or belongs \
         to another installation"
    )]
    RebuiltDatabase(String),
    /// A head of another installation.
    #[error("line {line}: the head is of installation {installation}, not of this one: take the other file")]
    OtherInstallation {
        /// The line of the file, from 1.
        line: usize,
        /// The installation that it names.
        installation: String,
    },
    /// A restore of which the file knows nothing.
    #[error(
        "record {} says that a restore lost the records after {}, and the file does not know of it: if you restored, \
         say so with --accept-restore {}; if you did not, somebody cut the journal there",
        .0.sequence, .0.after, .0.sequence
    )]
    Restored(Restore),
}

/// Checks the chain, in a transaction that sees one moment, against the heads in `file`, if there is one.
///
/// `accepted` are the records of restores that the caller made, if the file does not know of them.
///
/// # Errors
/// When the database or the file cannot be read: then nothing was found out.
pub async fn check(
    tx: &mut Transaction,
    file: Option<&Path>,
    accepted: &[i64],
) -> Result<(Report, Vec<Finding>), CheckError> {
    let mut findings = Vec::new();
    let installation = db::installation::find(&mut **tx).await?.map(|found| found.id).unwrap_or_default();
    let mut known = AuditKeys::default();
    for jwk in db::sealed_key::all(&mut **tx).await?.iter().filter_map(public_key) {
        known.add(&jwk);
    }
    let anchors = match file {
        Some(path) => Anchors::read(path, known, &installation, &mut findings)
            .map_err(|source| CheckError::File { path: path.to_owned(), source })?,
        None => Anchors::default(),
    };
    let mut report = Report { pinned: anchors.pinned, ..Report::default() };
    let (mut agreed, mut rebuilt) = (0, None);
    let mut compare = |sequence: i64, hash: &str| {
        let Some((head, kid)) = anchors.heads.get(&sequence) else { return false };
        if head.hash != hash {
            rebuilt.get_or_insert(Finding::Rebuilt { sequence, agreed });
            return false;
        }
        if rebuilt.is_none() {
            agreed = sequence;
            report.heads += 1;
            report.anchor = Some((head.clone(), kid.clone()));
        }
        rebuilt.is_none()
    };
    let mut chain = Chain::begin(db::journal::start(&mut **tx).await?);
    compare(chain.start().sequence, &chain.start().hash.clone());
    let (mut records, mut newer) = (0, 0);
    let walked = chain.follow(tx, |record| {
        records += 1;
        newer = if compare(record.sequence, &record.hash) { 0 } else { newer + 1 };
    });
    let walked = match walked.await {
        Ok(()) => {
            let head = db::journal::head_with_hash(&mut **tx).await?;
            chain.end((head.0, &head.1))
        }
        Err(broken) => Err(broken),
    };
    report.records = records;
    report.newer = newer;
    report.last = chain.last();
    report.removed = chain.start().sequence;
    let whole = walked.is_ok();
    match walked {
        Ok(()) => {}
        Err(Broken::Database(error)) => return Err(error.into()),
        Err(broken) => findings.push(Finding::Broken(broken)),
    }
    findings.extend(rebuilt);
    for restore in chain.restores() {
        if anchors.restores.contains(restore) || accepted.contains(&restore.sequence) {
            report.restores.push(restore.clone());
        } else {
            findings.push(Finding::Restored(restore.clone()));
        }
    }
    if let Some((head, _)) = anchors.heads.last_key_value().filter(|(head, _)| whole && **head > chain.last())
    {
        findings.push(Finding::CutTail { head: *head, last: chain.last() });
    }
    findings.extend(anchors.without_record(&chain, &report.restores));
    Ok((report, findings))
}

/// Why nothing could be found out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckError {
    /// The database could not be read.
    #[error(transparent)]
    Database(#[from] db::Error),
    /// The file could not be read.
    #[error("{path}: {source}", path = path.display())]
    File {
        /// The file.
        path: std::path::PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// What the file says.
#[derive(Debug, Default)]
struct Anchors {
    heads: BTreeMap<i64, (Head, String)>,
    restores: Vec<Restore>,
    pinned: bool,
}

impl Anchors {
    fn read(
        path: &Path,
        known: AuditKeys,
        installation: &str,
        findings: &mut Vec<Finding>,
    ) -> std::io::Result<Self> {
        let mut anchors = Self::default();
        let (mut pinned, mut signed) = (AuditKeys::default(), Vec::new());
        let forged = |line, reason: String| Finding::Forged { line, reason };
        private_file::read_lines(path, |line, text| match Line::parse(text) {
            Some(Line::Key(jwk)) => {
                if pinned.add(&jwk).is_none() {
                    findings.push(forged(line, "not a public key".to_owned()));
                }
            }
            Some(Line::Head(jws)) => signed.push((line, jws)),
            Some(Line::Restore(restore)) => anchors.restores.push(restore),
            None => findings.push(forged(line, "not a line of such a file".to_owned())),
        })?;
        anchors.pinned = !pinned.is_empty();
        for kid in pinned.names() {
            if !known.contains(kid) {
                findings.push(Finding::RebuiltDatabase(kid.to_owned()));
            }
        }
        let keys = if anchors.pinned { pinned } else { known };
        for (line, jws) in signed {
            match Head::open(&jws, &keys) {
                Ok((head, _)) if head.installation != installation => {
                    let installation = head.installation.chars().take(64).collect();
                    findings.push(Finding::OtherInstallation { line, installation });
                }
                Ok((head, kid)) => {
                    anchors.heads.entry(head.sequence).or_insert((head, kid));
                }
                Err(HeadError::Key(kid)) => findings.push(Finding::ForeignKey { line, kid }),
                Err(error) => findings.push(forged(line, error.to_string())),
            }
        }
        Ok(anchors)
    }

    /// Heads of records that were cut out in a place where the chain claims a restore; one that is known explains
    /// them.
    fn without_record(&self, chain: &Chain, known: &[Restore]) -> Option<Finding> {
        chain.restores().iter().filter(|restore| !known.contains(restore)).find_map(|restore| {
            let lost = self.heads.range(restore.after + 1..restore.sequence).next_back()?;
            Some(Finding::CutTail { head: *lost.0, last: restore.after })
        })
    }
}
