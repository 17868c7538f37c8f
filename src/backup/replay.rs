//! What the tombstones say was decided against since the backup, applied again.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use carnet_ambient::{Clock, Entropy};
use carnet_db::Transaction;

use super::{BackupError, Manifest};
use crate::audit::{self, Entry};
use crate::db::negative_decision::{FeedEntry, NegativeDecision};
use crate::db::sealed_key::{Advance, SealedKey};
use crate::db::{self, withdrawal};
use crate::keys::{KeyState, MasterKey, NewKey, Purpose};
use crate::registry::SigningAlgorithm;
use crate::tombstones::{self, Decision, Tombstones};

/// What must be applied again.
#[derive(Debug, Default)]
pub(super) struct Replay {
    /// The last record of the journal that a file covers.
    pub last: i64,
    files: Vec<Tombstones>,
    decisions: Vec<Decision>,
}

impl Replay {
    /// Reads the files of several nodes; each must go with the backup.
    pub(super) fn read(files: &[PathBuf], manifest: &Manifest) -> Result<Self, BackupError> {
        let mut replay = Self { last: manifest.sequence, ..Self::default() };
        let mut signed = None;
        for path in files {
            // Read first, in case it is a running node's: a head is never written before its tombstones.
            let head = head_beside(path, &manifest.installation)?;
            let read = tombstones::read(path, &manifest.installation)?;
            let (first, last, own) = (read.first, read.last, manifest.sequence);
            if last < own {
                return Err(BackupError::Unsafe(format!(
                    "{} ends at record {last}, before the backup's last record {own}: take a newer file, of the node \
                     that ran last",
                    path.display()
                )));
            }
            if first > own {
                return Err(BackupError::Unsafe(format!(
                    "{} begins at record {first}, after the backup's last record {own}: what was decided between is \
                     missing; take another node's file",
                    path.display()
                )));
            }
            let unknown = |one: &&Decision| one.sequence > own && !withdrawal::is_known(&one.kind);
            if let Some(Decision { kind, sequence, .. }) = read.decisions.iter().find(unknown) {
                return Err(BackupError::Unsafe(format!(
                    "{}: record {sequence} is a decision against a {kind}, which this program does not know how to \
                     apply: restore with the newest version",
                    path.display()
                )));
            }
            replay.last = replay.last.max(last);
            replay.decisions.extend(read.decisions.iter().filter(|one| one.sequence > own).cloned());
            replay.files.push(read);
            signed = signed.max(head);
        }
        if let Some((sequence, heads)) = signed.filter(|(sequence, _)| *sequence > replay.last) {
            return Err(BackupError::Unsafe(format!(
                "the tombstones end at record {}, but {} has a signed head of record {sequence}: what was decided \
                 between is missing, and lines may have been cut off; take another copy, or another node's file. If there \
                 is none, move that file of heads away, and go through what you remember afterwards",
                replay.last,
                heads.display()
            )));
        }
        replay.decisions.sort_by_key(|decision| decision.sequence);
        replay.decisions.dedup();
        Ok(replay)
    }

    /// How many decisions are applied again.
    pub(super) fn count(&self) -> usize {
        self.decisions.len()
    }

    /// Up to the backup's last record, files and backup must tell the same: else one of them belongs to another past.
    pub(super) async fn compare(&self, tx: &mut Transaction, own: i64) -> Result<(), BackupError> {
        let known = db::negative_decision::after(&mut **tx, 0, i64::from(i32::MAX)).await?;
        for file in &self.files {
            let inside = |sequence: i64| sequence >= file.first && sequence <= own;
            let here: BTreeSet<(i64, &str, &str)> = known
                .iter()
                .filter(|decision| inside(decision.sequence))
                .map(|decision| (decision.sequence, decision.kind.as_str(), decision.value.as_str()))
                .collect();
            let there: BTreeSet<(i64, &str, &str)> = file
                .decisions
                .iter()
                .filter(|decision| inside(decision.sequence))
                .map(|decision| (decision.sequence, decision.kind.as_str(), decision.value.as_str()))
                .collect();
            if let Some((sequence, kind, _)) = here.symmetric_difference(&there).next() {
                return Err(BackupError::Unsafe(format!(
                    "backup and tombstones disagree about record {sequence} (a decision against a {kind}): they are of \
                     different pasts of this installation"
                )));
            }
        }
        Ok(())
    }

