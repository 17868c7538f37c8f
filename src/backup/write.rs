use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;

use carnet_ambient::{Clock, Entropy};
use carnet_db::{Engine, Transaction};
use zeroize::Zeroizing;

use super::chunks::ChunkWriter;
use super::content::{Entry, LEFT_OUT, Manifest};
use super::wrap::FileKey;
use super::{BackupError, Sealing, Summary, verify};
use crate::audit::{self, Line};
use crate::db::{self, table};
use crate::keys::MasterKey;
use crate::private_file;

/// What is backed up.
pub struct Source<'a> {
    /// A transaction that sees one moment.
    pub snapshot: &'a mut Transaction,
    /// The database's engine.
    pub engine: Engine,
    /// File of the master key.
    pub master_key_file: &'a Path,
    /// The data folder.
    pub data_dir: &'a Path,
}

/// Writes everything of the installation into a new file, then opens it again and checks it.
///
/// # Errors
/// [`BackupError`]; there is no file then.
pub async fn write(
    source: Source<'_>,
    path: &Path,
    sealing: &Sealing,
    clock: &Clock,
    entropy: &Entropy,
) -> Result<Summary, BackupError> {
    let mut key: FileKey = Zeroizing::new([0; 32]);
    entropy.fill(&mut *key);
    let wrapped = sealing.wrap(&key, entropy)?;
    let io = |source| BackupError::Io { path: path.to_owned(), source };
    if path.symlink_metadata().is_ok() {
        return Err(io(ErrorKind::AlreadyExists.into()));
    }
    // Under another name until it is whole and checked: what a crash leaves must not be taken for a backup.
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    let part = path.with_file_name(name);
    let _ = std::fs::remove_file(&part);
    let writer = ChunkWriter::create(&part, key.clone(), wrapped)?;
    let written = match fill(source, writer, clock).await {
        // The wrapped key cannot be opened here, if it is for a recipient; everything else is read again.
        Ok(()) => verify::verify_with(&part, |_| Ok(key)),
        Err(error) => Err(error),
    };
    let placed = || std::fs::rename(&part, path).and_then(|()| private_file::sync_folder(path));
    let written = written.and_then(|summary| placed().map_err(io).map(|()| summary));
    if written.is_err() {
        // Half a backup is none.
        let _ = std::fs::remove_file(&part);
    }
    written
}

async fn fill(source: Source<'_>, mut writer: ChunkWriter, clock: &Clock) -> Result<(), BackupError> {
    let Source { snapshot: tx, engine, master_key_file, data_dir } = source;
    let (applied, own) = (table::applied(tx, engine).await?, table::schema());
    if applied != own {
        return Err(BackupError::OtherSchema { applied, own });
    }
    let installation = db::installation::find(&mut **tx)
        .await?
        .ok_or_else(|| BackupError::Internal("the database holds no installation".to_owned()))?;
    let master = MasterKey::read(master_key_file)?;
    if master.key_check_value() != installation.key_check_value {
        return Err(BackupError::Key(format!(
            "{} is not the master key of this database",
            master_key_file.display()
        )));
    }
    let (sequence, hash) = db::journal::head_with_hash(&mut **tx).await?;
    let start = db::journal::start(&mut **tx).await?;
    let manifest = Manifest {
        start_sequence: start.sequence,
        start_hash: start.hash,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        schema: own,
        created_at: clock.now_millis(),
        installation: installation.id,
        issuer: installation.issuer,
        key_check_value: installation.key_check_value,
        sequence,
        hash,
    };
    put(&mut writer, &Entry::Manifest(manifest))?;
    put(&mut writer, &Entry::MasterKey(master.to_text()))?;
    for line in anchors(&data_dir.join(audit::HEADS_FILE), sequence)? {
        put(&mut writer, &Entry::Anchor(line))?;
    }
    let mut counts = BTreeMap::new();
    for found in table::all(tx, engine).await? {
        if LEFT_OUT.contains(&found.name.as_str()) {
            continue;
        }
        let columns = found.columns.iter().map(|column| column.name.clone()).collect();
        put(&mut writer, &Entry::Table { name: found.name.clone(), columns })?;
        let count = table::rows(tx, &found, |row| put(&mut writer, &Entry::Row(row))).await?;
        counts.insert(found.name, count);
    }
    put(&mut writer, &Entry::End { rows: counts })?;
    writer.finish()
}

fn put(writer: &mut ChunkWriter, entry: &Entry) -> Result<(), BackupError> {
    let text = serde_json::to_string(entry).map_err(|error| BackupError::Internal(error.to_string()))?;
    writer.line(&Zeroizing::new(text))
}

/// The anchors of this node, without heads that are newer than the snapshot.
fn anchors(path: &Path, sequence: i64) -> Result<Vec<Line>, BackupError> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    let (mut keys, mut lines) = (audit::AuditKeys::default(), Vec::new());
    let read = private_file::read_lines(path, |_, text| match Line::parse(text) {
        Some(Line::Head(jws)) => {
            let fits = audit::Head::open(&jws, &keys).is_ok_and(|(head, _)| head.sequence <= sequence);
            lines.extend(fits.then_some(Line::Head(jws)));
        }
        Some(line) => {
            if let Line::Key(jwk) = &line {
                keys.add(jwk);
            }
            lines.push(line);
        }
        // What is wrong with the file is for audit verify to say; a backup does not carry it on.
        None => {}
    });
    read.map_err(|source| BackupError::Io { path: path.to_owned(), source })?;
    Ok(lines)
}
