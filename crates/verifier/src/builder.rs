//! From configuration to a [`Verifier`]: everything that can be wrong is found here.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::Duration;

use carnet_ambient::{Clock, Entropy};
use carnet_fetch::{FetchError, FetchPolicy, Fetcher, Limits};
use carnet_token::TokenProfile;
use carnet_token::proof::Window;
use carnet_token::proof::nonce::{self, NonceKey};
use url::Url;

use crate::challenge::is_quotable;
use crate::client_keys::ClientKeys;
use crate::discovery::Directory;
use crate::keys::{IssuerKeys, Purpose, Shared};
use crate::origin::Origin;
use crate::replay::{MemoryReplayStore, ReplayLimits, ReplayStore};
use crate::revocation::{Feed, Remote, Source};
use crate::verifier::{Issuer, Nonces, Settings};
use crate::{FeedRules, IssuerPolicy, KeyLimits, KeySource, RevocationSource, Verifier};

/// A configuration that cannot be used.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum BuildError {
    /// The audience is empty.
    #[error("the audience is empty")]
    Audience,
    /// The audience is no URL, and no address was given: proofs name the address that they are for.
    #[error(
        "the audience is no https URL: give the address under which clients reach this server with origin()"
    )]
    NoOrigin,
    /// Nonces that outlive a start, and a store of used proofs that does not.
    #[error(
        "nonce_key() is for servers whose replay_store() forgets nothing at a start: a proof under an old nonce could be used again"
    )]
    NonceKey,
    /// Not an absolute https or http URL.
    #[error("{0} is no address under which a server could be reached")]
    Origin(String),
    /// A time window of proofs is out of range.
    #[error(
        "proofs of issuer {0}: a window of {1} s and a clock difference of {2} s is out of range (1 to 300, 0 to 300)"
    )]
    Window(String, i64, i64),
    /// No issuer is trusted, so no token could ever be accepted.
    #[error("no issuer is trusted")]
    NoIssuer,
    /// The same issuer twice: which rules would apply?
    #[error("issuer {0} is given twice")]
    DuplicateIssuer(String),
    /// Not an https URL without user information, query and fragment.
    #[error("issuer {issuer}: {reason}")]
    Issuer {
        /// The issuer as given.
        issuer: String,
        /// What is wrong with it.
        reason: String,
    },
    /// An issuer without any algorithm could never sign.
    #[error("issuer {0} has no algorithm")]
    NoAlgorithm(String),
    /// The realm or the metadata URL cannot stand between quotes in a header field.
    #[error("{0} cannot be written into WWW-Authenticate")]
    Unquotable(&'static str),
    /// The accepted clock difference is negative or larger than five minutes.
    #[error("a clock difference of {0} s is out of range (0 to 300)")]
    Skew(i64),
    /// The time between polls of revocation feeds, or the grace without one, is out of range.
    #[error("{what} of {seconds} s is out of range ({min} to {max})")]
    FeedRules {
        /// Which of them.
        what: &'static str,
        /// What was given, in seconds.
        seconds: u64,
        /// The least, in seconds.
        min: u64,
        /// The most, in seconds.
        max: u64,
    },
    /// The fetcher could not be built.
    #[error(transparent)]
    Fetch(#[from] FetchError),
}

/// Builds a [`Verifier`].
#[derive(Debug)]
#[must_use]
pub struct VerifierBuilder {
    audiences: Vec<String>,
    issuers: Vec<IssuerPolicy>,
    fetch: FetchPolicy,
    clock: Clock,
    entropy: Entropy,
    limits: KeyLimits,
    feed_rules: FeedRules,
    skew: i64,
    realm: Option<String>,
    resource_metadata: Option<String>,
    explain: bool,
    origin: Option<String>,
    replay: Option<Arc<dyn ReplayStore>>,
    nonce_key: Option<NonceKey>,
    nonces_required: bool,
    legacy_no_typ: bool,
}

impl VerifierBuilder {
    pub(crate) fn new(audience: String) -> Self {
        Self {
            audiences: vec![audience],
            issuers: Vec::new(),
            fetch: FetchPolicy::default(),
            clock: Clock::system(),
            entropy: Entropy::system(),
            limits: KeyLimits::default(),
            feed_rules: FeedRules::default(),
            skew: 30,
            realm: None,
            resource_metadata: None,
            explain: false,
            origin: None,
            replay: None,
            nonce_key: None,
            nonces_required: false,
            legacy_no_typ: false,
        }
    }

    /// The address under which clients reach this server, as a URL; its path does not matter. By default that of the
    /// audience. Behind a proxy it is the address of the proxy: proofs are compared with it, and never with `Host` or
    /// `X-Forwarded-Host`, which a client can send as well.
    pub fn origin(mut self, url: impl Into<String>) -> Self {
        self.origin = Some(url.into());
        self
    }

    /// The store of used proofs; by default one in memory that counts as started anew. Several nodes need one in common.
    pub fn replay_store(mut self, store: Arc<dyn ReplayStore>) -> Self {
        self.replay = Some(store);
        self
    }

    /// Ask for a nonce of this server in every signed request and `DPoP` proof: one more round trip now and then, for
    /// which neither the clock of a client matters nor what it can prepare. By default they are asked for during the
    /// first half minute after a start alone.
    pub fn require_nonces(mut self, require: bool) -> Self {
        self.nonces_required = require;
        self
    }

    /// The key of the nonces, for nodes that have a store in common; by default a random one.
    pub fn nonce_key(mut self, key: NonceKey) -> Self {
        self.nonce_key = Some(key);
        self
    }

    /// Accept signed HTTP requests without `typ`, as libraries for drafts before -03 make them. Not together with an
    /// issuer that may leave out the `typ` of its tokens.
    pub fn legacy_no_typ(mut self, accept: bool) -> Self {
        self.legacy_no_typ = accept;
        self
    }

    /// Answer to one more audience.
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audiences.push(audience.into());
        self
    }

    /// Trust an issuer.
    pub fn trust(mut self, issuer: IssuerPolicy) -> Self {
        self.issuers.push(issuer);
        self
    }

    /// Reach issuers on 127.0.0.0/8, `[::1]` and `localhost` over plain http. For demonstrations and tests.
    pub fn allow_insecure_loopback(mut self, allow: bool) -> Self {
        self.fetch.allow_insecure_loopback = allow;
        self
    }

    /// What may be fetched: private networks, an own CA bundle, ports.
    pub fn fetch_policy(mut self, policy: FetchPolicy) -> Self {
        self.fetch = policy;
        self
    }

    /// The clock; by default that of the system.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// The source of the jitter; by default that of the system.
    pub fn entropy(mut self, entropy: Entropy) -> Self {
        self.entropy = entropy;
        self
    }

    /// What bounds the fetches that unknown key ids can cause.
    pub fn key_limits(mut self, limits: KeyLimits) -> Self {
        self.limits = limits;
        self
    }

    /// How revocation feeds are followed, and what becomes of requests while one is missing.
    pub fn feed_rules(mut self, rules: FeedRules) -> Self {
        self.feed_rules = rules;
        self
    }

    /// The accepted difference between the issuer's clock and ours in seconds; by default 30.
    pub fn skew(mut self, seconds: i64) -> Self {
        self.skew = seconds;
        self
    }

    /// The realm in challenges; by default the audience.
    pub fn realm(mut self, realm: impl Into<String>) -> Self {
        self.realm = Some(realm.into());
        self
    }

    /// The URL of this server's own metadata (RFC 9728 §5.1), named in challenges.
    pub fn resource_metadata(mut self, url: impl Into<String>) -> Self {
        self.resource_metadata = Some(url.into());
        self
    }

    /// Tell the sender in `error_description` which check failed. For development: it helps a prober too.
    pub fn explain_refusals(mut self, explain: bool) -> Self {
        self.explain = explain;
        self
    }

    /// Check everything and build. No network is touched: see [`Verifier::warm_up`].
    ///
    /// # Errors
    /// [`BuildError`], which names what is wrong.
    pub fn build(mut self) -> Result<Verifier, BuildError> {
        if self.audiences.iter().any(String::is_empty) {
            return Err(BuildError::Audience);
        }
        if self.issuers.is_empty() {
            return Err(BuildError::NoIssuer);
        }
        if !(0..=300).contains(&self.skew) {
            return Err(BuildError::Skew(self.skew));
        }
        check_feed_rules(&self.feed_rules)?;
        let origin = match &self.origin {
            Some(url) => Origin::of(url).ok_or_else(|| BuildError::Origin(url.clone()))?,
            None => Origin::of(&self.audiences[0]).ok_or(BuildError::NoOrigin)?,
        };
        let longest = self.longest_window()?;
        let replay = match self.replay.take() {
            Some(store) => store,
            None => Arc::new(self.memory_store(longest)),
        };
        if self.nonce_key.is_some() && replay.lost_before().is_some() {
            return Err(BuildError::NonceKey);
        }
        let nonce_key = self.nonce_key.take();
        let nonce_key =
            nonce_key.unwrap_or_else(|| NonceKey::new(&self.entropy.bytes(), self.entropy.bytes()));
        let realm = self.realm.unwrap_or_else(|| self.audiences[0].clone());
        if !is_quotable(&realm) {
            return Err(BuildError::Unquotable("the realm"));
        }
        if self.resource_metadata.as_deref().is_some_and(|url| !is_quotable(url)) {
            return Err(BuildError::Unquotable("the URL of the metadata"));
        }
        let fetcher = Fetcher::new(self.fetch, self.clock.clone())?;
        let shared = Arc::new(Shared::new(fetcher, self.clock, self.entropy, self.limits));
        let mut issuers = HashMap::new();
        for (number, policy) in self.issuers.into_iter().enumerate() {
            check(&policy, shared.fetcher.policy())?;
            warn(&policy);
            let name = policy.rules.issuer.clone();
            let issuer = assemble(number, policy, &self.feed_rules, &shared);
            if issuers.insert(name.clone(), issuer).is_some() {
                return Err(BuildError::DuplicateIssuer(name));
            }
        }
        let latest = AtomicI64::new(i64::MIN);
        let settings = Settings {
            audiences: self.audiences,
            issuers,
            shared,
            skew: self.skew,
            realm,
            resource_metadata: self.resource_metadata,
            explain: self.explain,
            legacy_no_typ: self.legacy_no_typ,
            replay,
            nonces: Nonces { key: nonce_key, required: self.nonces_required },
            longest,
            latest,
        };
        Ok(Verifier::new(settings, origin))
    }

    /// A proof must be remembered until no issuer's window lets it in.
    fn longest_window(&self) -> Result<Window, BuildError> {
        let mut longest = Window { max_age: 0, skew: 0 };
        for policy in &self.issuers {
            let Window { max_age, skew } = policy.window;
            if !(1..=300).contains(&max_age) || !(0..=300).contains(&skew) {
                return Err(BuildError::Window(policy.rules.issuer.clone(), max_age, skew));
            }
            longest = Window { max_age: longest.max_age.max(max_age), skew: longest.skew.max(skew) };
        }
        Ok(longest)
    }

    fn memory_store(&self, longest: Window) -> MemoryReplayStore {
        let defaults = ReplayLimits::default();
        // One issuer alone crowds out nobody.
        let issuer_percent = if self.issuers.len() == 1 { 100 } else { defaults.issuer_percent };
        let under_nonce = nonce::STEP * nonce::STEPS + longest.skew + 2;
        let horizon = (longest.span() + 2).max(under_nonce);
        let limits = ReplayLimits { issuer_percent, horizon, ..defaults };
        MemoryReplayStore::after_restart(&self.entropy, limits, self.clock.now())
    }
}

