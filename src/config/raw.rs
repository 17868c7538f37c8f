use std::path::PathBuf;

use serde::Deserialize;

use super::ConfigError;

/// The configuration file as it is written. Every member is optional; [`super::Config`] has the defaults.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawConfig {
    /// Who this identity provider is and where it listens.
    #[serde(default)]
    pub server: RawServer,
    /// Where the registry is kept.
    #[serde(default)]
    pub database: RawDatabase,
    /// Keys at rest.
    #[serde(default)]
    pub keys: RawKeys,
    /// What is issued.
    #[serde(default)]
    pub tokens: RawTokens,
    /// How long the audit journal is kept.
    #[serde(default)]
    pub journal: RawJournal,
    /// How long others may cache the published keys.
    #[serde(default)]
    pub key_set: RawKeySet,
    /// Who may be registered.
    #[serde(default)]
    pub registry: RawRegistry,
    /// What failed attempts may cost.
    #[serde(default)]
    pub throttle: RawThrottle,
    /// What one administrator cannot do alone.
    #[serde(default)]
    pub approval: RawApproval,
    /// What is logged.
    #[serde(default)]
    pub log: RawLog,
    /// Who may read the metrics.
    #[serde(default)]
    pub metrics: RawMetrics,
    /// Where traces are sent.
    #[serde(default)]
    pub tracing: RawTracing,
    /// The reference ONE Record server.
    #[serde(default)]
    pub record: RawRecord,
}

/// `[server]`
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawServer {
    /// The issuer: `https://HOST[:PORT]`, without path or trailing slash. Default: the public listener's
    /// address, if that is a loopback address. It can never be changed later.
    pub issuer: Option<String>,
    /// Folder for the embedded database, the keys and the administrator's credentials; made with mode 0700.
    /// Default: `carnet-data`.
    pub data_dir: Option<PathBuf>,
    /// Address of the public listener. Default: `127.0.0.1:8080`.
    pub listen: Option<String>,
    /// Address of the administration listener. Default: `127.0.0.1:8081`.
    pub admin_listen: Option<String>,
    /// Further `Host` values that the public listener answers, besides the issuer's and its own loopback
    /// address.
    pub public_hosts: Option<Vec<String>>,
    /// Further `Host` values that the administration listener answers.
    pub admin_hosts: Option<Vec<String>>,
    /// Base URL of the administration API, ending in `/admin/v1`. Default: made from the listener's address.
    pub admin_url: Option<String>,
    /// Admits `http` and ports for loopback hosts in issuers and identifiers: for demonstrations and tests.
    /// Default: true if the issuer itself is such a one, else false.
    pub allow_insecure_loopback: Option<bool>,
    /// Addresses and ranges of the proxies before the public listener, such as `10.0.0.7` or `10.1.0.0/16`; only their
    /// word is taken for whom they speak for. Default: none; give `[]` if there is none although the issuer is https and
    /// this server does not speak TLS.
    pub trusted_proxies: Option<Vec<String>>,
    /// The header in which they tell it, and which they write themselves: `X-Forwarded-For` or `Forwarded`. The other
    /// one is not read. Default: `X-Forwarded-For`.
    pub forwarded_header: Option<String>,
    /// TLS on the public listener. Default: none, for a listener on loopback or behind a proxy.
    pub tls: Option<RawTls>,
}

/// `[server.tls]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawTls {
    /// PEM file with the certificate chain, the server's own first.
    pub certificate: PathBuf,
    /// PEM file with the private key.
    pub private_key: PathBuf,
}

/// `[database]`
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawDatabase {
    /// `sqlite:PATH` or `postgres://USER:PASSWORD@HOST/NAME`. Default: `carnet.db` in the data folder.
    pub url: Option<String>,
}

