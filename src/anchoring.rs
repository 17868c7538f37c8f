//! Keeps outside the database what must survive it: signed heads of the journal and every decision against something.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::app::App;
use crate::audit::{self, Broken, Chain, Head, HeadsError, HeadsFile, Restore};
use crate::db;
use crate::db::journal::{Record, Start};
use crate::db::signed_head::SignedHead;
use crate::keys::Purpose;
use crate::tombstones::{self, TombstoneFile, TombstonesError};

/// How often the database is looked at: a decision is outside it soon after it was taken.
const POLL: Duration = Duration::from_millis(250);
/// How long a look may take before it is given up.
const POLL_TIMEOUT: Duration = Duration::from_secs(30);
/// A head is signed when it is so old (milliseconds) and something has changed since, …
const SIGN_AFTER: u64 = 60_000;
/// … or so many records have come.
const SIGN_RECORDS: i64 = 1000;
/// How many rows are copied at once.
const BATCH: i64 = 500;

/// What a node keeps in its data folder.
#[derive(Clone)]
pub struct Anchoring {
    app: App,
    installation: String,
    files: Arc<Mutex<Files>>,
}

struct Files {
    heads: HeadsFile,
    tombstones: TombstoneFile,
    // The journal's last record that was looked at, and its hash.
    followed: (i64, String),
}

/// Why something could not be kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AnchoringError {
    /// The file of heads cannot be used.
    #[error(transparent)]
    Heads(#[from] HeadsError),
    /// The file of tombstones cannot be used.
    #[error(transparent)]
    Tombstones(#[from] TombstonesError),
    /// The database could not be read.
    #[error(transparent)]
    Database(#[from] db::Error),
    /// The journal does not go on from the head that this node knows: nothing is signed over it.
    #[error(
        "the journal does not continue the head of record {after} that this node has seen signed: {broken}; run carnet \
         audit verify. After a restore, move audit-heads.log and tombstones.log of this node away"
    )]
    Journal {
        /// The record of that head.
        after: i64,
        /// Where it breaks.
        broken: Broken,
    },
    /// The database is older than what this node has seen.
    #[error(
        "the database ends at record {database}, but this node has seen record {seen}: it was set back, and what was \
         revoked since may be valid again. Restore it with carnet restore and the tombstones.log of this node; if it \
         was restored so, move audit-heads.log and tombstones.log of this node away"
    )]
    SetBack {
        /// The last record of the database.
        database: i64,
        /// The last record that this node has seen.
        seen: i64,
    },
    /// The database has come to a higher number than this node has seen, but by another past.
    #[error(
        "record {0} of the journal is not the one that this node has seen: the database was set back and has gone on, \
         and what was revoked before may be valid again; run carnet audit verify. Restore a backup with carnet restore \
         and the tombstones.log of this node; if it was restored so, move audit-heads.log and tombstones.log of this \
         node away"
    )]
    OtherPast(i64),
    /// An audit key that this node has pinned is gone from the database.
    #[error("the audit key {0}, which this node has pinned, is not in the database: it was made anew")]
    KeyGone(String),
    /// A head of the table does not prove anything.
    #[error("the signed head of record {sequence} in the database: {reason}")]
    Head {
        /// Its record.
        sequence: i64,
        /// What is wrong.
        reason: String,
    },
    /// A file could not be written.
    #[error("the data folder cannot be written: {0}")]
    Io(#[from] std::io::Error),
    /// A task ended badly.
    #[error("internal: {0}")]
    Internal(String),
}

impl AnchoringError {
    fn broken(after: i64, broken: Broken) -> Self {
        match broken {
            Broken::Database(error) => Self::Database(error),
            broken => Self::Journal { after, broken },
        }
    }
}