/// The two key sets and the feed of one issuer, which learn from one place where they are.
fn assemble(number: usize, policy: IssuerPolicy, feed_rules: &FeedRules, shared: &Arc<Shared>) -> Issuer {
    let name = policy.rules.issuer.as_str();
    let revocations = policy.revocation_source();
    let directory = Arc::new(Directory::new(name, policy.key_hosts, Arc::clone(shared)));
    let keys = |purpose: Purpose, source: KeySource| {
        // A number of its own for each set: what is missing in one may be in the other.
        let number = 2 * number + usize::from(purpose == Purpose::Lists);
        let (directory, shared) = (Arc::clone(&directory), Arc::clone(shared));
        Arc::new(IssuerKeys::new(number, purpose, source, directory, policy.clamps, shared))
    };
    let token_keys = keys(Purpose::AccessTokens, policy.keys);
    let source = match revocations {
        RevocationSource::Off => Source::Off,
        RevocationSource::Local(keys) => Source::Local(keys),
        RevocationSource::Discovery => Source::Discovery(Remote {
            list_keys: keys(Purpose::Lists, KeySource::Discovery),
            token_keys: Arc::clone(&token_keys),
            directory: Arc::clone(&directory),
            shared: Arc::clone(shared),
        }),
    };
    let feed = Arc::new(Feed::new(name, source, feed_rules.clone(), Arc::clone(shared)));
    let client_keys =
        Arc::new(ClientKeys::new(policy.client_keys, Arc::clone(&directory), Arc::clone(shared)));
    Issuer {
        rules: policy.rules,
        allow_bearer: policy.allow_bearer,
        proofs: policy.proofs,
        window: policy.window,
        keys: token_keys,
        client_keys,
        feed,
    }
}

