use std::fmt;

use super::ProofError;
use super::nonce::NonceCheck;
use crate::Algorithm;

/// A way to prove that a token is one's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ProofKind {
    /// A signed HTTP request (draft-ietf-oauth-signed-http-request-03).
    Shr,
    /// `DPoP` (RFC 9449).
    Dpop,
    /// The client certificate of the connection (RFC 8705 §3).
    Mtls,
    /// An HTTP message signature (RFC 9421) with the tag `onerecord-pop`.
    MessageSignature,
}

impl ProofKind {
    /// Every kind, in the order in which metadata lists them.
    pub const ALL: [Self; 4] = [Self::Shr, Self::Dpop, Self::Mtls, Self::MessageSignature];

    /// Its name in configuration, metadata and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Shr => "shr",
            Self::Dpop => "dpop",
            Self::Mtls => "mtls",
            Self::MessageSignature => "httpsig",
        }
    }
}

impl fmt::Display for ProofKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A set of [`ProofKind`]s.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct ProofKinds(u8);

impl ProofKinds {
    /// None of them.
    pub const NONE: Self = Self(0);
    /// All of them.
    pub const ALL: Self = Self(0b1111);

    /// This set and `kind`.
    #[must_use]
    pub const fn with(self, kind: ProofKind) -> Self {
        Self(self.0 | 1 << kind as u8)
    }

    /// This set without `kind`.
    #[must_use]
    pub const fn without(self, kind: ProofKind) -> Self {
        Self(self.0 & !(1 << kind as u8))
    }

    /// Whether `kind` is in it.
    #[must_use]
    pub const fn contains(self, kind: ProofKind) -> bool {
        self.0 & 1 << kind as u8 != 0
    }

    /// Whether nothing is in it.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Every kind that is in it.
    pub fn iter(self) -> impl Iterator<Item = ProofKind> {
        ProofKind::ALL.into_iter().filter(move |kind| self.contains(*kind))
    }
}

impl FromIterator<ProofKind> for ProofKinds {
    fn from_iter<T: IntoIterator<Item = ProofKind>>(kinds: T) -> Self {
        kinds.into_iter().fold(Self::NONE, Self::with)
    }
}

/// When a proof may have been made: not long ago, and hardly in the future. All in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// How old a proof may be.
    pub max_age: i64,
    /// What clocks may differ by.
    pub skew: i64,
}

impl Window {
    /// 60 s, and 30 s of difference.
    pub const DEFAULT: Self = Self { max_age: 60, skew: 30 };

    /// Whether a proof that was made at `made_at` is accepted at `now`. Without the bound ahead, a proof made for the
    /// future would be good for ever.
    #[must_use]
    pub const fn admits(self, made_at: i64, now: i64) -> bool {
        made_at >= now.saturating_sub(self.max_age).saturating_sub(self.skew)
            && made_at <= now.saturating_add(self.skew)
    }

    /// The last second at which such a proof is accepted.
    #[must_use]
    pub const fn last(self, made_at: i64) -> i64 {
        made_at.saturating_add(self.max_age).saturating_add(self.skew)
    }

    /// How long after its first use a proof can be accepted at most.
    #[must_use]
    pub const fn span(self) -> i64 {
        self.max_age.saturating_add(2 * self.skew)
    }
}

impl Default for Window {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Whether proofs carry a nonce of this server (RFC 9449 §8, §9). Signed HTTP requests and `DPoP` can.
#[derive(Clone, Copy, Default)]
pub enum NonceRule<'a> {
    /// No: a nonce in a proof is whatever the sender put there.
    #[default]
    Ignored,
    /// Every proof must, and the nonce tells its time: the sender's clock does not matter. There is no way in between:
    /// who may leave the nonce out is not bound by it.
    Required(&'a dyn NonceCheck),
    /// Every proof must, for as long as it is not known after a start which proofs were used; and its own time must be
    /// good as well, since later it is judged by that alone.
    Starting(&'a dyn NonceCheck),
}

impl fmt::Debug for NonceRule<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ignored => "Ignored",
            Self::Required(_) => "Required",
            Self::Starting(_) => "Starting",
        })
    }
}

