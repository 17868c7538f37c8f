//! Whom to trust, and how far.

use carnet_fetch::Clamps;
use carnet_token::proof::{ProofKinds, Window};
use carnet_token::{Algorithm, ClaimNames, IssuerRules, KeySet, TokenProfile};
use url::Url;

use crate::{ClientKeySource, RevocationSource};

/// One issuer that is trusted, and how far.
///
/// Everything is per issuer and nothing is global: the rules that apply to a token are those of the issuer
/// whose key verified it.
#[derive(Clone, Debug)]
pub struct IssuerPolicy {
    pub(crate) rules: IssuerRules,
    pub(crate) allow_bearer: bool,
    pub(crate) proofs: ProofKinds,
    pub(crate) window: Window,
    pub(crate) client_keys: ClientKeySource,
    pub(crate) keys: KeySource,
    pub(crate) revocations: Option<RevocationSource>,
    pub(crate) key_hosts: Vec<String>,
    pub(crate) clamps: Clamps,
}

/// Where the keys of an issuer come from. Never from a token.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum KeySource {
    /// From `jwks_uri` of the issuer's metadata (OpenID Connect Discovery §4, RFC 8414 §3).
    Discovery,
    /// From this URL.
    Url(Url),
    /// From here, for ever: for closed networks and tests.
    Static(KeySet),
}

impl IssuerPolicy {
    /// Trust one's own IAP: keys by discovery, RFC 9068 tokens that are bound to their sender, every kind of proof.
    ///
    /// `issuer` is compared exactly: a trailing slash makes another issuer.
    #[must_use]
    pub fn new(issuer: impl Into<String>) -> Self {
        Self {
            rules: IssuerRules::new(issuer),
            allow_bearer: false,
            proofs: ProofKinds::ALL,
            window: Window::DEFAULT,
            client_keys: ClientKeySource::Issuer,
            keys: KeySource::Discovery,
            revocations: None,
            key_hosts: Vec::new(),
            clamps: Clamps::own(),
        }
    }

    /// Trust somebody else's IAP: as [`IssuerPolicy::new`], but its keys are kept for 15 min at most and
    /// outlive a failing server by less than an hour, and it is not asked for the keys of its clients: their proofs
    /// carry them.
    #[must_use]
    pub fn foreign(issuer: impl Into<String>) -> Self {
        Self { clamps: Clamps::foreign(), client_keys: ClientKeySource::Off, ..Self::new(issuer) }
    }

    /// Accept tokens that are not bound to their sender. Off by default: whoever steals one can use it.
    #[must_use]
    pub fn allow_bearer(mut self, allow: bool) -> Self {
        self.allow_bearer = allow;
        self
    }

    /// The kinds of proof by which clients of this issuer may use their tokens; by default all.
    #[must_use]
    pub fn proofs(mut self, kinds: ProofKinds) -> Self {
        self.proofs = kinds;
        self
    }

    /// How old a proof may be; by default 60 s, and 30 s of difference between clocks.
    #[must_use]
    pub fn proof_window(mut self, window: Window) -> Self {
        self.window = window;
        self
    }

    /// Where the registered keys of its clients come from, for tokens that only name one.
    #[must_use]
    pub fn client_keys(mut self, source: ClientKeySource) -> Self {
        self.client_keys = source;
        self
    }

    /// The algorithms that this issuer signs with; by default RS256, PS256, ES256 and `EdDSA`.
    #[must_use]
    pub fn algorithms(mut self, algorithms: impl Into<Vec<Algorithm>>) -> Self {
        self.rules.algorithms = algorithms.into();
        self
    }

    /// Accept `typ: JWT` beside `at+jwt`: for issuers that follow the letter of ONE Record 2.x.
    #[must_use]
    pub fn typ_jwt_allowed(mut self, allowed: bool) -> Self {
        self.rules.typ_jwt_allowed = allowed;
        self
    }

    /// What the issuer promises about its tokens.
    ///
    /// [`TokenProfile::OneRecord2x`] accepts tokens without an audience: another server that was given such a
    /// token can use it here. Building a verifier with it writes a warning.
    #[must_use]
    pub fn profile(mut self, profile: TokenProfile) -> Self {
        self.rules.profile = profile;
        self
    }

    /// The longest lifetime of a token in seconds (`exp` − `iat`), by default 3600; `None`: any.
    #[must_use]
    pub fn max_token_lifetime(mut self, seconds: Option<i64>) -> Self {
        self.rules.max_token_lifetime = seconds;
        self
    }

    /// The URI prefixes under which this issuer may name companies; without them: any.
    #[must_use]
    pub fn uri_prefixes(mut self, prefixes: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.rules.uri_prefixes = Some(prefixes.into_iter().map(Into::into).collect());
        self
    }

    /// The names of the ONE Record claims, if the issuer calls them differently.
    #[must_use]
    pub fn claim_names(mut self, names: ClaimNames) -> Self {
        self.rules.claim_names = names;
        self
    }

    /// Where its keys come from.
    #[must_use]
    pub fn keys(mut self, source: KeySource) -> Self {
        self.keys = source;
        self
    }

    /// Where its revocation feed comes from; by default [`RevocationSource::Discovery`] when its keys are found by
    /// discovery, and [`RevocationSource::Off`] otherwise.
    #[must_use]
    pub fn revocations(mut self, source: RevocationSource) -> Self {
        self.revocations = Some(source);
        self
    }

    pub(crate) fn revocation_source(&self) -> RevocationSource {
        match (&self.revocations, &self.keys) {
            (Some(chosen), _) => chosen.clone(),
            (None, KeySource::Discovery) => RevocationSource::Discovery,
            (None, _) => RevocationSource::Off,
        }
    }

    /// Let the metadata point to a key set on another host, given as `host` or `host:port`.
    #[must_use]
    pub fn allow_key_host(mut self, host: impl Into<String>) -> Self {
        self.key_hosts.push(host.into());
        self
    }

    /// The bounds on how long its keys are kept.
    #[must_use]
    pub fn clamps(mut self, clamps: Clamps) -> Self {
        self.clamps = clamps;
        self
    }
}
