use carnet_client::Method;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::change;
use super::connection::{Connection, Listing};
use super::output::{self, Column, Output};
use super::stop::Stop;
use crate::registry::{AccessTokenTyp, SigningAlgorithm};

const COLUMNS: &[Column] = &[
    ("ID", "id"),
    ("NAME", "name"),
    ("TYP", "access_token_typ"),
    ("ALG", "signing_alg"),
    ("DEFAULT", "is_default"),
    ("STATUS", "status"),
    ("IDENTIFIER", "identifier"),
];
const EMPTY: &str = "no resource servers: register one with carnet resource add";

/// Commands on resource servers.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Register a resource server.
    Add(Add),
    /// List the resource servers.
    List(List),
    /// Show one resource server.
    #[command(
        after_help = "Example:\n  carnet resource show 01ARZ3NDEKTSV4RRFFQ69G5FAV --credentials admin-credentials.json"
    )]
    Show(One),
    /// Change a resource server; what is not given stays as it is.
    Set(Set),
    /// Withdraw a resource server: no tokens are made for it.
    #[command(
        after_help = "Example:\n  carnet resource disable 01ARZ3NDEKTSV4RRFFQ69G5FAV --credentials admin-credentials.json"
    )]
    Disable(One),
    /// Let tokens be made for a resource server again.
    #[command(
        after_help = "Example:\n  carnet resource enable 01ARZ3NDEKTSV4RRFFQ69G5FAV --credentials admin-credentials.json"
    )]
    Enable(One),
}

/// What can be said of a resource server.
#[derive(Debug, Args)]
pub struct Settings {
    /// The `typ` of its tokens: at+jwt or JWT.
    #[arg(long, value_name = "TYP")]
    access_token_typ: Option<AccessTokenTyp>,
    /// The algorithm of its tokens: RS256, PS256, ES256 or `EdDSA`.
    #[arg(long, value_name = "ALG")]
    signing_alg: Option<SigningAlgorithm>,
    /// A scope that it knows; give the flag once for each.
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
}

/// `carnet resource add`
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  carnet resource add --identifier https://record.example.com --name 'ONE Record server' \\\n    \
    --credentials admin-credentials.json"
)]
pub struct Add {
    /// What stands in `aud`: an absolute https URI.
    #[arg(long, value_name = "URI")]
    identifier: String,
    /// Its name, for people.
    #[arg(long)]
    name: String,
    #[command(flatten)]
    settings: Settings,
    #[command(flatten)]
    connection: Connection,
}

/// `carnet resource list`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  carnet resource list --credentials admin-credentials.json")]
pub struct List {
    #[command(flatten)]
    listing: Listing,
}

/// `carnet resource show`, `disable`, `enable`
#[derive(Debug, Args)]
pub struct One {
    /// The resource server's id.
    id: String,
    #[command(flatten)]
    connection: Connection,
}

/// `carnet resource set`
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  carnet resource set 01ARZ3NDEKTSV4RRFFQ69G5FAV --access-token-typ JWT \\\n    \
    --credentials admin-credentials.json"
)]
pub struct Set {
    /// The resource server's id.
    id: String,
    /// What stands in `aud`: an absolute https URI.
    #[arg(long, value_name = "URI")]
    identifier: Option<String>,
    /// Its name, for people.
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    settings: Settings,
    #[command(flatten)]
    connection: Connection,
}

pub(super) async fn run(command: Command) -> Result<Output, Stop> {
    match command {
        Command::Add(Add { identifier, name, settings, connection }) => {
            let body = body(Some(identifier), Some(name), settings);
            let made = connection.send(Method::POST, &["resource-servers"], Some(&body)).await?;
            Ok(output::one(&made, connection.json).into())
        }
        Command::List(List { listing }) => {
            let listed = listing.fetch(&["resource-servers"], &[]).await?;
            Ok(output::table(&listed, COLUMNS, EMPTY, listing.connection.json).into())
        }
        Command::Show(One { id, connection }) => {
            Ok(output::one(&connection.get(&["resource-servers", &id]).await?, connection.json).into())
        }
        Command::Set(Set { id, identifier, name, settings, connection }) => {
            let body = body(identifier, name, settings);
            let now = change::set(&connection, &["resource-servers", &id], &body).await?;
            Ok(output::one(&now, connection.json).into())
        }
        Command::Disable(one) => switch(one, "disable").await,
        Command::Enable(one) => switch(one, "enable").await,
    }
}

async fn switch(One { id, connection }: One, verb: &str) -> Result<Output, Stop> {
    let now = connection.send(Method::POST, &["resource-servers", &id, verb], None).await?;
    Ok(output::one(&now, connection.json).into())
}

fn body(identifier: Option<String>, name: Option<String>, settings: Settings) -> Value {
    change::members([
        ("identifier", identifier.map(Value::from)),
        ("name", name.map(Value::from)),
        ("access_token_typ", settings.access_token_typ.map(|typ| json!(typ))),
        ("signing_alg", settings.signing_alg.map(|alg| json!(alg))),
        ("scopes", (!settings.scopes.is_empty()).then(|| settings.scopes.into())),
    ])
}
