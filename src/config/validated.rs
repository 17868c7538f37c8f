use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use carnet_db::DatabaseUrl;
use carnet_token::{ClaimName, ClaimNames};
use url::Url;

use super::check::{
    ConfigError, address, database_url, host_of, host_value, hosts, issuer_url, own_url, refuse, within,
};
use super::{Approvals, KeyLife, Proxies, RawConfig, RecordConfig, ThrottleLimits, Tracing, keys};
use crate::registry::{Role, SigningAlgorithm};

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
    key_life: KeyLife,
    algorithms: Vec<SigningAlgorithm>,
    allow_insecure_loopback: bool,
    roles: Vec<String>,
    expiry_warnings: Vec<i64>,
    proxies: Proxies,
    throttle: ThrottleLimits,
    max_self_registered_clients: i64,
    tokens: Tokens,
    key_set_cache: KeySetCache,
    approval: Approvals,
    metrics_token_file: Option<PathBuf>,
    tracing: Option<Tracing>,
    journal_keep_days: Option<i64>,
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
    /// Whether `DPoP` proofs must carry a nonce.
    pub require_dpop_nonces: bool,
    /// Which keys `DPoP` proofs may be made with.
    pub dpop_key_policy: DpopKeyPolicy,
    /// Whether the same credentials may come twice.
    pub tolerate_duplicate_credentials: bool,
}

/// Which keys a token may be bound to by a `DPoP` proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DpopKeyPolicy {
    /// Those that are registered for the client.
    Registered,
    /// Whatever key the proof is made with.
    Any,
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
        let behind_proxy = server.tls.is_none() && !issuer_is_insecure;
        let header = server.forwarded_header.as_deref();
        let proxies = Proxies::validate(server.trusted_proxies.as_deref(), header, behind_proxy)?;
        let record = RecordConfig::validate(&raw, &issuer, &data_dir)?;
        let key_set_cache = key_set_cache(&raw.key_set)?;
        let tracing = Tracing::validate(&raw)?;
        let tokens = tokens(raw.tokens)?;
        let key_life = keys::life(&raw.keys, &key_set_cache, tokens.max_lifetime)?;
        let approval = Approvals::validate(raw.approval)?;
        let journal_keep_days = journal_keep_days(raw.journal.keep_days, &approval)?;
        Ok(Self {
            journal_keep_days,
            public_hosts: hosts(host_of(&issuer), listen, server.public_hosts),
            admin_hosts: hosts(admin_host, admin_listen, server.admin_hosts),
            tls: server
                .tls
                .map(|tls| TlsFiles { certificate: tls.certificate, private_key: tls.private_key }),
            master_key_file: raw
                .keys
                .master_key_file
                .unwrap_or_else(|| data_dir.join("keys").join("master.jwk")),
            max_self_registered_clients: within(
                "registry.max_self_registered_clients",
                raw.registry.max_self_registered_clients,
                20,
                0,
                1000,
            )?,
            roles: roles(raw.registry.further_roles.unwrap_or_default())?,
            expiry_warnings: expiry_warnings(raw.registry.expiry_warnings)?,
            throttle: ThrottleLimits::validate(&raw.throttle)?,
            proxies,
            approval,
            key_life,
            algorithms: keys::algorithms(raw.keys.algorithms)?,
            tokens,
            key_set_cache,
            issuer,
            data_dir,
            listen,
            admin_listen,
            admin_url,
            database,
            allow_insecure_loopback,
            metrics_token_file: raw.metrics.token_file,
            tracing,
            record,
        })
    }
}

fn journal_keep_days(days: Option<i64>, approval: &Approvals) -> Result<Option<i64>, ConfigError> {
    let refused = |reason: String| refuse("journal.keep_days", reason);
    match days {
        Some(days) if !(1..=36_600).contains(&days) => {
            refused(format!("{days} is not between 1 and 36600 days"))
        }
        // By the journal of 7 days is decided whether two administrators are two people.
        Some(days) if days < 7 && !approval.operations.is_empty() => {
            refused(format!("{days} is less than the 7 days that approval.required needs"))
        }
        days => Ok(days),
    }
}

