//! The command line. Commands on the data folder are in `local`; commands that speak to the administration
//! API are in `remote`. What serves is in the binary, the only place that knows the record server.

mod completions;
pub mod local;
pub mod remote;

use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand};

pub use self::completions::{CompletionsArgs, completions};

/// Identity and authorization provider of the Internet of Logistics.
#[derive(Debug, Parser)]
#[command(name = "carnet", version, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

impl Cli {
    /// Reads the command line, and whether `--json` stands on it: what goes wrong is then told as JSON, too. Where
    /// the command line is wrong, or asks for help, the process ends here.
    #[must_use]
    pub fn read() -> (Self, bool) {
        let matches = Self::command().get_matches();
        match Self::from_arg_matches(&matches) {
            Ok(cli) => (cli, wants_json(&matches)),
            Err(error) => error.exit(),
        }
    }
}

fn wants_json(matches: &ArgMatches) -> bool {
    let mut leaf = matches;
    while let Some((_, below)) = leaf.subcommand() {
        leaf = below;
    }
    matches!(leaf.try_get_one::<bool>("json"), Ok(Some(true)))
}

/// What the program can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the identity provider, and on request the reference ONE Record server.
    Serve(local::ServeArgs),
    /// The reference ONE Record server.
    #[command(subcommand)]
    Record(RecordCommand),
    /// Show the main job: two companies, an identity provider, a record server, tokens and refusals.
    Demo(local::DemoArgs),
    /// Commands on the data folder, for its operator.
    #[command(subcommand)]
    Admin(AdminCommand),
    /// Signing keys of this identity provider, and the master key that seals them.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// The audit journal.
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Write everything into one encrypted file, while the server runs.
    Backup(local::BackupArgs),
    /// Restore a backup into an empty data folder and an empty database.
    Restore(local::RestoreArgs),
    /// Look for what is wrong with an installation, beside the running server.
    Doctor(local::DoctorArgs),
    /// Ask a running server whether it is ready; exit status 0 if it is.
    Health(local::HealthArgs),
    /// Print the script by which a shell completes the commands of this program.
    Completions(CompletionsArgs),
    /// Commands that speak to the administration API.
    #[command(flatten)]
    Remote(remote::Command),
}

/// Commands of the record server.
#[derive(Debug, Subcommand)]
pub enum RecordCommand {
    /// Run it alone, knowing nothing but the issuer's address.
    Serve(local::RecordServeArgs),
}

/// Commands on keys.
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Commands that speak to the administration API.
    #[command(flatten)]
    Remote(remote::KeysCommand),
    /// Make a new master key and seal everything anew with it; works on the data folder, the server stopped.
    Rewrap(local::RewrapArgs),
}

/// Commands on the audit journal.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Verify the journal in the data folder's database against the signed heads outside it.
    Verify(local::AuditVerifyArgs),
    /// Commands that ask the server.
    #[command(flatten)]
    Remote(remote::AuditCommand),
}

/// Commands of the operator.
#[derive(Debug, Subcommand)]
pub enum AdminCommand {
    /// Give the first administrator a new secret; every older one ends.
    Reset(local::ResetArgs),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn json_is_seen_on_the_command_that_takes_it_and_nowhere_else() {
        let json = |line: &[&str]| wants_json(&Cli::command().try_get_matches_from(line).unwrap());
        assert!(json(&["carnet", "participant", "list", "--json"]));
        assert!(json(&["carnet", "client", "secret", "list", "01ARZ", "--json"]));
        for line in [
            &["carnet", "participant", "list"][..],
            &["carnet", "participant", "set", "01ARZ", "--name=--json"],
            &["carnet", "client", "show", "--", "--json"],
            &["carnet", "completions", "bash"],
        ] {
            assert!(!json(line), "{line:?}");
        }
    }

    #[test]
    fn a_backup_is_told_from_the_making_of_its_key() {
        let parse = |words: &str| Cli::try_parse_from(words.split(' ')).map(|cli| cli.command);
        let Ok(Command::Backup(backup)) = parse("carnet backup iap.backup --recipient key.pub") else {
            panic!("a backup");
        };
        assert!(backup.command.is_none() && backup.file.is_some() && backup.recipient.is_some());
        let Ok(Command::Backup(backup)) = parse("carnet backup keygen key") else { panic!("a key") };
        assert!(backup.command.is_some() && backup.file.is_none());
        assert!(parse("carnet backup b --recipient k --passphrase-file p").is_err());
        assert!(parse("carnet restore b --identity k --tombstones t --without-tombstones").is_err());
        assert!(parse("carnet audit verify --heads h --accept-restore 7").is_ok());
        assert!(parse("carnet audit export --from 3").is_ok());
    }
}