    /// Applies everything; the decisions get the numbers from `first` on, each its own, in their order. Returns the
    /// signing keys that were dropped while they signed.
    pub(super) async fn apply(
        &self,
        tx: &mut Transaction,
        first: i64,
    ) -> Result<Vec<SealedKey>, BackupError> {
        let mut dropped = Vec::new();
        for (sequence, decision) in (first..).zip(&self.decisions) {
            let (kind, value) = (decision.kind.as_str(), decision.value.as_str());
            if kind == "signing_key"
                && let Some(key) = db::sealed_key::find(&mut **tx, value).await?
                && key.state == KeyState::Active.as_str()
            {
                dropped.push(key);
            }
            if !withdrawal::withdraw(tx, kind, value).await? {
                return Err(BackupError::Internal(format!("a {kind} cannot be withdrawn")));
            }
            db::negative_decision::insert(tx, &decision.row(sequence)).await?;
        }
        Ok(dropped)
    }
}

/// How far the journal went according to the heads that lie beside a file of tombstones, and where that is said. A node
/// writes down no head before the tombstones up to it, so that one beyond their end shows that the end is missing.
fn head_beside(path: &Path, installation: &str) -> Result<Option<(i64, PathBuf)>, BackupError> {
    let heads = path.with_file_name(audit::HEADS_FILE);
    if !heads.exists() {
        return Ok(None);
    }
    let newest = audit::newest_head(&heads);
    let newest = newest.map_err(|source| BackupError::Io { path: heads.clone(), source })?;
    Ok(newest.filter(|head| head.installation == installation).map(|head| (head.sequence, heads)))
}

/// A decision against nothing, of the restore's own record: a feed that is made from the decisions must not fall
/// behind a number that was published, even when none was applied again.
pub(super) async fn mark(tx: &mut Transaction, sequence: i64, at: i64) -> Result<(), BackupError> {
    let (kind, value) = (withdrawal::RESTORE.to_owned(), sequence.to_string());
    // It has expired as soon as it is written: it lifts the feed's number and stands in no feed.
    let (member, entry) = ("jti".to_owned(), format!("restore-{value}"));
    let feed = Some(FeedEntry { member, value: entry, until: at, iat_before: None });
    db::negative_decision::insert(tx, &NegativeDecision { sequence, kind, value, at, feed }).await?;
    Ok(())
}

/// Puts a key in the place of one that was dropped while it signed: the announced successor, or a new one. Returns
/// its name.
pub(super) async fn replace(
    tx: &mut Transaction,
    dropped: &SealedKey,
    master: &MasterKey,
    clock: &Clock,
    entropy: &Entropy,
    actor: &str,
) -> Result<String, BackupError> {
    let now = clock.now_millis();
    let rows = db::sealed_key::all(&mut **tx).await?;
    let successor = rows.into_iter().find(|key| {
        key.state == KeyState::Announced.as_str() && key.purpose == dropped.purpose && key.alg == dropped.alg
    });
    let kid = if let Some(successor) = successor {
        let step = Advance {
            from: KeyState::Announced.as_str(),
            to: KeyState::Active.as_str(),
            drop_private: false,
            activated_at: Some(now),
            retires_at: None,
        };
        db::sealed_key::advance(tx, &successor.id, &step).await?;
        successor.kid
    } else {
        let unknown = |_| BackupError::Unsafe(format!("the key {} cannot be replaced", dropped.kid));
        let purpose: Purpose = dropped.purpose.parse().map_err(unknown)?;
        let algorithm: SigningAlgorithm = dropped.alg.parse().map_err(unknown)?;
        let made = tokio::task::spawn_blocking(move || NewKey::generate(purpose, algorithm));
        let made = made.await.map_err(|error| BackupError::Internal(error.to_string()))?;
        let made = made.map_err(crate::keys::KeysError::from)?;
        let row = made.seal(master, KeyState::Active, now, entropy.ulid(clock))?;
        db::sealed_key::insert(tx, &row).await?;
        row.kid
    };
    let subject = format!("signing_key/{kid}");
    let reason = format!("restore: in the place of {}, which was dropped", dropped.kid);
    let nothing: Option<&()> = None;
    let action = "signing_key.activate";
    let entry = Entry { actor, action, subject: &subject, before: nothing, after: nothing, reason: &reason };
    audit::append(tx, clock, entropy, entry).await?;
    Ok(kid)
}
