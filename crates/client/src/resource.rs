//! Requests to resource servers, each with a token and a proof of its own.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use carnet_ambient::{Clock, Entropy};
use carnet_fetch::{FetchError, FetchPolicy, Fetched, Fetcher, Limits, Request};
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, Method, StatusCode};
use url::Url;

use crate::binding::Unproven;
use crate::offset::Offset;
use crate::{AccessToken, TokenError, TokenSource};

pub(crate) const DPOP_NONCE: HeaderName = HeaderName::from_static("dpop-nonce");
/// The largest answer that is read, bytes.
const MAX_ANSWER: usize = 16 * 1024 * 1024;
/// How long a request may take.
const TOTAL: Duration = Duration::from_mins(1);
/// How many servers are remembered.
const MAX_ORIGINS: usize = 1024;

/// Sends requests to resource servers with the tokens of one source, each proven as the source's tokens are bound.
///
/// A nonce that a server asks for is answered once, a wrong clock is corrected once, a token that was refused is renewed
/// once. A bound token is never sent as a bearer token, whatever a server says. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Resource(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    tokens: TokenSource,
    fetcher: Fetcher,
    clock: Clock,
    entropy: Entropy,
    origins: Mutex<HashMap<String, Origin>>,
}

/// What is known of one server: nonces belong to it alone (RFC 9449 §8.2).
#[derive(Clone, Debug, Default)]
struct Origin {
    nonce: Option<String>,
    offset: Offset,
}

/// What a server answered, whatever its status.
#[derive(Clone, Debug)]
pub struct Response {
    /// The status.
    pub status: StatusCode,
    /// The header fields.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

/// Why there is no [`Response`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResourceError {
    /// There is no token, or no proof can be made for this request.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The server could not be asked.
    #[error("the server cannot be reached: {0}")]
    Fetch(#[from] FetchError),
}

impl Resource {
    /// Sends with the tokens of `tokens` what `policy` lets through.
    ///
    /// # Errors
    /// [`FetchError`] when the policy cannot be used.
    pub fn new(tokens: TokenSource, policy: FetchPolicy) -> Result<Self, FetchError> {
        let (clock, entropy) = tokens.surroundings();
        let fetcher = Fetcher::new(policy, clock.clone())?;
        Ok(Self(Arc::new(Inner { tokens, fetcher, clock, entropy, origins: Mutex::default() })))
    }

    /// Sends a request; `headers` are its own fields, with a `Content-Type` if there is a body.
    ///
    /// When the connection breaks, a request that only reads is tried once more, with a proof of its own; whether another
    /// one was carried out, nobody knows.
    ///
    /// # Errors
    /// [`ResourceError`]; an answer of 400 and above is not one.
    pub async fn send(
        &self,
        method: &Method,
        url: &Url,
        headers: &HeaderMap,
        body: impl Into<Bytes>,
    ) -> Result<Response, ResourceError> {
        let body = body.into();
        let (mut answered, mut renewed, mut repeated) = (false, false, false);
        loop {
            let token = self.0.tokens.token().await?;
            let request = self.0.prove(&token, method, url, headers, &body)?;
            let fetched = match self.0.fetcher.send(request).await {
                Err(FetchError::Connect(_) | FetchError::Transport(_)) if method.is_safe() && !repeated => {
                    repeated = true;
                    continue;
                }
                other => other?,
            };
            let refused = Refused::of(&fetched);
            self.0.remember(url, refused.nonce.or_else(|| nonce_of(&fetched.headers)));
            if fetched.status == StatusCode::UNAUTHORIZED {
                match refused.error.as_deref() {
                    Some("use_dpop_nonce" | "use_pop_nonce") if !answered => {
                        answered = true;
                        continue;
                    }
                    Some("invalid_dpop_proof" | "invalid_pop_proof") if self.0.correct(url, &fetched) => {
                        continue;
                    }
                    Some("invalid_token") if !renewed => {
                        renewed = true;
                        self.0.tokens.invalidate(&token);
                        continue;
                    }
                    _ => {}
                }
            }
            return Ok(Response { status: fetched.status, headers: fetched.headers, body: fetched.bytes });
        }
    }
}

impl Inner {
    fn origins(&self) -> MutexGuard<'_, HashMap<String, Origin>> {
        self.origins.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn prove(
        &self,
        token: &AccessToken,
        method: &Method,
        url: &Url,
        headers: &HeaderMap,
        body: &Bytes,
    ) -> Result<Request, TokenError> {
        let known = self.origins().get(&origin(url)).cloned().unwrap_or_default();
        let now = known.offset.apply(self.clock.now());
        let mut own = headers.clone();
        // Whatever the caller has put there: there is one token, and it is this one.
        own.remove(AUTHORIZATION);
        let added = match self.tokens.binding() {
            Some(binding) => {
                let unproven = Unproven { method: method.as_str(), url, headers: &own, body };
                binding.prove(token, &unproven, now, known.nonce.as_deref(), &self.entropy)?
            }
            None => token.authorization().map(|value| (AUTHORIZATION, value)).into_iter().collect(),
        };
        let limits = Limits { body: MAX_ANSWER, total: TOTAL, port: url.port() };
        let mut request = Request::new(method.clone(), url, limits).body(body.clone());
        for (name, value) in own.iter().chain(&added) {
            request = request.header(name.clone(), value.clone());
        }
        Ok(request)
    }

