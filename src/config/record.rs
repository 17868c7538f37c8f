use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use carnet_db::DatabaseUrl;

use super::check::{address, database_url, host_of, hosts, issuer_url, own_url, refuse};
use super::{ConfigError, Network, RawConfig, Tracing};

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
    /// The shortest time for which the issuer's keys are kept, seconds.
    pub key_cache_min: u64,
    /// Seconds between two looks for a key that is not known.
    pub key_cooldown: u64,
    /// Seconds between two polls of the issuer's revocation feed.
    pub revocation_poll: u64,
    /// Whether reading goes on when the revocation feed has been missing for too long.
    pub reads_without_feed: bool,
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
    /// Whose `traceparent` header is believed.
    pub trust_traceparent_from: Vec<Network>,
}

impl RecordConfig {
    /// Reads `[record]`; `None` when it has no listener.
    pub(super) fn validate(
        raw: &RawConfig,
        issuer: &str,
        data_dir: &Path,
    ) -> Result<Option<Self>, ConfigError> {
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
        let time = |field, given: Option<u64>| match given.unwrap_or(30) {
            seconds @ 1..=3600 => Ok(seconds),
            _ => refuse(field, "give a number of seconds from 1 to 3600"),
        };
        let key_cache_min = time("record.key_cache_min", record.key_cache_min)?;
        let key_cooldown = time("record.key_cooldown", record.key_cooldown)?;
        let revocation_poll = record.revocation_poll.unwrap_or(15);
        if !(1..=60).contains(&revocation_poll) {
            return refuse("record.revocation_poll", "give a number of seconds from 1 to 60");
        }
        let reads_without_feed = match record.reads_without_feed.as_deref() {
            None | Some("allow") => true,
            Some("refuse") => false,
            Some(_) => return refuse("record.reads_without_feed", "write `allow` or `refuse`"),
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
            allow_bearer: record.allow_bearer.unwrap_or(false),
            key_cache_min,
            key_cooldown,
            revocation_poll,
            reads_without_feed,
            hide_existence: record.hide_existence.unwrap_or(false),
            implicit_grant: record.implicit_grant.unwrap_or(true),
            trust_traceparent_from: Tracing::validate(raw)?
                .map(|tracing| tracing.trust_traceparent_from)
                .unwrap_or_default(),
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
