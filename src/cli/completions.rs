use std::io::{self, Write};

use clap::{Args, CommandFactory, ValueEnum};
use clap_complete::{Shell, generate};

use super::Cli;
use super::local::Failure;

/// Flags of `carnet completions`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  \
    carnet completions bash > ~/.local/share/bash-completion/completions/carnet\n  \
    carnet completions zsh > ~/.zfunc/_carnet\n  \
    carnet completions fish > ~/.config/fish/completions/carnet.fish\n\n\
    For zsh, the folder must stand in fpath before compinit runs: fpath+=~/.zfunc")]
pub struct CompletionsArgs {
    /// The shell that shall complete.
    shell: CompletionShell,
}

/// A shell for which completions are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum CompletionShell {
    /// GNU Bash with bash-completion.
    Bash,
    /// Zsh.
    Zsh,
    /// fish.
    Fish,
}

/// Prints the script by which a shell completes commands, flags and their values.
///
/// # Errors
/// When it cannot be written.
pub fn completions(args: &CompletionsArgs) -> Result<(), Failure> {
    match io::stdout().write_all(&script(args.shell)) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure(format!("the completions cannot be written: {error}")))
        }
        _ => Ok(()),
    }
}

fn script(shell: CompletionShell) -> Vec<u8> {
    let shell = match shell {
        CompletionShell::Bash => Shell::Bash,
        CompletionShell::Zsh => Shell::Zsh,
        CompletionShell::Fish => Shell::Fish,
    };
    let (mut command, mut script) = (Cli::command(), Vec::new());
    generate(shell, &mut command, "carnet", &mut script);
    script
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shell_learns_every_command() {
        for shell in [CompletionShell::Bash, CompletionShell::Zsh, CompletionShell::Fish] {
            let script = String::from_utf8(script(shell)).unwrap();
            for command in Cli::command().get_subcommands() {
                assert!(script.contains(command.get_name()), "{shell:?}: {}", command.get_name());
            }
            assert!(script.contains("require-bound-tokens"), "{shell:?}");
        }
    }
}
