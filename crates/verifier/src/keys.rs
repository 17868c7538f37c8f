//! The keys of one issuer: fetched when needed, kept by the cache rules, never more often than allowed.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use carnet_ambient::{Clock, Entropy};
use carnet_fetch::{CacheControl, Clamps, Fetched, Fetcher, Freshness, Limits, Request, SingleFlight};
use carnet_token::jwk::{KeyError, Withheld};
use carnet_token::{Algorithm, KeySet, PublicKey, Thumbprint};
use http::StatusCode;
use url::Url;

use crate::discovery::{self, Advertised, Directory, KeyTrouble};
use crate::{KeySource, Reason, Refusal};
use budget::{Bucket, Missing};
use state::{Forced, Held, Plan, State};

pub(crate) mod budget;
mod state;

/// What bounds the fetches that unknown key ids can cause.
#[derive(Clone, Debug)]
pub struct KeyLimits {
    /// The least time between any attempt and the next one that an unknown kid causes; by default 30 s.
    pub cooldown: Duration,
    /// Attempts per minute and issuer that unknown kids can cause; by default 10.
    pub per_issuer_per_minute: u32,
    /// The same for all issuers together; by default 60.
    pub total_per_minute: u32,
    /// How long a kid that was looked for in vain is remembered; by default 60 s.
    pub missing_ttl: Duration,
    /// How many such kids are remembered; by default 1024.
    pub missing_entries: usize,
}

impl Default for KeyLimits {
    fn default() -> Self {
        Self {
            cooldown: Duration::from_secs(30),
            per_issuer_per_minute: 10,
            total_per_minute: 60,
            missing_ttl: Duration::from_mins(1),
            missing_entries: 1024,
        }
    }
}

/// How things stand with one issuer's keys, for readiness checks and metrics.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct IssuerStatus {
    /// The issuer.
    pub issuer: String,
    /// Usable keys held.
    pub keys: usize,
    /// The age of the key set; `None` if there is none, or if it is a static one.
    pub age: Option<Duration>,
    /// Whether the last attempt to fetch it failed.
    pub degraded: bool,
}

/// What all issuers of one verifier share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) fetcher: Fetcher,
    pub(crate) clock: Clock,
    pub(crate) entropy: Entropy,
    limits: KeyLimits,
    bucket: Mutex<Bucket>,
    missing: Mutex<Missing>,
}

impl Shared {
    pub(crate) fn new(fetcher: Fetcher, clock: Clock, entropy: Entropy, limits: KeyLimits) -> Self {
        let bucket = Mutex::new(Bucket::full(limits.total_per_minute));
        let missing = Mutex::new(Missing::new(limits.missing_entries, limits.missing_ttl));
        Self { fetcher, clock, entropy, limits, bucket, missing }
    }

    pub(crate) fn random(&self) -> u8 {
        self.entropy.bytes::<1>()[0]
    }
}

/// What the keys of a set sign. One purpose per key: the sets of one issuer are never mixed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    AccessTokens,
    /// Trust lists and revocation feeds.
    Lists,
}

/// The keys of one issuer for one purpose.
#[derive(Debug)]
pub(crate) struct IssuerKeys {
    number: usize,
    purpose: Purpose,
    source: KeySource,
    directory: Arc<Directory>,
    clamps: Clamps,
    shared: Arc<Shared>,
    state: Mutex<State>,
    flight: SingleFlight<(), ()>,
}

