//! The decision: from a request to an [`Identity`] or a [`Challenge`].

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use carnet_token::access_token::Unverified;
use carnet_token::proof::nonce::{NonceCheck, NonceKey};
use carnet_token::proof::{
    Body, Certificate, NonceRule, Presentation, ProofError, ProofKind, ProofKinds, ProofRules, RequestView,
    Scheme, Window,
};
use carnet_token::{AccessToken, Algorithm, IssuerRules};
use http::header::{AUTHORIZATION, CONTENT_LENGTH, TRANSFER_ENCODING};
use http::request::Parts;
use http::{HeaderMap, Method};

use crate::challenge::Dress;
use crate::client_keys::ClientKeys;
use crate::keys::{IssuerKeys, Shared};
use crate::origin::Origin;
use crate::replay::Confirmed;
use crate::revocation::Feed;
use crate::{
    Challenge, Claimant, ClientCertificate, FeedState, Identity, IssuerStatus, Proof, Reason, Refusal,
    ReplayError, ReplayStore, RouteRules, TakeFeedError, VerifierBuilder,
};

/// Decides who is asking. Cheap to clone; all clones share one set of keys.
#[derive(Clone)]
pub struct Verifier {
    settings: Arc<Settings>,
    /// Under which address this one is reached; clones for co-hosted servers have others.
    origin: Arc<Origin>,
}

pub(crate) struct Settings {
    pub(crate) audiences: Vec<String>,
    pub(crate) issuers: HashMap<String, Issuer>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) skew: i64,
    pub(crate) realm: String,
    pub(crate) resource_metadata: Option<String>,
    pub(crate) explain: bool,
    pub(crate) legacy_no_typ: bool,
    pub(crate) replay: Arc<dyn ReplayStore>,
    pub(crate) nonces: Nonces,
    /// The longest window of all issuers.
    pub(crate) longest: Window,
    /// The latest time that was seen: it never goes back.
    pub(crate) latest: AtomicI64,
}

/// The nonces of this server.
pub(crate) struct Nonces {
    pub(crate) key: NonceKey,
    pub(crate) required: bool,
}

/// One trusted issuer: its rules follow its tokens and nobody else's.
pub(crate) struct Issuer {
    pub(crate) rules: IssuerRules,
    pub(crate) allow_bearer: bool,
    pub(crate) proofs: ProofKinds,
    pub(crate) window: Window,
    pub(crate) keys: Arc<IssuerKeys>,
    pub(crate) client_keys: Arc<ClientKeys>,
    pub(crate) feed: Arc<Feed>,
}

/// How far a request has come: its access token is good, and the proof is still to be compared with the body.
pub(crate) struct Validated<'a> {
    shown: Presentation<'a>,
    token: AccessToken,
    issuer: &'a Issuer,
    registered: Option<Arc<carnet_token::PublicKey>>,
}

impl Verifier {
    /// A verifier for the resource server that answers to `audience` (the identifier under which it is
    /// registered with its IAP).
    pub fn builder(audience: impl Into<String>) -> VerifierBuilder {
        VerifierBuilder::new(audience.into())
    }

