//! Commands that speak to the administration API, as any other program would: with the credentials of a file,
//! over HTTP. They know nothing that the API does not say.

mod audit;
mod client;
mod client_key;
mod client_secret;
mod connection;
mod flag;
mod lifetime;
mod output;
mod participant;
mod resource;

use clap::Subcommand;

pub use self::audit::AuditCommand;
use self::output::Output;
use super::local::Failure;

/// Commands that speak to the administration API.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Companies registered with this identity provider.
    #[command(subcommand)]
    Participant(participant::Command),
    /// Machines of participants, their secrets and their keys.
    #[command(subcommand)]
    Client(client::Command),
    /// Servers that accept access tokens.
    #[command(subcommand)]
    Resource(resource::Command),
}

/// Runs a command; what it has to say goes to standard output, and its notes to standard error.
///
/// # Errors
/// One sentence, when the server cannot be reached or refuses.
pub async fn run(command: Command) -> Result<(), Failure> {
    let output: Output = match command {
        Command::Participant(command) => participant::run(command).await.map(Output::from),
        Command::Client(command) => client::run(command).await,
        Command::Resource(command) => resource::run(command).await.map(Output::from),
    }?;
    print!("{}", output.text);
    for note in output.notes {
        eprintln!("note: {note}");
    }
    Ok(())
}

/// Runs a command on the audit journal.
///
/// # Errors
/// As [`run`].
pub async fn run_audit(command: AuditCommand) -> Result<(), Failure> {
    let text = audit::run(command).await?;
    // Not print: whoever reads an export with `head` closes it early.
    let _ = std::io::Write::write_all(&mut std::io::stdout(), text.as_bytes());
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    #[derive(Debug, Parser)]
    struct Remote {
        #[command(subcommand)]
        _command: super::Command,
    }

    /// The commands that do something, each with its words behind `carnet`.
    fn leaves<'c>(command: &'c clap::Command, words: &str) -> Vec<(String, &'c clap::Command)> {
        let mut below = command.get_subcommands().filter(|below| below.get_name() != "help").peekable();
        if below.peek().is_none() {
            return vec![(words.to_owned(), command)];
        }
        below.flat_map(|below| leaves(below, &format!("{words} {}", below.get_name()))).collect()
    }

    #[test]
    fn every_command_is_well_formed_and_has_its_own_example() {
        let mut command = Remote::command();
        command.build();
        command.clone().debug_assert();
        let leaves = leaves(&command, "carnet");
        assert_eq!(leaves.len(), 22);
        for (words, leaf) in leaves {
            let help = leaf.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains("Example") && help.contains(&format!("  {words} ")), "{words}: {help}");
        }
    }
}