/// `[keys]`
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawKeys {
    /// File with the master key. Default: `keys/master.jwk` in the data folder, made at first start.
    pub master_key_file: Option<PathBuf>,
    /// Algorithms with which access tokens can be signed; RS256 always belongs to them. Default: all four, RS256,
    /// PS256, ES256 and `EdDSA`.
    pub algorithms: Option<Vec<String>>,
    /// Seconds for which a key signs access tokens before its successor takes over, from `announce_lead` to ten
    /// years. Default: 86400.
    pub rotation_period: Option<i64>,
    /// Seconds for which a successor is published before it signs, at least twice what the published keys may be
    /// cached (`key_set.max_age` and `key_set.stale_while_revalidate`) and the margin. Default: 3600, or more if
    /// they may be cached for longer.
    pub announce_lead: Option<i64>,
    /// Seconds by which other people's clocks and caches may be late, 0 to 86400. Default: 120.
    pub margin: Option<i64>,
}

/// `[tokens]`
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawTokens {
    /// Lifetime of an access token in seconds, 60 to `max_lifetime`. Default: 600.
    pub lifetime: Option<i64>,
    /// The longest lifetime that a client may be registered for, in seconds, at most 86400. Default: 3600.
    pub max_lifetime: Option<i64>,
    /// Tolerated difference between clocks in seconds, 0 to 120. Default: 30.
    pub clock_skew: Option<i64>,
    /// An audience for the whole network; only tokens bound to their sender may carry it. Default: none.
    pub network_audience: Option<String>,
    /// Accepts client assertions whose audience is the token endpoint instead of the issuer (against RFC
    /// 7523bis; for old clients). Default: false.
    pub accept_token_endpoint_aud: Option<bool>,
    /// Whether `DPoP` proofs at the token endpoint must carry a nonce of this server: one more round trip, and no
    /// client's clock matters. Default: false.
    pub require_dpop_nonces: Option<bool>,
    /// The keys of `DPoP` proofs that a token is bound to: `registered`, those that are registered for the client, or
    /// `any`. Default: `registered`.
    pub dpop_key_policy: Option<String>,
    /// Accepts the same credentials twice, in header and body. Default: false.
    pub tolerate_duplicate_credentials: Option<bool>,
    /// Name of the claim with the ONE Record ID. Default: the one of the 2020 specification.
    pub iol_identifier_claim: Option<String>,
    /// Name of the claim with the main role. Default: the one of the 2020 specification.
    pub role_claim: Option<String>,
}

/// `[journal]`
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawJournal {
    /// Days for which records are kept, 1 to 36600, and at least 7 where `approval.required` is set; older ones are
    /// removed once a signed head covers them. Default: for ever.
    pub keep_days: Option<i64>,
}

/// `[key_set]`
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawKeySet {
    /// `max-age` of the published keys in seconds, 1 to 86400. Default: 300.
    pub max_age: Option<i64>,
    /// `stale-while-revalidate` in seconds, 0 to 86400. Default: 300.
    pub stale_while_revalidate: Option<i64>,
    /// `stale-if-error` in seconds, 0 to 86400. Default: 3600.
    pub stale_if_error: Option<i64>,
}

/// `[registry]`
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawRegistry {
    /// Role codes besides SHP, FWD, CAR, GHA, CUS, RFS, ITP.
    pub further_roles: Option<Vec<String>>,
    /// How many days before the expiry of a secret or a client key the log warns of it, each 1 to 365.
    /// Default: `[30, 7, 1]`; `[]` for never.
    pub expiry_warnings: Option<Vec<i64>>,
    /// How many enabled clients of one participant may have registered themselves, 0 to 1000; with 0 the registration
    /// endpoint is off. Default: 20.
    pub max_self_registered_clients: Option<i64>,
}

/// `[throttle]`
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawThrottle {
    /// Failed authentications a minute of one client id from one address (an IPv4 address, or an IPv6 network of 64
    /// bits) before that pair gets 429, 1 to 100000. Default: 20.
    pub client_failures_per_minute: Option<i64>,
    /// The same from one address, whatever clients it names, 1 to 1000000. Default: 100.
    pub address_failures_per_minute: Option<i64>,
    /// How many imported secrets are hashed at once, 2 to 64, each with 19 MiB or as much as the imported hash wants;
    /// half of them are kept for addresses that succeeded before. Default: the machine's cores, 2 to 8.
    pub hashing_slots: Option<i64>,
    /// How many requests may wait for a slot before further ones get 503, 0 to 10000. Default: 64.
    pub hashing_queue: Option<i64>,
}

