//! A source of tokens: asks when needed, renews ahead of time, asks once for all who wait.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use carnet_ambient::{Clock, Entropy};
use carnet_fetch::{FetchPolicy, Fetched, Fetcher, Limits, Request, SingleFlight};
use carnet_token::proof::ProofKind;
use carnet_token::{SigningKey, json};
use http::StatusCode;
use http::header::{AUTHORIZATION, RETRY_AFTER};
use serde_json::{Map, Value};
use url::Url;
use zeroize::Zeroizing;

use crate::binding::{Binding, DPOP};
use crate::error::printable;
use crate::offset::Offset;
use crate::resource::nonce_of;
use crate::{AccessToken, ClientAuthentication, Secret, TokenError, discovery};

/// A source of access tokens for one client and one set of scopes and resources. Cheap to clone; all clones
/// share one token.
#[derive(Clone)]
pub struct TokenSource(Arc<Inner>);

struct Inner {
    issuer: String,
    authentication: ClientAuthentication,
    token_endpoint: Option<Url>,
    scope: Option<String>,
    resources: Vec<String>,
    binding: Option<Binding>,
    fetcher: Fetcher,
    clock: Clock,
    entropy: Entropy,
    state: Mutex<State>,
    flight: SingleFlight<(), Outcome>,
}

type Outcome = Result<AccessToken, TokenError>;

#[derive(Default)]
struct State {
    held: Option<Held>,
    failure: Option<Failure>,
    discovered: Option<(Url, Duration)>,
    /// Requests that have ended; tells whether a plan is still that of the present.
    attempts: u64,
    /// Of the token endpoint, which is another server than any resource.
    nonce: Option<String>,
    offset: Offset,
}

/// A token and its times by the monotonic clock, which nobody can set back.
struct Held {
    token: AccessToken,
    renew_at: Duration,
    usable_until: Duration,
}

struct Failure {
    error: TokenError,
    count: u32,
    until: Duration,
}

/// Where metadata is looked at anew.
const METADATA: Duration = Duration::from_hours(1);
/// The assumed lifetime of a token that names none (RFC 6749 §5.1 only recommends it), in seconds.
const UNNAMED: u64 = 60;

/// Builds a [`TokenSource`].
#[derive(Debug)]
#[must_use]
pub struct TokenSourceBuilder {
    issuer: String,
    authentication: ClientAuthentication,
    token_endpoint: Option<Url>,
    scopes: Vec<String>,
    resources: Vec<String>,
    binding: Option<Binding>,
    fetch: FetchPolicy,
    clock: Clock,
    entropy: Entropy,
}

impl TokenSourceBuilder {
    /// Ask this URL and do not look into the issuer's metadata.
    pub fn token_endpoint(mut self, url: Url) -> Self {
        self.token_endpoint = Some(url);
        self
    }

