use std::path::PathBuf;

use carnet_client::Method;
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::change;
use super::client::read_json;
use super::client_key::{key_set, public_half_only};
use super::connection::{Connection, Listing};
use super::output::{self, Column, Output};
use super::secret_file::SecretFile;
use super::stop::Stop;
use crate::data_dir::Credentials;
use crate::registry::TokenEndpointAuthMethod;

const COLUMNS: &[Column] = &[
    ("CLIENT ID", "client_id"),
    ("NAME", "name"),
    ("STATUS", "status"),
    ("SCOPES", "scopes"),
    ("SINCE", "created_at"),
];
const EMPTY: &str = "no administrators here: register one with carnet administrator add";

/// Commands on administrators of this identity provider.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Register an administrator.
    Add(Add),
    /// List the administrators.
    List(List),
    /// Show one administrator.
    #[command(
        after_help = "Example:\n  carnet administrator show 01ARZ3NDEKTSV4RRFFQ69G5FAW --credentials admin-credentials.json"
    )]
    Show(One),
    /// Change an administrator; what is not given stays as it is.
    Set(Set),
    /// Withdraw an administrator: its tokens end.
    #[command(
        after_help = "Example:\n  carnet administrator disable 01ARZ3NDEKTSV4RRFFQ69G5FAW --credentials admin-credentials.json"
    )]
    Disable(One),
    /// Let an administrator work again.
    #[command(
        after_help = "Example:\n  carnet administrator enable 01ARZ3NDEKTSV4RRFFQ69G5FAW --credentials admin-credentials.json"
    )]
    Enable(One),
}

/// `carnet administrator add`
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  carnet administrator add --name 'Ada, operations' --scope admin:read --scope admin:write \\\n    \
    --credentials-out ada.json --credentials admin-credentials.json\n  \
    carnet administrator add --name 'nightly report' --scope admin:audit:read --auth-method private_key_jwt \\\n    \
    --jwks public-keys.json --credentials admin-credentials.json"
)]
pub struct Add {
    /// Who it is: a person, for people.
    #[arg(long)]
    name: String,
    /// A scope of the administrator, such as admin:read, admin:registry:write, admin:approve; give the flag once for each.
    #[arg(long = "scope", value_name = "SCOPE", required = true)]
    scopes: Vec<String>,
    /// How they authenticate: `client_secret_basic`, `client_secret_post` or `private_key_jwt`. These commands take the
    /// first alone.
    #[arg(long, value_name = "METHOD", default_value = "client_secret_basic")]
    auth_method: TokenEndpointAuthMethod,
    /// A file with their public keys, a JWK Set or one JWK; `-` reads standard input.
    #[arg(long, value_name = "FILE")]
    jwks: Option<PathBuf>,
    /// Write a credentials file for the new administrator, for its own --credentials; it must not exist yet. Without
    /// it, the secret is printed.
    #[arg(long, value_name = "FILE")]
    credentials_out: Option<PathBuf>,
    #[command(flatten)]
    connection: Connection,
}

/// `carnet administrator list`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  carnet administrator list --credentials admin-credentials.json")]
pub struct List {
    #[command(flatten)]
    listing: Listing,
}

/// `carnet administrator set`
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  carnet administrator set 01ARZ3NDEKTSV4RRFFQ69G5FAW --scope admin:registry:read \\\n    \
    --credentials admin-credentials.json"
)]
pub struct Set {
    /// The administrator's client id.
    client_id: String,
    /// Who it is: a person, for people.
    #[arg(long)]
    name: Option<String>,
    /// A scope of the administrator; give all of them, and the flag once for each.
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    #[command(flatten)]
    connection: Connection,
}

/// `carnet administrator show`, `disable`, `enable`
#[derive(Debug, Args)]
pub struct One {
    /// The administrator's client id.
    client_id: String,
    #[command(flatten)]
    connection: Connection,
}

