use carnet_ambient::{Clock, Entropy};
use clap::Args;

use super::serve_args::is_installed;
use super::{Failure, ServeArgs};
use crate::app::{self, App};
use crate::config::DEFAULT_DATA_DIR;
use crate::data_dir::{CREDENTIALS, Credentials};
use crate::operations;

/// Flags of `carnet admin reset`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Stop the server first: the data folder is used by one process at a time.\n\n\
    Example:\n  carnet admin reset --data-dir iap")]
pub struct ResetArgs {
    /// The server's own flags, so that this command sees the same installation.
    #[command(flatten)]
    pub server: ServeArgs,
    /// Why, for the journal.
    #[arg(long, default_value = "", hide_default_value = true)]
    pub reason: String,
}

/// Gives the first administrator a new secret and writes it to the credentials file.
///
/// # Errors
/// When the installation cannot be opened, or there is none.
pub async fn reset(args: &ResetArgs) -> Result<(), Failure> {
    let (mut server, known) = (args.server.clone(), known_credentials(&args.server));
    if let (None, None, Some(known)) = (&server.issuer, &server.config, &known) {
        server.issuer = Some(known.issuer.clone());
    }
    let (config, _) = server.load()?;
    is_installed(config.data_dir())?;
    let (app, _) =
        App::open(config, Clock::system(), Entropy::system()).await.map_err(Failure::from_error)?;
    let context = operations::Context::new(&app);
    let actor = operations::Actor::local();
    let administrator =
        operations::reset_administrator(&context, &actor, &args.reason).await.map_err(Failure::from_error)?;
    let mut credentials = app::credentials(&app.config, administrator);
    // Which flags of another command decided where administrators reach the server is not known here.
    if let (None, None, Some(known)) = (&server.admin_listen, &server.config, known) {
        credentials.admin_url = known.admin_url;
    }
    app.data_dir.write_credentials(&credentials).map_err(Failure::from_error)?;
    app.data_dir.publish_credentials().map_err(Failure::from_error)?;
    println!(
        "the administrator has a new secret, valid for 24 hours; it is in {}\nevery older secret and token has ended",
        app.data_dir.credentials_path().display()
    );
    app.database.close().await;
    Ok(())
}

/// What the credentials file said until now: where the server is, which flags of another command decided.
fn known_credentials(server: &ServeArgs) -> Option<Credentials> {
    let folder = server.data_dir.clone().unwrap_or_else(|| DEFAULT_DATA_DIR.into());
    let text = std::fs::read(folder.join(CREDENTIALS)).ok()?;
    serde_json::from_slice(&text).ok()
}
