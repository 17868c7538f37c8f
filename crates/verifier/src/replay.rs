//! Proofs are good once: the store that knows what was used, and the only way from a checked proof to a confirmed one.

mod memory;

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use carnet_token::Thumbprint;
use carnet_token::proof::{Checked, Covered, ProofKind, ProofKinds, ReplayKey};

pub use memory::{MemoryReplayStore, ReplayLimits, ReplayUse};

/// Knows which proofs were used.
///
/// A store must never forget a key before its `keep_until`: what it cannot keep, it refuses. Several nodes that answer
/// to one name need one store between them, or each of them accepts a proof once.
pub trait ReplayStore: Send + Sync + fmt::Debug {
    /// Takes all `keys` or none. `now` is seconds since 1970 UTC.
    ///
    /// # Errors
    /// [`ReplayError`]: one of them was used before, or it cannot be kept that they are used now.
    fn consume<'a>(
        &'a self,
        claimant: &'a Claimant<'a>,
        keys: &'a [ReplayKey],
        now: i64,
    ) -> Pin<Box<dyn Future<Output = Result<(), ReplayError>> + Send + 'a>>;

    /// Until when it is not known what was used: the time of a start after which a store knows nothing of what was
    /// before, in seconds since 1970 UTC. `None` when nothing was lost.
    fn lost_before(&self) -> Option<i64> {
        None
    }
}

/// Whose proof it is: nobody may fill the store for all others.
#[derive(Clone, Copy, Debug)]
pub struct Claimant<'a> {
    /// `iss` of the token.
    pub issuer: &'a str,
    /// The company or, without one, the client that the token names.
    pub company: &'a str,
    /// The thumbprint of the key.
    pub key: Option<Thumbprint>,
}

/// Why a proof is not consumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// It was used before.
    #[error("the proof was used before")]
    Replayed,
    /// It cannot be kept that it is used now: the store is full, or the claimant has more than his share of it.
    #[error("too many proofs within a short time")]
    Full {
        /// When another try makes sense, in seconds.
        retry_after: u64,
    },
    /// The store cannot be asked.
    #[error("the store of used proofs cannot be asked")]
    Unavailable,
}

/// A proof that was checked *and* consumed. Nothing but a [`ReplayStore`] leads here.
#[derive(Clone, Debug)]
pub(crate) struct Confirmed(Checked);

impl Confirmed {
    /// Consumes a proof.
    pub(crate) async fn consume(
        store: &dyn ReplayStore,
        claimant: &Claimant<'_>,
        checked: Checked,
        now: i64,
    ) -> Result<Self, ReplayError> {
        if !checked.replay_keys().is_empty() {
            store.consume(claimant, checked.replay_keys(), now).await?;
        }
        Ok(Self(checked))
    }

    pub(crate) fn into_proof(self) -> Proof {
        Proof {
            kinds: self.0.kinds(),
            key: self.0.key(),
            certificate: self.0.certificate(),
            covered: self.0.covered(),
        }
    }
}

/// How the sender proved that the access token is its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    kinds: ProofKinds,
    key: Option<Thumbprint>,
    certificate: Option<Thumbprint>,
    covered: Covered,
}

impl Proof {
    /// The kinds of proof; empty for a bearer token.
    #[must_use]
    pub const fn kinds(&self) -> ProofKinds {
        self.kinds
    }

    /// Whether there was none: whoever holds the token may use it (RFC 6750).
    #[must_use]
    pub const fn is_bearer(&self) -> bool {
        self.kinds.is_empty()
    }

    /// The thumbprint of the key that was proven.
    #[must_use]
    pub const fn key(&self) -> Option<Thumbprint> {
        self.key
    }

    /// The thumbprint of the client certificate that was proven.
    #[must_use]
    pub const fn certificate(&self) -> Option<Thumbprint> {
        self.certificate
    }

    /// Whether the sender signed the body, by its digest: then it cannot deny what it sent.
    #[must_use]
    pub const fn covers_body(&self) -> bool {
        self.covered.body
    }

    /// Their names for a log, for instance `shr`, `dpop+httpsig` or `bearer`.
    #[must_use]
    pub fn name(&self) -> String {
        if self.is_bearer() {
            return "bearer".to_owned();
        }
        self.kinds.iter().map(ProofKind::as_str).collect::<Vec<_>>().join("+")
    }
}
