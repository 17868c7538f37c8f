use carnet_db::Transaction;
use serde::{Deserialize, Serialize};

use super::{RESTORE, SUBJECT, TRIM, hash};
use crate::db;
use crate::db::journal::{Record, Start};

/// How many records are read at once.
const BATCH: i64 = 1000;

/// The chain as far as it was walked.
#[derive(Debug, Clone)]
pub struct Chain {
    start: Start,
    last: i64,
    hash: String,
    restores: Vec<Restore>,
    // What records say of where the chain begins.
    trims: Vec<(i64, String)>,
}

/// A place where the chain goes on after a restore.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Restore {
    /// The record of the restore.
    pub sequence: i64,
    /// The last record before it: what stood between is lost.
    pub after: i64,
    /// Hash of the record `after`.
    pub hash: String,
}

/// Where the chain breaks.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Broken {
    /// The database could not be read.
    #[error(transparent)]
    Database(#[from] db::Error),
    /// A sequence is missing or stands twice.
    #[error("the journal is broken: record {expected} should follow, found {found}")]
    Gap {
        /// The sequence that should stand there.
        expected: i64,
        /// The sequence that does.
        found: i64,
    },
    /// A record was changed.
    #[error("the journal is broken: record {0} was changed: it does not have the hash of its content")]
    Hash(i64),
    /// A record does not follow the one before it.
    #[error("the journal is broken: record {0} does not follow the one before it, which was replaced")]
    Link(i64),
    /// The head does not belong to the last record.
    #[error("the journal is broken: its head says {head} records, the last one is {last}")]
    Head {
        /// What the head says.
        head: i64,
        /// The last record.
        last: i64,
    },
    /// The beginning is missing, and no record says that it was removed.
    #[error(
        "the journal is broken: its records up to {0} are missing, and no record says that retention removed them"
    )]
    Start(i64),
}

impl Chain {
    /// A chain that goes on after `start`.
    #[must_use]
    pub fn begin(start: Start) -> Self {
        let (last, hash) = (start.sequence, start.hash.clone());
        Self { start, last, hash, restores: Vec::new(), trims: Vec::new() }
    }

    /// Takes the next record.
    ///
    /// # Errors
    /// When it is not the next one.
    pub fn push(&mut self, record: &Record) -> Result<(), Broken> {
        if record.hash != hash(record) {
            // A number that is missing is told as such, whatever else is wrong with what stands there.
            return Err(if record.sequence == self.last + 1 || self.restore(record).is_some() {
                Broken::Hash(record.sequence)
            } else {
                Broken::Gap { expected: self.last + 1, found: record.sequence }
            });
        }
        if record.sequence != self.last + 1 {
            let Some(restore) = self.restore(record) else {
                return Err(Broken::Gap { expected: self.last + 1, found: record.sequence });
            };
            self.restores.push(restore);
        }
        if record.previous_hash != self.hash {
            return Err(Broken::Link(record.sequence));
        }
        if record.action == TRIM
            && let Some(sequence) = number(&record.subject)
        {
            self.trims.push((sequence, record.reason.clone()));
        }
        self.last = record.sequence;
        self.hash.clone_from(&record.hash);
        Ok(())
    }

    /// A record that goes on after a restore names the one before it; nothing else may leave numbers out.
    fn restore(&self, record: &Record) -> Option<Restore> {
        let fits = record.action == RESTORE
            && record.sequence > self.last
            && number(&record.subject) == Some(self.last);
        fits.then(|| Restore { sequence: record.sequence, after: self.last, hash: self.hash.clone() })
    }

    /// Whether the last record is the one that the head names, and a beginning that is missing was removed by
    /// retention.
    ///
    /// # Errors
    /// When it is not.
    pub fn end(&self, head: (i64, &str)) -> Result<(), Broken> {
        if (self.last, self.hash.as_str()) != head {
            return Err(Broken::Head { head: head.0, last: self.last });
        }
        let told = |(sequence, reason): &(i64, String)| {
            *sequence == self.start.sequence && reason.ends_with(&self.start.hash)
        };
        if self.start.sequence > 0 && !self.trims.iter().any(told) {
            return Err(Broken::Start(self.start.sequence));
        }
        Ok(())
    }