/// `[approval]`
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawApproval {
    /// Whether sensitive requests wait until a second administrator approves them. Default: false.
    pub required: Option<bool>,
    /// Which requests are sensitive: `administrators`, `enable`, `signing_keys`, `identifiers`, `unbound_tokens`.
    /// Default: all of these.
    pub operations: Option<Vec<String>>,
    /// How long a request waits before it is void, in seconds, 60 to 2592000. Default: 604800, which is 7 days.
    pub expires_after: Option<i64>,
}

/// `[log]`
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawLog {
    /// `human`, `json`, or `auto`: human on a terminal, else JSON. Default: `auto`.
    pub format: Option<String>,
    /// What is logged, such as `info` or `carnet=debug,warn`. Default: `info`.
    pub filter: Option<String>,
}

/// `[metrics]`
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawMetrics {
    /// File with a token that must be shown to read `/metrics` on the administration listener, as
    /// `Authorization: Bearer TOKEN`. Default: none; then a listener on loopback tells the metrics to whoever reaches
    /// it, and any other to nobody.
    pub token_file: Option<PathBuf>,
}

/// `[tracing]`
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawTracing {
    /// Base URL of an OpenTelemetry collector's OTLP/HTTP receiver, such as `http://127.0.0.1:4318`. Default: none,
    /// there are no traces.
    pub otlp_endpoint: Option<String>,
    /// The share of requests that are traced, 0 to 1. Default: 0.01.
    pub sample_ratio: Option<f64>,
    /// Addresses and networks whose `traceparent` header is believed, such as the proxy's: who is believed decides
    /// what is traced. Default: none.
    pub trust_traceparent_from: Option<Vec<String>>,
}

/// `[record]`
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawRecord {
    /// Address of the ONE Record server's listener. Default: none, the server is off.
    pub listen: Option<String>,
    /// Its external base URL. Default: made from the listener's address, if that is a loopback address.
    pub base_url: Option<String>,
    /// The issuer whose tokens it accepts, when it runs alone. Default: `server.issuer`.
    pub issuer: Option<String>,
    /// The audience that tokens must carry. Default: its base URL.
    pub audience: Option<String>,
    /// Its database. Default: `record.db` in the data folder.
    pub database: Option<String>,
    /// Accepts tokens that are not bound to their sender, too: for peers that send plain bearer tokens. Whoever gets
    /// hold of such a token can use it. Default: false.
    pub allow_bearer: Option<bool>,
    /// The shortest time for which the issuer's keys are kept, whatever their cache directives say, in seconds, 1 to
    /// 3600. Default: 30.
    pub key_cache_min: Option<u64>,
    /// Seconds between two looks for a signing key that is not known, 1 to 3600. Default: 30.
    pub key_cooldown: Option<u64>,
    /// Seconds between two polls of the issuer's revocation feed, 1 to 60. Default: 15.
    pub revocation_poll: Option<u64>,
    /// `allow` or `refuse`: what becomes of reading when the revocation feed has been missing for ten minutes, and
    /// writing is refused. Default: `allow`.
    pub reads_without_feed: Option<String>,
    /// Answers 404 instead of 403 to those who may not see an object. Default: false.
    pub hide_existence: Option<bool>,
    /// A company that is named in an object may read it. Default: true.
    pub implicit_grant: Option<bool>,
    /// Further `Host` values that it answers.
    pub hosts: Option<Vec<String>>,
    /// The companies that it serves.
    #[serde(default)]
    pub company: Vec<RawCompany>,
}

/// `[[record.company]]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawCompany {
    /// First path segment of its objects: letters, digits, `-` and `_`.
    pub path: String,
    /// Its company identifier. Default: the base URL and the path.
    pub identifier: Option<String>,
}

/// In one line: the parser draws a picture of the place.
fn syntax(error: &toml::de::Error) -> ConfigError {
    let text = error.to_string();
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    ConfigError::Syntax(lines.join(" "))
}

/// Variables that begin like an override but are something else.
const NOT_CONFIGURATION: [&str; 6] = [
    "CARNET_CONFIG",
    "CARNET_CREDENTIALS",
    "CARNET_SAMPLES",
    "CARNET_PROOF_VECTORS",
    "CARNET_TEST_",
    "CARNET_BENCH_",
];

