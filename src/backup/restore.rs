use std::path::{Path, PathBuf};

use carnet_ambient::{Clock, Entropy};
use carnet_db::{Database, DatabaseUrl, Transaction};

use super::chunks::Chunks;
use super::content::Entry;
use super::replay::{self, Replay};
use super::verify::{entry, verify};
use super::{BackupError, Manifest, Opening, Summary, damaged};
use crate::audit::{self, Chain, Line, Restore};
use crate::config::KeyLife;
use crate::data_dir::{DataDir, INSTALLATION};
use crate::db;
use crate::db::table::{self, Table};
use crate::keys::{self, Keyring, MasterKey};

/// How far the journal jumps past the last record that tombstones know: a node may have published numbers in its last
/// second that it did not write down any more.
const MARGIN: i64 = 1000;
/// The same when nobody knows how far the lost journal went.
const MARGIN_WITHOUT_TOMBSTONES: i64 = 1_000_000_000;

/// What is restored, and where to.
#[derive(Clone, Copy)]
pub struct Restoring<'a> {
    /// The backup.
    pub backup: &'a Path,
    /// What it is opened with.
    pub opening: &'a Opening,
    /// Files of tombstones, of one node or several.
    pub tombstones: &'a [PathBuf],
    /// Restores although what was revoked since the backup becomes valid again.
    pub without_tombstones: bool,
    /// The new data folder.
    pub data_dir: &'a DataDir,
    /// The new database.
    pub database: &'a DatabaseUrl,
    /// Where the master key goes.
    pub master_key_file: &'a Path,
    /// How long keys live.
    pub key_life: KeyLife,
    /// Who restores, as the journal writes it.
    pub actor: &'a str,
}

/// What was restored.
#[derive(Debug)]
pub struct Restored {
    /// What the backup was of.
    pub manifest: Manifest,
    /// How many rows it had.
    pub rows: i64,
    /// The journal's record of the restore.
    pub sequence: i64,
    /// Up to which record decisions were applied again; none without tombstones.
    pub tombstones_to: Option<i64>,
    /// How many decisions were.
    pub decisions: usize,
    /// Names of signing keys that took the place of dropped ones.
    pub new_keys: Vec<String>,
}

/// Restores an installation into an empty data folder and an empty database.
///
/// The whole backup is verified before a row is written; everything is written in one transaction, at whose end the
/// decisions since the backup hold again.
///
/// # Errors
/// [`BackupError`]; nothing was restored then.
pub async fn restore(
    restoring: Restoring<'_>,
    clock: &Clock,
    entropy: &Entropy,
) -> Result<Restored, BackupError> {
    keys::install_crypto_provider();
    check_folder(restoring.data_dir.path(), restoring.database)?;
    let summary = verify(restoring.backup, restoring.opening)?;
    if restoring.tombstones.is_empty() != restoring.without_tombstones {
        return Err(BackupError::Unsafe(
            "what was revoked since the backup would be valid again: give --tombstones FILE of a node; if there is none \
             left, --without-tombstones restores all the same, and the journal says so"
                .to_owned(),
        ));
    }
    let replay = Replay::read(restoring.tombstones, &summary.manifest)?;
    let database = Database::connect(restoring.database).await?;
    let mut written = Written::default();
    let restored = into(&database, restoring, &summary, &replay, &mut written, clock, entropy).await;
    database.close().await;
    if restored.is_err() {
        // The next attempt must find the folder as empty as this one did.
        for path in written.0 {
            let _ = std::fs::remove_file(path);
        }
    }
    restored
}

/// Files that this restore has written.
#[derive(Default)]
struct Written(Vec<PathBuf>);

async fn into(
    database: &Database,
    restoring: Restoring<'_>,
    summary: &Summary,
    replay: &Replay,
    written: &mut Written,
    clock: &Clock,
    entropy: &Entropy,
) -> Result<Restored, BackupError> {
    db::migrate(database).await?;
    let own = summary.manifest.sequence;
    let mut tx = database.writer().begin().await?;
    db::journal::lock(&mut tx).await?;
    let is_empty =
        db::installation::find(&mut *tx).await?.is_none() && db::journal::head(&mut *tx).await? == 0;
    if !is_empty {
        return Err(BackupError::NotEmpty(format!("the database {}", restoring.database)));
    }
    db::table::clear(&mut tx).await?;
    fill(&mut tx, database, restoring).await?;
    let chain = Chain::walk(&mut tx, |_| {}).await?;
    if (chain.last(), chain.hash()) != (own, summary.manifest.hash.as_str()) {
        return damaged("it was changed while it was read");
    }
    replay.compare(&mut tx, own).await?;
    let margin = if restoring.without_tombstones { MARGIN_WITHOUT_TOMBSTONES } else { MARGIN };
    // Each decision gets a number of its own that nobody has seen, and the record of the restore the one after them:
    // whoever follows the feed by its numbers is told all of them.
    let first = replay.last + margin;
    let dropped = replay.apply(&mut tx, first).await?;
    let sequence = first + i64::try_from(replay.count()).unwrap_or(i64::from(u32::MAX));
    replay::mark(&mut tx, sequence, clock.now_millis()).await?;
    let reason = reason(restoring, own, replay);
    let restore = audit::resume(&mut tx, clock, entropy, sequence, restoring.actor, &reason).await?;
    let mut new_keys = Vec::new();
    for key in &dropped {
        let made = replay::replace(&mut tx, key, &summary.master, clock, entropy, restoring.actor).await?;
        new_keys.push(made);
    }
    // Better no restore than a server that does not start.
    let live = db::sealed_key::live(&mut *tx).await?;
    Keyring::open(&live, &summary.master, &restoring.key_life, None)?;
    Chain::walk(&mut tx, |_| {}).await?;
    write_folder(restoring, summary, &restore, written)?;
    tx.commit().await.map_err(db::Error::from)?;
    Ok(Restored {
        manifest: summary.manifest.clone(),
        rows: summary.rows.values().sum(),
        sequence,
        tombstones_to: (!restoring.without_tombstones).then_some(replay.last),
        decisions: replay.count(),
        new_keys,
    })
}

