use std::path::{Path, PathBuf};

use carnet_client::Method;
use clap::{ArgAction, Args, Subcommand};
use serde_json::{Value, json};

use super::connection::{Connection, Listing};
use super::new_secret::{self, SecretOut};
use super::output::{self, Column, Output};
use super::stop::Stop;
use super::{client_key, client_secret, client_set, lifetime};
use crate::registry::{SigningAlgorithm, TokenEndpointAuthMethod};

const COLUMNS: &[Column] = &[
    ("CLIENT ID", "client_id"),
    ("NAME", "name"),
    ("METHOD", "token_endpoint_auth_method"),
    ("BOUND", "require_bound_tokens"),
    ("STATUS", "status"),
    ("PARTICIPANT", "participant_id"),
];

const EXPIRING: &[Column] = &[
    ("DAYS LEFT", "days_left"),
    ("KIND", "kind"),
    ("ID", "id"),
    ("CLIENT ID", "client_id"),
    ("CLIENT", "client_name"),
    ("LAST USED", "last_used_at"),
    ("REPLACED", "replaced"),
];

/// Commands on clients.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Register a machine of a participant.
    Add(Box<Add>),
    /// List the clients.
    List(List),
    /// Show one client.
    #[command(
        after_help = "Example:\n  carnet client show 01ARZ3NDEKTSV4RRFFQ69G5FAW --credentials admin-credentials.json"
    )]
    Show(One),
    /// Change a client; what is not given stays as it is.
    Set(client_set::Set),
    /// Withdraw a client: it gets no tokens.
    #[command(
        after_help = "Example:\n  carnet client disable 01ARZ3NDEKTSV4RRFFQ69G5FAW --credentials admin-credentials.json"
    )]
    Disable(One),
    /// Let a client get tokens again.
    #[command(
        after_help = "Example:\n  carnet client enable 01ARZ3NDEKTSV4RRFFQ69G5FAW --credentials admin-credentials.json"
    )]
    Enable(One),
    /// List the secrets and keys that will expire, the first to expire first.
    Expiring(Expiring),
    /// Secrets of a client.
    #[command(subcommand)]
    Secret(client_secret::Command),
    /// Public keys of a client.
    #[command(subcommand)]
    Key(client_key::Command),
}

/// `carnet client add`
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  carnet client add --credentials admin-credentials.json --name 'booking system' \\\n    \
    --participant 01ARZ3NDEKTSV4RRFFQ69G5FAV --require-bound-tokens false\n  \
    carnet client add --credentials admin-credentials.json --name 'tracking' \\\n    \
    --participant 01ARZ3NDEKTSV4RRFFQ69G5FAV --auth-method private_key_jwt --jwks keys.json \\\n    \
    --require-bound-tokens false\n  \
    carnet client add --credentials admin-credentials.json --name 'record server' \\\n    \
    --participant 01ARZ3NDEKTSV4RRFFQ69G5FAV --introspects https://record.example.com"
)]
pub struct Add {
    /// The id of the participant whose machine it is.
    #[arg(long, value_name = "ID")]
    participant: String,
    /// Its name, for people.
    #[arg(long)]
    name: String,
    /// How it authenticates: `client_secret_basic`, `client_secret_post` or `private_key_jwt`.
    #[arg(long, value_name = "METHOD", default_value = "client_secret_basic")]
    auth_method: TokenEndpointAuthMethod,
    /// Whether it may only get tokens bound to its key or certificate.
    #[arg(long, value_name = "BOOL", default_value_t = true, action = ArgAction::Set)]
    require_bound_tokens: bool,
    /// A file with its public keys, a JWK Set or one JWK; `-` reads standard input.
    #[arg(long, value_name = "FILE")]
    jwks: Option<PathBuf>,
    /// A scope that it may ask for; give the flag once for each. Default: reading and writing logistics objects and
    /// posting events.
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// A resource server that it may ask for, by identifier or id, its default one first.
    #[arg(long = "audience", value_name = "URI")]
    audiences: Vec<String>,
    /// A resource server that it speaks for, by identifier or id: it may introspect the tokens that are for it; give the
    /// flag once for each.
    #[arg(long = "introspects", value_name = "URI")]
    introspects: Vec<String>,
    /// Lifetime of its access tokens, for instance 10m.
    #[arg(long, value_name = "TIME", value_parser = lifetime::seconds)]
    access_token_lifetime: Option<i64>,
    /// Algorithm of its access tokens: RS256, PS256, ES256 or `EdDSA`. Default: the resource server's.
    #[arg(long, value_name = "ALG")]
    signing_alg: Option<SigningAlgorithm>,
    /// The ONE Record ID in its tokens. Default: its participant's main one.
    #[arg(long, value_name = "URI")]
    one_record_id: Option<String>,
    /// Where it may ask for tokens from, an IP address or a range such as 192.0.2.0/24; give the flag once for each.
    /// Default: anywhere.
    #[arg(long = "allowed-address", value_name = "CIDR")]
    allowed_addresses: Vec<String>,
    #[command(flatten)]
    secret: SecretOut,
    #[command(flatten)]
    connection: Connection,
}

