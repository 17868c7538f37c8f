use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use carnet_db::DatabaseUrl;
use carnet_token::{ClaimName, ClaimNames};
use url::{Host, Url};

use super::RawConfig;
use crate::registry::Role;

/// The data folder, if none is given.
pub const DEFAULT_DATA_DIR: &str = "carnet-data";

/// The configuration of one identity provider.
#[derive(Debug, Clone)]
pub struct Config {
    issuer: String,
    data_dir: PathBuf,
    listen: SocketAddr,
    admin_listen: SocketAddr,
    public_hosts: Vec<String>,
    admin_hosts: Vec<String>,
    admin_url: String,
    tls: Option<TlsFiles>,
    database: DatabaseUrl,
    master_key_file: PathBuf,
    allow_insecure_loopback: bool,
    roles: Vec<String>,
    tokens: Tokens,
    key_set_cache: KeySetCache,
    record: Option<RecordConfig>,
}

/// What is issued, and what is accepted at the token endpoint.
#[derive(Debug, Clone)]
pub struct Tokens {
    /// Lifetime of an access token, seconds.
    pub lifetime: i64,
    /// The longest lifetime that a client may be registered for, seconds.
    pub max_lifetime: i64,
    /// Tolerated difference between clocks, seconds.
    pub clock_skew: i64,
    /// An audience that only bound tokens may carry.
    pub network_audience: Option<String>,
    /// Names of the ONE Record claims.
    pub claim_names: ClaimNames,
    /// Whether an assertion may name the token endpoint as its audience.
    pub accept_token_endpoint_aud: bool,
    /// Whether the same credentials may come twice.
    pub tolerate_duplicate_credentials: bool,
}

/// Cache directives of the published key set, seconds.
#[derive(Debug, Clone, Copy)]
pub struct KeySetCache {
    /// `max-age`.
    pub max_age: i64,
    /// `stale-while-revalidate` (RFC 5861 §3).
    pub stale_while_revalidate: i64,
    /// `stale-if-error` (RFC 5861 §4).
    pub stale_if_error: i64,
}

/// Files of the public listener's TLS identity.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    /// PEM certificate chain.
    pub certificate: PathBuf,
    /// PEM private key.
    pub private_key: PathBuf,
}

/// The reference ONE Record server.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "switches of a configuration file, each documented")]
pub struct RecordConfig {
    /// Address of its listener.
    pub listen: SocketAddr,
    /// Its external base URL, without trailing slash.
    pub base_url: String,
    /// The issuer whose tokens it accepts.
    pub issuer: String,
    /// The audience that tokens must carry.
    pub audience: String,
    /// Its database.
    pub database: DatabaseUrl,
    /// Whether it accepts tokens that are not bound to their sender.
    pub allow_bearer: bool,
    /// Whether it answers 404 instead of 403 to those who may not see an object.
    pub hide_existence: bool,
    /// Whether a company that is named in an object may read it.
    pub implicit_grant: bool,
    /// Whether loopback hosts may use http.
    pub allow_insecure_loopback: bool,
    /// `Host` values that it answers.
    pub hosts: Vec<String>,
    /// The companies that it serves: path and company identifier.
    pub companies: Vec<(String, String)>,
}

/// Why a configuration is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file does not parse.
    #[error("the configuration does not parse: {0}")]
    Syntax(String),
    /// An environment variable names no member.
    #[error("the variable {0} names no setting: the form is CARNET_SECTION__MEMBER")]
    Variable(String),
    /// A member holds a value that makes no sense.
    #[error("{field}: {reason}")]
    Field {
        /// `section.member`.
        field: &'static str,
        /// What is wrong and what would be right.
        reason: String,
    },
}

fn refuse<T>(field: &'static str, reason: impl Into<String>) -> Result<T, ConfigError> {
    Err(ConfigError::Field { field, reason: reason.into() })
}

impl TryFrom<RawConfig> for Config {
    type Error = ConfigError;

