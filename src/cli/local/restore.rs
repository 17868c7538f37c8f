use std::fmt::Write as _;
use std::path::PathBuf;

use carnet_ambient::{Clock, Entropy};
use clap::Args;

use super::{Failure, ServeArgs};
use crate::app;
use crate::backup::{self, Opening, Restored, Restoring};
use crate::data_dir::DataDir;
use crate::operations::Actor;

/// Flags of `carnet restore`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Data folder and database must be new.\n\n\
    Example:\n  carnet restore iap.backup --identity backup-key --tombstones old/tombstones.log --data-dir new")]
pub struct RestoreArgs {
    /// The backup.
    pub file: PathBuf,
    /// The server's own flags: where the data folder and the database will be.
    #[command(flatten)]
    pub server: ServeArgs,
    /// Private key for which the backup is encrypted.
    #[arg(long, value_name = "FILE", conflicts_with = "passphrase_file")]
    pub identity: Option<PathBuf>,
    /// File whose first line is the passphrase under which the backup is encrypted.
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
    /// tombstones.log of a node, newer than the backup; several of several nodes.
    #[arg(long, value_name = "FILE")]
    pub tombstones: Vec<PathBuf>,
    /// Restore although everything that was revoked since the backup becomes valid again.
    #[arg(long, conflicts_with = "tombstones")]
    pub without_tombstones: bool,
}

/// Restores a backup.
///
/// # Errors
/// When anything about it, the tombstones or the place is not in order; nothing was restored then.
pub async fn restore(args: &RestoreArgs) -> Result<(), Failure> {
    let opening = match (&args.identity, &args.passphrase_file) {
        (Some(path), None) => Opening::identity(path),
        (None, Some(path)) => Opening::passphrase(path),
        _ => return Err(Failure("give --identity FILE or --passphrase-file FILE".to_owned())),
    };
    let opening = opening.map_err(Failure::from_error)?;
    let (config, _) = args.server.load()?;
    // Before the folder is made: a name that was mistyped leaves nothing behind.
    for file in std::iter::once(&args.file).chain(&args.tombstones) {
        std::fs::File::open(file)
            .map_err(|error| Failure(format!("{}: {error}; nothing was restored", file.display())))?;
    }
    let data_dir = DataDir::open(config.data_dir()).map_err(Failure::from_error)?;
    let _database_lock = app::lock_database(&config).map_err(Failure::from_error)?;
    let actor = Actor::local();
    let restoring = Restoring {
        backup: &args.file,
        opening: &opening,
        tombstones: &args.tombstones,
        without_tombstones: args.without_tombstones,
        data_dir: &data_dir,
        database: config.database(),
        master_key_file: config.master_key_file(),
        key_life: config.key_life(),
        actor: actor.as_str(),
    };
    let restored = backup::restore(restoring, &Clock::system(), &Entropy::system()).await;
    let restored = restored.map_err(Failure::from_error)?;
    print!("{}", render(&restored));
    if config.issuer() != restored.manifest.issuer {
        println!("start it with --issuer {}", restored.manifest.issuer);
    }
    if args.without_tombstones {
        eprintln!(
            "WARNING: restored WITHOUT TOMBSTONES. Every token, secret, key and client that was revoked or disabled \
             after record {} of the journal is valid again. Go through what you remember, now.",
            restored.manifest.sequence
        );
    }
    Ok(())
}

fn render(restored: &Restored) -> String {
    let mut text = format!(
        "restored installation {}: {} rows, journal up to record {}, which goes on at record {}\n",
        restored.manifest.installation, restored.rows, restored.manifest.sequence, restored.sequence
    );
    if let Some(last) = restored.tombstones_to {
        let _ = writeln!(
            text,
            "{} decisions up to record {last} were applied again; administration tokens have ended",
            restored.decisions
        );
    }
    for kid in &restored.new_keys {
        let _ = writeln!(text, "the signing key {kid} took the place of one that was dropped");
    }
    text.push_str(
        "other nodes begin with new data folders; or move their audit-heads.log and tombstones.log away before they \
         start\n",
    );
    text
}
