use std::fmt::Write as _;

use carnet_client::Method;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::connection::{Connection, Listing};
use super::output::{self, Column};
use super::stop::Stop;
use crate::registry::SigningAlgorithm;

const COLUMNS: &[Column] = &[
    ("KID", "kid"),
    ("PURPOSE", "purpose"),
    ("ALG", "alg"),
    ("STATE", "state"),
    ("ANNOUNCED", "announced_at"),
    ("ACTIVATED", "activated_at"),
    ("RETIRES", "retires_at"),
];

const EMPTY: &str = "no signing keys: the server makes them when it starts";

/// Commands on the signing keys of this identity provider.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the signing keys.
    List(List),
    /// Let the announced successor sign now instead of at its time.
    Rotate(Rotate),
    /// Drop a stolen key at once.
    Revoke(Revoke),
}

/// `carnet keys list`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  carnet keys list --credentials admin-credentials.json")]
pub struct List {
    /// Also those that are retired or revoked.
    #[arg(long)]
    ended: bool,
    #[command(flatten)]
    listing: Listing,
}

/// `carnet keys rotate`
#[derive(Debug, Args)]
#[command(
    after_help = "Keys rotate by themselves (keys.rotation_period). A successor must have been published for \
                  keys.announce_lead before it may sign.\n\nExample:\n  carnet keys rotate RS256 --credentials admin-credentials.json"
)]
pub struct Rotate {
    /// The algorithm: RS256, PS256, ES256 or `EdDSA`.
    #[arg(value_name = "ALG")]
    algorithm: SigningAlgorithm,
    /// Why, for the journal.
    #[arg(long, default_value = "", hide_default_value = true)]
    reason: String,
    #[command(flatten)]
    connection: Connection,
}

/// `carnet keys revoke`
#[derive(Debug, Args)]
#[command(
    after_help = "Everything that the key signed is worthless afterwards, and its clients need new tokens.\n\n\
                  Example:\n  carnet keys revoke NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs --reason stolen \
                  --credentials admin-credentials.json"
)]
pub struct Revoke {
    /// The key's id, which `list` shows.
    // A thumbprint may begin with a hyphen.
    #[arg(allow_hyphen_values = true)]
    kid: String,
    /// Why, for the journal.
    #[arg(long, default_value = "", hide_default_value = true)]
    reason: String,
    #[command(flatten)]
    connection: Connection,
}

pub(super) async fn run(command: Command) -> Result<String, Stop> {
    match command {
        Command::List(List { ended, listing }) => {
            let ended = if ended { "true" } else { "false" };
            let listed = listing.fetch(&["signing-keys"], &[("ended", ended)]).await?;
            Ok(output::table(&listed, COLUMNS, EMPTY, listing.connection.json))
        }
        Command::Rotate(Rotate { algorithm, reason, connection }) => {
            let body = json!({ "alg": algorithm, "reason": reason });
            let done = connection.send(Method::POST, &["signing-keys", "rotate"], Some(&body)).await?;
            Ok(output::one(&done, connection.json))
        }
        Command::Revoke(Revoke { kid, reason, connection }) => {
            let body = json!({ "reason": reason });
            let done = connection.send(Method::POST, &["signing-keys", &kid, "revoke"], Some(&body)).await?;
            let said = output::one(&done, connection.json);
            Ok(if connection.json { said } else { format!("{said}\n{}", consequences(&done)) })
        }
    }
}

const NEW: &str = " Verifiers that have not seen it yet fetch the key set once when they meet it.";

/// What dropping a key means, for whoever has just done it.
fn consequences(done: &Value) -> String {
    let text = |name: &str| done[name].as_str();
    let is_audit = text("purpose") == Some("audit");
    let mut said = match (text("signed_since"), text("purpose")) {
        (Some(since), Some("access-token")) => format!(
            "Every access token that this key signed since {since} is refused from now on: at once by verifiers that follow \
             the revocation feed, by the others at the latest at {}. Clients must get new tokens.\n",
            text("noticed_by").unwrap_or("the end of their caches")
        ),
        (Some(since), _) if is_audit => format!(
            "Journal heads that this key signed since {since} still anchor the journal, and whoever has the key can sign \
             others: check against a copy of audit-heads.log that was kept elsewhere, by carnet audit verify --heads FILE.\n"
        ),
        (Some(since), _) => format!("Nothing that this key signed since {since} counts any more.\n"),
        (None, _) => "The key had signed nothing yet.\n".to_owned(),
    };
    if let Some(active) = text("active") {
        let _ = writeln!(said, "{active} signs from now on.{}", if is_audit { "" } else { NEW });
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_consequences_of_a_revocation_are_told() {
        let active = json!({
            "kid": "a", "purpose": "access-token", "active": "b", "signed_since": "2027-01-15T08:00:00Z",
            "noticed_by": "2027-01-15T09:00:00Z",
        });
        let said = consequences(&active);
        for part in ["2027-01-15T08:00:00Z", "2027-01-15T09:00:00Z", "b signs from now on"] {
            assert!(said.contains(part), "{said}");
        }
        let audit =
            json!({ "kid": "a", "purpose": "audit", "active": "b", "signed_since": "2027-01-15T08:00:00Z" });
        let said = consequences(&audit);
        assert!(said.contains("--heads FILE") && said.ends_with("b signs from now on.\n"), "{said}");
        assert!(consequences(&json!({ "purpose": "access-token" })).contains("signed nothing"));
    }
}
