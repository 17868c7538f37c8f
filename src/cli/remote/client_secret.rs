use carnet_client::Method;
use clap::{Args, Subcommand};
use serde_json::json;

use super::connection::{Connection, Listing};
use super::lifetime;
use super::output::{self, Column};
use super::stop::Stop;

const COLUMNS: &[Column] = &[
    ("SECRET ID", "id"),
    ("STATUS", "status"),
    ("CREATED", "created_at"),
    ("EXPIRES", "expires_at"),
    ("LAST USED", "last_used_at"),
];

/// Commands on secrets of a client.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a further secret; those that the client has stay valid.
    Add(Add),
    /// List the secrets: when they were made, when they expire, when they were last used.
    List(List),
    /// Revoke a secret, for ever.
    Revoke(Revoke),
}

/// `carnet client secret add`
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  carnet client secret add 01ARZ3NDEKTSV4RRFFQ69G5FAW --expires-in 90d \\\n    \
    --credentials admin-credentials.json"
)]
pub struct Add {
    /// The client's id.
    client_id: String,
    /// When it expires, counted from now, for instance 90d. Default: never.
    #[arg(long, value_name = "TIME", value_parser = lifetime::seconds)]
    expires_in: Option<i64>,
    #[command(flatten)]
    connection: Connection,
}

/// `carnet client secret list`
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  carnet client secret list 01ARZ3NDEKTSV4RRFFQ69G5FAW --credentials admin-credentials.json"
)]
pub struct List {
    /// The client's id.
    client_id: String,
    #[command(flatten)]
    listing: Listing,
}

/// `carnet client secret revoke`
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  carnet client secret revoke 01ARZ3NDEKTSV4RRFFQ69G5FAW 01ARZ3NDEKTSV4RRFFQ69G5FAX \\\n    \
    --credentials admin-credentials.json"
)]
pub struct Revoke {
    /// The client's id.
    client_id: String,
    /// The secret's id, which `list` shows; it is not the secret.
    secret_id: String,
    #[command(flatten)]
    connection: Connection,
}

const EMPTY: &str = "this client has no secrets: make one with carnet client secret add";

pub(super) async fn run(command: Command) -> Result<String, Stop> {
    match command {
        Command::Add(Add { client_id, expires_in, connection }) => {
            let body = expires_in.map_or_else(|| json!({}), |seconds| json!({ "expires_in": seconds }));
            let made =
                connection.send(Method::POST, &["clients", &client_id, "secrets"], Some(&body)).await?;
            Ok(output::one_with_secret(&made, connection.json))
        }
        Command::List(List { client_id, listing }) => {
            let listed = listing.fetch(&["clients", &client_id, "secrets"], &[]).await?;
            Ok(output::table(&listed, COLUMNS, EMPTY, listing.connection.json))
        }
        Command::Revoke(Revoke { client_id, secret_id, connection }) => {
            connection.send(Method::DELETE, &["clients", &client_id, "secrets", &secret_id], None).await?;
            let answer = json!({ "id": secret_id, "client_id": client_id, "status": "revoked" });
            Ok(output::one(&answer, connection.json))
        }
    }
}
