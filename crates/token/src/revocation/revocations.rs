use std::collections::HashMap;

use super::{CLOCK_DIFFERENCE, Entry, Feed, FeedRefusal, MAX_ENTRIES, RevokedBy};
use crate::{AccessToken, Confirmation, PublicKey, Thumbprint};

/// What one issuer has revoked, as far as its feeds have said. By default nothing, at number 0.
#[derive(Debug, Clone, Default)]
pub struct Revocations {
    seq: u64,
    set: Set,
}

/// What an entry says about its subject: tokens up to when, to be remembered until when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mark {
    iat_before: Option<i64>,
    until: Option<i64>,
}

#[derive(Debug, Clone, Default)]
struct Set {
    marks: HashMap<RevokedBy, HashMap<String, Vec<Mark>>>,
    len: usize,
}

impl Revocations {
    /// The beginning: a complete feed.
    ///
    /// # Errors
    /// [`FeedRefusal::Gap`] if the feed is not complete.
    pub fn of(feed: Feed, now: i64) -> Result<Self, FeedRefusal> {
        if feed.since() != 0 {
            return Err(FeedRefusal::Gap);
        }
        Ok(Self { seq: feed.seq(), set: Set::of(feed.into_entries(), now) })
    }

    /// The number of the last change that is in here.
    #[must_use]
    pub const fn seq(&self) -> u64 {
        self.seq
    }

    /// How many entries are remembered.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.set.len
    }

    /// Whether nothing is revoked.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.set.len == 0
    }

    /// Takes a newer feed in: a complete one replaces what is held, changes are added to it. `now` is seconds since
    /// 1970 UTC; entries past their `until` are forgotten. If the feed is refused, nothing changes.
    ///
    /// # Errors
    /// [`FeedRefusal::Rollback`], [`FeedRefusal::Gap`], [`FeedRefusal::Fork`] or [`FeedRefusal::TooMany`].
    pub fn apply(&mut self, feed: Feed, now: i64) -> Result<(), FeedRefusal> {
        if feed.seq() < self.seq {
            return Err(FeedRefusal::Rollback);
        }
        if feed.since() > self.seq {
            return Err(FeedRefusal::Gap);
        }
        let (seq, complete) = (feed.seq(), feed.since() == 0);
        let new = Set::of(feed.into_entries(), now);
        if seq == self.seq {
            // Signed anew at most. One number has one content; what is about to be forgotten may be gone on one side.
            let same = self.set.covers(&new, now) && (!complete || new.covers(&self.set, now));
            if !same {
                return Err(FeedRefusal::Fork);
            }
            self.set.forget(now);
            return Ok(());
        }
        if complete {
            self.set = new;
        } else {
            self.set.forget(now);
            if self.set.len + new.len > MAX_ENTRIES {
                return Err(FeedRefusal::TooMany);
            }
            self.set.absorb(new);
        }
        self.seq = seq;
        Ok(())
    }

    /// Whether a token that `key` has verified is revoked, and by what.
    ///
    /// A token without `iat` ([`TokenProfile::OneRecord2x`](crate::TokenProfile)) is revoked by every entry for its
    /// subject: it cannot show that it is younger.
    #[must_use]
    pub fn find(&self, token: &AccessToken, key: &PublicKey) -> Option<RevokedBy> {
        if self.is_empty() {
            return None;
        }
        let iat = token.issued_at();
        let named = [
            (RevokedBy::Jti, token.jti()),
            (RevokedBy::ClientId, token.client_id()),
            (RevokedBy::AgentUri, token.agent_uri()),
            (RevokedBy::AgentUri, token.iol_identifier()),
            (RevokedBy::Kid, Some(key.kid())),
        ];
        let named = named
            .into_iter()
            .find(|(by, value)| value.is_some_and(|value| self.set.holds(*by, value, iat)))
            .map(|(by, _)| by);
        let cnf = token.confirmation();
        let digests = || {
            [
                // A revoked key does not become another one by being published under another name.
                (RevokedBy::Kid, Some(key.thumbprint())),
                (RevokedBy::Jkt, cnf.and_then(|cnf| cnf.key_ref()?.jkt())),
                (RevokedBy::Certificate, cnf.and_then(Confirmation::certificate_thumbprint)),
            ]
            .into_iter()
            .find(|(by, digest)| digest.is_some_and(|digest| self.set.holds_digest(*by, digest, iat)))
            .map(|(by, _)| by)
        };
        named.or_else(digests)
    }
}