/// What is accepted: rules of the issuer of the token, and of the route that is asked for.
#[derive(Debug, Clone, Copy)]
pub struct ProofRules<'a> {
    /// The kinds of proof that count.
    pub kinds: ProofKinds,
    /// Whether a token without `cnf` may be used by whoever holds it.
    pub allow_bearer: bool,
    /// Whether a body must be covered by what the sender has signed.
    pub cover_body: bool,
    /// The algorithms of proofs.
    pub algorithms: &'a [Algorithm],
    /// When proofs may have been made.
    pub window: Window,
    /// The longest window of all rules of this server: a proof must be remembered until no rule accepts it any more.
    pub longest: Window,
    /// Proofs made at this time or before are refused: seconds since 1970 UTC. For a start at which it is not known
    /// which proofs were used.
    pub made_after: Option<i64>,
    /// Whether proofs carry a nonce of this server.
    pub nonce: NonceRule<'a>,
}

impl ProofRules<'_> {
    /// Every kind of proof, no bearer tokens, bodies covered, the default window, no nonces.
    pub const STRICT: ProofRules<'static> = ProofRules {
        kinds: ProofKinds::ALL,
        allow_bearer: false,
        cover_body: true,
        algorithms: &Algorithm::ALL,
        window: Window::DEFAULT,
        longest: Window::DEFAULT,
        made_after: None,
        nonce: NonceRule::Ignored,
    };

    /// Until when a proof made at `made_at` must be remembered: the last second at which any rule accepts it, and two
    /// for the way from the clock to the store.
    pub(super) fn keep_until(&self, made_at: i64) -> i64 {
        self.window.last(made_at).max(self.longest.last(made_at)).saturating_add(2)
    }

    /// Judges the time of a proof that was made at `made_at`, with the nonce in it; gives back until when it must be
    /// remembered. `out_of_time` is what a bad time is called in this kind of proof.
    pub(super) fn check_time(
        &self,
        made_at: i64,
        nonce: Option<&str>,
        now: i64,
        out_of_time: ProofError,
    ) -> Result<i64, ProofError> {
        let valid_until = |nonces: &dyn NonceCheck| {
            nonce.and_then(|nonce| nonces.valid_until(nonce, now)).ok_or(ProofError::UseNonce)
        };
        let under_nonce = |until: i64| until.saturating_add(self.window.skew).saturating_add(2);
        let admitted = self.window.admits(made_at, now);
        match self.nonce {
            NonceRule::Required(nonces) => valid_until(nonces).map(under_nonce),
            NonceRule::Starting(nonces) => {
                let until = valid_until(nonces)?;
                if !admitted {
                    return Err(out_of_time);
                }
                Ok(under_nonce(until).max(self.keep_until(made_at)))
            }
            NonceRule::Ignored if !admitted => Err(out_of_time),
            NonceRule::Ignored if self.is_before_start(made_at) => Err(ProofError::MadeBeforeStart),
            NonceRule::Ignored => Ok(self.keep_until(made_at)),
        }
    }

    pub(super) fn is_before_start(&self, made_at: i64) -> bool {
        self.made_after.is_some_and(|start| made_at <= start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_has_two_ends_and_both_are_in_it() {
        let window = Window { max_age: 60, skew: 30 };
        for (made_at, admitted) in [(909, false), (910, true), (1000, true), (1030, true), (1031, false)] {
            assert_eq!(window.admits(made_at, 1000), admitted, "{made_at}");
        }
        assert_eq!(window.last(910), 1000);
        assert_eq!(window.last(1030) - 1000, window.span());
        assert!(!window.admits(i64::MAX, 1000) && !window.admits(i64::MIN, 1000));
    }

    #[test]
    fn sets_of_kinds_hold_what_was_put_into_them() {
        let set: ProofKinds = [ProofKind::Shr, ProofKind::Mtls].into_iter().collect();
        assert_eq!(set.iter().map(ProofKind::as_str).collect::<Vec<_>>(), ["shr", "mtls"]);
        assert_eq!(ProofKind::ALL.into_iter().collect::<ProofKinds>(), ProofKinds::ALL);
        assert!(ProofKinds::NONE.is_empty() && !set.without(ProofKind::Shr).contains(ProofKind::Shr));
    }
}
