use carnet_client::Method;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::change;
use super::connection::Connection;
use super::login::{self, Login};
use super::output::{self, Output};
use super::stop::Stop;
use crate::admin::parse_rfc3339;

/// Commands on access tokens.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Get one as a machine, with its own login.
    Get(Get),
    /// Revoke one access token, or those that a client got.
    Revoke(Revoke),
}

/// `carnet token get`
#[derive(Debug, Args)]
#[command(
    after_help = "With --key the token is bound to that key: it is worth nothing without a proof for each request, which \
                  carnet request makes.\n\n\
                  Examples:\n  carnet token get --issuer https://iap.example --client-id 01ARZ3NDEKTSV4RRFFQ69G5FAW \\\n    \
                  --key private-key.json\n  \
                  carnet token get --issuer https://iap.example --client-id 01ARZ3NDEKTSV4RRFFQ69G5FAW \\\n    \
                  --secret-file secret.txt --proof none --json"
)]
pub struct Get {
    /// Print JSON with scope and end instead of the token alone.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    login: Login,
}

/// `carnet token revoke`
#[derive(Debug, Args)]
#[command(
    after_help = "Introspection knows it at once, verifiers that follow the revocation feed within seconds, and others not \
                  before the tokens expire. A client that goes on getting new ones is stopped by carnet client disable.\n\n\
                  Examples:\n  carnet token revoke --jti 0e6d0c28-0d6f-4b0e-8b0e-7a6f2f0d5c11 --credentials admin-credentials.json\n  \
                  carnet token revoke --client 01ARZ3NDEKTSV4RRFFQ69G5FAW --issued-before 2027-01-15T08:00:00Z \\\n    \
                  --credentials admin-credentials.json"
)]
pub struct Revoke {
    /// One token, by its claim `jti`, which the log has, too.
    #[arg(long, value_name = "JTI", required_unless_present = "client", conflicts_with = "client")]
    jti: Option<String>,
    /// Everything that this client got.
    #[arg(long, value_name = "ID")]
    client: Option<String>,
    /// Only what was issued before this time in UTC (2027-01-15T08:00:00Z), this day, or this second as in `iat`.
    /// Default: everything until now.
    #[arg(long, value_name = "TIME", requires = "client", conflicts_with = "jti", value_parser = second)]
    issued_before: Option<i64>,
    #[command(flatten)]
    connection: Connection,
}

/// A time as people write it, or as it stands in a token.
fn second(text: &str) -> Result<i64, String> {
    let in_token = || text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten();
    // A token that was issued within a second that has begun was issued before a time inside it.
    let written = || parse_rfc3339(text).map(|millis| (millis + 999).div_euclid(1000));
    in_token().or_else(written).ok_or_else(|| {
        "expected a time in UTC such as 2027-01-15T08:00:00Z, or seconds since 1970".to_owned()
    })
}

pub(super) async fn run(command: Command) -> Result<Output, Stop> {
    match command {
        Command::Get(get) => self::get(&get).await,
        Command::Revoke(revoke) => self::revoke(revoke).await,
    }
}

async fn get(get: &Get) -> Result<Output, Stop> {
    let token = get.login.tokens()?.token().await.map_err(|error| Stop::failed(login::sentence(&error)))?;
    if !get.json {
        return Ok(format!("{}\n", token.expose()).into());
    }
    let told = json!({
        "access_token": token.expose(),
        "bound": token.is_bound(),
        "scope": token.scope(),
        "expires_at": token.expires_at(),
    });
    Ok(output::one(&told, true).into())
}

async fn revoke(revoke: Revoke) -> Result<Output, Stop> {
    let Revoke { jti, client, issued_before, connection } = revoke;
    let body = change::members([
        ("jti", jti.map(Value::from)),
        ("client_id", client.map(Value::from)),
        ("issued_before", issued_before.map(Value::from)),
    ]);
    let done = connection.send(Method::POST, &["tokens", "revoke"], Some(&body)).await?;
    Ok(output::one(&done, connection.json).into())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        revoke: Revoke,
    }

    #[test]
    fn one_token_or_those_of_a_client_and_not_both() {
        let takes = |flags: &[&str]| Line::try_parse_from([&["revoke"], flags].concat()).is_ok();
        assert!(takes(&["--jti", "a"]) && takes(&["--client", "c"]));
        assert!(takes(&["--client", "c", "--issued-before", "1800000000"]));
        for wrong in [
            &[][..],
            &["--jti", "a", "--client", "c"],
            &["--jti", "a", "--issued-before", "1800000000"],
            &["--issued-before", "1800000000"],
            &["--client", "c", "--issued-before", "yesterday"],
        ] {
            assert!(!takes(wrong), "{wrong:?}");
        }
    }

    #[test]
    fn a_time_is_read_as_people_and_as_tokens_write_it() {
        for text in ["1800000000", "2027-01-15T08:00:00Z", "2027-01-15T07:59:59.001Z"] {
            assert_eq!(second(text), Ok(1_800_000_000), "{text}");
        }
        assert_eq!(second("2027-01-15"), Ok(1_799_971_200));
        for wrong in ["", "-1", "99999999999999999999", "2027-01-15 08:00", "soon"] {
            assert!(second(wrong).is_err(), "{wrong}");
        }
    }
}