impl Mark {
    /// Whether whatever `other` revokes is revoked by this one, for as long.
    fn covers(self, other: Self) -> bool {
        // Without a bound: tokens of any age, for ever.
        let as_far = |mine: Option<i64>, other: Option<i64>| match (mine, other) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(mine), Some(other)) => mine >= other,
        };
        as_far(self.iat_before, other.iat_before) && as_far(self.until, other.until)
    }

    fn revokes(self, iat: Option<i64>) -> bool {
        self.iat_before.is_none_or(|before| iat.is_none_or(|iat| iat <= before))
    }

    fn ends_by(self, time: i64) -> bool {
        self.until.is_some_and(|until| until <= time)
    }
}

impl Set {
    fn of(entries: Vec<Entry>, now: i64) -> Self {
        let mut set = Self::default();
        for entry in entries {
            let (iat_before, until) = entry.times();
            set.insert(entry.by(), entry.into_value(), Mark { iat_before, until });
        }
        set.forget(now);
        set
    }

    /// A subject has as many marks as none of which makes another superfluous: nearly always one.
    fn insert(&mut self, by: RevokedBy, value: String, mark: Mark) {
        let marks = self.marks.entry(by).or_default().entry(value).or_default();
        if marks.iter().any(|held| held.covers(mark)) {
            return;
        }
        let before = marks.len();
        marks.retain(|held| !mark.covers(*held));
        self.len -= before - marks.len();
        marks.push(mark);
        self.len += 1;
    }

    fn absorb(&mut self, other: Self) {
        for (by, subjects) in other.marks {
            for (value, marks) in subjects {
                for mark in marks {
                    self.insert(by, value.clone(), mark);
                }
            }
        }
    }

    /// Drops what has ended, with some patience for clocks that differ.
    fn forget(&mut self, now: i64) {
        let ended = now.saturating_sub(CLOCK_DIFFERENCE);
        let mut len = 0;
        self.marks.retain(|_, subjects| {
            subjects.retain(|_, marks| {
                marks.retain(|mark| !mark.ends_by(ended));
                len += marks.len();
                !marks.is_empty()
            });
            !subjects.is_empty()
        });
        self.len = len;
    }

    fn holds(&self, by: RevokedBy, value: &str, iat: Option<i64>) -> bool {
        let marks = self.marks.get(&by).and_then(|subjects| subjects.get(value));
        marks.is_some_and(|marks| marks.iter().any(|mark| mark.revokes(iat)))
    }

    /// Spells a digest out only where something could match: most feeds name none.
    fn holds_digest(&self, by: RevokedBy, digest: Thumbprint, iat: Option<i64>) -> bool {
        self.marks.contains_key(&by) && self.holds(by, &digest.to_string(), iat)
    }

    /// Whether everything of `other` that will not end within moments is in here too.
    fn covers(&self, other: &Self, now: i64) -> bool {
        let soon = now.saturating_add(CLOCK_DIFFERENCE);
        other.marks.iter().all(|(by, subjects)| {
            subjects.iter().all(|(value, marks)| {
                let held = self.marks.get(by).and_then(|held| held.get(value));
                let has = |mark: &Mark| held.is_some_and(|held| held.iter().any(|own| own.covers(*mark)));
                marks.iter().all(|mark| mark.ends_by(soon) || has(mark))
            })
        })
    }
}