    fn remember(&self, url: &Url, nonce: Option<String>) {
        let Some(nonce) = nonce else { return };
        let mut origins = self.origins();
        if origins.len() >= MAX_ORIGINS && !origins.contains_key(&origin(url)) {
            origins.clear();
        }
        origins.entry(origin(url)).or_default().nonce = Some(nonce);
    }

    /// Whether the server's clock explains the refusal.
    fn correct(&self, url: &Url, fetched: &Fetched) -> bool {
        let trusted = url.scheme() == "https" || self.fetcher.policy().allow_insecure_loopback;
        let mut origins = self.origins();
        let offset = &mut origins.entry(origin(url)).or_default().offset;
        offset.learn(&fetched.headers, self.clock.now(), trusted)
    }
}

/// Scheme, host and port.
fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

/// What a challenge says.
struct Refused {
    error: Option<String>,
    nonce: Option<String>,
}

impl Refused {
    fn of(fetched: &Fetched) -> Self {
        let challenges: Vec<&str> = fetched
            .headers
            .get_all(WWW_AUTHENTICATE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .collect();
        let parameter = |name: &str| challenges.iter().find_map(|challenge| quoted(challenge, name));
        Self { error: parameter("error"), nonce: parameter("nonce") }
    }
}

/// The value of `name="…"`; a name that ends in this one does not count.
fn quoted(challenge: &str, name: &str) -> Option<String> {
    let start = format!("{name}=\"");
    let mut from = 0;
    while let Some(at) = challenge.get(from..)?.find(&start) {
        let at = from + at;
        let before = challenge[..at].chars().next_back();
        if before.is_none_or(|before| matches!(before, ' ' | ',')) {
            let value = &challenge[at + start.len()..];
            return value.split_once('"').map(|(value, _)| value.to_owned());
        }
        from = at + start.len();
    }
    None
}

pub(crate) fn nonce_of(headers: &HeaderMap) -> Option<String> {
    let nonce = headers.get(DPOP_NONCE)?.to_str().ok()?;
    // RFC 9449 §8.1: NQCHAR; and no longer than what goes well in a proof.
    let fits = |byte: u8| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
    (!nonce.is_empty() && nonce.len() <= 256 && nonce.bytes().all(fits)).then(|| nonce.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_is_read_by_whole_names() {
        let challenge = "PoP realm=\"x\", other_error=\"no\", error=\"use_pop_nonce\", nonce=\"n-1\"";
        assert_eq!(quoted(challenge, "error").as_deref(), Some("use_pop_nonce"));
        assert_eq!(quoted(challenge, "nonce").as_deref(), Some("n-1"));
        assert_eq!(quoted(challenge, "scope"), None);
        assert_eq!(quoted("PoP xerror=\"a\"", "error"), None);
        assert_eq!(quoted("PoP error=\"a", "error"), None);
    }

    #[test]
    fn a_nonce_that_no_proof_could_carry_is_ignored() {
        let told = |nonce: &str| nonce_of(&HeaderMap::from_iter([(DPOP_NONCE, nonce.parse().unwrap())]));
        assert_eq!(told("n-1").as_deref(), Some("n-1"));
        for nonce in ["", "a b", "a\"b", &"n".repeat(257)] {
            assert_eq!(told(nonce), None, "{nonce}");
        }
    }
}