impl Anchoring {
    /// Opens the files in the data folder.
    ///
    /// # Errors
    /// When one cannot be used, or the database is older than they are: nothing must be issued then.
    pub async fn open(app: &App) -> Result<Self, AnchoringError> {
        let installation = db::installation::find(app.database.reader().pool())
            .await?
            .ok_or_else(|| AnchoringError::Internal("the installation is gone".to_owned()))?
            .id;
        let heads = HeadsFile::open(&app.data_dir.path().join(audit::HEADS_FILE))?;
        let tombstones = TombstoneFile::open(&app.data_dir.path().join(tombstones::FILE), &installation)?;
        let mut connection = app.database.reader().pool().acquire().await.map_err(db::Error::from)?;
        let followed = db::journal::head_with_hash(&mut *connection).await?;
        let database = followed.0;
        let seen = tombstones.last().max(heads.last().map_or(0, |head| head.sequence));
        if seen > database {
            return Err(AnchoringError::SetBack { database, seen });
        }
        // A number says nothing if other nodes have gone on from an older database.
        if let Some(head) = heads.last()
            && !db::journal::holds(&mut connection, head.sequence, &head.hash).await?
        {
            return Err(AnchoringError::OtherPast(head.sequence));
        }
        let files = Arc::new(Mutex::new(Files { heads, tombstones, followed }));
        Ok(Self { app: app.clone(), installation, files })
    }

    /// Follows the database until the task is aborted.
    pub async fn follow(self) {
        let mut ticks = tokio::time::interval(POLL);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut said = None;
        loop {
            ticks.tick().await;
            let looked = tokio::time::timeout(POLL_TIMEOUT, self.look()).await;
            match looked.unwrap_or(Err(AnchoringError::Database(db::Error::NoAnswer))) {
                Ok(()) => {
                    if said.take().is_some() {
                        tracing::info!("journal heads and tombstones are kept again");
                    }
                }
                // Said once for each cause, not four times a second.
                Err(error) => {
                    let error = error.to_string();
                    if said.as_ref() != Some(&error) {
                        tracing::error!(
                            error,
                            "journal heads or tombstones are not kept outside the database"
                        );
                        said = Some(error);
                    }
                }
            }
        }
    }

    /// Looks once: writes down what was decided, signs a head if it is time, and writes down what was signed.
    ///
    /// # Errors
    /// What could not be kept; the next look tries again.
    pub async fn look(&self) -> Result<(), AnchoringError> {
        // Tombstones first: they matter more, and a journal that does not hold must not keep them back.
        self.bury().await?;
        // What others have signed first: this node goes on from the newest head, and may have been away for long.
        self.copy_heads().await?;
        self.sign(false).await?;
        self.copy_heads().await
    }

    /// Signs a head over everything that has changed, and writes it down: for an orderly end.
    ///
    /// # Errors
    /// What could not be kept.
    pub async fn settle(&self) -> Result<(), AnchoringError> {
        self.bury().await?;
        self.copy_heads().await?;
        self.sign(true).await?;
        self.copy_heads().await
    }