    pub(crate) fn new(settings: Settings, origin: Origin) -> Self {
        Self { settings: Arc::new(settings), origin: Arc::new(origin) }
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The same verifier for another address of the same process: a proof that was made for one is refused at the other.
    /// `None` when this is no absolute http(s) URL.
    #[must_use]
    pub fn at_origin(&self, url: &str) -> Option<Self> {
        Some(Self { settings: Arc::clone(&self.settings), origin: Arc::new(Origin::of(url)?) })
    }

    /// Decide about a request by its head: for requests without a body.
    ///
    /// A proof that would have to be compared with a body is refused with a 500: see [`Verifier::verify_with_body`] and,
    /// for axum, [`AuthenticateLayer`](crate::AuthenticateLayer).
    ///
    /// # Errors
    /// The [`Challenge`] to answer with.
    pub async fn verify(&self, parts: &Parts) -> Result<Identity, Challenge> {
        let body = if may_have_body(&parts.method, &parts.headers) { Body::Unread } else { Body::Empty };
        self.verify_with_body(parts, body, RouteRules::new()).await
    }

    /// Decide about a request by its head, the digest of its body and the rules of its route.
    ///
    /// The client certificate is taken from the [`ClientCertificate`] in the extensions.
    ///
    /// # Errors
    /// The [`Challenge`] to answer with.
    pub async fn verify_with_body(
        &self,
        parts: &Parts,
        body: Body<'_>,
        route: RouteRules,
    ) -> Result<Identity, Challenge> {
        let headers = header_lines(&parts.headers);
        let request = self.view(parts, &headers);
        let validated = self.validate(&request).await?;
        self.confirm(validated, &RequestView { body, ..request }, route).await
    }

    /// A request as proofs see it, before its body is read.
    pub(crate) fn view<'a>(
        &'a self,
        parts: &'a Parts,
        headers: &'a [(&'a str, &'a [u8])],
    ) -> RequestView<'a> {
        RequestView {
            method: parts.method.as_str(),
            scheme: &self.origin.scheme,
            authority: &self.origin.authority,
            path: parts.uri.path(),
            query: parts.uri.query(),
            headers,
            body: Body::Unread,
            certificate: ClientCertificate::view(parts.extensions.get::<ClientCertificate>()),
        }
    }

    /// Decide about an access token that came without any proof, as if it came with a request that changes something.
    ///
    /// # Errors
    /// The [`Challenge`] to answer with.
    pub async fn verify_bearer(&self, token: &str) -> Result<Identity, Challenge> {
        self.verify_bearer_for(&Method::POST, token).await
    }

    /// Decide about an access token that came without any proof, with a request of this method.
    ///
    /// The method counts while it is not known what was revoked (see [`FeedRules`](crate::FeedRules)).
    ///
    /// # Errors
    /// The [`Challenge`] to answer with.
    pub async fn verify_bearer_for(&self, method: &Method, token: &str) -> Result<Identity, Challenge> {
        let request = RequestView {
            method: method.as_str(),
            scheme: &self.origin.scheme,
            authority: &self.origin.authority,
            path: "/",
            query: None,
            headers: &[],
            body: Body::Empty,
            certificate: Certificate::None,
        };
        let validated = self.validate_shown(Presentation::bearer(token), method.is_safe()).await?;
        self.confirm(validated, &request, RouteRules::new()).await
    }

    /// Everything but the proof: the cheap checks, then the issuer's key, then the rest. A key is fetched only for an
    /// issuer that is trusted and a token that could still be accepted.
    pub(crate) async fn validate<'a>(
        &'a self,
        request: &RequestView<'a>,
    ) -> Result<Validated<'a>, Challenge> {
        let shown = Presentation::of(request, self.settings.legacy_no_typ)
            .map_err(|error| self.refuse(Reason::of_shown(error), scheme_of(request), None))?;
        self.validate_shown(shown, is_safe(request.method)).await
    }

    async fn validate_shown<'a>(
        &'a self,
        shown: Presentation<'a>,
        safe: bool,
    ) -> Result<Validated<'a>, Challenge> {
        let scheme = Some(shown.scheme());
        let mut known = None;
        let (token, issuer) = self
            .decide(shown.access_token(), safe, &mut known)
            .await
            .map_err(|reason| self.refuse(reason, scheme, known))?;
        let registered = if shown.wants_registered_key(&token) {
            let found = issuer.client_keys.find(&token).await;
            Some(found.map_err(|reason| self.refuse(reason, scheme, known))?)
        } else {
            None
        };
        Ok(Validated { shown, token, issuer, registered })
    }

    async fn decide<'a>(
        &'a self,
        token: &str,
        safe: bool,
        known: &mut Option<&'a str>,
    ) -> Result<(AccessToken, &'a Issuer), Reason> {
        let settings = &*self.settings;
        let unverified = Unverified::parse(token).map_err(Reason::Token)?;
        // Exactly equal: no case folding, no trailing slash, no default port.
        let (name, issuer) = settings
            .issuers
            .get_key_value(unverified.unverified_issuer())
            .ok_or(Reason::Token(Refusal::UntrustedIssuer))?;
        *known = Some(name);
        unverified
            .precheck(&issuer.rules, &settings.audiences, self.now(), settings.skew)
            .map_err(Reason::Token)?;
        let key = issuer.keys.find(unverified.kid(), unverified.algorithm()).await?;
        let token = unverified
            .verify(&issuer.rules, &key, &settings.audiences, self.now(), settings.skew)
            .map_err(Reason::Token)?;
        issuer.feed.admit(&token, &key, safe).await?;
        Ok((token, issuer))
    }

    /// The last check: is the sender the one that the token was given to? A proof is used up by it.
    pub(crate) async fn confirm(
        &self,
        validated: Validated<'_>,
        request: &RequestView<'_>,
        route: RouteRules,
    ) -> Result<Identity, Challenge> {
        let scheme = validated.shown.scheme();
        let issuer = validated.issuer.rules.issuer.as_str();
        match self.prove(&validated, request, route).await {
            Ok(proof) => {
                let identity = Identity::new(validated.token, proof, scheme);
                tracing::debug!(
                    issuer,
                    client_id = identity.client_id,
                    jti = identity.token.jti(),
                    proof = identity.proof.name(),
                    "access token accepted"
                );
                Ok(identity)
            }
            Err(reason) => Err(self.refuse(reason, Some(scheme), Some(issuer))),
        }
    }

    async fn prove(
        &self,
        validated: &Validated<'_>,
        request: &RequestView<'_>,
        route: RouteRules,
    ) -> Result<Proof, Reason> {
        let (settings, issuer, token) = (&*self.settings, validated.issuer, &validated.token);
        let now = self.now();
        // What was used before a start is not known for as long as such a proof could still be good.
        let made_after = settings.replay.lost_before().map(|start| start + settings.longest.skew);
        let starting = made_after.is_some_and(|edge| now <= edge);
        let nonces: &dyn NonceCheck = &settings.nonces.key;

        let rules = ProofRules {
            kinds: issuer.proofs.iter().filter(|kind| route.kinds.contains(*kind)).collect(),
            allow_bearer: issuer.allow_bearer && route.allow_bearer,
            cover_body: route.cover_body,
            algorithms: &Algorithm::ALL,
            window: issuer.window,
            longest: settings.longest,
            made_after,
            nonce: match (settings.nonces.required, starting) {
                (true, _) => NonceRule::Required(nonces),
                (false, true) => NonceRule::Starting(nonces),
                (false, false) => NonceRule::Ignored,
            },
        };
        let checked = validated
            .shown
            .check(token, validated.registered.as_deref(), request, &rules, now)
            .map_err(|error| match (error, made_after) {
                (ProofError::MadeBeforeStart, Some(edge)) if starting => {
                    Reason::Starting { retry_after: u64::try_from(edge - now + 1).unwrap_or(1) }
                }
                (error, _) => Reason::of_proof(error, validated.shown.scheme()),
            })?;
        let company = token.iol_identifier().or(token.agent_uri()).or(token.client_id()).or(token.subject());
        let claimant =
            Claimant { issuer: token.issuer(), company: company.unwrap_or_default(), key: checked.key() };
        let confirmed = Confirmed::consume(&*settings.replay, &claimant, checked, now).await;
        let confirmed = confirmed.map_err(|error| match error {
            ReplayError::Replayed => Reason::Replayed,
            ReplayError::Full { retry_after } => Reason::ReplayStoreFull { retry_after },
            ReplayError::Unavailable => Reason::ReplayStoreUnavailable { retry_after: 2 },
        })?;
        Ok(confirmed.into_proof())
    }

    /// Seconds since 1970 UTC. Time never goes back: what was used while the clock was ahead has been forgotten when it
    /// comes to that time again.
    fn now(&self) -> i64 {
        let now = self.settings.shared.clock.now();
        let latest = self.settings.latest.fetch_max(now, Ordering::Relaxed);
        if latest > now.saturating_add(self.settings.longest.skew) {
            tracing::warn!(
                seconds = latest - now,
                "the clock was set back: proofs are judged by the latest time seen"
            );
        }
        now.max(latest)
    }

    pub(crate) fn refuse(&self, reason: Reason, scheme: Option<Scheme>, issuer: Option<&str>) -> Challenge {
        // For whoever looks for more: the refusal itself is logged once, by the server that gives it.
        tracing::debug!(issuer, reason = reason.code(), detail = reason.detail(), "request refused");
        self.dress(Challenge::of(reason).under(scheme))
    }

    /// Give a challenge that was made elsewhere (a missing scope) the realm of this server.
    #[must_use]
    pub fn dress(&self, challenge: Challenge) -> Challenge {
        let settings = &*self.settings;
        challenge.dressed(&Dress {
            realm: &settings.realm,
            resource_metadata: settings.resource_metadata.as_deref(),
            explain: settings.explain,
            kinds: self.spoken_kinds(),
            bearer: self.speaks_bearer(),
            nonce: self.nonce(),
        })
    }

    /// The kinds of proof of which some issuer's clients may show one.
    pub(crate) fn spoken_kinds(&self) -> ProofKinds {
        self.settings.issuers.values().flat_map(|issuer| issuer.proofs.iter()).collect()
    }

    /// Whether some issuer's bearer tokens are accepted.
    pub(crate) fn speaks_bearer(&self) -> bool {
        self.settings.issuers.values().any(|issuer| issuer.allow_bearer)
    }

    /// The nonce to hand out now (RFC 9449 §8.2, header field `DPoP-Nonce`).
    #[must_use]
    pub fn nonce(&self) -> String {
        self.settings.nonces.key.current(self.now())
    }

    /// Whether proofs must carry a nonce of this server: then every answer may carry the next one.
    #[must_use]
    pub fn requires_nonces(&self) -> bool {
        self.settings.nonces.required
    }

    /// Fetch all key sets and revocation feeds now rather than at the first request. A feed that cannot be had is no
    /// failure here: see [`Verifier::feed_state`].
    ///
    /// # Errors
    /// The issuers whose keys cannot be had; they are tried again when needed.
    pub async fn warm_up(&self) -> Result<(), Vec<String>> {
        let mut failed = Vec::new();
        for (name, issuer) in &self.settings.issuers {
            match issuer.keys.warm().await {
                Ok(()) => issuer.feed.warm().await,
                Err(_) => failed.push(name.clone()),
            }
        }
        if failed.is_empty() { Ok(()) } else { Err(failed) }
    }

    /// Poll every revocation feed whose time has come, and wait for polls that are under way.
    ///
    /// This happens by itself, in the background, from the first request or [`Verifier::warm_up`] on. For tests that
    /// move the clock.
    pub async fn poll_feeds(&self) {
        for issuer in self.settings.issuers.values() {
            issuer.feed.poll().await;
        }
    }

    /// Take a revocation feed that somebody brings, for an issuer with
    /// [`RevocationSource::Local`](crate::RevocationSource::Local). Gives its number back.
    ///
    /// # Errors
    /// [`TakeFeedError`]; what was known before stays known.
    pub fn take_feed(&self, issuer: &str, feed: &str) -> Result<u64, TakeFeedError> {
        let issuer = self.settings.issuers.get(issuer).ok_or(TakeFeedError::UnknownIssuer)?;
        issuer.feed.take(feed)
    }

    /// How things stand with the revocation feed of `issuer`; `None` if it is not trusted.
    #[must_use]
    pub fn feed_state(&self, issuer: &str) -> Option<FeedState> {
        self.settings.issuers.get(issuer).map(|issuer| issuer.feed.state())
    }

    /// How things stand with the revocation feed of each issuer.
    #[must_use]
    pub fn feed_states(&self) -> Vec<FeedState> {
        self.settings.issuers.values().map(|issuer| issuer.feed.state()).collect()
    }

    /// How things stand with the keys of each issuer.
    #[must_use]
    pub fn status(&self) -> Vec<IssuerStatus> {
        self.settings.issuers.values().map(|issuer| issuer.keys.status()).collect()
    }
}

