use super::{ProofKind, ProofKinds};
use crate::Thumbprint;

/// A proof that fits token and request, and that somebody may have used before.
///
/// A store must take every [`ReplayKey`] of it, and refuse the request if it has one of them already. Only then the
/// sender is confirmed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a proof that is not consumed can be replayed"]
pub struct Checked {
    pub(super) kinds: ProofKinds,
    pub(super) key: Option<Thumbprint>,
    pub(super) certificate: Option<Thumbprint>,
    pub(super) covered: Covered,
    pub(super) replay: Vec<ReplayKey>,
}

/// What must not be seen twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplayKey {
    /// SHA-256 over what identifies the proof: never over its signature, of which there may be two.
    pub digest: [u8; 32],
    /// Until when it must be kept, seconds since 1970 UTC.
    pub keep_until: i64,
}

/// Which parts of the request the sender has signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Covered {
    /// Method, host and path.
    pub target: bool,
    /// The query, all of it.
    pub query: bool,
    /// The body, by its digest; true also of a signature that covers the digest of an empty one.
    pub body: bool,
}

impl Covered {
    /// What both together cover.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self {
            target: self.target || other.target,
            query: self.query || other.query,
            body: self.body || other.body,
        }
    }
}

impl Checked {
    pub(super) const fn bearer() -> Self {
        Self {
            kinds: ProofKinds::NONE,
            key: None,
            certificate: None,
            covered: Covered { target: false, query: false, body: false },
            replay: Vec::new(),
        }
    }

    pub(super) fn by_key(kind: ProofKind, key: Thumbprint, covered: Covered, replay: ReplayKey) -> Self {
        let kinds = ProofKinds::NONE.with(kind);
        Self { kinds, key: Some(key), certificate: None, covered, replay: vec![replay] }
    }

    /// What was proven; empty for a bearer token.
    #[must_use]
    pub const fn kinds(&self) -> ProofKinds {
        self.kinds
    }

    /// The thumbprint of the key that was proven.
    #[must_use]
    pub const fn key(&self) -> Option<Thumbprint> {
        self.key
    }

    /// The thumbprint of the certificate that was proven.
    #[must_use]
    pub const fn certificate(&self) -> Option<Thumbprint> {
        self.certificate
    }

    /// What the sender has signed.
    #[must_use]
    pub const fn covered(&self) -> Covered {
        self.covered
    }

    /// What must not be seen twice; empty where nothing can be replayed: a certificate is proven by its connection.
    #[must_use]
    pub fn replay_keys(&self) -> &[ReplayKey] {
        &self.replay
    }
}
