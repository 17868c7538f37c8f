use carnet_client::Method;
use clap::{Args, Subcommand};
use serde_json::json;

use super::connection::{Connection, Listing};
use super::output::{self, Column, Output};
use super::stop::Stop;
use super::{change, identifier, initial_access_token};

const COLUMNS: &[Column] = &[
    ("ID", "id"),
    ("NAME", "name"),
    ("ROLES", "roles"),
    ("STATUS", "status"),
    ("IOL IDENTIFIER", "iol_identifier"),
];
const EMPTY: &str = "no participants yet: register one with carnet participant add";

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
    /// Change a participant; what is not given stays as it is.
    Set(Set),
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
    /// Initial access tokens, with which machines of a participant register themselves.
    #[command(subcommand)]
    InitialAccessToken(initial_access_token::Command),
    /// ONE Record IDs of a participant: `carnet identifier` under its older name.
    #[command(subcommand, hide = true)]
    Identifier(identifier::Command),
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
    listing: Listing,
}

/// `carnet participant set`
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  carnet participant set 01ARZ3NDEKTSV4RRFFQ69G5FAV --role CAR --role GHA \\\n    \
    --credentials admin-credentials.json"
)]
pub struct Set {
    /// The participant's id.
    id: String,
    /// Its name, for people.
    #[arg(long)]
    name: Option<String>,
    /// Its main ONE Record ID, one of its approved ones.
    #[arg(long, value_name = "URI")]
    iol_identifier: Option<String>,
    /// The same company in the current standard.
    #[arg(long, value_name = "URI")]
    logistics_agent_uri: Option<String>,
    /// A stakeholder role; give all of them, the main one first, and the flag once for each.
    #[arg(long = "role", value_name = "CODE")]
    roles: Vec<String>,
    #[command(flatten)]
    connection: Connection,
}

/// `carnet participant show`, `disable`, `enable`
#[derive(Debug, Args)]
pub struct One {
    /// The participant's id.
    id: String,
    #[command(flatten)]
    connection: Connection,
}

pub(super) async fn run(command: Command) -> Result<Output, Stop> {
    match command {
        Command::Add(add) => {
            let body = json!({
                "name": add.name,
                "iol_identifier": add.iol_identifier,
                "logistics_agent_uri": add.logistics_agent_uri,
                "roles": add.roles,
            });
            let made = add.connection.send(Method::POST, &["participants"], Some(&body)).await?;
            Ok(output::one(&made, add.connection.json).into())
        }
        Command::List(List { listing }) => {
            let listed = listing.fetch(&["participants"], &[]).await?;
            Ok(output::table(&listed, COLUMNS, EMPTY, listing.connection.json).into())
        }
        Command::Show(One { id, connection }) => {
            let mut text = output::one(&connection.get(&["participants", &id]).await?, connection.json);
            if !connection.json {
                // People look for all of its names; programs ask for them by `carnet identifier list`.
                let held = connection.list(&["participants", &id, "identifiers"], &[]).await?;
                text = text + "\n" + &output::list(&held, identifier::COLUMNS, false);
            }
            Ok(text.into())
        }
        Command::Set(Set { id, name, iol_identifier, logistics_agent_uri, roles, connection }) => {
            let body = change::members([
                ("name", name.map(Into::into)),
                ("iol_identifier", iol_identifier.map(Into::into)),
                ("logistics_agent_uri", logistics_agent_uri.map(Into::into)),
                ("roles", (!roles.is_empty()).then(|| roles.into())),
            ]);
            let now = change::set(&connection, &["participants", &id], &body).await?;
            Ok(output::one(&now, connection.json).into())
        }
        Command::Disable(one) => switch(one, "disable").await,
        Command::Enable(one) => switch(one, "enable").await,
        Command::InitialAccessToken(command) => initial_access_token::run(command).await,
        Command::Identifier(command) => identifier::run(command).await,
    }
}

async fn switch(One { id, connection }: One, verb: &str) -> Result<Output, Stop> {
    let now = connection.send(Method::POST, &["participants", &id, verb], None).await?;
    Ok(output::one(&now, connection.json).into())
}
