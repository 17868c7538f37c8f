//! The revocation feed of one issuer, followed: fetched in the background, never because of a request.

use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use carnet_fetch::SingleFlight;
use carnet_token::revocation::{FeedRefusal, Unverified};
use carnet_token::{AccessToken, KeySet, PublicKey};
use tokio::task::AbortHandle;

use crate::keys::{Shared, lock};
use crate::{FeedRules, FeedStanding, FeedState, ReadsWithoutFeed, Reason};
use remote::{FeedTrouble, Merged};
use state::{Loudness, State};

pub(crate) use remote::Remote;

mod remote;
pub(crate) mod rules;
mod state;

/// How long a request waits for the very first feed: until then, nothing is known of what was revoked.
const FIRST_WAIT: Duration = Duration::from_secs(2);

/// How often the follower looks at the clock: timers stand still while a machine is suspended.
const LOOK: Duration = Duration::from_secs(1);

/// Where the feed comes from.
#[derive(Debug)]
pub(crate) enum Source {
    /// Nowhere: it is not followed.
    Off,
    /// From the issuer, if its metadata names one.
    Discovery(Remote),
    /// From the operator, signed by one of these keys.
    Local(KeySet),
}

/// The revocation feed of one issuer.
#[derive(Debug)]
pub(crate) struct Feed {
    issuer: String,
    source: Source,
    rules: FeedRules,
    shared: Arc<Shared>,
    state: Mutex<State>,
    flight: SingleFlight<(), ()>,
    follower: Mutex<Option<AbortHandle>>,
}

impl Feed {
    pub(crate) fn new(issuer: &str, source: Source, rules: FeedRules, shared: Arc<Shared>) -> Self {
        let state = Mutex::new(State::new(rules.grace));
        let (flight, follower) = (SingleFlight::new(), Mutex::new(None));
        Self { issuer: issuer.to_owned(), source, rules, shared, state, flight, follower }
    }

    /// Whether a token that is good in itself may be used now: it is not revoked, and what is revoked is known well
    /// enough for what the request wants. `safe`: the request changes nothing (RFC 9110 §9.2.1).
    pub(crate) async fn admit(
        self: &Arc<Self>,
        token: &AccessToken,
        key: &PublicKey,
        safe: bool,
    ) -> Result<(), Reason> {
        if matches!(self.source, Source::Off) {
            return Ok(());
        }
        self.begin().await;
        let now = self.shared.clock.monotonic();
        let (revocations, standing, wait) = {
            let state = lock(&self.state);
            (state.revocations(), state.standing(now), state.wait(now))
        };
        // What was known stays known, however long ago.
        if let Some(by) = revocations.and_then(|revocations| revocations.find(token, key)) {
            return Err(Reason::Revoked(by));
        }
        let reads_refused = self.rules.reads_without_feed == ReadsWithoutFeed::Refuse;
        if standing == FeedStanding::Lost && (!safe || reads_refused) {
            return Err(Reason::FeedUnavailable { retry_after: wait.as_secs().saturating_add(1) });
        }
        Ok(())
    }

    /// From the first request on, the feed is followed; the first one waits a moment for it.
    async fn begin(self: &Arc<Self>) {
        let tried = {
            let mut state = lock(&self.state);
            state.start(self.shared.clock.monotonic());
            state.tried()
        };
        if !matches!(self.source, Source::Discovery(_)) {
            // Nobody else looks at the clock for a feed that is handed in.
            lock(&self.state).give_up_waiting();
            return self.tell();
        }
        self.follow();
        if !tried {
            let _ = tokio::time::timeout(FIRST_WAIT, self.poll()).await;
            lock(&self.state).give_up_waiting();
        }
    }

    /// See to it that somebody follows. A runtime that ended has taken its follower along.
    fn follow(self: &Arc<Self>) {
        let mut follower = lock(&self.follower);
        if follower.as_ref().is_none_or(AbortHandle::is_finished) {
            *follower = Some(tokio::spawn(follow(Arc::downgrade(self))).abort_handle());
        }
    }

    /// Follow from now on, and fetch if it is time; for a warm start.
    pub(crate) async fn warm(self: &Arc<Self>) {
        if !matches!(self.source, Source::Off) {
            self.begin().await;
            self.poll().await;
        }
    }

    /// Fetch if it is time, or wait for the fetch that is under way.
    ///
    /// It runs in a task of its own: a sender that hangs up must not waste the attempt.
    pub(crate) async fn poll(self: &Arc<Self>) {
        let this = Arc::clone(self);
        let flight = async move {
            let worker = Arc::clone(&this);
            this.flight.run((), move || async move { worker.attempt().await }).await;
        };
        if tokio::spawn(flight).await.is_err() {
            tracing::error!(issuer = self.issuer, "the task that fetches the revocation feed ended");
        }
    }