fn reason(restoring: Restoring<'_>, own: i64, replay: &Replay) -> String {
    if restoring.without_tombstones {
        return format!(
            "from a backup of record {own}, WITHOUT TOMBSTONES: what was revoked since is valid again"
        );
    }
    format!(
        "from a backup of record {own}; {} decisions up to record {} applied again",
        replay.count(),
        replay.last
    )
}

/// Reads the backup again and writes every row.
async fn fill(
    tx: &mut Transaction,
    database: &Database,
    restoring: Restoring<'_>,
) -> Result<(), BackupError> {
    let tables = table::all(tx, database.engine()).await?;
    let mut chunks = Chunks::open(restoring.backup, |wrapped| restoring.opening.open(wrapped))?;
    let mut current: Option<Table> = None;
    while let Some(content) = chunks.next()? {
        let text = std::str::from_utf8(&content).or_else(|_| damaged("a chunk is no text"))?;
        for line in text.split_terminator('\n') {
            match entry(line)? {
                Entry::Table { name, columns } => current = Some(target(&tables, &name, &columns)?),
                Entry::Row(row) => match &current {
                    Some(table) => table::insert(tx, table, row).await?,
                    None => return damaged("a row has no table"),
                },
                Entry::Manifest(_) | Entry::MasterKey(_) | Entry::Anchor(_) | Entry::End { .. } => {}
            }
        }
    }
    Ok(())
}

/// The table of this database with its columns in the order of the backup. No name of the backup enters a statement:
/// it only chooses among those that are known.
fn target(tables: &[Table], name: &str, columns: &[String]) -> Result<Table, BackupError> {
    let Some(own) = tables.iter().find(|table| table.name == name) else {
        return damaged(format!("the table {name} is not known"));
    };
    let find = |wanted: &String| own.columns.iter().find(|column| column.name == *wanted).cloned();
    let found: Option<Vec<_>> = columns.iter().map(find).collect();
    match found {
        Some(found) if found.len() == own.columns.len() => {
            Ok(Table { name: own.name.clone(), columns: found })
        }
        _ => damaged(format!("the columns of the table {name} are others than here")),
    }
}

fn write_folder(
    restoring: Restoring<'_>,
    summary: &Summary,
    restore: &Restore,
    written: &mut Written,
) -> Result<(), BackupError> {
    // First, and before the database has anything: whoever starts a server on what a crash leaves here must not make a
    // new installation with the restored master key.
    written.0.push(restoring.data_dir.path().join(INSTALLATION));
    restoring.data_dir.set_installation(&summary.manifest.installation)?;
    let path = restoring.master_key_file;
    if path.exists() {
        // Given by whoever provides this machine with it; it must be the one.
        let there = MasterKey::read(path)?;
        if there.key_check_value() != summary.manifest.key_check_value {
            return Err(BackupError::Key(format!(
                "{} is another master key than the backup's",
                path.display()
            )));
        }
    } else {
        summary.master.write_new(path)?;
        written.0.push(path.to_owned());
    }
    let path = restoring.data_dir.path().join(audit::HEADS_FILE);
    let mut lines = summary.anchors.clone();
    lines.push(Line::Restore(restore.clone()));
    audit::write_heads(&path, &lines).map_err(|source| BackupError::Io { path: path.clone(), source })?;
    written.0.push(path);
    Ok(())
}

/// Whatever stands in the folder already may belong to another installation.
fn check_folder(folder: &Path, database: &DatabaseUrl) -> Result<(), BackupError> {
    let io = |source| BackupError::Io { path: folder.to_owned(), source };
    let own = database.file().and_then(|file| Some(file.file_name()?.to_string_lossy().into_owned()));
    for found in std::fs::read_dir(folder).map_err(io)? {
        let found = found.map_err(io)?;
        let name = found.file_name().to_string_lossy().into_owned();
        // What an attempt that failed leaves behind.
        let of_database = own.as_ref().is_some_and(|own| name.starts_with(own.as_str()));
        let empty_folder = name == "keys" && std::fs::read_dir(found.path()).map_err(io)?.next().is_none();
        if name != "lock" && !of_database && !empty_folder {
            return Err(BackupError::NotEmpty(format!("{} (there is {name})", folder.display())));
        }
    }
    Ok(())
}
