use clap::{ArgAction, Args};
use serde_json::{Value, json};

use super::connection::Connection;
use super::stop::Stop;
use super::{change, lifetime, output};
use crate::registry::SigningAlgorithm;

/// `carnet client set`
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  carnet client set 01ARZ3NDEKTSV4RRFFQ69G5FAW --access-token-lifetime 5m \\\n    \
    --credentials admin-credentials.json\n  \
    carnet client set 01ARZ3NDEKTSV4RRFFQ69G5FAW --signing-alg default --audience default"
)]
pub struct Set {
    /// The client's id.
    client_id: String,
    /// Its name, for people.
    #[arg(long)]
    name: Option<String>,
    /// Whether it may only get tokens bound to its key or certificate.
    #[arg(long, value_name = "BOOL", action = ArgAction::Set)]
    require_bound_tokens: Option<bool>,
    /// A scope that it may ask for; give all of them, and the flag once for each, or the word `default` for the set of a
    /// new client.
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// A resource server that it may ask for, by identifier or id; give all of them, its default one first, or the
    /// word `default` for the installation's.
    #[arg(long = "audience", value_name = "URI")]
    audiences: Vec<String>,
    /// A resource server that it speaks for, whose tokens it may introspect, by identifier or id; give all of them, or the
    /// word `default` for none.
    #[arg(long = "introspects", value_name = "URI")]
    introspects: Vec<String>,
    /// Lifetime of its access tokens, for instance 10m, or the word `default`.
    #[arg(long, value_name = "TIME", value_parser = seconds_or_default)]
    access_token_lifetime: Option<Lifetime>,
    /// Algorithm of its access tokens, or the word `default` for the resource server's.
    #[arg(long, value_name = "ALG", value_parser = algorithm_or_default)]
    signing_alg: Option<String>,
    /// The ONE Record ID in its tokens, or the word `default` for its participant's main one.
    #[arg(long, value_name = "URI")]
    one_record_id: Option<String>,
    /// An address or network (CIDR) from which it may ask for tokens; give all of them, or the word `default` for
    /// everywhere.
    #[arg(long = "allowed-address", value_name = "CIDR")]
    allowed_addresses: Vec<String>,
    #[command(flatten)]
    connection: Connection,
}

/// Seconds, or the installation's default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Lifetime(Option<i64>);

fn seconds_or_default(text: &str) -> Result<Lifetime, String> {
    if text == change::DEFAULT {
        return Ok(Lifetime(None));
    }
    lifetime::seconds(text).map(|seconds| Lifetime(Some(seconds)))
}

fn algorithm_or_default(text: &str) -> Result<String, String> {
    if text != change::DEFAULT {
        text.parse::<SigningAlgorithm>().map_err(|error| error.to_string())?;
    }
    Ok(text.to_owned())
}

pub(super) async fn run(set: Set) -> Result<String, Stop> {
    let body = body(&set);
    let now = change::set(&set.connection, &["clients", &set.client_id], &body).await?;
    Ok(output::one(&now, set.connection.json))
}

fn body(set: &Set) -> Value {
    change::members([
        ("name", set.name.clone().map(Value::from)),
        ("require_bound_tokens", set.require_bound_tokens.map(Value::from)),
        ("scopes", change::list_or_default(set.scopes.clone())),
        ("audiences", change::list_or_default(set.audiences.clone())),
        ("introspects", change::list_or_default(set.introspects.clone())),
        ("access_token_lifetime", set.access_token_lifetime.map(|Lifetime(seconds)| json!(seconds))),
        ("signing_alg", change::or_default(set.signing_alg.clone())),
        ("one_record_id", change::or_default(set.one_record_id.clone())),
        ("allowed_addresses", change::list_or_default(set.allowed_addresses.clone())),
    ])
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        set: Set,
    }

    fn sent(flags: &[&str]) -> Value {
        let line = Line::try_parse_from([&["set", "01ARZ"], flags].concat()).unwrap();
        body(&line.set)
    }

    #[test]
    fn flags_become_members() {
        assert_eq!(sent(&[]), json!({}));
        assert_eq!(
            sent(&["--name", "a", "--require-bound-tokens", "false", "--scope", "events:write"]),
            json!({"name": "a", "require_bound_tokens": false, "scopes": ["events:write"]})
        );
        assert_eq!(
            sent(&["--introspects", "https://a.example", "--introspects", "https://b.example"]),
            json!({"introspects": ["https://a.example", "https://b.example"]})
        );
        assert_eq!(
            sent(&[
                "--access-token-lifetime",
                "5m",
                "--signing-alg",
                "ES256",
                "--allowed-address",
                "10.0.0.0/8"
            ]),
            json!({"access_token_lifetime": 300, "signing_alg": "ES256", "allowed_addresses": ["10.0.0.0/8"]})
        );
    }

    #[test]
    fn default_takes_a_setting_back() {
        let flags = [
            "--access-token-lifetime",
            "--signing-alg",
            "--one-record-id",
            "--scope",
            "--audience",
            "--allowed-address",
            "--introspects",
        ];
        let line: Vec<&str> = flags.iter().flat_map(|flag| [*flag, "default"]).collect();
        assert_eq!(
            sent(&line),
            json!({
                "scopes": null,
                "audiences": null,
                "access_token_lifetime": null,
                "signing_alg": null,
                "one_record_id": null,
                "allowed_addresses": null,
                "introspects": null
            })
        );
    }

    #[test]
    fn a_wrong_value_is_refused_before_anything_is_sent() {
        for flags in [
            ["--access-token-lifetime", "soon"],
            ["--signing-alg", "none"],
            ["--require-bound-tokens", "maybe"],
        ] {
            assert!(Line::try_parse_from([&["set", "01ARZ"][..], &flags].concat()).is_err(), "{flags:?}");
        }
    }
}