    /// Ask for one more scope; without any, the server's default is granted.
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.scopes.push(scope.into());
        self
    }

    /// The resource server to use the token at (RFC 8707); without any, the server's default.
    pub fn resource(mut self, resource: impl Into<String>) -> Self {
        self.resources.push(resource.into());
        self
    }

    /// Ask for tokens that are bound to this key, which is registered for the client under its `kid`, and prove it with
    /// every request by proofs of this kind: [`ProofKind::Shr`], [`ProofKind::Dpop`] or
    /// [`ProofKind::MessageSignature`].
    ///
    /// A token of any other type is refused: there is no way back to bearer tokens.
    pub fn bound_to(mut self, key: SigningKey, proof: ProofKind) -> Self {
        self.binding = Some(Binding::new(key, proof));
        self
    }

    /// Reach an IAP on 127.0.0.0/8, `[::1]` or `localhost` over plain http. For demonstrations and tests.
    pub fn allow_insecure_loopback(mut self, allow: bool) -> Self {
        self.fetch.allow_insecure_loopback = allow;
        self
    }

    /// What may be reached: private networks, an own CA bundle, ports.
    pub fn fetch_policy(mut self, policy: FetchPolicy) -> Self {
        self.fetch = policy;
        self
    }

    /// The clock; by default that of the system.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// The source of jitter and of assertion identifiers; by default that of the system.
    pub fn entropy(mut self, entropy: Entropy) -> Self {
        self.entropy = entropy;
        self
    }

    /// Check and build. No network is touched.
    ///
    /// # Errors
    /// [`TokenError::Configuration`] or [`TokenError::Fetch`], which name what is wrong.
    pub fn build(self) -> Result<TokenSource, TokenError> {
        self.authentication.check()?;
        self.binding.as_ref().map_or(Ok(()), Binding::check)?;
        let target = match &self.token_endpoint {
            Some(url) => url.clone(),
            None => self
                .issuer
                .parse()
                .map_err(|_| TokenError::Configuration(format!("issuer {:?} is not a URL", self.issuer)))?,
        };
        self.fetch.vet(&target, &Limits::service().with_port(target.port()))?;
        Ok(TokenSource(Arc::new(Inner {
            issuer: self.issuer,
            authentication: self.authentication,
            token_endpoint: self.token_endpoint,
            scope: (!self.scopes.is_empty()).then(|| self.scopes.join(" ")),
            resources: self.resources,
            binding: self.binding,
            fetcher: Fetcher::new(self.fetch, self.clock.clone())?,
            clock: self.clock,
            entropy: self.entropy,
            state: Mutex::new(State::default()),
            flight: SingleFlight::new(),
        })))
    }
}

impl TokenSource {
    /// A source of tokens of `issuer` (its exact identifier, as in its metadata).
    pub fn builder(issuer: impl Into<String>, authentication: ClientAuthentication) -> TokenSourceBuilder {
        TokenSourceBuilder {
            issuer: issuer.into(),
            authentication,
            token_endpoint: None,
            scopes: Vec::new(),
            resources: Vec::new(),
            binding: None,
            fetch: FetchPolicy::default(),
            clock: Clock::system(),
            entropy: Entropy::system(),
        }
    }

    /// A token that is good for at least a little while.
    ///
    /// # Errors
    /// [`TokenError`]. After a failure the server is left alone for 1 s to 30 s, and the same error is given
    /// without asking.
    pub async fn token(&self) -> Result<AccessToken, TokenError> {
        let seen = {
            let state = self.0.state();
            let now = self.0.clock.monotonic();
            let rest = state.failure.as_ref().filter(|failure| now < failure.until);
            match &state.held {
                Some(held) if now < held.renew_at => return Ok(held.token.clone()),
                Some(held) if now < held.usable_until => {
                    // Still good: renew beside the caller, not in his way.
                    if rest.is_none() {
                        let (this, seen) = (self.clone(), state.attempts);
                        tokio::spawn(async move { this.renew(seen).await });
                    }
                    return Ok(held.token.clone());
                }
                _ => {}
            }
            if let Some(failure) = rest {
                return Err(failure.error.clone());
            }
            state.attempts
        };
        self.renew(seen).await
    }

    /// Forget a token that a server refused, so that the next call asks for a new one.
    pub fn invalidate(&self, token: &AccessToken) {
        let mut state = self.0.state();
        if state.held.as_ref().is_some_and(|held| held.token.expose() == token.expose()) {
            state.held = None;
        }
    }

    pub(crate) fn binding(&self) -> Option<&Binding> {
        self.0.binding.as_ref()
    }

    pub(crate) fn surroundings(&self) -> (Clock, Entropy) {
        (self.0.clock.clone(), self.0.entropy.clone())
    }

