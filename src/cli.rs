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
    /// The audit journal: what was done, by whom, and the proof of it.
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Write everything into one encrypted file; works on the data folder, the server may run.
    Backup(local::BackupArgs),
    /// Restore a backup into an empty data folder and an empty database, before a server runs there.
    Restore(local::RestoreArgs),
    /// Look for what is wrong with an installation; works on the data folder, the server may run.
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
    /// Make a new master key and seal everything with it; works on the data folder, the server stopped.
    Rewrap(local::RewrapArgs),
}

/// Commands on the audit journal.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Commands that speak to the administration API.
    #[command(flatten)]
    Remote(remote::AuditCommand),
    /// Verify the journal in the database against the signed heads outside it; works on the data folder, the server may run.
    Verify(local::AuditVerifyArgs),
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

    /// The commands that do something, each with its words.
    fn leaves<'c>(command: &'c clap::Command, words: &str) -> Vec<(String, &'c clap::Command)> {
        let shown = |below: &&clap::Command| below.get_name() != "help" && !below.is_hide_set();
        let below = command.get_subcommands().filter(shown);
        let mut leaves: Vec<(String, &clap::Command)> =
            below.flat_map(|below| leaves(below, &format!("{words} {}", below.get_name()))).collect();
        // Some have further commands below them and do something all the same.
        if leaves.is_empty() || !command.is_subcommand_required_set() {
            leaves.push((words.to_owned(), command));
        }
        leaves
    }

    #[test]
    fn every_command_has_its_own_example_and_its_row_in_the_book() {
        let mut command = Cli::command();
        command.build();
        let leaves = leaves(&command, "carnet");
        assert_eq!(leaves.len(), 67, "{:?}", leaves.iter().map(|(words, _)| words).collect::<Vec<_>>());
        let page = include_str!("../docs/commands.md");
        for (words, leaf) in &leaves {
            let row = |rest: char| page.contains(&format!("| `{words}{rest}"));
            assert!(row(' ') || row('`'), "docs/commands.md has no row for {words}");
            let help = leaf.get_after_help().map(ToString::to_string).unwrap_or_default();
            let example = help.split_once("Example").map(|(_, example)| example).unwrap_or_default();
            assert!(example.contains(&format!("\n  {words}")), "{words}: {help}");
            assert!(leaf.get_about().is_some(), "{words} does not say what it does");
        }
        // And no row for what there is not.
        let rows = page.lines().filter_map(|line| line.strip_prefix("| `carnet ")?.split('`').next());
        for row in rows {
            let row = format!("carnet {row} ");
            assert!(leaves.iter().any(|(words, _)| row.starts_with(&format!("{words} "))), "{row}");
        }
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
