//! The decision: from a request to an [`Identity`] or a [`Challenge`].

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use carnet_token::access_token::Unverified;
use carnet_token::{AccessToken, IssuerRules};
use http::request::Parts;
use http::{HeaderMap, Method};

use crate::credentials::Credentials;
use crate::keys::{IssuerKeys, Shared};
use crate::revocation::Feed;
use crate::{
    Challenge, FeedState, Identity, IssuerStatus, Proof, Reason, Refusal, TakeFeedError, VerifierBuilder,
};

/// Decides who is asking. Cheap to clone; all clones share one set of keys.
#[derive(Clone)]
pub struct Verifier(Arc<Settings>);

pub(crate) struct Settings {
    pub(crate) audiences: Vec<String>,
    pub(crate) issuers: HashMap<String, Issuer>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) skew: i64,
    pub(crate) realm: String,
    pub(crate) resource_metadata: Option<String>,
    pub(crate) explain: bool,
}

/// One trusted issuer: its rules follow its tokens and nobody else's.
pub(crate) struct Issuer {
    pub(crate) rules: IssuerRules,
    pub(crate) allow_bearer: bool,
    pub(crate) keys: Arc<IssuerKeys>,
    pub(crate) feed: Arc<Feed>,
}

impl Verifier {
    /// A verifier for the resource server that answers to `audience` (the identifier under which it is
    /// registered with its IAP).
    pub fn builder(audience: impl Into<String>) -> VerifierBuilder {
        VerifierBuilder::new(audience.into())
    }

    pub(crate) fn new(settings: Settings) -> Self {
        Self(Arc::new(settings))
    }

    /// Decide about a request by its head.
    ///
    /// # Errors
    /// The [`Challenge`] to answer with.
    pub async fn verify(&self, parts: &Parts) -> Result<Identity, Challenge> {
        self.verify_headers(&parts.method, &parts.headers, parts.uri.query()).await
    }

    /// Decide about a request by its method, header fields and query, for servers without [`http::request::Parts`].
    ///
    /// # Errors
    /// The [`Challenge`] to answer with.
    pub async fn verify_headers(
        &self,
        method: &Method,
        headers: &HeaderMap,
        query: Option<&str>,
    ) -> Result<Identity, Challenge> {
        match Credentials::of(headers, query) {
            Ok(Credentials::Bearer(token)) => self.verify_bearer_for(method, token).await,
            Err(reason) => Err(self.refuse(reason, None)),
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
        let mut issuer = None;
        let decision = self.decide(token, &Presented::Bearer, method.is_safe(), &mut issuer).await;
        match decision {
            Ok(identity) => {
                tracing::debug!(
                    issuer,
                    client_id = identity.client_id,
                    jti = identity.token.jti(),
                    "access token accepted"
                );
                Ok(identity)
            }
            Err(reason) => Err(self.refuse(reason, issuer)),
        }
    }

    /// The cheap checks, then the key, then everything else. A key is fetched only for an issuer that is
    /// trusted and a token that could still be accepted.
    async fn decide<'a>(
        &'a self,
        token: &str,
        presented: &Presented,
        safe: bool,
        known: &mut Option<&'a str>,
    ) -> Result<Identity, Reason> {
        let (settings, clock) = (&*self.0, &self.0.shared.clock);
        let unverified = Unverified::parse(token).map_err(Reason::Token)?;
        // Exactly equal: no case folding, no trailing slash, no default port.
        let (name, issuer) = settings
            .issuers
            .get_key_value(unverified.unverified_issuer())
            .ok_or(Reason::Token(Refusal::UntrustedIssuer))?;
        *known = Some(name);
        unverified
            .precheck(&issuer.rules, &settings.audiences, clock.now(), settings.skew)
            .map_err(Reason::Token)?;
        let key = issuer.keys.find(unverified.kid(), unverified.algorithm()).await?;
        let token = unverified
            .verify(&issuer.rules, &key, &settings.audiences, clock.now(), settings.skew)
            .map_err(Reason::Token)?;
        issuer.feed.admit(&token, &key, safe).await?;
        let proof = confirm(issuer, &token, presented)?;
        Ok(Identity::new(token, proof))
    }

    fn refuse(&self, reason: Reason, issuer: Option<&str>) -> Challenge {
        // For whoever looks for more: the refusal itself is logged once, by the server that gives it.
        tracing::debug!(issuer, reason = reason.code(), detail = reason.detail(), "request refused");
        self.dress(Challenge::of(reason))
    }

    /// Give a challenge that was made elsewhere (a missing scope) the realm of this server.
    #[must_use]
    pub fn dress(&self, challenge: Challenge) -> Challenge {
        let settings = &*self.0;
        challenge.dressed(&settings.realm, settings.resource_metadata.as_deref(), settings.explain)
    }

    /// Fetch all key sets and revocation feeds now rather than at the first request. A feed that cannot be had is no
    /// failure here: see [`Verifier::feed_state`].
    ///
    /// # Errors
    /// The issuers whose keys cannot be had; they are tried again when needed.
    pub async fn warm_up(&self) -> Result<(), Vec<String>> {
        let mut failed = Vec::new();
        for (name, issuer) in &self.0.issuers {
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
        for issuer in self.0.issuers.values() {
            issuer.feed.poll().await;
        }
    }

    /// Take a revocation feed that somebody brings, for an issuer with
    /// [`RevocationSource::Local`](crate::RevocationSource::Local). Gives its number back.
    ///
    /// # Errors
    /// [`TakeFeedError`]; what was known before stays known.
    pub fn take_feed(&self, issuer: &str, feed: &str) -> Result<u64, TakeFeedError> {
        let issuer = self.0.issuers.get(issuer).ok_or(TakeFeedError::UnknownIssuer)?;
        issuer.feed.take(feed)
    }

    /// How things stand with the revocation feed of `issuer`; `None` if it is not trusted.
    #[must_use]
    pub fn feed_state(&self, issuer: &str) -> Option<FeedState> {
        self.0.issuers.get(issuer).map(|issuer| issuer.feed.state())
    }

    /// How things stand with the revocation feed of each issuer.
    #[must_use]
    pub fn feed_states(&self) -> Vec<FeedState> {
        self.0.issuers.values().map(|issuer| issuer.feed.state()).collect()
    }

    /// How things stand with the keys of each issuer.
    #[must_use]
    pub fn status(&self) -> Vec<IssuerStatus> {
        self.0.issuers.values().map(|issuer| issuer.keys.status()).collect()
    }
}

/// What came with the access token. Each proof adds a variant that carries what is needed to check it.
enum Presented {
    Bearer,
}

/// The last check: is the sender the one that the token was given to?
fn confirm(issuer: &Issuer, token: &AccessToken, presented: &Presented) -> Result<Proof, Reason> {
    match presented {
        // A bound token without its proof is a stolen one, whatever the policy says.
        Presented::Bearer if token.confirmation().is_some() => Err(Reason::ProofMissing),
        Presented::Bearer if !issuer.allow_bearer => Err(Reason::BearerNotAllowed),
        Presented::Bearer => Ok(Proof::Bearer),
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier")
            .field("audiences", &self.0.audiences)
            .field("issuers", &self.0.issuers.keys())
            .finish_non_exhaustive()
    }
}
