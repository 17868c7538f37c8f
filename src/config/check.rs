//! What a member may hold, and how a refusal says so.

use std::net::SocketAddr;

use carnet_db::DatabaseUrl;
use url::{Host, Url};

/// Why a configuration is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file does not parse.
    #[error("the configuration does not parse: {0}")]
    Syntax(String),
    /// An environment variable names no member, or holds a value of another kind.
    #[error(
        "the environment variable {name}: {reason} (the form is CARNET_SECTION__MEMBER, with two underscores, such as \
         CARNET_SERVER__LISTEN)"
    )]
    Variable {
        /// The variable.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A member holds a value that makes no sense.
    #[error("{field}: {reason}")]
    Field {
        /// `section.member`.
        field: &'static str,
        /// What is wrong and what would be right.
        reason: String,
    },
}

pub(super) fn refuse<T>(field: &'static str, reason: impl Into<String>) -> Result<T, ConfigError> {
    Err(ConfigError::Field { field, reason: reason.into() })
}

pub(super) fn within(
    field: &'static str,
    given: Option<i64>,
    default: i64,
    least: i64,
    most: i64,
) -> Result<i64, ConfigError> {
    match given {
        None => Ok(default),
        Some(value) if (least..=most).contains(&value) => Ok(value),
        Some(value) => refuse(field, format!("{value} is not between {least} and {most} seconds")),
    }
}

pub(super) fn address(field: &'static str, text: &str) -> Result<SocketAddr, ConfigError> {
    let text =
        text.strip_prefix("localhost:").map_or_else(|| text.to_owned(), |port| format!("127.0.0.1:{port}"));
    match text.parse::<SocketAddr>() {
        Ok(address) if address.port() != 0 => Ok(address),
        Ok(_) => refuse(field, format!("`{text}` has port 0: give the port, others must know it")),
        Err(_) => {
            refuse(field, format!("`{text}` is not an address and port, such as 127.0.0.1:8080 or [::]:8443"))
        }
    }
}

pub(super) fn database_url(field: &'static str, text: &str) -> Result<DatabaseUrl, ConfigError> {
    text.parse().or_else(|error: carnet_db::Error| refuse(field, error.to_string()))
}

/// The URL of a listener, if only this machine can reach it: any other name is for its operator to give.
pub(super) fn own_url(field: &'static str, scheme: &str, listen: SocketAddr) -> Result<String, ConfigError> {
    if listen.ip().is_loopback() {
        Ok(format!("{scheme}://{listen}"))
    } else {
        refuse(
            field,
            format!("{listen} is not a loopback address: give the https URL by which others reach it"),
        )
    }
}

/// Checks an issuer, and the same for the base URL of a record server: scheme, host and port, and nothing
/// else. Says whether it is http.
pub(super) fn issuer_url(field: &'static str, text: &str) -> Result<(String, bool), ConfigError> {
    let Ok(url) = Url::parse(text) else { return refuse(field, format!("`{text}` is not a URL")) };
    let loopback = match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    let insecure = match url.scheme() {
        "https" => false,
        "http" if loopback => true,
        "http" => {
            return refuse(field, format!("`{text}` must be https (http is for loopback addresses only)"));
        }
        _ => return refuse(field, format!("`{text}` must be an https URL")),
    };
    let canonical = format!("{}://{}", url.scheme(), host_value(&url));
    if canonical != text {
        return refuse(
            field,
            format!(
                "`{text}` must be scheme, host and port and nothing else, in canonical form and without \
                 trailing slash: `{canonical}`"
            ),
        );
    }
    Ok((canonical, insecure))
}

pub(super) fn host_value(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

pub(super) fn host_of(url: &str) -> String {
    url.split_once("://").map_or(url, |(_, rest)| rest).to_owned()
}

/// The `Host` values that a listener answers: its external name, its own address if that is loopback, and
/// what the operator adds.
pub(super) fn hosts(external: String, listen: SocketAddr, further: Option<Vec<String>>) -> Vec<String> {
    let mut hosts = vec![external];
    if listen.ip().is_loopback() {
        hosts.push(listen.to_string());
        hosts.push(format!("localhost:{}", listen.port()));
    }
    hosts.extend(further.unwrap_or_default());
    for host in &mut hosts {
        host.make_ascii_lowercase();
    }
    hosts.sort();
    hosts.dedup();
    hosts
}