    fn try_from(raw: RawConfig) -> Result<Self, ConfigError> {
        let server = raw.server.clone();
        let listen = address("server.listen", server.listen.as_deref().unwrap_or("127.0.0.1:8080"))?;
        let admin_listen =
            address("server.admin_listen", server.admin_listen.as_deref().unwrap_or("127.0.0.1:8081"))?;
        let scheme = if server.tls.is_some() { "https" } else { "http" };
        let issuer = match server.issuer {
            Some(issuer) => issuer,
            None => own_url("server.issuer", scheme, listen)?,
        };
        let (issuer, issuer_is_insecure) = issuer_url("server.issuer", &issuer)?;
        let allow_insecure_loopback = server.allow_insecure_loopback.unwrap_or(issuer_is_insecure);
        if issuer_is_insecure && !allow_insecure_loopback {
            return refuse(
                "server.allow_insecure_loopback",
                "the issuer is an http address, which needs this switch: leave it out, or give an https issuer",
            );
        }
        if !admin_listen.ip().is_loopback() && server.admin_url.is_none() {
            return refuse(
                "server.admin_url",
                "the administration listener is not on loopback: give the https address by which \
                 administrators reach it, ending in /admin/v1, and put a TLS proxy before it",
            );
        }
        let admin_url = match server.admin_url {
            Some(url) => url,
            None => format!("http://{admin_listen}/admin/v1"),
        };
        let admin_host = match Url::parse(&admin_url) {
            Ok(url)
                if url.path().ends_with("/admin/v1") && url.query().is_none() && url.fragment().is_none() =>
            {
                host_value(&url)
            }
            _ => {
                return refuse(
                    "server.admin_url",
                    format!("`{admin_url}` is not a URL that ends in /admin/v1"),
                );
            }
        };
        let data_dir = server.data_dir.unwrap_or_else(|| PathBuf::from(DEFAULT_DATA_DIR));
        let database = match &raw.database.url {
            Some(url) => database_url("database.url", url)?,
            None => DatabaseUrl::sqlite(&data_dir.join("carnet.db")),
        };
        let record = RecordConfig::validate(&raw, &issuer, &data_dir)?;
        Ok(Self {
            public_hosts: hosts(host_of(&issuer), listen, server.public_hosts),
            admin_hosts: hosts(admin_host, admin_listen, server.admin_hosts),
            tls: server
                .tls
                .map(|tls| TlsFiles { certificate: tls.certificate, private_key: tls.private_key }),
            master_key_file: raw
                .keys
                .master_key_file
                .unwrap_or_else(|| data_dir.join("keys").join("master.jwk")),
            roles: roles(raw.registry.further_roles.unwrap_or_default())?,
            tokens: tokens(raw.tokens)?,
            key_set_cache: KeySetCache {
                max_age: within("key_set.max_age", raw.key_set.max_age, 300, 1, 86_400)?,
                stale_while_revalidate: within(
                    "key_set.stale_while_revalidate",
                    raw.key_set.stale_while_revalidate,
                    300,
                    0,
                    86_400,
                )?,
                stale_if_error: within(
                    "key_set.stale_if_error",
                    raw.key_set.stale_if_error,
                    3600,
                    0,
                    86_400,
                )?,
            },
            issuer,
            data_dir,
            listen,
            admin_listen,
            admin_url,
            database,
            allow_insecure_loopback,
            record,
        })
    }
}

impl RecordConfig {
    /// Reads `[record]`; `None` when it has no listener.
    fn validate(raw: &RawConfig, issuer: &str, data_dir: &Path) -> Result<Option<Self>, ConfigError> {
        let record = &raw.record;
        // Companies without a listener are no mistake: one file may serve with and without the flag.
        let Some(listen) = &record.listen else { return Ok(None) };
        let listen = address("record.listen", listen)?;
        let base_url = match &record.base_url {
            Some(url) => url.clone(),
            None => own_url("record.base_url", "http", listen)?,
        };
        let (base_url, insecure) = issuer_url("record.base_url", &base_url)?;
        let issuer = record.issuer.as_deref().unwrap_or(issuer);
        let (issuer, issuer_is_insecure) = issuer_url("record.issuer", issuer)?;
        let database = match &record.database {
            Some(url) => database_url("record.database", url)?,
            None => DatabaseUrl::sqlite(&data_dir.join("record.db")),
        };
        let mut companies = Vec::new();
        for company in &record.company {
            let identifier =
                company.identifier.clone().unwrap_or_else(|| format!("{base_url}/{}", company.path));
            companies.push((company.path.clone(), identifier));
        }
        Ok(Some(Self {
            hosts: hosts(host_of(&base_url), listen, record.hosts.clone()),
            audience: record.audience.clone().unwrap_or_else(|| base_url.clone()),
            allow_bearer: record.allow_bearer.unwrap_or(true),
            hide_existence: record.hide_existence.unwrap_or(false),
            implicit_grant: record.implicit_grant.unwrap_or(true),
            allow_insecure_loopback: insecure || issuer_is_insecure,
            listen,
            base_url,
            issuer,
            database,
            companies,
        }))
    }