#[cfg(feature = "axum")]
impl Validated<'_> {
    /// Whether the proof is compared with the body, so that it must be read first.
    pub(crate) fn wants_body(&self) -> bool {
        self.token.confirmation().is_some()
    }
}

/// Every field line, in the order of the wire as far as it matters: lines of one name keep theirs.
pub(crate) fn header_lines(headers: &HeaderMap) -> Vec<(&str, &[u8])> {
    headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect()
}

/// Whether a handler could find something to read.
fn may_have_body(method: &Method, headers: &HeaderMap) -> bool {
    let length = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    // HTTP/2 needs neither field for a body; of these methods it would mean nothing (RFC 9110 §9.3).
    let bodiless = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE);
    !bodiless && length != Some("0")
        || headers.contains_key(TRANSFER_ENCODING)
        || length.is_some_and(|length| length != "0")
}

/// RFC 9110 §9.2.1.
fn is_safe(method: &str) -> bool {
    method.parse::<Method>().is_ok_and(|method| method.is_safe())
}

/// The scheme of a field that could not be taken apart: the challenge answers in it.
fn scheme_of(request: &RequestView<'_>) -> Option<Scheme> {
    let field = request.fields(AUTHORIZATION.as_str()).next()?;
    let text = std::str::from_utf8(field).ok()?;
    Scheme::named(text.split(' ').next().unwrap_or_default())
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier")
            .field("audiences", &self.settings.audiences)
            .field("issuers", &self.settings.issuers.keys())
            .field("origin", &self.origin.url())
            .finish_non_exhaustive()
    }
}

/// What a proof of this kind is called in a challenge.
pub(crate) const fn is_pop(kind: ProofKind) -> bool {
    matches!(kind, ProofKind::Shr | ProofKind::MessageSignature)
}
