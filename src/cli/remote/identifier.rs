use carnet_client::Method;
use clap::{Args, Subcommand};
use serde_json::json;

use super::connection::{Connection, Listing};
use super::output::{self, Column, Output};
use super::stop::Stop;

pub(super) const COLUMNS: &[Column] =
    &[("URI", "uri"), ("MAIN", "main"), ("STATUS", "status"), ("SINCE", "created_at")];
const EMPTY: &str = "this participant has no ONE Record ID: add one with carnet identifier add";

/// Commands on ONE Record IDs of a participant.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Add a ONE Record ID to a participant.
    Add(Add),
    /// List the ONE Record IDs of a participant.
    List(List),
    /// Take a ONE Record ID out of all new tokens, for now.
    #[command(after_help = "Example:\n  carnet identifier suspend 01ARZ3NDEKTSV4RRFFQ69G5FAV \\\n    \
        https://1r.example.com/airline-cargo --credentials admin-credentials.json")]
    Suspend(One),
    /// Let a suspended ONE Record ID stand in tokens again.
    #[command(after_help = "Example:\n  carnet identifier resume 01ARZ3NDEKTSV4RRFFQ69G5FAV \\\n    \
        https://1r.example.com/airline-cargo --credentials admin-credentials.json")]
    Resume(One),
}

/// `carnet identifier add`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  carnet identifier add 01ARZ3NDEKTSV4RRFFQ69G5FAV \\\n    \
    https://1r.example.com/airline-cargo --credentials admin-credentials.json")]
pub struct Add {
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

/// `carnet identifier list`
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  carnet identifier list 01ARZ3NDEKTSV4RRFFQ69G5FAV --credentials admin-credentials.json"
)]
pub struct List {
    /// The participant's id.
    id: String,
    #[command(flatten)]
    listing: Listing,
}

/// `carnet identifier suspend`, `resume`
#[derive(Debug, Args)]
pub struct One {
    /// The participant's id.
    id: String,
    /// The identifier.
    uri: String,
    #[command(flatten)]
    connection: Connection,
}

pub(super) async fn run(command: Command) -> Result<Output, Stop> {
    match command {
        Command::Add(Add { id, uri, main, connection }) => {
            let body = json!({ "uri": uri, "main": main });
            let made =
                connection.send(Method::POST, &["participants", &id, "identifiers"], Some(&body)).await?;
            Ok(output::one(&made, connection.json).into())
        }
        Command::List(List { id, listing }) => {
            let listed = listing.fetch(&["participants", &id, "identifiers"], &[]).await?;
            Ok(output::table(&listed, COLUMNS, EMPTY, listing.connection.json).into())
        }
        Command::Suspend(one) => change(one, "suspend").await,
        Command::Resume(one) => change(one, "resume").await,
    }
}

async fn change(One { id, uri, connection }: One, verb: &str) -> Result<Output, Stop> {
    let path = ["participants", &id, "identifiers", verb];
    let now = connection.send(Method::POST, &path, Some(&json!({ "uri": uri }))).await?;
    Ok(output::one(&now, connection.json).into())
}