/// `carnet client list`
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  carnet client list --participant 01ARZ3NDEKTSV4RRFFQ69G5FAV --credentials admin-credentials.json"
)]
pub struct List {
    /// Only the clients of this participant.
    #[arg(long, value_name = "ID")]
    participant: Option<String>,
    #[command(flatten)]
    listing: Listing,
}

/// `carnet client expiring`
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  carnet client expiring --within-days 14 --credentials admin-credentials.json"
)]
pub struct Expiring {
    /// How many days to look ahead.
    #[arg(long, value_name = "DAYS", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=3660))]
    within_days: u32,
    #[command(flatten)]
    listing: Listing,
}

/// `carnet client show`, `disable`, `enable`
#[derive(Debug, Args)]
pub struct One {
    /// The client's id.
    client_id: String,
    #[command(flatten)]
    connection: Connection,
}

pub(super) async fn run(command: Command) -> Result<Output, Stop> {
    let text = match command {
        Command::Add(add) => {
            let (body, file) = (body(&add)?, add.secret.create()?);
            let mut made = add.connection.send(Method::POST, &["clients"], Some(&body)).await?;
            let notes = notes(&made, add.jwks.is_some());
            new_secret::keep(file, &mut made)?;
            return Ok(Output { text: output::one_with_secret(&made, add.connection.json), notes });
        }
        Command::List(List { participant, listing }) => {
            let filter: Vec<(&str, &str)> =
                participant.as_deref().map(|id| ("participant_id", id)).into_iter().collect();
            let listed = listing.fetch(&["clients"], &filter).await?;
            Ok(output::table(&listed, COLUMNS, EMPTY, listing.connection.json))
        }
        Command::Show(One { client_id, connection }) => {
            Ok(output::one(&connection.get(&["clients", &client_id]).await?, connection.json))
        }
        Command::Set(set) => client_set::run(set).await,
        Command::Disable(one) => change(one, "disable").await,
        Command::Enable(one) => change(one, "enable").await,
        Command::Expiring(Expiring { within_days, listing }) => {
            let within = within_days.to_string();
            let listed = listing.fetch(&["expiring-credentials"], &[("within_days", &within)]).await?;
            Ok(output::table(&listed, EXPIRING, NOTHING_EXPIRES, listing.connection.json))
        }
        Command::Secret(command) => return client_secret::run(command).await,
        Command::Key(command) => client_key::run(command).await,
    };
    text.map(Output::from)
}

const EMPTY: &str = "no clients here: register one with carnet client add";
const NOTHING_EXPIRES: &str =
    "no secret and no key will expire in that time; --within-days looks further ahead";

