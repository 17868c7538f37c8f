//! What a route asks of the proof, and how a request's surroundings get to it.

use std::time::Duration;

use carnet_token::proof::{Certificate, ProofKinds};

/// What a route asks of those who use it. Both the route and the issuer's policy must agree to what comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct RouteRules {
    pub(crate) kinds: ProofKinds,
    pub(crate) allow_bearer: bool,
    pub(crate) cover_body: bool,
    pub(crate) body_limit: usize,
    pub(crate) body_timeout: Duration,
}

impl RouteRules {
    /// The careful defaults: every kind of proof, bodies covered by what the sender has signed, at most 1 MiB that
    /// arrives within 30 s. Bearer tokens are left to the issuer's policy, which does not allow them by default.
    pub const fn new() -> Self {
        Self {
            kinds: ProofKinds::ALL,
            allow_bearer: true,
            cover_body: true,
            body_limit: 1024 * 1024,
            body_timeout: Duration::from_secs(30),
        }
    }

    /// The kinds of proof of which one must be there.
    pub const fn kinds(mut self, kinds: ProofKinds) -> Self {
        self.kinds = kinds;
        self
    }

    /// Whether a bearer token will do, if its issuer's policy allows it too.
    pub const fn allow_bearer(mut self, allow: bool) -> Self {
        self.allow_bearer = allow;
        self
    }

    /// Whether a body must be covered by what the sender has signed. Without it `DPoP` and client certificates will do for
    /// a request with a body, and what is in it can be denied.
    pub const fn cover_body(mut self, cover: bool) -> Self {
        self.cover_body = cover;
        self
    }

    /// The largest body in bytes that is read to be compared with a proof.
    pub const fn body_limit(mut self, bytes: usize) -> Self {
        self.body_limit = bytes;
        self
    }

    /// How long a body may take to arrive.
    pub const fn body_timeout(mut self, time: Duration) -> Self {
        self.body_timeout = time;
        self
    }
}

impl Default for RouteRules {
    fn default() -> Self {
        Self::new()
    }
}

/// The client certificate of the connection: the listener puts it into the extensions of each request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientCertificate {
    /// The end-entity certificate in DER. The peer has proven to hold its private key.
    Presented(Vec<u8>),
    /// A header field tells of one, but not one of a proxy that is trusted to tell.
    Untrusted,
}

impl ClientCertificate {
    pub(crate) fn view(certificate: Option<&Self>) -> Certificate<'_> {
        match certificate {
            None => Certificate::None,
            Some(Self::Presented(der)) => Certificate::Presented(der),
            Some(Self::Untrusted) => Certificate::Untrusted,
        }
    }
}