fn key_set_cache(raw: &super::raw::RawKeySet) -> Result<KeySetCache, ConfigError> {
    let swr = raw.stale_while_revalidate;
    Ok(KeySetCache {
        max_age: within("key_set.max_age", raw.max_age, 300, 1, 86_400)?,
        stale_while_revalidate: within("key_set.stale_while_revalidate", swr, 300, 0, 86_400)?,
        stale_if_error: within("key_set.stale_if_error", raw.stale_if_error, 3600, 0, 86_400)?,
    })
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
        require_dpop_nonces: raw.require_dpop_nonces.unwrap_or(false),
        dpop_key_policy: match raw.dpop_key_policy.as_deref() {
            None | Some("registered") => DpopKeyPolicy::Registered,
            Some("any") => DpopKeyPolicy::Any,
            Some(_) => return refuse("tokens.dpop_key_policy", "is neither `registered` nor `any`"),
        },
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

/// The longest lead first.
fn expiry_warnings(days: Option<Vec<i64>>) -> Result<Vec<i64>, ConfigError> {
    let mut days = days.unwrap_or_else(|| vec![30, 7, 1]);
    if let Some(wrong) = days.iter().find(|days| !(1..=365).contains(*days)) {
        return refuse("registry.expiry_warnings", format!("{wrong} is not between 1 and 365 days"));
    }
    days.sort_unstable_by(|a, b| b.cmp(a));
    days.dedup();
    Ok(days)
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

    /// How long signing keys live.
    #[must_use]
    pub fn key_life(&self) -> KeyLife {
        self.key_life
    }

    /// The algorithms with which access tokens can be signed.
    #[must_use]
    pub fn algorithms(&self) -> &[SigningAlgorithm] {
        &self.algorithms
    }

    /// For how many days journal records are kept; none: for ever.
    #[must_use]
    pub fn journal_keep_days(&self) -> Option<i64> {
        self.journal_keep_days
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

    /// How many days before the expiry of a credential the log warns of it, the longest lead first.
    #[must_use]
    pub fn expiry_warnings(&self) -> &[i64] {
        &self.expiry_warnings
    }

    /// The proxies before the public listener.
    #[must_use]
    pub fn proxies(&self) -> &Proxies {
        &self.proxies
    }

    /// What failed attempts may cost.
    #[must_use]
    pub fn throttle(&self) -> &ThrottleLimits {
        &self.throttle
    }

    /// How many enabled clients of a participant may have registered themselves; 0: none can.
    #[must_use]
    pub fn max_self_registered_clients(&self) -> i64 {
        self.max_self_registered_clients
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

    /// What one administrator cannot do alone.
    #[must_use]
    pub fn approval(&self) -> &Approvals {
        &self.approval
    }

    /// File of the token that must be shown to read the metrics.
    #[must_use]
    pub fn metrics_token_file(&self) -> Option<&Path> {
        self.metrics_token_file.as_deref()
    }

    /// Traces for a collector, if they are on.
    #[must_use]
    pub fn tracing(&self) -> Option<&Tracing> {
        self.tracing.as_ref()
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
            ("[keys]\nannounce_lead = 1319", "keys.announce_lead"),
            ("[keys]\nrotation_period = 3599", "keys.rotation_period"),
            ("[keys]\nmargin = -1", "keys.margin"),
            ("[keys]\nalgorithms = ['ES256']", "keys.algorithms"),
            ("[keys]\nalgorithms = ['RS256', 'HS256']", "keys.algorithms"),
            ("[registry]\nfurther_roles = ['air']", "registry.further_roles"),
            ("[registry]\nexpiry_warnings = [0]", "registry.expiry_warnings"),
            ("[server]\ntrusted_proxies = ['10.0.0.1/8']", "server.trusted_proxies"),
            ("[server]\nforwarded_header = 'X-Real-IP'", "server.forwarded_header"),
            ("[throttle]\nclient_failures_per_minute = 0", "throttle.client_failures_per_minute"),
            ("[throttle]\naddress_failures_per_minute = -1", "throttle.address_failures_per_minute"),
            ("[throttle]\nhashing_slots = 1", "throttle.hashing_slots"),
            ("[throttle]\nhashing_queue = 100000", "throttle.hashing_queue"),
            ("[approval]\noperations = ['everything']", "approval.operations"),
            ("[approval]\nexpires_after = 59", "approval.expires_after"),
            ("[approval]\nrequired = true\n[journal]\nkeep_days = 6", "journal.keep_days"),
            ("[registry]\nmax_self_registered_clients = 1001", "registry.max_self_registered_clients"),
            ("[record]\nlisten = '0.0.0.0:80'", "record.base_url"),
            ("[record]\nlisten = '127.0.0.1:1'\nkey_cache_min = 0", "record.key_cache_min"),
            ("[record]\nlisten = '127.0.0.1:1'\nkey_cooldown = 3601", "record.key_cooldown"),
            ("[record]\nlisten = '127.0.0.1:1'\nrevocation_poll = 61", "record.revocation_poll"),
            ("[record]\nlisten = '127.0.0.1:1'\nreads_without_feed = 'no'", "record.reads_without_feed"),
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

    #[test]
    fn an_https_issuer_without_tls_stands_behind_a_proxy_that_must_be_named() {
        let hidden = |text: &str| config(text).unwrap().proxies().hide_local;
        assert!(hidden("[server]\nissuer = 'https://iap.example'"));
        assert!(!hidden("[server]\nissuer = 'https://iap.example'\ntrusted_proxies = ['127.0.0.1']"));
        assert!(!hidden("[server]\nissuer = 'https://iap.example'\ntrusted_proxies = []"));
        assert!(!hidden(""), "a first look on loopback has no proxy");
    }

    #[test]
    fn warnings_come_with_the_longest_lead_first() {
        let warnings = |text: &str| config(text).unwrap().expiry_warnings().to_vec();
        assert_eq!(warnings(""), [30, 7, 1]);
        assert_eq!(warnings("[registry]\nexpiry_warnings = [1, 14, 1]"), [14, 1]);
        assert!(warnings("[registry]\nexpiry_warnings = []").is_empty());
    }
}