/// What is allowed, but mostly not what was meant.
fn notes(made: &Value, with_keys: bool) -> Vec<&'static str> {
    let mut notes = Vec::new();
    if made["require_bound_tokens"] == true && !with_keys {
        notes.push(
            "this client requires bound tokens and has no key to bind them to: it gets no tokens; \
             register a key with carnet client key add, or add it with --require-bound-tokens false",
        );
    }
    if made["token_endpoint_auth_method"] != "private_key_jwt" && !made["client_secret"].is_string() {
        notes.push(
            "the client was registered by a request whose answer got lost, and its secret with it: \
             make it another one with carnet client secret add",
        );
    }
    if with_keys && made["token_endpoint_auth_method"] != "private_key_jwt" {
        notes.push(
            "this client authenticates with its secret; its tokens are bound to its keys \
             (--auth-method private_key_jwt authenticates with them, too)",
        );
    }
    notes
}

fn body(add: &Add) -> Result<Value, Stop> {
    let mut body = json!({
        "participant_id": add.participant,
        "name": add.name,
        "token_endpoint_auth_method": add.auth_method,
        "require_bound_tokens": add.require_bound_tokens,
    });
    if let Some(path) = &add.jwks {
        body["jwks"] = client_key::key_set(client_key::public_half_only(read_json(path)?)?);
    }
    if !add.scopes.is_empty() {
        body["scopes"] = json!(add.scopes);
    }
    if !add.audiences.is_empty() {
        body["audiences"] = json!(add.audiences);
    }
    if !add.introspects.is_empty() {
        body["introspects"] = json!(add.introspects);
    }
    if let Some(seconds) = add.access_token_lifetime {
        body["access_token_lifetime"] = json!(seconds);
    }
    if let Some(alg) = add.signing_alg {
        body["signing_alg"] = json!(alg);
    }
    if !add.allowed_addresses.is_empty() {
        body["allowed_addresses"] = json!(add.allowed_addresses);
    }
    if let Some(uri) = &add.one_record_id {
        body["one_record_id"] = json!(uri);
    }
    Ok(body)
}

/// A JSON file, or with `-` standard input.
pub(super) fn read_json(path: &Path) -> Result<Value, Stop> {
    let text = if path == Path::new("-") {
        std::io::read_to_string(std::io::stdin())
    } else {
        std::fs::read_to_string(path)
    };
    let text = text.map_err(|error| Stop::usage(format!("{} cannot be read: {error}", path.display())))?;
    if text.trim_start().starts_with("-----BEGIN ") {
        return Err(Stop::usage(format!("{} is PEM; a JWK Set (JSON) is needed", path.display())));
    }
    serde_json::from_str(&text)
        .map_err(|error| Stop::usage(format!("{} is not JSON: {error}", path.display())))
}

async fn change(One { client_id, connection }: One, verb: &str) -> Result<String, Stop> {
    let now = connection.send(Method::POST, &["clients", &client_id, verb], None).await?;
    Ok(output::one(&now, connection.json))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_that_gets_no_tokens_is_told() {
        let made = |bound: bool, method: &str| {
            let secret = (method != "private_key_jwt").then_some("s");
            json!({"require_bound_tokens": bound, "token_endpoint_auth_method": method, "client_secret": secret})
        };
        assert!(notes(&made(true, "client_secret_basic"), false)[0].contains("it gets no tokens"));
        assert!(notes(&made(false, "client_secret_basic"), false).is_empty());
        assert!(notes(&made(true, "private_key_jwt"), true).is_empty());
        assert!(notes(&made(false, "private_key_jwt"), true).is_empty());
        assert!(notes(&made(false, "client_secret_basic"), true)[0].contains("with its secret"));
    }

    #[test]
    fn a_secret_that_got_lost_is_told() {
        let made = json!({"require_bound_tokens": false, "token_endpoint_auth_method": "client_secret_post"});
        assert!(notes(&made, false)[0].contains("carnet client secret add"));
    }

    #[test]
    fn a_pem_file_is_told_from_broken_json() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.pem");
        std::fs::write(&path, "-----BEGIN PUBLIC KEY-----\nAA==\n-----END PUBLIC KEY-----\n").unwrap();
        assert!(read_json(&path).unwrap_err().sentence().ends_with("is PEM; a JWK Set (JSON) is needed"));
        std::fs::write(&path, "{").unwrap();
        assert!(read_json(&path).unwrap_err().sentence().contains("is not JSON"));
    }
}