    /// Walks the whole chain in a transaction that sees one moment, and shows each record to `each` once it is known
    /// to be the next one.
    ///
    /// # Errors
    /// The first place where it breaks.
    pub async fn walk(tx: &mut Transaction, each: impl FnMut(&Record)) -> Result<Self, Broken> {
        let start = db::journal::start(&mut **tx).await?;
        let mut chain = Self::begin(start);
        chain.follow(tx, each).await?;
        let head = db::journal::head_with_hash(&mut **tx).await?;
        chain.end((head.0, &head.1))?;
        Ok(chain)
    }

    /// Takes all records after the last one.
    ///
    /// # Errors
    /// The first place where the chain breaks.
    pub async fn follow(
        &mut self,
        tx: &mut Transaction,
        mut each: impl FnMut(&Record),
    ) -> Result<(), Broken> {
        loop {
            let records = db::journal::after(&mut **tx, self.last, BATCH).await?;
            if records.is_empty() {
                return Ok(());
            }
            for record in &records {
                self.push(record)?;
                each(record);
            }
        }
    }

    /// The last record's sequence.
    #[must_use]
    pub fn last(&self) -> i64 {
        self.last
    }

    /// The last record's hash.
    #[must_use]
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// Where it begins.
    #[must_use]
    pub fn start(&self) -> &Start {
        &self.start
    }

    /// The places where it goes on after a restore.
    #[must_use]
    pub fn restores(&self) -> &[Restore] {
        &self.restores
    }
}

fn number(subject: &str) -> Option<i64> {
    subject.strip_prefix(SUBJECT)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(sequence: i64, action: &str, subject: &str, previous: &str) -> Record {
        let mut record = Record {
            sequence,
            at: sequence,
            actor: "local/0".to_owned(),
            action: action.to_owned(),
            subject: subject.to_owned(),
            salt: "s".to_owned(),
            before_digest: String::new(),
            after_digest: String::new(),
            reason: String::new(),
            previous_hash: previous.to_owned(),
            hash: String::new(),
        };
        record.hash = hash(&record);
        record
    }

    #[test]
    fn only_a_restore_that_names_its_predecessor_may_leave_numbers_out() {
        let first = record(1, "client.create", "client/a", "");
        let mut chain = Chain::begin(Start::default());
        chain.push(&first).unwrap();
        for (action, subject) in
            [("client.create", "client/b"), (RESTORE, "journal/2"), (RESTORE, "client/1")]
        {
            let next = record(9, action, subject, &first.hash);
            let broken = chain.clone().push(&next).unwrap_err();
            assert!(matches!(broken, Broken::Gap { expected: 2, found: 9 }), "{action} {subject}");
        }
        let foreign = record(9, RESTORE, "journal/1", "another");
        assert!(matches!(chain.clone().push(&foreign), Err(Broken::Link(9))));
        let next = record(9, RESTORE, "journal/1", &first.hash);
        chain.push(&next).unwrap();
        assert_eq!(chain.restores(), [Restore { sequence: 9, after: 1, hash: first.hash }]);
        chain.end((9, &next.hash)).unwrap();
    }

    #[test]
    fn a_missing_beginning_must_be_told_by_a_record() {
        let start = Start { sequence: 5, hash: "h5".to_owned(), trimmed_at: 0 };
        let mut chain = Chain::begin(start);
        let next = record(6, "client.create", "client/a", "h5");
        chain.push(&next).unwrap();
        assert!(matches!(chain.end((6, &next.hash)), Err(Broken::Start(5))));
        let mut told = record(7, TRIM, "journal/5", &next.hash);
        told.reason = "its hash is h5".to_owned();
        told.hash = hash(&told);
        chain.push(&told).unwrap();
        chain.end((7, &told.hash)).unwrap();
        assert!(matches!(chain.end((8, &told.hash)), Err(Broken::Head { head: 8, last: 7 })));
    }
}