    async fn attempt(&self) {
        let Source::Discovery(remote) = &self.source else { return };
        if !lock(&self.state).attempt(self.shared.clock.monotonic(), self.rules.poll) {
            return;
        }
        let loaded = self.load(remote).await;
        let (now, random) = (self.shared.clock.monotonic(), self.shared.random());
        let mut state = lock(&self.state);
        state.next_at(now + jittered(self.rules.poll, random));
        match loaded {
            Ok(Some((revocations, left))) => state.accepted(revocations, seconds(left), now),
            Ok(None) => state.not_advertised(),
            Err(trouble) => {
                let rollback = trouble == FeedTrouble::Refused(FeedRefusal::Rollback);
                let issuer = self.issuer.as_str();
                match state.failed(rollback, now) {
                    Loudness::Quiet => tracing::debug!(issuer, %trouble, "revocation feed not taken"),
                    Loudness::Warn => tracing::warn!(issuer, %trouble, "revocation feed not taken"),
                    Loudness::Alarm => tracing::error!(
                        issuer, %trouble,
                        "the revocation feed has gone back and stays there: ask the issuer whether it lost revocations"
                    ),
                }
            }
        }
        drop(state);
        self.tell();
    }

    async fn load(&self, remote: &Remote) -> Result<Option<Merged>, FeedTrouble> {
        let Some(advertised) = remote.advertised().await? else { return Ok(None) };
        let held = {
            let mut state = lock(&self.state);
            state.advertised(self.shared.clock.monotonic());
            state.revocations()
        };
        remote.load(&advertised, held).await.map(Some)
    }

    /// Take a feed that the operator brings.
    pub(crate) fn take(&self, text: &str) -> Result<u64, TakeFeedError> {
        let Source::Local(keys) = &self.source else { return Err(TakeFeedError::NotLocal) };
        let unverified = Unverified::parse(text)?;
        let key = keys.get(unverified.kid()).ok_or(FeedRefusal::UnknownKid)?;
        let held = lock(&self.state).revocations();
        let (revocations, left) =
            remote::merge(text, key, &self.issuer, held.as_deref(), self.shared.clock.now())?;
        let (seq, now) = (revocations.seq(), self.shared.clock.monotonic());
        let mut state = lock(&self.state);
        state.start(now);
        state.accepted(revocations, seconds(left), now);
        drop(state);
        self.tell();
        Ok(seq)
    }

    pub(crate) fn state(&self) -> FeedState {
        let now = self.shared.clock.monotonic();
        let state = lock(&self.state);
        let held = state.revocations();
        FeedState {
            issuer: self.issuer.clone(),
            standing: match self.source {
                Source::Off => FeedStanding::NotFollowed,
                _ => state.standing(now),
            },
            seq: held.as_ref().map(|held| held.seq()),
            entries: held.map_or(0, |held| held.len()),
            age: state.age(now),
        }
    }

    /// Log once what has changed.
    fn tell(&self) {
        let changed = lock(&self.state).change(self.shared.clock.monotonic());
        let (issuer, reads) = (self.issuer.as_str(), self.rules.reads_without_feed);
        match changed {
            None | Some(FeedStanding::NotFollowed) => {}
            Some(FeedStanding::NotAdvertised) if lock(&self.state).revocations().is_some() => {
                tracing::warn!(
                    issuer,
                    "the issuer names no revocation feed any more: nothing new will be known"
                );
            }
            Some(FeedStanding::NotAdvertised) => {
                tracing::debug!(issuer, "no revocation feed: tokens are good until they expire");
            }
            Some(FeedStanding::Current) => tracing::info!(issuer, "revocation feed is followed"),
            Some(FeedStanding::Degraded) => {
                tracing::warn!(issuer, grace = ?self.rules.grace, "revocation feed missing or expired");
            }
            Some(FeedStanding::Lost) => {
                tracing::error!(
                    issuer,
                    ?reads,
                    "revocation feed lost: requests that change something get 503"
                );
            }
        }
    }
}

/// Polls as long as there is a verifier.
async fn follow(feed: Weak<Feed>) {
    loop {
        let wait = {
            let Some(feed) = feed.upgrade() else { return };
            if lock(&feed.state).wait(feed.shared.clock.monotonic()).is_zero() {
                feed.poll().await;
            }
            feed.tell();
            lock(&feed.state).wait(feed.shared.clock.monotonic())
        };
        tokio::time::sleep(wait.clamp(Duration::from_millis(20), LOOK)).await;
    }
}

/// ± 10 %, so that the nodes of a fleet do not ask in step.
fn jittered(poll: Duration, random: u8) -> Duration {
    poll * (900 + 200 * u32::from(random) / 255) / 1000
}

fn seconds(left: i64) -> Duration {
    Duration::from_secs(u64::try_from(left).unwrap_or(0))
}

/// Why a feed that was handed in is not taken.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum TakeFeedError {
    /// The verifier does not trust this issuer.
    #[error("the issuer is not trusted here")]
    UnknownIssuer,
    /// The feed of this issuer is fetched or not followed; see
    /// [`RevocationSource::Local`](crate::RevocationSource::Local).
    #[error("the feed of this issuer is not one that is handed in: set RevocationSource::Local")]
    NotLocal,
    /// The feed itself is refused.
    #[error(transparent)]
    Refused(#[from] FeedRefusal),
}
