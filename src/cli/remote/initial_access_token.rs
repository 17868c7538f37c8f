use carnet_client::Method;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::change;
use super::connection::{Connection, Listing};
use super::lifetime;
use super::new_secret::{self, SecretOut};
use super::output::{self, Column, Output};
use super::stop::Stop;

const COLUMNS: &[Column] = &[
    ("TOKEN ID", "id"),
    ("STATUS", "status"),
    ("USES", "uses"),
    ("USED", "used"),
    ("CREATED", "created_at"),
    ("EXPIRES", "expires_at"),
];

const EMPTY: &str = "this participant has no initial access tokens: make one with carnet participant \
                     initial-access-token add";

/// Commands on initial access tokens of a participant.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a token with which machines of the participant register themselves.
    Add(Add),
    /// List the tokens: how often they may be used, how often they were, when they expire.
    List(List),
    /// Revoke a token, for ever; machines that registered with it stay registered.
    Revoke(Revoke),
}

/// `carnet participant initial-access-token add`
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  carnet participant initial-access-token add 01ARZ3NDEKTSV4RRFFQ69G5FAV --uses 3 --expires-in 1d \\\n    \
    --credentials admin-credentials.json"
)]
pub struct Add {
    /// The participant's id.
    id: String,
    /// How many machines may register with it. Default: one.
    #[arg(long, value_name = "N")]
    uses: Option<i64>,
    /// When it expires, counted from now, for instance 1d. Default: a week.
    #[arg(long, value_name = "TIME", value_parser = lifetime::seconds)]
    expires_in: Option<i64>,
    #[command(flatten)]
    secret: SecretOut,
    #[command(flatten)]
    connection: Connection,
}

/// `carnet participant initial-access-token list`
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  carnet participant initial-access-token list 01ARZ3NDEKTSV4RRFFQ69G5FAV \\\n    \
    --credentials admin-credentials.json"
)]
pub struct List {
    /// The participant's id.
    id: String,
    #[command(flatten)]
    listing: Listing,
}

/// `carnet participant initial-access-token revoke`
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  carnet participant initial-access-token revoke 01ARZ3NDEKTSV4RRFFQ69G5FAV \\\n    \
    01ARZ3NDEKTSV4RRFFQ69G5FAY --credentials admin-credentials.json"
)]
pub struct Revoke {
    /// The participant's id.
    id: String,
    /// The token's id, which `list` shows; it is not the token.
    token_id: String,
    #[command(flatten)]
    connection: Connection,
}

const PATH: &str = "initial-access-tokens";

pub(super) async fn run(command: Command) -> Result<Output, Stop> {
    match command {
        Command::Add(add) => self::add(add).await,
        Command::List(List { id, listing }) => {
            let listed = listing.fetch(&["participants", &id, PATH], &[]).await?;
            Ok(output::table(&listed, COLUMNS, EMPTY, listing.connection.json).into())
        }
        Command::Revoke(Revoke { id, token_id, connection }) => {
            connection.send(Method::DELETE, &["participants", &id, PATH, &token_id], None).await?;
            let answer = json!({ "id": token_id, "participant_id": id, "status": "revoked" });
            Ok(output::one(&answer, connection.json).into())
        }
    }
}

async fn add(Add { id, uses, expires_in, secret, connection }: Add) -> Result<Output, Stop> {
    let body =
        change::members([("uses", uses.map(Value::from)), ("expires_in", expires_in.map(Value::from))]);
    let file = secret.create()?;
    let mut made = connection.send(Method::POST, &["participants", &id, PATH], Some(&body)).await?;
    let notes = if new_secret::has_secret(&made) {
        Vec::new()
    } else {
        vec![
            "the token was made by a request whose answer got lost, and the token with it: revoke this one and make \
             another one",
        ]
    };
    new_secret::keep(file, &mut made)?;
    Ok(Output { text: output::one_with_secret(&made, connection.json), notes })
}
