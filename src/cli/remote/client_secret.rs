use std::path::{Path, PathBuf};

use carnet_client::Method;
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::connection::{Connection, Listing};
use super::lifetime;
use super::new_secret::{self, SecretOut};
use super::output::{self, Column, Output};
use super::stop::Stop;

const COLUMNS: &[Column] = &[
    ("SECRET ID", "id"),
    ("STATUS", "status"),
    ("IMPORTED", "imported"),
    ("CREATED", "created_at"),
    ("EXPIRES", "expires_at"),
    ("LAST USED", "last_used_at"),
];

/// Commands on secrets of a client.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a further secret; those that the client has stay valid.
    Add(Add),
    /// Make a new secret and let the older ones expire.
    Rotate(Rotate),
    /// Take over a secret from another provider, so that a machine can move here without a change.
    Import(Import),
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
    secret: SecretOut,
    #[command(flatten)]
    connection: Connection,
}

/// `carnet client secret rotate`
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  carnet client secret rotate 01ARZ3NDEKTSV4RRFFQ69G5FAW --keep 12h \\\n    \
    --credentials admin-credentials.json"
)]
pub struct Rotate {
    /// The client's id.
    client_id: String,
    /// How long the older secrets stay valid, for instance 12h or 43200; 0 ends them at once. Default: one day.
    #[arg(long, value_name = "TIME", value_parser = lifetime::seconds)]
    keep: Option<i64>,
    /// When the new one expires, counted from now, for instance 90d. Default: never.
    #[arg(long, value_name = "TIME", value_parser = lifetime::seconds)]
    expires_in: Option<i64>,
    #[command(flatten)]
    secret: SecretOut,
    #[command(flatten)]
    connection: Connection,
}

/// `carnet client secret import`
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  carnet client secret import 01ARZ3NDEKTSV4RRFFQ69G5FAW secret.txt --expires-in 90d \\\n    \
    --credentials admin-credentials.json"
)]
pub struct Import {
    /// The client's id.
    client_id: String,
    /// A file with the secret, or with its argon2id hash ($argon2id$v=19$…); `-` reads standard input.
    file: PathBuf,
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

pub(super) async fn run(command: Command) -> Result<Output, Stop> {
    let text: Result<String, Stop> = match command {
        Command::Add(Add { client_id, expires_in, secret, connection }) => {
            let body = with(json!({}), &[("expires_in", expires_in)]);
            let (made, notes) =
                make(&connection, &["clients", &client_id, "secrets"], &body, &secret).await?;
            return Ok(Output { text: output::one_with_secret(&made, connection.json), notes });
        }
        Command::Rotate(Rotate { client_id, keep, expires_in, secret, connection }) => {
            let body = with(json!({}), &[("keep", keep), ("expires_in", expires_in)]);
            let path = ["clients", &client_id, "secrets", "rotate"];
            let (made, notes) = make(&connection, &path, &body, &secret).await?;
            return Ok(Output { text: rotated(&made, connection.json), notes });
        }
        Command::Import(Import { client_id, file, expires_in, connection }) => {
            let secret = read(&file)?;
            let member = if secret.starts_with("$argon2") { "phc" } else { "secret" };
            let body = with(json!({ member: secret.as_str() }), &[("expires_in", expires_in)]);
            let made =
                connection.send(Method::POST, &["clients", &client_id, "secrets"], Some(&body)).await?;
            Ok(output::one(&made, connection.json))
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
    };
    text.map(Output::from)
}

/// Asks for a new secret, and puts it where it belongs.
async fn make(
    connection: &Connection,
    path: &[&str],
    body: &Value,
    secret: &SecretOut,
) -> Result<(Value, Vec<&'static str>), Stop> {
    let file = secret.create()?;
    let mut made = connection.send(Method::POST, path, Some(body)).await?;
    let notes = if new_secret::has_secret(&made) { Vec::new() } else { vec![LOST] };
    new_secret::keep(file, &mut made)?;
    Ok((made, notes))
}

const LOST: &str = "the secret was made by a request whose answer got lost, and is lost with it: revoke this one and make \
                    another one with carnet client secret add";

/// A body with the members that were given.
fn with(mut body: Value, members: &[(&str, Option<i64>)]) -> Value {
    for (name, number) in members {
        if let Some(number) = number {
            body[*name] = json!(number);
        }
    }
    body
}

/// The new secret, and below it what becomes of the older ones.
fn rotated(made: &Value, as_json: bool) -> String {
    if as_json {
        return output::one(made, true);
    }
    let mut new = made.clone();
    let older = new.as_object_mut().and_then(|members| members.remove("older")).unwrap_or_default();
    let older = older.as_array().map(Vec::as_slice).unwrap_or_default();
    let mut text = output::one_with_secret(&new, false);
    if !older.is_empty() {
        text.push_str("\nThe older secrets, and until when they can be used:\n");
        text.push_str(&output::list(older, COLUMNS, false));
    }
    text
}

/// A secret out of a file, or with `-` from standard input: never from an argument, which every user of the machine
/// can see. The line break that an editor adds is no part of it.
pub(super) fn read(path: &Path) -> Result<Zeroizing<String>, Stop> {
    let text = if path == Path::new("-") {
        std::io::read_to_string(std::io::stdin())
    } else {
        std::fs::read_to_string(path)
    };
    let text = Zeroizing::new(
        text.map_err(|error| Stop::usage(format!("{} cannot be read: {error}", path.display())))?,
    );
    let line = text.strip_suffix('\n').map_or(text.as_str(), |line| line.strip_suffix('\r').unwrap_or(line));
    if line.contains('\n') {
        return Err(Stop::usage(format!("{} has more than one line; a secret is one", path.display())));
    }
    Ok(Zeroizing::new(line.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_the_one_line_of_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret.txt");
        for (written, secret) in [("abc", "abc"), ("abc\n", "abc"), ("abc\r\n", "abc"), (" abc ", " abc ")] {
            std::fs::write(&path, written).unwrap();
            assert_eq!(*read(&path).unwrap(), secret);
        }
        std::fs::write(&path, "abc\ndef\n").unwrap();
        assert!(read(&path).unwrap_err().sentence().contains("more than one line"));
        assert!(read(&folder.path().join("none")).unwrap_err().sentence().contains("cannot be read"));
    }

    #[test]
    fn a_rotation_shows_the_new_secret_and_what_is_left_to_the_older_ones() {
        let made = json!({
            "id": "new", "client_secret": "s3cret",
            "older": [{"id": "old", "status": "active", "expires_at": "2027-01-16T08:00:00.000Z"}],
        });
        let text = rotated(&made, false);
        assert!(text.contains("s3cret") && text.contains("shown this once"), "{text}");
        let table = text.split("until when they can be used:").nth(1).unwrap();
        assert!(table.contains("old") && table.contains("2027-01-16T08:00:00.000Z"), "{text}");
        let json: Value = serde_json::from_str(&rotated(&made, true)).unwrap();
        assert_eq!(json, made);
        assert!(!rotated(&json!({"id": "new", "older": []}), false).contains("older"));
    }

    #[test]
    fn only_what_was_given_is_sent() {
        assert_eq!(with(json!({}), &[("keep", Some(0)), ("expires_in", None)]), json!({"keep": 0}));
    }
}