    /// Reads the configuration of a record server that runs alone: of the whole file it uses `[record]`.
    ///
    /// # Errors
    /// The first member that makes no sense.
    pub fn alone(raw: &RawConfig) -> Result<Self, ConfigError> {
        let Some(issuer) = raw.record.issuer.as_deref().or(raw.server.issuer.as_deref()) else {
            return refuse(
                "record.issuer",
                "give the issuer whose tokens this server accepts (--issuer URL)",
            );
        };
        let data_dir = raw.server.data_dir.clone().unwrap_or_else(|| PathBuf::from("carnet-record-data"));
        match Self::validate(raw, issuer, &data_dir)? {
            Some(config) => Ok(config),
            None => refuse("record.listen", "give the address to listen on (--listen HOST:PORT)"),
        }
    }
}

/// What is issued has one name; aliases are for readers of other issuers' tokens.
const NO_ALIASES: [&str; 0] = [];

fn tokens(raw: super::raw::RawTokens) -> Result<Tokens, ConfigError> {
    let max_lifetime = within("tokens.max_lifetime", raw.max_lifetime, 3600, 60, 86_400)?;
    let mut claim_names = ClaimNames::standard().clone();
    if let Some(name) = raw.iol_identifier_claim {
        claim_names.iol_identifier = ClaimName::new(name, NO_ALIASES);
    }
    if let Some(name) = raw.role_claim {
        claim_names.role = ClaimName::new(name, NO_ALIASES);
    }
    Ok(Tokens {
        lifetime: within("tokens.lifetime", raw.lifetime, 600.min(max_lifetime), 60, max_lifetime)?,
        max_lifetime,
        clock_skew: within("tokens.clock_skew", raw.clock_skew, 30, 0, 120)?,
        network_audience: raw.network_audience,
        claim_names,
        accept_token_endpoint_aud: raw.accept_token_endpoint_aud.unwrap_or(false),
        tolerate_duplicate_credentials: raw.tolerate_duplicate_credentials.unwrap_or(false),
    })
}

fn roles(further: Vec<String>) -> Result<Vec<String>, ConfigError> {
    let mut roles: Vec<String> = Role::KNOWN.iter().map(|role| (*role).to_owned()).collect();
    for role in further {
        if let Err(reason) = role.parse::<Role>() {
            return refuse("registry.further_roles", reason.to_string());
        }
        if !roles.contains(&role) {
            roles.push(role);
        }
    }
    Ok(roles)
}

