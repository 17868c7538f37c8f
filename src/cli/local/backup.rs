use std::io;
use std::path::{Path, PathBuf};

use carnet_ambient::{Clock, Entropy};
use carnet_db::Onlooker;
use clap::{Args, Subcommand};

use super::{Failure, ServeArgs};
use crate::backup::{self, BackupError, Sealing, Source};
use crate::private_file;

/// Flags of `carnet backup`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "The server may run meanwhile.\n\n\
    Example:\n  carnet backup iap.backup --recipient backup-key.pub --data-dir iap")]
pub struct BackupArgs {
    /// Other things to do with backups.
    #[command(subcommand)]
    pub command: Option<BackupCommand>,
    /// The new file.
    pub file: Option<PathBuf>,
    /// The server's own flags, so that this command sees the same installation.
    #[command(flatten)]
    pub server: ServeArgs,
    /// Public key for whose holder the backup is encrypted; carnet backup keygen makes one.
    #[arg(long, value_name = "FILE", conflicts_with = "passphrase_file")]
    pub recipient: Option<PathBuf>,
    /// File whose first line is the passphrase under which the backup is encrypted.
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
}

/// Other things to do with backups.
#[derive(Debug, Clone, Subcommand)]
pub enum BackupCommand {
    /// Make a key pair for backups: the private key in FILE, the public one in FILE.pub.
    #[command(
        after_help = "Keep the private key away from the server: backups need the public one only.\n\n\
        Example:\n  carnet backup keygen backup-key"
    )]
    Keygen(KeygenArgs),
}

/// Flags of `carnet backup keygen`.
#[derive(Debug, Clone, Args)]
pub struct KeygenArgs {
    /// The new file of the private key.
    pub file: PathBuf,
}

/// Writes a backup, or makes a key pair.
///
/// # Errors
/// When it cannot be written, or does not verify after it was.
pub async fn backup(args: &BackupArgs) -> Result<(), Failure> {
    if let Some(BackupCommand::Keygen(args)) = &args.command {
        return keygen(args);
    }
    let file = args.file.as_ref().ok_or_else(|| Failure("give the new FILE".to_owned()))?;
    let sealing = match (&args.recipient, &args.passphrase_file) {
        (Some(path), None) => Sealing::recipient(path).map_err(Failure::from_error)?,
        (None, Some(path)) => Sealing::passphrase(path).map_err(Failure::from_error)?,
        _ => {
            return Err(Failure(
                "a backup holds the master key and is always encrypted: give --recipient FILE (carnet backup keygen) or \
                 --passphrase-file FILE"
                    .to_owned(),
            ));
        }
    };
    is_new(file)?;
    let (config, _) = args.server.for_folder()?;
    let database = Onlooker::connect(config.database()).await.map_err(Failure::from_error)?;
    let mut snapshot = database.snapshot().await.map_err(Failure::from_error)?;
    let source = Source {
        snapshot: &mut snapshot,
        engine: database.engine(),
        master_key_file: config.master_key_file(),
        data_dir: config.data_dir(),
    };
    let written = backup::write(source, file, &sealing, &Clock::system(), &Entropy::system()).await;
    drop(snapshot);
    database.close().await;
    let summary = written.map_err(|error| match &error {
        BackupError::Io { path, source } if source.kind() == io::ErrorKind::AlreadyExists => exists(path),
        _ => Failure::from_error(error),
    })?;
    println!(
        "{}: installation {}, {} rows, journal up to record {}; opened again and verified\nkeep a copy of \
         tombstones.log elsewhere too: a restore needs one that is newer than the backup",
        file.display(),
        summary.manifest.installation,
        summary.rows.values().sum::<i64>(),
        summary.manifest.sequence
    );
    Ok(())
}

fn exists(path: &Path) -> Failure {
    Failure(format!("{} exists already, and nothing is written over: give another name", path.display()))
}

/// Says it before anything is made; whoever makes the file sees to it once more.
fn is_new(path: &Path) -> Result<(), Failure> {
    match path.symlink_metadata() {
        Ok(_) => Err(exists(path)),
        Err(_) => Ok(()),
    }
}

fn keygen(args: &KeygenArgs) -> Result<(), Failure> {
    let mut name = args.file.file_name().unwrap_or_default().to_owned();
    name.push(".pub");
    let public_file = args.file.with_file_name(name);
    // Both or none: half a pair is of no use, and would stand in the way.
    is_new(&args.file)?;
    is_new(&public_file)?;
    let (private, public) = backup::generate_recipient().map_err(Failure::from_error)?;
    for (path, text) in [(&args.file, private.as_str()), (&public_file, public.as_str())] {
        private_file::create(path, text.as_bytes())
            .map_err(|error| Failure(format!("{}: {error}", path.display())))?;
    }
    println!(
        "private key {}: keep it where backups are restored, not on the server\npublic key {}: for carnet backup \
         --recipient",
        args.file.display(),
        public_file.display()
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_half_of_a_key_pair_is_made_when_the_other_one_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let (file, public) = (folder.path().join("key"), folder.path().join("key.pub"));
        std::fs::write(&public, "mine").unwrap();
        let said = keygen(&KeygenArgs { file: file.clone() }).unwrap_err().to_string();
        assert!(said.contains("key.pub exists already") && !file.exists(), "{said}");
        assert_eq!(std::fs::read_to_string(&public).unwrap(), "mine");
    }
}
