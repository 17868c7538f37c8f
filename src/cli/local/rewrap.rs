use std::path::{Path, PathBuf};

use carnet_ambient::{Clock, Entropy};
use clap::Args;
use serde_json::json;

use super::{Failure, ServeArgs};
use crate::app::App;
use crate::keys::{MasterKey, coming_master_key, take_over_master_key};
use crate::operations;

/// Flags of `carnet keys rewrap`.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Stop every node first. Afterwards copy the new master key to the other nodes, and start them.\n\n\
    Without --to the new key takes the place of the old one, which stays beside it under another name: destroy it when \
    no copy of the database from before is needed any more.\n\n\
    Example:\n  carnet keys rewrap --data-dir iap --reason \"yearly change\""
)]
pub struct RewrapArgs {
    /// The server's own flags, so that this command sees the same installation.
    #[command(flatten)]
    pub server: ServeArgs,
    /// File of the new master key, made if it is missing; name it with `keys.master_key_file` afterwards.
    #[arg(long, value_name = "FILE")]
    pub to: Option<PathBuf>,
    /// Why, for the journal.
    #[arg(long, default_value = "", hide_default_value = true)]
    pub reason: String,
    /// Print JSON instead of lines; what goes wrong is JSON on standard error.
    #[arg(long)]
    pub json: bool,
}

/// Makes a new master key and seals everything with it.
///
/// # Errors
/// When the installation cannot be opened, or there is none; nothing is changed then.
pub async fn rewrap(args: &RewrapArgs) -> Result<(), Failure> {
    let (config, _) = args.server.for_folder()?;
    let (clock, entropy) = (Clock::system(), Entropy::system());
    let (app, _) = App::open(config, clock, entropy.clone()).await.map_err(Failure::from_error)?;
    let current = app.config.master_key_file().to_owned();
    // Down on the disk before anything is sealed with it: what it seals must never be lost with it.
    let path = args.to.clone().unwrap_or_else(|| coming_master_key(&current));
    let new = new_master_key(&path, args.to.is_some(), &app.keys.key_check_value(), &entropy)?;
    let context = operations::Context::new(&app);
    let actor = operations::Actor::local();
    let sealed = operations::signing_key::rewrap(&context, &actor, &new, &args.reason)
        .await
        .map_err(Failure::from_error)?;
    let (file, old) = if args.to.is_some() {
        (path, current)
    } else {
        let old = take_over_master_key(&current).map_err(Failure::from_error)?;
        (current, old)
    };
    if args.json {
        let document = json!({
            "master_key": new.kid(), "keys": sealed, "master_key_file": file, "old_master_key_file": old,
        });
        println!("{document:#}");
    } else {
        let next = if args.to.is_some() { "set keys.master_key_file to" } else { "copy" };
        println!(
            "{sealed} keys are sealed with the new master key {}\n{next} {} on every node, and start them; the old key is in {}",
            new.kid(),
            file.display(),
            old.display()
        );
    }
    app.database.close().await;
    Ok(())
}

/// Makes the key; one that is there was given, or left by a change that did not get further.
fn new_master_key(path: &Path, given: bool, current: &str, entropy: &Entropy) -> Result<MasterKey, Failure> {
    if given && path.exists() {
        let new = MasterKey::read(path).map_err(Failure::from_error)?;
        if new.key_check_value() == current {
            return Err(Failure(format!(
                "{} holds the master key that everything is sealed with already: name another file, which is made then",
                path.display()
            )));
        }
        return Ok(new);
    }
    if path.exists() {
        std::fs::remove_file(path).map_err(|error| Failure(format!("{}: {error}", path.display())))?;
    }
    let new = MasterKey::generate(entropy);
    new.write_new(path).map_err(Failure::from_error)?;
    Ok(new)
}
