use aws_lc_rs::digest;
use bytes::Bytes;
use carnet_token::revocation::{self, FeedClaims};
use carnet_token::{SignError, SigningKey, base64url};

use super::entry::Entry;

pub use carnet_token::revocation::{LIFETIME, MEDIA_TYPE};

/// What one signing of the feed says.
pub(super) struct Contents<'a> {
    /// The issuer whose tokens it concerns.
    pub issuer: &'a str,
    /// When it is signed, seconds since 1970-01-01 UTC.
    pub iat: i64,
    /// The highest decision in it.
    pub sequence: i64,
    /// In the order of their decisions.
    pub entries: &'a [Entry],
}

/// A signing of the feed as a node serves it.
#[derive(Debug)]
pub struct Published {
    /// Which signing it is.
    pub epoch: i64,
    /// The highest decision in it.
    pub sequence: i64,
    /// From when on it says nothing any more, seconds since 1970-01-01 UTC.
    pub expires_at: i64,
    // By `since`; the first one is the whole.
    documents: Vec<FeedDocument>,
}

/// The feed, or what came after a decision: the bytes that every node serves.
#[derive(Debug)]
pub struct FeedDocument {
    /// The decision after which it begins; 0: the whole.
    pub since: i64,
    /// The compact JWS.
    pub bytes: Bytes,
    /// Its strong entity tag, quotes included (RFC 9110 §8.8.3).
    pub etag: String,
}

impl Published {
    pub(super) fn new(epoch: i64, sequence: i64, signed_at: i64, documents: Vec<(i64, String)>) -> Self {
        let documents = documents.into_iter().map(|(since, jws)| FeedDocument::new(since, jws)).collect();
        Self { epoch, sequence, expires_at: signed_at.div_euclid(1000) + LIFETIME, documents }
    }

    /// The shortest document that holds every decision after `since`. Whoever says that they have seen what has not
    /// been decided yet gets the whole, and sees in it that something is wrong.
    #[must_use]
    pub fn after(&self, since: i64) -> Option<&FeedDocument> {
        let known = if (0..=self.sequence).contains(&since) { since } else { 0 };
        self.documents.iter().rev().find(|document| document.since <= known)
    }
}

impl FeedDocument {
    fn new(since: i64, jws: String) -> Self {
        let hash = digest::digest(&digest::SHA256, jws.as_bytes());
        let etag = format!("\"{}\"", base64url::encode(&hash.as_ref()[..16]));
        Self { since, bytes: Bytes::from(jws), etag }
    }
}

/// Signs the whole and the parts.
pub(super) fn sign(contents: &Contents<'_>, key: &SigningKey) -> Result<Vec<(i64, String)>, SignError> {
    let cuts = cuts(contents.entries, contents.sequence);
    cuts.into_iter().map(|(since, start)| Ok((since, sign_one(contents, since, start, key)?))).collect()
}

fn sign_one(
    contents: &Contents<'_>,
    since: i64,
    start: usize,
    key: &SigningKey,
) -> Result<String, SignError> {
    let number = |sequence: i64| u64::try_from(sequence).unwrap_or(0);
    revocation::sign(
        &FeedClaims {
            iss: contents.issuer,
            iat: contents.iat,
            exp: contents.iat + LIFETIME,
            seq: number(contents.sequence),
            since: number(since),
            entries: &contents.entries[start..],
        },
        key,
    )
}

/// Where the documents begin: after which decision, and at which entry.
///
/// Besides the whole there is one with nothing, and those with the last 1, 2, 4, 8… entries. So whatever a stranger
/// asks for is there already, there are only as many as the number of entries has binary digits, and nobody gets
/// more than twice what he lacks.
fn cuts(entries: &[Entry], sequence: i64) -> Vec<(i64, usize)> {
    let mut cuts = vec![(0, 0)];
    let mut add = |since: i64, start: usize| {
        if since > 0 && cuts.iter().all(|(known, _)| *known != since) {
            cuts.push((since, start));
        }
    };
    add(sequence, entries.len());
    let mut count = 1;
    while count < entries.len() {
        let first = entries.len() - count;
        // One decision may have several entries, which stay together.
        let start = entries[..first]
            .iter()
            .rposition(|entry| entry.sequence != entries[first].sequence)
            .map_or(0, |before| before + 1);
        if let Some(before) = start.checked_sub(1) {
            add(entries[before].sequence, start);
        }
        count *= 2;
    }
    cuts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::negative_decision::{FeedEntry, NegativeDecision};

    fn entries(sequences: &[i64]) -> Vec<Entry> {
        let decision = |(at, sequence): (usize, &i64)| NegativeDecision {
            sequence: *sequence,
            kind: "token".to_owned(),
            value: at.to_string(),
            at: 0,
            feed: Some(FeedEntry {
                member: "jti".to_owned(),
                value: format!("{at:04}"),
                until: 1,
                iat_before: None,
            }),
        };
        Entry::merge(sequences.iter().enumerate().map(decision).collect())
    }

    fn published(sequences: &[i64], sequence: i64) -> (Published, Vec<(i64, usize)>) {
        let cuts = cuts(&entries(sequences), sequence);
        let mut documents: Vec<(i64, String)> =
            cuts.iter().map(|(since, _)| (*since, since.to_string())).collect();
        documents.sort();
        (Published::new(1, sequence, 1_000, documents), cuts)
    }

    #[test]
    fn no_document_leaves_a_decision_out_and_none_is_twice_too_long() {
        let sequences: Vec<i64> = (1..=100).map(|n| n * 3).collect();
        let (published, cuts) = published(&sequences, 300);
        assert!(cuts.len() <= 9, "{cuts:?}");
        let all = entries(&sequences);
        for since in 0..=300 {
            let document = published.after(since).unwrap();
            let (_, start) = cuts.iter().find(|(cut, _)| *cut == document.since).unwrap();
            let lacking = all.iter().filter(|entry| entry.sequence > since).count();
            let given = all.len() - start;
            assert!(given >= lacking && document.since <= since, "{since}");
            assert!(given <= (2 * lacking).max(1), "{since}: {given} for {lacking}");
            assert!(all[*start..].iter().all(|entry| entry.sequence > document.since));
        }
    }

    #[test]
    fn entries_of_one_decision_are_not_parted() {
        let (_, cuts) = published(&[1, 5, 5, 5, 6], 9);
        assert_eq!(cuts, [(0, 0), (9, 5), (5, 4), (1, 1)]);
    }

    #[test]
    fn what_is_out_of_range_gets_the_whole() {
        let (published, _) = published(&[2, 4], 4);
        for since in [0, -1, i64::MIN, 5, i64::MAX] {
            assert_eq!(published.after(since).unwrap().since, 0, "{since}");
        }
        assert_eq!(published.after(4).unwrap().since, 4);
        assert_eq!(published.after(3).unwrap().since, 2);
        assert_eq!(published.after(1).unwrap().since, 0);
        assert_eq!(published.expires_at, 121);
    }

    #[test]
    fn without_a_decision_there_is_the_whole_alone() {
        assert_eq!(cuts(&[], 0), [(0, 0)]);
        assert_eq!(cuts(&[], 7), [(0, 0), (7, 0)]);
    }
}