fn check_feed_rules(rules: &FeedRules) -> Result<(), BuildError> {
    for (what, value, min, max) in [
        ("a time between polls", rules.poll, FeedRules::MIN_POLL, FeedRules::MAX_POLL),
        ("a grace without feed", rules.grace, Duration::ZERO, FeedRules::MAX_GRACE),
    ] {
        if !(min..=max).contains(&value) {
            let (seconds, min, max) = (value.as_secs(), min.as_secs(), max.as_secs());
            return Err(BuildError::FeedRules { what, seconds, min, max });
        }
    }
    Ok(())
}

fn check(policy: &IssuerPolicy, fetch: &FetchPolicy) -> Result<(), BuildError> {
    let issuer = &policy.rules.issuer;
    if policy.rules.algorithms.is_empty() {
        return Err(BuildError::NoAlgorithm(issuer.clone()));
    }
    let refuse = |reason: String| BuildError::Issuer { issuer: issuer.clone(), reason };
    let url: Url = issuer.parse().map_err(|_| refuse("not a URL".to_owned()))?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err(refuse("a query or fragment has no place in an issuer".to_owned()));
    }
    let vet = |url: &Url| {
        fetch.vet(url, &Limits::key_set().with_port(url.port())).map_err(|error| refuse(error.to_string()))
    };
    if matches!(policy.revocation_source(), RevocationSource::Discovery) {
        vet(&url)?;
    }
    match &policy.keys {
        // Nothing is fetched: any URL may be a name.
        KeySource::Static(_) => Ok(()),
        KeySource::Url(uri) => vet(uri),
        KeySource::Discovery => vet(&url),
    }
}

/// Risks that somebody chose must be visible where he looks.
fn warn(policy: &IssuerPolicy) {
    let issuer = policy.rules.issuer.as_str();
    if policy.rules.profile == TokenProfile::OneRecord2x {
        tracing::warn!(
            issuer,
            "onerecord-2.x profile: tokens may lack an audience, and another server that was given one can use it here"
        );
    }
    if policy.allow_bearer {
        tracing::info!(issuer, "bearer tokens are accepted: whoever holds one can use it");
    } else if policy.proofs.is_empty() {
        tracing::warn!(
            issuer,
            "neither bearer tokens nor any proof is allowed: nothing of this issuer will be accepted"
        );
    }
}
