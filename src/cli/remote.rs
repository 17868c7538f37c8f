//! Commands that speak to the administration API, as any other program would: with the credentials of a file,
//! over HTTP. They know nothing that the API does not say.

mod client;
mod client_key;
mod client_secret;
mod connection;
mod flag;
mod key;
mod lifetime;
mod output;
mod participant;
mod resource;

use clap::Subcommand;

pub use self::key::Command as KeysCommand;

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
    say(&output);
    Ok(())
}

/// The same for the signing keys, which have a local command beside them.
///
/// # Errors
/// One sentence, when the server cannot be reached or refuses.
pub async fn run_keys(command: KeysCommand) -> Result<(), Failure> {
    say(&key::run(command).await.map(Output::from)?);
    Ok(())
}

fn say(output: &Output) {
    print!("{}", output.text);
    for note in &output.notes {
        eprintln!("note: {note}");
    }
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
        assert_eq!(leaves.len(), 25);
        for (words, leaf) in leaves {
            let help = leaf.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains("Example") && help.contains(&format!("  {words} ")), "{words}: {help}");
        }
    }
}
