use carnet_client::Method;
use clap::{Args, Subcommand};
use serde_json::json;

use super::connection::Connection;
use super::output::{self, Column};
use crate::cli::local::Failure;

const COLUMNS: &[Column] = &[
    ("ID", "id"),
    ("NAME", "name"),
    ("ROLES", "roles"),
    ("STATUS", "status"),
    ("IOL IDENTIFIER", "iol_identifier"),
];
const IDENTIFIER_COLUMNS: &[Column] = &[("URI", "uri"), ("MAIN", "main"), ("STATUS", "status")];

/// Commands on participants.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Register a company.
    Add(Add),
    /// List the participants.
    List(List),
    /// Show one participant.
    #[command(
        after_help = "Example:\n  carnet participant show 01ARZ3NDEKTSV4RRFFQ69G5FAV --credentials admin-credentials.json"
    )]
    Show(One),
    /// Withdraw a participant: none of its clients gets tokens.
    #[command(
        after_help = "Example:\n  carnet participant disable 01ARZ3NDEKTSV4RRFFQ69G5FAV --credentials admin-credentials.json"
    )]
    Disable(One),
    /// Let a participant's clients get tokens again.
    #[command(
        after_help = "Example:\n  carnet participant enable 01ARZ3NDEKTSV4RRFFQ69G5FAV --credentials admin-credentials.json"
    )]
    Enable(One),
    /// ONE Record IDs of a participant.
    #[command(subcommand)]
    Identifier(Identifier),
}

/// `carnet participant add`
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  carnet participant add --credentials admin-credentials.json --name 'Example Airline' \\\n    \
    --iol-identifier https://1r.example.com/airline \\\n    \
    --logistics-agent-uri https://1r.example.com/logistics-objects/airline --role CAR"
)]
pub struct Add {
    /// Its name, for people.
    #[arg(long)]
    name: String,
    /// Its main ONE Record ID.
    #[arg(long, value_name = "URI")]
    iol_identifier: String,
    /// The same company in the current standard.
    #[arg(long, value_name = "URI")]
    logistics_agent_uri: String,
    /// A stakeholder role, such as SHP, FWD, CAR, GHA; give the main one first, and the flag once for each.
    #[arg(long = "role", value_name = "CODE", required = true)]
    roles: Vec<String>,
    #[command(flatten)]
    connection: Connection,
}

/// `carnet participant list`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  carnet participant list --credentials admin-credentials.json")]
pub struct List {
    #[command(flatten)]
    connection: Connection,
}

/// `carnet participant show`, `disable`, `enable`, `identifier list`
#[derive(Debug, Args)]
pub struct One {
    /// The participant's id.
    id: String,
    #[command(flatten)]
    connection: Connection,
}

/// Commands on ONE Record IDs.
#[derive(Debug, Subcommand)]
pub enum Identifier {
    /// Add a ONE Record ID to a participant.
    Add(AddIdentifier),
    /// List the ONE Record IDs of a participant.
    #[command(
        after_help = "Example:\n  carnet participant identifier list 01ARZ3NDEKTSV4RRFFQ69G5FAV --credentials admin-credentials.json"
    )]
    List(One),
}

/// `carnet participant identifier add`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  carnet participant identifier add 01ARZ3NDEKTSV4RRFFQ69G5FAV \\\n    \
    https://1r.example.com/airline-cargo --credentials admin-credentials.json")]
pub struct AddIdentifier {
    /// The participant's id.
    id: String,
    /// The identifier.
    uri: String,
    /// Make it the main one, which stands in tokens.
    #[arg(long)]
    main: bool,
    #[command(flatten)]
    connection: Connection,
}

pub(super) async fn run(command: Command) -> Result<String, Failure> {
    match command {
        Command::Add(add) => {
            let body = json!({
                "name": add.name,
                "iol_identifier": add.iol_identifier,
                "logistics_agent_uri": add.logistics_agent_uri,
                "roles": add.roles,
            });
            let made = add.connection.send(Method::POST, &["participants"], Some(&body)).await?;
            Ok(output::one(&made, add.connection.json))
        }
        Command::List(List { connection }) => {
            Ok(output::list(&connection.list(&["participants"], &[]).await?, COLUMNS, connection.json))
        }
        Command::Show(One { id, connection }) => {
            Ok(output::one(&connection.get(&["participants", &id]).await?, connection.json))
        }
        Command::Disable(one) => change(one, "disable").await,
        Command::Enable(one) => change(one, "enable").await,
        Command::Identifier(Identifier::Add(add)) => {
            let body = json!({ "uri": add.uri, "main": add.main });
            let path = ["participants", &add.id, "identifiers"];
            let made = add.connection.send(Method::POST, &path, Some(&body)).await?;
            Ok(output::one(&made, add.connection.json))
        }
        Command::Identifier(Identifier::List(One { id, connection })) => {
            let items = connection.list(&["participants", &id, "identifiers"], &[]).await?;
            Ok(output::list(&items, IDENTIFIER_COLUMNS, connection.json))
        }
    }
}

async fn change(One { id, connection }: One, verb: &str) -> Result<String, Failure> {
    let now = connection.send(Method::POST, &["participants", &id, verb], None).await?;
    Ok(output::one(&now, connection.json))
}
