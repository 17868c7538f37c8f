//! Configuration: raw fields that anybody may fill in, checked into [`Settings`], which nobody can.

use std::collections::HashSet;
use std::time::Duration;

use carnet_verifier::{Clamps, FeedRules, FetchPolicy, KeyLimits, ReadsWithoutFeed};
use url::{Host, Url};

use crate::v2020::is_local_id;

/// How the record server is to run.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "switches of a configuration file, each documented")]
pub struct Config {
    /// The address under which partners reach this server: scheme and authority, no path. Company addresses and
    /// logistics objects live below it.
    pub base_url: Url,
    /// The IAP whose tokens are accepted, exactly as in `iss`. Its keys are found by discovery.
    pub issuer: String,
    /// The audience that tokens must carry: this server's identifier at the IAP.
    pub audience: String,
    /// The companies that keep their logistics objects here.
    pub companies: Vec<Company>,
    /// Plain http for loopback addresses, this server's own and the IAP's. Default: false.
    pub allow_insecure_loopback: bool,
    /// IAPs in private networks. Default: false.
    pub allow_private_networks: bool,
    /// PEM certificates that replace the platform's roots when the IAP is asked. Default: none.
    pub ca_bundle_pem: Option<Vec<u8>>,
    /// Tokens that are not bound to their sender, too: whoever gets hold of one can use it. Default: false.
    pub allow_bearer: bool,
    /// The shortest time for which the IAP's keys are kept, however short their own cache directives are, 1 s to 1 h.
    /// Default: 30 s.
    pub key_cache_min: Duration,
    /// The least time between two looks for a key that is not known, 1 s to 1 h. Default: 30 s.
    pub key_cooldown: Duration,
    /// The time between two polls of the IAP's revocation feed, 1 s to 60 s. Default: 15 s.
    pub revocation_poll: Duration,
    /// What becomes of requests that only read, once the revocation feed has been missing for ten minutes (those that
    /// write are refused then). Default: allowed.
    pub reads_without_feed: ReadsWithoutFeed,
    /// 404 also for objects that the caller has no right to. Default: false.
    pub hide_existence: bool,
    /// A company named in an object by its owner may read it, unless the object has its own ACL. Default: true.
    pub implicit_grant: bool,
    /// Classes of logistics objects that may be made, as IRIs. Empty (default): every class of the ONE Record
    /// vocabulary.
    pub supported_types: Vec<String>,
    /// The largest request body in bytes. Default: 1 MiB.
    pub body_limit: usize,
    /// How long a request may take to send its body. Default: 30 s.
    pub body_timeout: Duration,
}

/// A company whose logistics objects live on this server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Company {
    /// The path segment of its address (the licence plate): letters, digits, `_` and `-`.
    pub path: String,
    /// Its company identifier, as tokens name it. Default: `{base_url}/{path}`.
    pub identifier: Option<String>,
}

/// A configuration that cannot be used: the field, and why.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{field}: {reason}")]
pub struct ConfigError {
    /// The field, as in the configuration file.
    pub field: String,
    /// What is wrong, and what is expected.
    pub reason: String,
}

impl ConfigError {
    pub(crate) fn new(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { field: field.into(), reason: reason.into() }
    }
}

/// A checked configuration.
#[derive(Clone, Debug)]
pub struct Settings {
    pub(crate) config: Config,
    /// `base_url` without the trailing slash.
    pub(crate) base: String,
    pub(crate) tenants: Vec<Tenant>,
}

/// A checked company.
#[derive(Clone, Debug)]
pub(crate) struct Tenant {
    pub path: String,
    pub identifier: String,
}

impl Config {
    /// The defaults around what cannot be guessed.
    #[must_use]
    pub fn new(base_url: Url, issuer: impl Into<String>, audience: impl Into<String>) -> Self {
        Self {
            base_url,
            issuer: issuer.into(),
            audience: audience.into(),
            companies: Vec::new(),
            allow_insecure_loopback: false,
            allow_private_networks: false,
            ca_bundle_pem: None,
            allow_bearer: false,
            key_cache_min: Clamps::own().min,
            key_cooldown: KeyLimits::default().cooldown,
            revocation_poll: FeedRules::default().poll,
            reads_without_feed: ReadsWithoutFeed::Allow,
            hide_existence: false,
            implicit_grant: true,
            supported_types: Vec::new(),
            body_limit: 1024 * 1024,
            body_timeout: Duration::from_secs(30),
        }
    }