/// What an attempt brought.
enum Loaded {
    New { keys: KeySet, uri: Url, answer: Box<Fetched> },
    Unchanged { freshness: Option<Freshness> },
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing in here is left half-changed by a panic.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl IssuerKeys {
    pub(crate) fn new(
        number: usize,
        purpose: Purpose,
        source: KeySource,
        directory: Arc<Directory>,
        clamps: Clamps,
        shared: Arc<Shared>,
    ) -> Self {
        let state = Mutex::new(State::new(shared.limits.per_issuer_per_minute));
        Self { number, purpose, source, directory, clamps, shared, state, flight: SingleFlight::new() }
    }

    fn issuer(&self) -> &str {
        self.directory.issuer()
    }

    /// Whether this key is among those held.
    pub(crate) fn holds(&self, thumbprint: &Thumbprint) -> bool {
        let among = |keys: &KeySet| keys.iter().any(|key| key.thumbprint() == *thumbprint);
        match &self.source {
            KeySource::Static(keys) => among(keys),
            _ => lock(&self.state).held.as_ref().is_some_and(|held| among(&held.keys)),
        }
    }

    /// The key for a token: by (issuer, kid), or the only one that fits the algorithm.
    pub(crate) async fn find(
        self: &Arc<Self>,
        kid: Option<&str>,
        algorithm: Algorithm,
    ) -> Result<Arc<PublicKey>, Reason> {
        if let KeySource::Static(keys) = &self.source {
            return pick(keys, kid, algorithm).ok_or(Reason::Token(Refusal::UnknownKid));
        }
        let keys = self.usable().await?;
        if let Some(key) = pick(&keys, kid, algorithm) {
            return Ok(key);
        }
        self.find_missing(kid, algorithm).await
    }

    /// The kid is not held. It may be new; it may also be made up, so this is where the budgets stand.
    async fn find_missing(
        self: &Arc<Self>,
        kid: Option<&str>,
        algorithm: Algorithm,
    ) -> Result<Arc<PublicKey>, Reason> {
        let unknown = Reason::Token(Refusal::UnknownKid);
        let name = kid.unwrap_or_default();
        let now = self.shared.clock.monotonic();
        if lock(&self.shared.missing).contains(self.number, name, now) {
            return Err(unknown);
        }
        let (forced, seen) = {
            let mut state = lock(&self.state);
            let forced = state.force(now, self.shared.limits.cooldown, &mut lock(&self.shared.bucket));
            (forced, state.attempts)
        };
        if forced == Forced::Fetch {
            self.refresh(seen).await;
        }
        let now = self.shared.clock.monotonic();
        let state = lock(&self.state);
        if let Some(key) = state.usable(now).and_then(|keys| pick(&keys, kid, algorithm)) {
            return Ok(key);
        }
        if state.degraded() {
            // The issuer could not be asked: whether the key exists is not known, and not the sender's fault.
            return Err(unavailable(state.retry_after(now)));
        }
        if forced == Forced::Fetch {
            lock(&self.shared.missing).insert(self.number, name, now);
        }
        Err(unknown)
    }

    /// The keys as the state machine gives them out.
    async fn usable(self: &Arc<Self>) -> Result<Arc<KeySet>, Reason> {
        let (plan, seen) = {
            let state = lock(&self.state);
            (state.plan(self.shared.clock.monotonic()), state.attempts)
        };
        match plan {
            Plan::Use { refresh: false } => {}
            Plan::Use { refresh: true } => {
                let this = Arc::clone(self);
                tokio::spawn(async move { this.refresh(seen).await });
            }
            Plan::Fetch => self.refresh(seen).await,
            Plan::Wait { retry_after } => return Err(unavailable(retry_after)),
        }
        let now = self.shared.clock.monotonic();
        let state = lock(&self.state);
        state.usable(now).ok_or_else(|| unavailable(state.retry_after(now)))
    }

    /// Fetch the key set once, whoever asks; `seen` is the number of attempts that the asker knew of.
    ///
    /// It runs in a task of its own: a sender that hangs up must not waste the attempt, nor be able to cause
    /// a new one by asking again.
    pub(crate) async fn refresh(self: &Arc<Self>, seen: u64) {
        let this = Arc::clone(self);
        let flight = async move {
            let worker = Arc::clone(&this);
            this.flight.run((), move || async move { worker.attempt(seen).await }).await;
        };
        if tokio::spawn(flight).await.is_err() {
            tracing::error!(issuer = self.issuer(), "the task that fetches the key set ended");
        }
    }

    /// Fetch now, if nobody has since; for a warm start.
    pub(crate) async fn warm(self: &Arc<Self>) -> Result<(), Reason> {
        match self.source {
            KeySource::Static(_) => Ok(()),
            _ => self.usable().await.map(drop),
        }
    }

    async fn attempt(&self, seen: u64) {
        {
            let mut state = lock(&self.state);
            if state.attempts != seen {
                return;
            }
            state.begin(self.shared.clock.monotonic());
        }
        let loaded = self.load().await;
        let (now, random) = (self.shared.clock.monotonic(), self.shared.random());
        let mut state = lock(&self.state);
        match loaded {
            Ok(Loaded::New { mut keys, uri, answer }) => {
                state.withhold_leaked(&mut keys);
                for withheld in keys.withheld() {
                    report(self.issuer(), withheld);
                }
                tracing::debug!(issuer = self.issuer(), purpose = ?self.purpose, keys = keys.len(), "key set fetched");
                let freshness = answer.freshness(&self.clamps);
                state.replaced(Held {
                    keys: Arc::new(keys),
                    uri,
                    etag: answer.etag().map(str::to_owned),
                    last_modified: answer.last_modified().map(str::to_owned),
                    freshness,
                    fetched_at: now,
                    refresh_at: now + freshness.refresh_at(random),
                });
            }
            Ok(Loaded::Unchanged { freshness }) => state.confirmed(freshness, now, random),
            Err(trouble) => {
                state.failed(now, random);
                let held = state.usable(now).is_some();
                tracing::warn!(issuer = self.issuer(), purpose = ?self.purpose, %trouble, degraded = held, "key set not fetched");
            }
        }
    }

    async fn load(&self) -> Result<Loaded, KeyTrouble> {
        let uri = self.key_set_uri().await?;
        let known = lock(&self.state).held.clone().filter(|held| held.uri == uri);
        // The URL was judged where it was learnt: by discovery's rules or by the operator.
        let limits = Limits::key_set().with_port(uri.port());
        let mut request = Request::get(&uri, limits);
        let mut conditional = false;
        if let Some(held) = &known {
            request = request.if_changed(held.etag.as_deref(), held.last_modified.as_deref());
            conditional = held.etag.is_some() || held.last_modified.is_some();
        }
        let answer = self.shared.fetcher.send(request).await?;
        // To a question without a condition, 304 is no answer: it would keep a withdrawn key for ever.
        if answer.status == StatusCode::NOT_MODIFIED && conditional {
            let speaks = CacheControl::speaks(&answer.headers);
            return Ok(Loaded::Unchanged { freshness: speaks.then(|| answer.freshness(&self.clamps)) });
        }
        let body = discovery::json_body(&answer)?.to_vec();
        // A hundred RSA keys take milliseconds to check: not on a thread that serves requests.
        let keys = tokio::task::spawn_blocking(move || KeySet::parse(&body))
            .await
            .map_err(|_| KeyTrouble::Task)??;
        Ok(Loaded::New { keys, uri, answer: Box::new(answer) })
    }

    async fn key_set_uri(&self) -> Result<Url, KeyTrouble> {
        if let KeySource::Url(uri) = &self.source {
            return Ok(uri.clone());
        }
        let metadata = self.directory.metadata().await?;
        match (self.purpose, metadata.feed) {
            (Purpose::AccessTokens, _) => Ok(metadata.jwks_uri),
            (Purpose::Lists, Some(Advertised::At { trust_list_jwks_uri, .. })) => Ok(trust_list_jwks_uri),
            (Purpose::Lists, _) => Err(KeyTrouble::NoListKeys),
        }
    }

    pub(crate) fn status(&self) -> IssuerStatus {
        let issuer = self.issuer().to_owned();
        if let KeySource::Static(keys) = &self.source {
            return IssuerStatus { issuer, keys: keys.len(), age: None, degraded: false };
        }
        let now = self.shared.clock.monotonic();
        let state = lock(&self.state);
        let age = state.held.as_ref().map(|held| now.saturating_sub(held.fetched_at));
        let keys = state.usable(now).map_or(0, |keys| keys.len());
        IssuerStatus { issuer, keys, age, degraded: state.degraded() }
    }
}

/// A key that everybody can sign with is an incident at the issuer; any other is a slip.
fn report(issuer: &str, withheld: &Withheld) {
    let (kid, thumbprint) = (&withheld.kid, withheld.thumbprint.map(|thumbprint| thumbprint.to_string()));
    if withheld.reason == KeyError::PrivateKeyPublished {
        tracing::error!(issuer, ?kid, ?thumbprint, reason = %withheld.reason, "key withheld");
    } else {
        tracing::warn!(issuer, ?kid, ?thumbprint, reason = %withheld.reason, "key withheld");
    }
}

fn pick(keys: &KeySet, kid: Option<&str>, algorithm: Algorithm) -> Option<Arc<PublicKey>> {
    match kid {
        Some(kid) => keys.get(kid).cloned(),
        None => keys.only(algorithm).cloned(),
    }
}

fn unavailable(wait: Duration) -> Reason {
    Reason::KeysUnavailable { retry_after: wait.as_secs().saturating_add(1) }
}