impl RawConfig {
    /// Parses a file's text and lays the environment's overrides over it: `CARNET_SERVER__LISTEN` is
    /// `listen` in `[server]`. Lists and numbers are written as in TOML; anything else is a text.
    ///
    /// # Errors
    /// What does not parse, and where; an unknown member by its name.
    pub fn parse(
        file: Option<&str>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let mut table: toml::Table = match file {
            Some(text) => text.parse().map_err(|e: toml::de::Error| syntax(&e))?,
            None => toml::Table::new(),
        };
        let read = |table: &toml::Table| {
            toml::Value::Table(table.clone()).try_into::<Self>().map_err(|e: toml::de::Error| syntax(&e))
        };
        let mut raw = read(&table)?;
        for (name, value) in environment {
            let Some(path) = name.strip_prefix("CARNET_") else { continue };
            if NOT_CONFIGURATION.iter().any(|other| name.starts_with(other)) {
                continue;
            }
            let steps: Vec<String> = path.split("__").map(str::to_ascii_lowercase).collect();
            // One after the other, so that a mistake is told of the variable that has it.
            let laid = lay_over(&mut table, &steps, text_or_toml(&value));
            raw = match laid.map(|()| read(&table)) {
                Some(Ok(raw)) => raw,
                Some(Err(error)) => return Err(ConfigError::Variable { name, reason: error.to_string() }),
                None => return Err(ConfigError::Variable { name, reason: "it is no section".to_owned() }),
            };
        }
        Ok(raw)
    }
}

fn text_or_toml(value: &str) -> toml::Value {
    format!("x = {value}")
        .parse::<toml::Table>()
        .ok()
        .and_then(|mut table| if table.len() == 1 { table.remove("x") } else { None })
        .filter(|parsed| {
            matches!(
                parsed,
                toml::Value::Integer(_)
                    | toml::Value::Float(_)
                    | toml::Value::Boolean(_)
                    | toml::Value::Array(_)
            )
        })
        .unwrap_or_else(|| toml::Value::String(value.to_owned()))
}

fn lay_over(table: &mut toml::Table, steps: &[String], value: toml::Value) -> Option<()> {
    let (first, rest) = steps.split_first()?;
    if rest.is_empty() {
        table.insert(first.clone(), value);
        return Some(());
    }
    let inner = table.entry(first.clone()).or_insert_with(|| toml::Value::Table(toml::Table::new()));
    lay_over(inner.as_table_mut()?, rest, value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn the_environment_stands_over_the_file() {
        let raw = RawConfig::parse(
            Some("[server]\nlisten = '127.0.0.1:1'\n[tokens]\nlifetime = 60"),
            environment(&[
                ("CARNET_SERVER__LISTEN", "127.0.0.1:2"),
                ("CARNET_TOKENS__MAX_LIFETIME", "900"),
                ("CARNET_REGISTRY__FURTHER_ROLES", "['AIR']"),
                ("CARNET_TEST_DATABASE_URL", "x"),
                ("OTHER", "x"),
            ]),
        )
        .unwrap();
        assert_eq!(raw.server.listen.as_deref(), Some("127.0.0.1:2"));
        assert_eq!((raw.tokens.lifetime, raw.tokens.max_lifetime), (Some(60), Some(900)));
        assert_eq!(raw.registry.further_roles, Some(vec!["AIR".to_owned()]));
    }

    #[test]
    fn an_unknown_member_is_refused_by_name() {
        for (file, env) in [
            ("[server]\nlissten = 'x'", &[][..]),
            ("[sever]\n", &[][..]),
            ("", &[("CARNET_SERVER__LISSTEN", "x")][..]),
        ] {
            let error = RawConfig::parse(Some(file), environment(env)).unwrap_err().to_string();
            assert!(error.contains("lissten") || error.contains("sever"), "{error}");
        }
        let wrong_type = RawConfig::parse(Some("[tokens]\nlifetime = 'long'"), []).unwrap_err().to_string();
        assert!(wrong_type.contains("lifetime"), "{wrong_type}");
        assert!(RawConfig::parse(Some("[server\n"), []).is_err());
    }
}