fn within(
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

fn address(field: &'static str, text: &str) -> Result<SocketAddr, ConfigError> {
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

fn database_url(field: &'static str, text: &str) -> Result<DatabaseUrl, ConfigError> {
    text.parse().or_else(|error: carnet_db::Error| refuse(field, error.to_string()))
}

/// The URL of a listener, if only this machine can reach it: any other name is for its operator to give.
fn own_url(field: &'static str, scheme: &str, listen: SocketAddr) -> Result<String, ConfigError> {
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
fn issuer_url(field: &'static str, text: &str) -> Result<(String, bool), ConfigError> {
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

fn host_value(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

fn host_of(url: &str) -> String {
    url.split_once("://").map_or(url, |(_, rest)| rest).to_owned()
}

/// The `Host` values that a listener answers: its external name, its own address if that is loopback, and
/// what the operator adds.
fn hosts(external: String, listen: SocketAddr, further: Option<Vec<String>>) -> Vec<String> {
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

impl Config {
    /// The issuer, without trailing slash.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Where tokens are asked for.
    #[must_use]
    pub fn token_endpoint(&self) -> String {
        format!("{}/token", self.issuer)
    }

    /// Base URL of the administration API, ending in `/admin/v1`.
    #[must_use]
    pub fn admin_url(&self) -> &str {
        &self.admin_url
    }

    /// Folder of this node.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// Address of the public listener.
    #[must_use]
    pub fn listen(&self) -> SocketAddr {
        self.listen
    }

    /// Address of the administration listener.
    #[must_use]
    pub fn admin_listen(&self) -> SocketAddr {
        self.admin_listen
    }

    /// `Host` values that the public listener answers.
    #[must_use]
    pub fn public_hosts(&self) -> &[String] {
        &self.public_hosts
    }

    /// `Host` values that the administration listener answers.
    #[must_use]
    pub fn admin_hosts(&self) -> &[String] {
        &self.admin_hosts
    }

    /// TLS on the public listener.
    #[must_use]
    pub fn tls(&self) -> Option<&TlsFiles> {
        self.tls.as_ref()
    }

    /// The registry's database.
    #[must_use]
    pub fn database(&self) -> &DatabaseUrl {
        &self.database
    }

    /// Points to another database: for tests, whose databases are made after the configuration.
    pub fn set_database(&mut self, database: DatabaseUrl) {
        self.database = database;
    }

    /// File of the master key.
    #[must_use]
    pub fn master_key_file(&self) -> &Path {
        &self.master_key_file
    }

    /// Whether loopback hosts may use http and ports in identifiers.
    #[must_use]
    pub fn allow_insecure_loopback(&self) -> bool {
        self.allow_insecure_loopback
    }

    /// The role codes that participants may have.
    #[must_use]
    pub fn roles(&self) -> &[String] {
        &self.roles
    }

    /// What is issued.
    #[must_use]
    pub fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    /// How long others may cache the published keys.
    #[must_use]
    pub fn key_set_cache(&self) -> &KeySetCache {
        &self.key_set_cache
    }

    /// The reference ONE Record server, if it is on.
    #[must_use]
    pub fn record(&self) -> Option<&RecordConfig> {
        self.record.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> Result<Config, ConfigError> {
        Config::try_from(RawConfig::parse(Some(text), [])?)
    }

    #[test]
    fn an_empty_file_is_a_working_loopback_installation() {
        let config = config("").unwrap();
        assert_eq!(config.issuer(), "http://127.0.0.1:8080");
        assert_eq!(config.admin_url(), "http://127.0.0.1:8081/admin/v1");
        assert!(config.allow_insecure_loopback());
        assert_eq!(config.public_hosts(), ["127.0.0.1:8080", "localhost:8080"]);
        assert!(config.record().is_none());
    }

    #[test]
    fn every_refusal_names_its_field() {
        for (text, field) in [
            ("[server]\nissuer = 'https://iap.example/'", "server.issuer"),
            ("[server]\nissuer = 'https://iap.example/path'", "server.issuer"),
            ("[server]\nissuer = 'https://IAP.example'", "server.issuer"),
            ("[server]\nissuer = 'https://iap.example:443'", "server.issuer"),
            ("[server]\nissuer = 'https://iap.example?x'", "server.issuer"),
            ("[server]\nissuer = 'http://iap.example'", "server.issuer"),
            ("[server]\nissuer = 'ftp://iap.example'", "server.issuer"),
            ("[server]\nissuer = 'iap.example'", "server.issuer"),
            ("[server]\nlisten = '0.0.0.0:8080'", "server.issuer"),
            ("[server]\nlisten = '127.0.0.1'", "server.listen"),
            ("[server]\nlisten = '127.0.0.1:0'", "server.listen"),
            ("[server]\nadmin_listen = '0.0.0.0:8081'", "server.admin_url"),
            ("[server]\nadmin_url = 'https://admin.example/'", "server.admin_url"),
            ("[server]\nallow_insecure_loopback = false", "server.allow_insecure_loopback"),
            ("[database]\nurl = 'mysql://x'", "database.url"),
            ("[tokens]\nlifetime = 5", "tokens.lifetime"),
            ("[tokens]\nlifetime = 7200", "tokens.lifetime"),
            ("[tokens]\nmax_lifetime = 1000000", "tokens.max_lifetime"),
            ("[key_set]\nmax_age = 0", "key_set.max_age"),
            ("[registry]\nfurther_roles = ['air']", "registry.further_roles"),
            ("[record]\nlisten = '0.0.0.0:80'", "record.base_url"),
        ] {
            match config(text) {
                Err(ConfigError::Field { field: named, .. }) => assert_eq!(named, field, "{text}"),
                other => panic!("{text}: {other:?}"),
            }
        }
    }

    #[test]
    fn a_public_issuer_allows_no_loopback() {
        let config = config("[server]\nissuer = 'https://iap.example'\nlisten = '0.0.0.0:8443'").unwrap();
        assert!(!config.allow_insecure_loopback());
        assert_eq!(config.public_hosts(), ["iap.example"]);
    }
}