pub(super) async fn run(command: Command) -> Result<Output, Stop> {
    match command {
        Command::Add(add) => self::add(add).await,
        Command::List(List { listing }) => {
            let listed = listing.fetch(&["administrators"], &[]).await?;
            Ok(output::table(&listed, COLUMNS, EMPTY, listing.connection.json).into())
        }
        Command::Show(One { client_id, connection }) => {
            Ok(output::one(&connection.get(&["administrators", &client_id]).await?, connection.json).into())
        }
        Command::Set(Set { client_id, name, scopes, connection }) => {
            let body = change::members([
                ("name", name.map(Value::from)),
                ("scopes", (!scopes.is_empty()).then(|| scopes.into())),
            ]);
            let now = change::set(&connection, &["administrators", &client_id], &body).await?;
            Ok(output::one(&now, connection.json).into())
        }
        Command::Disable(one) => switch(one, "disable").await,
        Command::Enable(one) => switch(one, "enable").await,
    }
}

async fn add(
    Add { name, scopes, auth_method, jwks, credentials_out, connection }: Add,
) -> Result<Output, Stop> {
    if credentials_out.is_some() && auth_method != TokenEndpointAuthMethod::ClientSecretBasic {
        return Err(Stop::usage(
            "--credentials-out is for administrators of these commands, who authenticate by client_secret_basic: leave \
             it out, or --auth-method",
        ));
    }
    let mut body = json!({ "name": name, "scopes": scopes, "token_endpoint_auth_method": auth_method });
    if let Some(path) = &jwks {
        body["jwks"] = key_set(public_half_only(read_json(path)?)?);
    }
    let signs = auth_method == TokenEndpointAuthMethod::PrivateKeyJwt;
    // Before anything is made: a secret that cannot be kept would be lost.
    let file = credentials_out.as_deref().map(SecretFile::create).transpose()?;
    let mut made = connection.send(Method::POST, &["administrators"], Some(&body)).await?;
    let notes = match (made["client_secret"].as_str(), file) {
        (Some(secret), Some(file)) => {
            write(file, &connection.credentials()?, &made, secret)?;
            // It stands in the file, and nowhere else.
            made.as_object_mut().and_then(|members| members.remove("client_secret"));
            vec!["the credentials file holds the secret; it cannot be read again"]
        }
        (None, _) if signs => Vec::new(),
        (None, _) => vec![
            "the administrator was registered by a request whose answer got lost, and its secret with it: \
             make another one with carnet client secret add",
        ],
        (Some(_), None) => Vec::new(),
    };
    Ok(Output { text: output::one_with_secret(&made, connection.json), notes })
}

/// The new administrator reaches the same server as we do.
fn write(mut file: SecretFile, own: &Credentials, made: &Value, secret: &str) -> Result<(), Stop> {
    let scopes: Vec<&str> =
        made["scopes"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let credentials = Credentials {
        issuer: own.issuer.clone(),
        token_endpoint: own.token_endpoint.clone(),
        admin_url: own.admin_url.clone(),
        client_id: made["client_id"].as_str().unwrap_or_default().to_owned(),
        client_secret: Zeroizing::new(secret.to_owned()),
        scope: if scopes.is_empty() { own.scope.clone() } else { scopes.join(" ") },
    };
    let text = serde_json::to_string_pretty(&credentials)
        .map_err(|error| Stop::failed(format!("{} cannot be written: {error}", file.path().display())))?;
    file.write(&(text + "\n"))
}

async fn switch(One { client_id, connection }: One, verb: &str) -> Result<Output, Stop> {
    let now = connection.send(Method::POST, &["administrators", &client_id, verb], None).await?;
    Ok(output::one(&now, connection.json).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_administrator_gets_a_file_like_ours() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ada.json");
        let own = Credentials {
            issuer: "https://iap.example".to_owned(),
            token_endpoint: "https://iap.example/token".to_owned(),
            admin_url: "https://iap.example:8081/admin/v1".to_owned(),
            client_id: "own".to_owned(),
            client_secret: Zeroizing::new("own secret".to_owned()),
            scope: "admin:read admin:write".to_owned(),
        };
        let made = json!({"client_id": "ada", "scopes": ["admin:read"]});
        write(SecretFile::create(&path).unwrap(), &own, &made, "a secret").unwrap();
        let text = std::fs::read(&path).unwrap();
        let read: Credentials = serde_json::from_slice(&text).unwrap();
        assert_eq!((read.client_id.as_str(), read.scope.as_str()), ("ada", "admin:read"));
        assert_eq!((read.client_secret.as_str(), read.admin_url), ("a secret", own.admin_url));
    }
}
