use std::collections::HashMap;
use std::collections::hash_map::Entry as Place;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::db::negative_decision::NegativeDecision;

/// One subject in the feed, with the farthest that any decision about it reaches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// The last decision about it.
    pub sequence: i64,
    member: String,
    value: String,
    // None: tokens of any age.
    iat_before: Option<i64>,
    // Milliseconds.
    until: i64,
}

impl Entry {
    /// Merges decisions into one entry for each subject, in the order of the last decision about it.
    pub fn merge(decisions: Vec<NegativeDecision>) -> Vec<Self> {
        let mut merged: HashMap<(String, String), Self> = HashMap::new();
        for NegativeDecision { sequence, feed, .. } in decisions {
            let Some(feed) = feed else { continue };
            match merged.entry((feed.member, feed.value)) {
                Place::Vacant(place) => {
                    let (member, value) = place.key().clone();
                    let (iat_before, until) = (feed.iat_before, feed.until);
                    place.insert(Self { sequence, member, value, iat_before, until });
                }
                Place::Occupied(mut place) => {
                    let known = place.get_mut();
                    known.sequence = known.sequence.max(sequence);
                    known.until = known.until.max(feed.until);
                    // Without a bound it reaches farthest.
                    known.iat_before = known.iat_before.zip(feed.iat_before).map(|(a, b)| a.max(b));
                }
            }
        }
        let mut entries: Vec<Self> = merged.into_values().collect();
        entries.sort_by(|a, b| (a.sequence, &a.member, &a.value).cmp(&(b.sequence, &b.member, &b.value)));
        entries
    }
}

impl Serialize for Entry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry(&self.member, &self.value)?;
        if let Some(seconds) = self.iat_before {
            map.serialize_entry("iat_before", &seconds)?;
        }
        // A begun second counts.
        map.serialize_entry("until", &(self.until.saturating_add(999).div_euclid(1000)))?;
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::db::negative_decision::FeedEntry;

    fn decision(
        sequence: i64,
        member: &str,
        value: &str,
        iat_before: Option<i64>,
        until: i64,
    ) -> NegativeDecision {
        let feed = Some(FeedEntry { member: member.to_owned(), value: value.to_owned(), until, iat_before });
        NegativeDecision { sequence, kind: "x".to_owned(), value: value.to_owned(), at: 0, feed }
    }

    #[test]
    fn a_subject_stands_once_as_far_as_any_decision_reaches() {
        let entries = Entry::merge(vec![
            decision(1, "client_id", "a", Some(10), 9_000),
            decision(2, "jti", "t", None, 5_001),
            decision(3, "client_id", "a", Some(7), 8_000),
            decision(4, "kid", "k", Some(3), 8_000),
            decision(5, "kid", "k", None, 8_000),
            NegativeDecision { sequence: 6, kind: String::new(), value: String::new(), at: 0, feed: None },
        ]);
        assert_eq!(
            serde_json::to_value(&entries).unwrap(),
            json!([
                {"jti": "t", "until": 6},
                {"client_id": "a", "iat_before": 10, "until": 9},
                {"kid": "k", "until": 8},
            ])
        );
        assert_eq!(entries.iter().map(|entry| entry.sequence).collect::<Vec<_>>(), [2, 3, 5]);
    }
}
