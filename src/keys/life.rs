use super::Purpose;
use crate::config::KeyLife;

/// The keys of lists, feeds and journal heads change seldom: every consumer keeps what it knows of them. Seconds.
const LIST_PERIOD: i64 = 365 * 86_400;
/// A consumer counts a new list key only if it was announced a day before; the backup stands there from the
/// beginning, so that this only matters after an emergency. Seconds.
const LIST_LEAD: i64 = 2 * 86_400;

impl KeyLife {
    /// How long a key of this purpose signs, milliseconds.
    #[must_use]
    pub fn period_millis(&self, purpose: Purpose) -> i64 {
        1000 * if purpose == Purpose::AccessToken { self.period } else { LIST_PERIOD }
    }

    /// How long its successor is announced before, milliseconds.
    #[must_use]
    pub fn lead_millis(&self, purpose: Purpose) -> i64 {
        1000 * if purpose == Purpose::AccessToken { self.lead } else { LIST_LEAD.max(self.lead) }
    }
}
