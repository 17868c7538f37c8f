use carnet_client::Method;
use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::connection::Connection;
use super::output::{self, Column};
use crate::cli::local::Failure;
use crate::registry::{AccessTokenTyp, SigningAlgorithm};

const COLUMNS: &[Column] = &[
    ("ID", "id"),
    ("NAME", "name"),
    ("TYP", "access_token_typ"),
    ("ALG", "signing_alg"),
    ("DEFAULT", "is_default"),
    ("IDENTIFIER", "identifier"),
];

/// Commands on resource servers.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Register a resource server.
    Add(Add),
    /// List the resource servers.
    List(List),
    /// Show one resource server.
    Show(Show),
    /// Change a resource server; what is not given stays as it is.
    Set(Set),
}

/// What can be said of a resource server.
#[derive(Debug, Args)]
pub struct Settings {
    /// The `typ` of its tokens: at+jwt or JWT.
    #[arg(long, value_name = "TYP")]
    access_token_typ: Option<AccessTokenTyp>,
    /// The algorithm of its tokens: RS256 or ES256.
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
    connection: Connection,
}

/// `carnet resource show`
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  carnet resource show 01ARZ3NDEKTSV4RRFFQ69G5FAV --credentials admin-credentials.json"
)]
pub struct Show {
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

pub(super) async fn run(command: Command) -> Result<String, Failure> {
    match command {
        Command::Add(Add { identifier, name, settings, connection }) => {
            let body = body(Some(identifier), Some(name), settings);
            let made = connection.send(Method::POST, &["resource-servers"], Some(&body)).await?;
            Ok(output::one(&made, connection.json))
        }
        Command::List(List { connection }) => {
            Ok(output::list(&connection.list(&["resource-servers"], &[]).await?, COLUMNS, connection.json))
        }
        Command::Show(Show { id, connection }) => {
            Ok(output::one(&connection.get(&["resource-servers", &id]).await?, connection.json))
        }
        Command::Set(Set { id, identifier, name, settings, connection }) => {
            let body = body(identifier, name, settings);
            if body.as_object().is_none_or(Map::is_empty) {
                return Err(Failure(
                    "nothing to set: give at least one of the flags that --help lists".to_owned(),
                ));
            }
            let now = connection.send(Method::PATCH, &["resource-servers", &id], Some(&body)).await?;
            Ok(output::one(&now, connection.json))
        }
    }
}

fn body(identifier: Option<String>, name: Option<String>, settings: Settings) -> Value {
    let scopes = (!settings.scopes.is_empty()).then_some(settings.scopes);
    let members = [
        ("identifier", identifier.map(Value::from)),
        ("name", name.map(Value::from)),
        ("access_token_typ", settings.access_token_typ.map(|typ| json!(typ))),
        ("signing_alg", settings.signing_alg.map(|alg| json!(alg))),
        ("scopes", scopes.map(Value::from)),
    ];
    members
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect::<Map<_, _>>()
        .into()
}