    /// In a task of its own, so that a caller who gives up does not waste the answer for the others.
    async fn renew(&self, seen: u64) -> Outcome {
        let inner = Arc::clone(&self.0);
        let flight = async move {
            let worker = Arc::clone(&inner);
            inner.flight.run((), move || async move { worker.attempt(seen).await }).await
        };
        match tokio::spawn(flight).await {
            Ok(outcome) => outcome,
            Err(_) => Err(TokenError::Answer { status: 0, reason: "the task that asked for it ended" }),
        }
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn attempt(&self, seen: u64) -> Outcome {
        {
            let state = self.state();
            if state.attempts != seen {
                // Somebody else's attempt has ended since the caller looked.
                if let Some(failure) = &state.failure {
                    return Err(failure.error.clone());
                }
                if let Some(held) = &state.held {
                    return Ok(held.token.clone());
                }
            }
        }
        let outcome = self.request().await;
        let now = self.clock.monotonic();
        let mut state = self.state();
        state.attempts += 1;
        match outcome {
            Ok((token, lifetime)) => {
                let random = u32::from(self.entropy.bytes::<1>()[0]);
                // 70 to 85 % of the lifetime, so that a fleet does not renew in step.
                let renew_at = now + lifetime * (700 + 150 * random / 255) / 1000;
                let margin = Duration::from_secs(10).min(lifetime / 10);
                state.held = Some(Held {
                    token: token.clone(),
                    renew_at,
                    usable_until: now + lifetime.saturating_sub(margin),
                });
                state.failure = None;
                tracing::debug!(
                    client_id = self.authentication.client_id(),
                    lifetime = lifetime.as_secs(),
                    "token obtained"
                );
                Ok(token)
            }
            Err(error) => {
                let count = state.failure.as_ref().map_or(0, |failure| failure.count) + 1;
                let asked = match &error {
                    TokenError::OAuth { retry_after, .. } => retry_after.unwrap_or(0).min(300),
                    _ => 0,
                };
                let pause = Duration::from_secs((1_u64 << (count - 1).min(5)).min(30).max(asked));
                tracing::warn!(client_id = self.authentication.client_id(), %error, "no token");
                state.failure = Some(Failure { error: error.clone(), count, until: now + pause });
                Err(error)
            }
        }
    }

    async fn endpoint(&self) -> Result<Url, TokenError> {
        if let Some(url) = &self.token_endpoint {
            return Ok(url.clone());
        }
        let now = self.clock.monotonic();
        let known = self.state().discovered.clone();
        if let Some((url, learnt_at)) = &known
            && now.saturating_sub(*learnt_at) < METADATA
        {
            return Ok(url.clone());
        }
        let found = discovery::token_endpoint(&self.fetcher, &self.issuer).await;
        match (found, known) {
            (Ok(url), _) => {
                self.state().discovered = Some((url.clone(), now));
                Ok(url)
            }
            // The endpoint rarely moves; whether it still answers will show.
            (Err(TokenError::Fetch(_)), Some((url, _))) => Ok(url),
            (Err(error), _) => Err(error),
        }
    }

    /// RFC 6749 §4.4.2. A nonce that is asked for is answered once, a wrong clock corrected once.
    async fn request(&self) -> Result<(AccessToken, Duration), TokenError> {
        let url = self.endpoint().await?;
        let mut answered = false;
        loop {
            let answer = self.ask(&url).await?;
            if let Some(nonce) = nonce_of(&answer.headers) {
                self.state().nonce = Some(nonce);
            }
            let wanted = self.binding.as_ref().map(Binding::token_type);
            let outcome = read(&answer, self.clock.now(), wanted);
            match &outcome {
                Err(TokenError::OAuth { error, .. }) if error == "use_dpop_nonce" && !answered => {
                    answered = true;
                }
                Err(TokenError::OAuth { error, .. })
                    if matches!(error.as_str(), "invalid_dpop_proof" | "invalid_client")
                        && self.makes_dated()
                        && self.correct(&url, &answer) => {}
                _ => return outcome,
            }
        }
    }

    /// Whether what the request showed has a time in it.
    fn makes_dated(&self) -> bool {
        let dpop = self.binding.as_ref().is_some_and(|binding| binding.kind() == ProofKind::Dpop);
        dpop || matches!(self.authentication, ClientAuthentication::PrivateKeyJwt { .. })
    }

    /// Whether the server's clock explains the refusal.
    fn correct(&self, url: &Url, answer: &Fetched) -> bool {
        let trusted = url.scheme() == "https" || self.fetcher.policy().allow_insecure_loopback;
        self.state().offset.learn(&answer.headers, self.clock.now(), trusted)
    }

    async fn ask(&self, url: &Url) -> Result<Fetched, TokenError> {
        let (nonce, offset) = {
            let state = self.state();
            (state.nonce.clone(), state.offset)
        };
        let now = offset.apply(self.clock.now());
        let presented = self.authentication.present(&self.issuer, now, &self.entropy.uuid())?;
        let bound = self.binding.as_ref();
        let bound =
            bound.map(|binding| binding.ask(url, now, nonce.as_deref(), &self.entropy)).transpose()?;
        let asked = bound.unwrap_or_default();
        let mut parameters = vec![("grant_type", "client_credentials")];
        parameters.extend(self.scope.as_deref().map(|scope| ("scope", scope)));
        parameters.extend(self.resources.iter().map(|resource| ("resource", resource.as_str())));
        parameters.extend(asked.parameters.iter().map(|(name, value)| (*name, value.as_str())));
        parameters.extend(presented.parameters.iter().map(|(name, value)| (*name, value.as_str())));
        let limits = Limits { body: 64 * 1024, total: Duration::from_secs(10), port: url.port() };
        let mut request = Request::post_form(url, &parameters, limits);
        if let Some(authorization) = presented.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        if let Some(proof) = asked.proof {
            request = request.header(DPOP, proof);
        }
        Ok(self.fetcher.send(request).await?)
    }
}

/// RFC 6749 §5.1 and §5.2. `wanted` is the type of a bound token.
fn read(answer: &Fetched, now: i64, wanted: Option<&str>) -> Result<(AccessToken, Duration), TokenError> {
    let status = answer.status.as_u16();
    let refuse = |reason| TokenError::Answer { status, reason };
    let mut body = json::parse_object(&answer.bytes).map_err(|_| refuse("not a JSON object"))?;
    let text =
        |body: &Map<String, Value>, name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
    if answer.status != StatusCode::OK {
        let error = text(&body, "error").ok_or_else(|| refuse("no error code"))?;
        let description = text(&body, "error_description").map(|text| printable(&text));
        let retry_after = answer.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        return Err(TokenError::OAuth { status, error: printable(&error), description, retry_after });
    }
    // A type that asks for a proof is of no use to a client that makes none (RFC 6749 §7.1), and one that needs none is
    // not what a client wants that makes them: it would be good in a thief's hands (RFC 9449 §5).
    let token_type = text(&body, "token_type").ok_or_else(|| refuse("no token_type"))?;
    if !token_type.eq_ignore_ascii_case(wanted.unwrap_or("Bearer")) {
        return Err(TokenError::TokenType(printable(&token_type)));
    }
    let Some(Value::String(value)) = body.remove("access_token") else {
        return Err(refuse("no access_token"));
    };
    let value = Zeroizing::new(value);
    if value.is_empty() || !value.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(refuse("access_token is not printable text"));
    }
    let lifetime = match body.get("expires_in") {
        None => UNNAMED,
        // 24 h is more than any token of the network lives; it keeps the sums in range.
        Some(seconds) => seconds.as_u64().ok_or_else(|| refuse("expires_in is not a number"))?.min(86_400),
    };
    let token = AccessToken {
        value: Secret::new(value.as_str()),
        scope: text(&body, "scope"),
        expires_at: now.saturating_add_unsigned(lifetime),
        is_bound: wanted.is_some(),
    };
    Ok((token, Duration::from_secs(lifetime)))
}

impl fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenSource")
            .field("issuer", &self.0.issuer)
            .field("authentication", &self.0.authentication)
            .field("scope", &self.0.scope)
            .field("resources", &self.0.resources)
            .field("binding", &self.0.binding)
            .finish_non_exhaustive()
    }
}
