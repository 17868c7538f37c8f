use std::path::PathBuf;

use carnet_client::Method;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::client::read_json;
use super::connection::{Connection, Listing};
use super::lifetime;
use super::output::{self, Column};
use super::stop::Stop;

const COLUMNS: &[Column] = &[
    ("KID", "kid"),
    ("ALG", "alg"),
    ("STATUS", "status"),
    ("CREATED", "created_at"),
    ("EXPIRES", "expires_at"),
    ("THUMBPRINT", "thumbprint"),
];

/// Commands on public keys of a client.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Register public keys: all of a file, or none.
    Add(Add),
    /// List the keys.
    List(List),
    /// Revoke a key, for ever.
    Revoke(Revoke),
}

/// `carnet client key add`
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  carnet client key add 01ARZ3NDEKTSV4RRFFQ69G5FAW public.jwk --credentials admin-credentials.json"
)]
pub struct Add {
    /// The client's id.
    client_id: String,
    /// A file with a public JWK or a JWK Set; `-` reads standard input.
    file: PathBuf,
    /// When they expire, counted from now, for instance 365d. Default: never.
    #[arg(long, value_name = "TIME", value_parser = lifetime::seconds)]
    expires_in: Option<i64>,
    #[command(flatten)]
    connection: Connection,
}

/// `carnet client key list`
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  carnet client key list 01ARZ3NDEKTSV4RRFFQ69G5FAW --credentials admin-credentials.json"
)]
pub struct List {
    /// The client's id.
    client_id: String,
    #[command(flatten)]
    listing: Listing,
}

/// `carnet client key revoke`
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  carnet client key revoke 01ARZ3NDEKTSV4RRFFQ69G5FAW 2026-11 --credentials admin-credentials.json"
)]
pub struct Revoke {
    /// The client's id.
    client_id: String,
    /// The key's kid, which `list` shows.
    kid: String,
    #[command(flatten)]
    connection: Connection,
}

const EMPTY: &str = "this client has no keys: register one with carnet client key add";

pub(super) async fn run(command: Command) -> Result<String, Stop> {
    match command {
        Command::Add(Add { client_id, file, expires_in, connection }) => {
            let keys = public_half_only(read_json(&file)?)?;
            let mut body =
                if keys.get("keys").is_some() { json!({ "jwks": keys }) } else { json!({ "jwk": keys }) };
            if let Some(seconds) = expires_in {
                body["expires_in"] = json!(seconds);
            }
            let made = connection.send(Method::POST, &["clients", &client_id, "keys"], Some(&body)).await?;
            let items = made["items"].as_array().cloned().unwrap_or_default();
            Ok(output::list(&items, COLUMNS, connection.json))
        }
        Command::List(List { client_id, listing }) => {
            let listed = listing.fetch(&["clients", &client_id, "keys"], &[]).await?;
            Ok(output::table(&listed, COLUMNS, EMPTY, listing.connection.json))
        }
        Command::Revoke(Revoke { client_id, kid, connection }) => {
            connection.send(Method::DELETE, &["clients", &client_id, "keys", &kid], None).await?;
            let answer = json!({ "kid": kid, "client_id": client_id, "status": "revoked" });
            Ok(output::one(&answer, connection.json))
        }
    }
}

/// Stops a private key here, before it travels: once it is on the wire it is not secret any more.
pub(super) fn public_half_only(keys: Value) -> Result<Value, Stop> {
    let set = keys.get("keys").and_then(Value::as_array);
    let mut all = set.map_or_else(|| std::slice::from_ref(&keys), Vec::as_slice).iter();
    if all.any(|key| ["d", "p", "q", "dp", "dq", "qi", "oth", "k"].iter().any(|name| key.get(name).is_some()))
    {
        return Err(Stop::usage(
            "the file contains a private key; nothing was sent: give a file with the public members only",
        ));
    }
    Ok(keys)
}

/// A JWK Set, also from a file with one key alone.
pub(super) fn key_set(keys: Value) -> Value {
    if keys.get("kty").is_some() && keys.get("keys").is_none() { json!({ "keys": [keys] }) } else { keys }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_key_does_not_leave_the_machine() {
        for private in
            [json!({"kty": "EC", "d": "x"}), json!({"keys": [{"kty": "EC"}, {"kty": "oct", "k": "x"}]})]
        {
            assert!(public_half_only(private).unwrap_err().sentence().contains("nothing was sent"));
        }
        assert!(public_half_only(json!({"keys": [{"kty": "EC", "x": "x"}]})).is_ok());
    }

    #[test]
    fn one_key_alone_becomes_a_set() {
        let (one, set) = (json!({"kty": "EC"}), json!({"keys": [{"kty": "EC"}]}));
        assert_eq!(key_set(one), set);
        assert_eq!(key_set(set.clone()), set);
        assert_eq!(key_set(json!([])), json!([]));
    }
}