    /// Removes records that are older than the configuration keeps, up to the newest head in this node's file.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn trim(&self) -> Result<(), AnchoringError> {
        let Some(keep_days) = self.app.config.journal_keep_days() else { return Ok(()) };
        let anchored = self.with(|files| files.heads.last().map_or(0, |head| head.sequence)).await?;
        let App { database, clock, entropy, .. } = &self.app;
        if let Some(last) = audit::trim(database, clock, entropy, keep_days, anchored).await? {
            tracing::info!(last, keep_days, "old journal records were removed");
        }
        Ok(())
    }

    async fn bury(&self) -> Result<(), AnchoringError> {
        // One connection: another one may be to a database that was set back in between.
        let mut connection = self.app.database.reader().pool().acquire().await.map_err(db::Error::from)?;
        loop {
            let (last, followed) =
                self.with(|files| (files.tombstones.last(), files.followed.clone())).await?;
            // Read first: what is decided later belongs to the next line.
            let newest = db::journal::head_with_hash(&mut *connection).await?;
            let head = newest.0;
            if head == last {
                return Ok(());
            }
            if head < last {
                return Err(AnchoringError::SetBack { database: head, seen: last });
            }
            // A line would cover records of two pasts.
            if !db::journal::holds(&mut connection, followed.0, &followed.1).await? {
                return Err(AnchoringError::OtherPast(followed.0));
            }
            let mut decisions = db::negative_decision::after(&mut *connection, last, BATCH).await?;
            decisions.retain(|decision| decision.sequence <= head);
            let full = i64::try_from(decisions.len()).is_ok_and(|count| count >= BATCH);
            let to = decisions.last().filter(|_| full).map_or(head, |decision| decision.sequence);
            let decisions = decisions.into_iter().map(Into::into).collect();
            self.with(move |files| {
                files.tombstones.append(to, decisions)?;
                files.followed = newest;
                Ok::<_, std::io::Error>(())
            })
            .await??;
        }
    }

    /// A file without keys takes those that the database has, and the restores that the journal tells of: a node that
    /// begins after them has nothing to hold them against, and the files of others do. One with keys takes over only
    /// what this node's own keyring signs with: whoever can write to the database, but does not hold the master key,
    /// gets no key pinned.
    async fn pin_keys(&self) -> Result<(), AnchoringError> {
        let found = db::sealed_key::all(self.app.database.reader().pool()).await?;
        let found: Vec<_> = found.iter().filter_map(audit::public_key).collect();
        let ring = self.app.keys.current();
        let own = ring.keys().iter().filter(|key| key.signs_for(Purpose::Audit));
        let own: Vec<_> = own.map(|key| key.public.to_value()).collect();
        let begins = self.with(|files| files.heads.keys().is_empty()).await?;
        let restores = if begins { self.restores().await? } else { Vec::new() };
        let mut names = audit::AuditKeys::default();
        for jwk in &found {
            names.add(jwk);
        }
        self.with(move |files| {
            if let Some(gone) = files.heads.keys().names().into_iter().find(|kid| !names.contains(kid)) {
                return Err(AnchoringError::KeyGone(gone.to_owned()));
            }
            restores.iter().try_for_each(|restore| files.heads.add_restore(restore))?;
            let new = if files.heads.keys().is_empty() { found } else { own };
            new.iter().try_for_each(|jwk| Ok(files.heads.add_key(jwk)?))
        })
        .await?
    }

    async fn restores(&self) -> Result<Vec<Restore>, AnchoringError> {
        let mut tx = self.app.database.snapshot().await.map_err(db::Error::from)?;
        let start = db::journal::start(&mut *tx).await?;
        let after = start.sequence;
        let mut chain = Chain::begin(start);
        let followed = chain.follow(&mut tx, |_| {}).await;
        tx.rollback().await.map_err(db::Error::from)?;
        followed.map_err(|broken| AnchoringError::broken(after, broken))?;
        Ok(chain.restores().to_vec())
    }

    /// Signs a head if it is time; the table lets one node be the first for a sequence.
    async fn sign(&self, now_at_once: bool) -> Result<(), AnchoringError> {
        let mut tx = self.app.database.snapshot().await.map_err(db::Error::from)?;
        let newest = db::signed_head::newest(&mut *tx).await?;
        let (sequence, hash) = db::journal::head_with_hash(&mut *tx).await?;
        let (signed, signed_at) = newest.map_or((0, i64::MIN), |head| (head.sequence, head.signed_at));
        let now = self.app.clock.now_millis();
        // Either way: a head of the future, by a clock that ran ahead once, must not keep this one back until then.
        let due = now_at_once || now.abs_diff(signed_at) >= SIGN_AFTER || sequence - signed >= SIGN_RECORDS;
        if sequence <= signed || !due {
            return Ok(());
        }
        self.pin_keys().await?;
        // A head that is signed without a look is worth what the database is worth.
        let known = self.with(|files| files.heads.last().cloned()).await?;
        let known_restores = self.files.clone();
        let start = match known {
            Some(head) => Start { sequence: head.sequence, hash: head.hash, trimmed_at: 0 },
            None => db::journal::start(&mut *tx).await?,
        };
        let after = start.sequence;
        let mut chain = Chain::begin(start);
        let followed = chain.follow(&mut tx, |_| {}).await;
        tx.rollback().await.map_err(db::Error::from)?;
        followed.map_err(|broken| AnchoringError::broken(after, broken))?;
        if (chain.last(), chain.hash()) != (sequence, hash.as_str()) {
            let broken = Broken::Head { head: sequence, last: chain.last() };
            return Err(AnchoringError::Journal { after, broken });
        }
        let unknown = {
            let files = known_restores.lock().unwrap_or_else(PoisonError::into_inner);
            // A file that begins after the restore has nothing to hold it against.
            let begins = files.heads.last().is_none();
            chain.restores().iter().find(|restore| !begins && !files.heads.knows(restore)).cloned()
        };
        if let Some(restore) = unknown {
            let broken = Broken::Gap { expected: restore.after + 1, found: restore.sequence };
            return Err(AnchoringError::Journal { after, broken });
        }
        let head = Head {
            iss: self.app.config.issuer().to_owned(),
            iat: now.div_euclid(1000),
            installation: self.installation.clone(),
            sequence,
            hash,
            at: now,
        };
        self.store(&head).await
    }

    async fn store(&self, head: &Head) -> Result<(), AnchoringError> {
        let keys = self.app.keys.current();
        let key = keys
            .signing_key(Purpose::Audit)
            .ok_or_else(|| AnchoringError::Internal("there is no active audit key".to_owned()))?;
        let jws = head.sign(key).map_err(|error| AnchoringError::Internal(error.to_string()))?;
        let row = SignedHead {
            sequence: head.sequence,
            hash: head.hash.clone(),
            signed_at: head.at,
            kid: key.kid().to_owned(),
            jws,
        };
        let mut tx = self.app.database.writer().begin().await.map_err(db::Error::from)?;
        db::signed_head::insert(&mut tx, &row).await?;
        tx.commit().await.map_err(db::Error::from)?;
        Ok(())
    }

    /// Writes down what was signed, here or by other nodes, if it fits the journal.
    async fn copy_heads(&self) -> Result<(), AnchoringError> {
        let pool = self.app.database.reader().pool();
        loop {
            let at = |files: &mut Files| {
                (files.heads.last().map_or(0, |head| head.sequence), files.tombstones.last())
            };
            let (last, buried) = self.with(at).await?;
            let mut rows = db::signed_head::after(pool, last, BATCH).await?;
            // Never beyond the tombstones: a head that is shows a restore that their end is missing.
            rows.retain(|row| row.sequence <= buried);
            if rows.is_empty() {
                return Ok(());
            }
            self.pin_keys().await?;
            let start = db::journal::start(pool).await?.sequence;
            for row in rows {
                // What retention has removed can only be checked by its signature.
                let record = db::journal::after(pool, row.sequence - 1, 1).await?;
                let fits = |record: &Record| (record.sequence, &record.hash) == (row.sequence, &row.hash);
                if row.sequence > start && !record.first().is_some_and(fits) {
                    let reason = "it does not fit the journal".to_owned();
                    return Err(AnchoringError::Head { sequence: row.sequence, reason });
                }
                let (installation, jws) = (self.installation.clone(), row.jws.clone());
                let added = self.with(move |files| files.heads.add_head(&jws, &installation)).await??;
                let sequence = row.sequence;
                added.map_err(|error| AnchoringError::Head { sequence, reason: error.to_string() })?;
            }
        }
    }

    /// Works with the files where waiting for a disk keeps nobody else waiting.
    async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Files) -> T + Send + 'static,
    ) -> Result<T, AnchoringError> {
        let files = Arc::clone(&self.files);
        tokio::task::spawn_blocking(move || work(&mut files.lock().unwrap_or_else(PoisonError::into_inner)))
            .await
            .map_err(|error| AnchoringError::Internal(error.to_string()))
    }
}