    /// Checks every field.
    ///
    /// # Errors
    /// The first field that cannot be used, and why.
    pub fn validate(self) -> Result<Settings, ConfigError> {
        let loopback = self.allow_insecure_loopback;
        origin(&self.base_url, loopback).map_err(|reason| ConfigError::new("base_url", reason))?;
        let issuer: Url =
            self.issuer.parse().map_err(|_| ConfigError::new("issuer", "is not an absolute URL"))?;
        secure(&issuer, loopback).map_err(|reason| ConfigError::new("issuer", reason))?;
        if self.audience.is_empty() || self.audience.contains(char::is_whitespace) {
            return Err(ConfigError::new(
                "audience",
                "is empty or has blanks: expected the server's identifier",
            ));
        }
        if !(1..=64 * 1024 * 1024).contains(&self.body_limit) {
            return Err(ConfigError::new("body_limit", "is out of range: 1 byte to 64 MiB"));
        }
        let an_hour = Duration::from_secs(1)..=Duration::from_hours(1);
        for (name, time) in [("key_cache_min", self.key_cache_min), ("key_cooldown", self.key_cooldown)] {
            if !an_hour.contains(&time) {
                return Err(ConfigError::new(name, "is out of range: 1 s to 1 h"));
            }
        }
        if !(FeedRules::MIN_POLL..=FeedRules::MAX_POLL).contains(&self.revocation_poll) {
            return Err(ConfigError::new("revocation_poll", "is out of range: 1 s to 60 s"));
        }
        if self.body_timeout.is_zero() {
            return Err(ConfigError::new("body_timeout", "is zero"));
        }
        for class in &self.supported_types {
            class.parse::<Url>().map_err(|_| {
                ConfigError::new("supported_types", format!("`{class}` is not an absolute IRI of a class"))
            })?;
        }
        let base = self.base_url.as_str().trim_end_matches('/').to_owned();
        let tenants = tenants(&self.companies, &base, loopback)?;
        Ok(Settings { config: self, base, tenants })
    }

    pub(crate) fn key_clamps(&self) -> Clamps {
        Clamps { min: self.key_cache_min, ..Clamps::own() }
    }

    pub(crate) fn key_limits(&self) -> KeyLimits {
        KeyLimits { cooldown: self.key_cooldown, ..KeyLimits::default() }
    }

    pub(crate) fn feed_rules(&self) -> FeedRules {
        FeedRules {
            poll: self.revocation_poll,
            reads_without_feed: self.reads_without_feed,
            ..FeedRules::default()
        }
    }

    pub(crate) fn fetch_policy(&self) -> FetchPolicy {
        let port = self.issuer.parse::<Url>().ok().and_then(|issuer| issuer.port());
        FetchPolicy {
            allow_insecure_loopback: self.allow_insecure_loopback,
            allow_private_networks: self.allow_private_networks,
            ca_bundle_pem: self.ca_bundle_pem.clone(),
            ports: port.into_iter().collect(),
            ..FetchPolicy::default()
        }
    }
}

fn tenants(companies: &[Company], base: &str, loopback: bool) -> Result<Vec<Tenant>, ConfigError> {
    let mut paths = HashSet::new();
    let mut identifiers = HashSet::new();
    let mut tenants = Vec::new();
    for (index, company) in companies.iter().enumerate() {
        let field = |name: &str| format!("company[{index}].{name}");
        if !is_local_id(&company.path) {
            let reason = format!(
                "`{}` cannot be a path: letters, digits, _ and -, starting with a letter or digit, and no reserved word",
                company.path
            );
            return Err(ConfigError::new(field("path"), reason));
        }
        // Two paths that differ in case alone are one company to every human reader.
        if !paths.insert(company.path.to_ascii_lowercase()) {
            return Err(ConfigError::new(field("path"), format!("`{}` is given twice", company.path)));
        }
        let identifier = company.identifier.clone().unwrap_or_else(|| format!("{base}/{}", company.path));
        let url: Url = identifier.parse().map_err(|_| {
            ConfigError::new(field("identifier"), format!("`{identifier}` is not an absolute URL"))
        })?;
        secure(&url, loopback).map_err(|reason| ConfigError::new(field("identifier"), reason))?;
        if url.as_str() != identifier && url.as_str() != format!("{identifier}/") {
            let reason = format!("`{identifier}` is not canonical: write `{url}`");
            return Err(ConfigError::new(field("identifier"), reason));
        }
        // With and without the slash, it is one name.
        if !identifiers.insert(identifier.trim_end_matches('/').to_owned()) {
            return Err(ConfigError::new(field("identifier"), format!("`{identifier}` is given twice")));
        }
        tenants.push(Tenant { path: company.path.clone(), identifier });
    }
    for (index, tenant) in tenants.iter().enumerate() {
        let own = tenant.identifier.strip_prefix(base).and_then(|rest| rest.strip_prefix('/'));
        let path = own.and_then(|rest| rest.split('/').next()).unwrap_or_default();
        // Else its name would be the address of another company, or of an object of that company.
        if tenants.iter().any(|other| other.path == path && other.path != tenant.path) {
            let reason = format!("`{}` is the address of another company", tenant.identifier);
            return Err(ConfigError::new(format!("company[{index}].identifier"), reason));
        }
    }
    Ok(tenants)
}

