//! Commands that speak to servers over HTTP, as any other program would: most of them to the administration API, with the
//! credentials of a file; two of them as a machine does, with its own login. They know nothing that the servers do not say.

mod administrator;
mod apply;
mod approval;
mod audit;
mod change;
mod client;
mod client_key;
mod client_secret;
mod client_set;
mod connection;
mod flag;
mod identifier;
mod initial_access_token;
mod key;
mod lifetime;
mod login;
mod new_secret;
mod output;
mod participant;
mod request;
mod resource;
mod secret_file;
mod stop;
mod terminal;
mod token;

use std::fmt::Write as _;
use std::process::ExitCode;

use carnet_client::{FetchPolicy, Url};
use clap::Subcommand;

pub use self::audit::AuditCommand;
pub use self::key::Command as KeysCommand;
use self::output::Output;
use self::stop::Stop;

/// Commands that speak to the administration API.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Companies registered with this identity provider.
    #[command(subcommand)]
    Participant(participant::Command),
    /// ONE Record IDs of participants.
    #[command(subcommand)]
    Identifier(identifier::Command),
    /// Machines of participants, their secrets and their keys.
    #[command(subcommand)]
    Client(client::Command),
    /// Servers that accept access tokens.
    #[command(subcommand)]
    Resource(resource::Command),
    /// Access tokens: get one as a machine, revoke what was issued.
    #[command(subcommand)]
    Token(token::Command),
    /// Send a request to a resource server, with a token and the proof that it is one's own.
    Request(request::Request),
    /// People who administer this identity provider.
    #[command(subcommand)]
    Administrator(administrator::Command),
    /// Requests that a second administrator has to approve.
    #[command(subcommand)]
    Approval(approval::Command),
    /// Register what a file says: show what would change, ask, and do it.
    Apply(apply::Apply),
}

/// Runs a command; what it has to say goes to standard output, and its notes and what went wrong to standard error,
/// with `as_json` as JSON. The exit status tells the kinds of endings apart (docs/commands.md).
pub async fn run(command: Command, as_json: bool) -> ExitCode {
    report(dispatch(command).await, as_json)
}

/// The same for the signing keys, which have a local command beside them.
pub async fn run_keys(command: KeysCommand, as_json: bool) -> ExitCode {
    report(key::run(command).await.map(Output::from), as_json)
}

/// The same for the journal, which has a local command beside them, too.
pub async fn run_audit(command: AuditCommand, as_json: bool) -> ExitCode {
    report(audit::run(command).await.map(Output::from), as_json)
}

fn report(outcome: Result<Output, Stop>, as_json: bool) -> ExitCode {
    match outcome {
        Ok(Output { text, notes }) => {
            terminal::print(&text);
            terminal::complain(&notes.iter().fold(String::new(), |mut all, note| {
                let _ = writeln!(all, "note: {note}");
                all
            }));
            ExitCode::SUCCESS
        }
        Err(stop) => stop.report(as_json),
    }
}

async fn dispatch(command: Command) -> Result<Output, Stop> {
    match command {
        Command::Participant(command) => participant::run(command).await,
        Command::Identifier(command) => identifier::run(command).await,
        Command::Client(command) => client::run(command).await,
        Command::Resource(command) => resource::run(command).await,
        Command::Token(command) => token::run(command).await,
        Command::Request(request) => request::run(request).await,
        Command::Administrator(command) => administrator::run(command).await,
        Command::Approval(command) => approval::run(command).await,
        Command::Apply(apply) => apply::run(apply).await,
    }
}

/// How far a command reaches: every address is the operator's own, and administration listeners mostly stand in private
/// networks.
fn fetch_policy(url: &Url) -> FetchPolicy {
    FetchPolicy { allow_private_networks: true, ..FetchPolicy::for_configured(url) }
}

#[cfg(test)]
mod tests;