fn origin(url: &Url, loopback: bool) -> Result<(), String> {
    secure(url, loopback)?;
    if url.path() != "/" {
        return Err("has a path: expected scheme and authority only".to_owned());
    }
    Ok(())
}

fn secure(url: &Url, loopback: bool) -> Result<(), String> {
    if !url.username().is_empty()
        || url.password().is_some()
        || url.query().is_some()
        || url.fragment().is_some()
    {
        return Err("has user information, a query or a fragment".to_owned());
    }
    match url.scheme() {
        "https" => Ok(()),
        "http" if loopback && is_loopback(url) => Ok(()),
        "http" if is_loopback(url) => {
            Err("is plain http: set allow_insecure_loopback to use loopback without TLS".to_owned())
        }
        _ => Err("is not an https URL".to_owned()),
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> Config {
        let mut config =
            Config::new("https://one.example".parse().unwrap(), "https://iap.example", "https://one.example");
        config.companies = vec![Company { path: "airline".to_owned(), identifier: None }];
        config
    }

    fn company(path: &str, identifier: &str) -> Company {
        Company { path: path.to_owned(), identifier: Some(identifier.to_owned()) }
    }

    #[test]
    fn the_identifier_of_a_company_is_its_address_unless_given() {
        let settings = config().validate().unwrap();
        assert_eq!(settings.tenants[0].identifier, "https://one.example/airline");
    }

    #[test]
    fn every_mistake_names_its_field() {
        type Change = fn(&mut Config);
        let table: [(&str, Change); 19] = [
            ("base_url", |c| c.base_url = "http://one.example".parse().unwrap()),
            ("base_url", |c| c.base_url = "http://127.0.0.1:8".parse().unwrap()),
            ("base_url", |c| c.base_url = "https://one.example/one".parse().unwrap()),
            ("base_url", |c| c.base_url = "https://u:p@one.example".parse().unwrap()),
            ("issuer", |c| c.issuer = "iap.example".to_owned()),
            ("issuer", |c| c.issuer = "http://iap.example".to_owned()),
            ("audience", |c| c.audience = String::new()),
            ("body_limit", |c| c.body_limit = 0),
            ("key_cache_min", |c| c.key_cache_min = Duration::ZERO),
            ("key_cooldown", |c| c.key_cooldown = Duration::from_hours(2)),
            ("revocation_poll", |c| c.revocation_poll = Duration::from_mins(2)),
            ("supported_types", |c| c.supported_types = vec!["Piece".to_owned()]),
            ("company[0].path", |c| c.companies[0].path = "ACL".to_owned()),
            ("company[0].identifier", |c| {
                c.companies[0].identifier = Some("https://One.example/a".to_owned());
            }),
            ("company[1].path", |c| {
                let mut twin = c.companies[0].clone();
                twin.path = "Airline".to_owned();
                c.companies.push(twin);
            }),
            ("company[1].identifier", |c| c.companies.push(company("b", "https://one.example/airline"))),
            ("company[1].identifier", |c| c.companies.push(company("b", "https://one.example/airline/"))),
            ("company[1].identifier", |c| c.companies.push(company("b", "https://one.example/airline/x"))),
            ("company[0].identifier", |c| {
                c.companies.insert(0, company("b", "https://one.example/airline"));
                c.companies[1].identifier = Some("https://other.example/airline".to_owned());
            }),
        ];
        for (field, change) in table {
            let mut config = config();
            change(&mut config);
            assert_eq!(config.validate().unwrap_err().field, field);
        }
    }

    #[test]
    fn loopback_without_tls_is_a_choice() {
        let mut config = config();
        config.base_url = "http://127.0.0.1:8081".parse().unwrap();
        config.issuer = "http://127.0.0.1:8080".to_owned();
        config.allow_insecure_loopback = true;
        assert_eq!(config.validate().unwrap().base, "http://127.0.0.1:8081");
    }
}
