//! How long an answer may be used: RFC 9111 and RFC 5861, narrowed by clamps.
//!
//! Pure: headers and times go in, durations come out. The clamps bound both sides: a server cannot make us ask
//! every second, and a thief who blocks a key set cannot keep a stolen key alive with a year of `max-age`.

use std::time::Duration;

use http::HeaderMap;
use http::header::{AGE, CACHE_CONTROL, DATE, EXPIRES};

/// The directives of `Cache-Control` that a private cache of keys looks at. Durations in seconds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CacheControl {
    /// `max-age`; the smallest, if it is given more than once; 0 if it cannot be read.
    pub max_age: Option<u64>,
    /// `no-cache` or `no-store`: the lifetime is the minimum of the clamps, never zero.
    pub no_cache: bool,
    /// `must-revalidate`: nothing stale is used, not even when the server fails.
    pub must_revalidate: bool,
    /// `stale-while-revalidate` (RFC 5861 §3).
    pub stale_while_revalidate: Option<u64>,
    /// `stale-if-error` (RFC 5861 §4).
    pub stale_if_error: Option<u64>,
}

impl CacheControl {
    /// Read all `Cache-Control` fields. Unknown directives are ignored, `s-maxage` is for shared caches.
    #[must_use]
    pub fn parse(headers: &HeaderMap) -> Self {
        let mut parsed = Self::default();
        for field in headers.get_all(CACHE_CONTROL) {
            for directive in split_quoted(field.to_str().unwrap_or_default()) {
                let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
                let seconds =
                    || value.trim().trim_matches('"').parse::<u64>().map_or_else(unreadable(value), cap);
                match name.trim().to_ascii_lowercase().as_str() {
                    "max-age" => parsed.max_age = smaller(parsed.max_age, seconds()),
                    "no-cache" | "no-store" => parsed.no_cache = true,
                    "must-revalidate" => parsed.must_revalidate = true,
                    "stale-while-revalidate" => {
                        parsed.stale_while_revalidate = smaller(parsed.stale_while_revalidate, seconds());
                    }
                    "stale-if-error" => parsed.stale_if_error = smaller(parsed.stale_if_error, seconds()),
                    _ => {}
                }
            }
        }
        parsed
    }

    /// Whether the fields say anything about caching; a 304 that does not leaves the stored freshness as it is.
    #[must_use]
    pub fn speaks(headers: &HeaderMap) -> bool {
        headers.contains_key(CACHE_CONTROL) || headers.contains_key(EXPIRES)
    }
}

/// RFC 9111 §1.2.2: larger than anything we keep is as good as 2^31.
fn cap(seconds: u64) -> u64 {
    seconds.min(1 << 31)
}

/// Digits too long for the type are a very long time; anything else is no time at all.
fn unreadable(value: &str) -> impl FnOnce(std::num::ParseIntError) -> u64 {
    let digits = !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
    move |_| if digits { 1 << 31 } else { 0 }
}

#[expect(clippy::unnecessary_wraps, reason = "it is assigned to what may be absent")]
fn smaller(old: Option<u64>, new: u64) -> Option<u64> {
    Some(old.map_or(new, |old| old.min(new)))
}

/// Cut at commas that stand outside quotes.
fn split_quoted(text: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    text.split(move |c| {
        quoted ^= c == '"';
        c == ',' && !quoted
    })
    .map(str::trim)
}

/// The bounds within which a server may choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clamps {
    /// The shortest lifetime.
    pub min: Duration,
    /// The longest lifetime.
    pub max: Duration,
    /// The lifetime of an answer that names none.
    pub default: Duration,
    /// The longest age at which an answer past its lifetime is still used.
    pub max_stale: Duration,
}

impl Clamps {
    /// For the keys of one's own IAP: 30 s to 24 h, stale for at most 24 h.
    #[must_use]
    pub const fn own() -> Self {
        let day = Duration::from_hours(24);
        Self { min: Duration::from_secs(30), max: day, default: Duration::from_mins(5), max_stale: day }
    }

    /// For the keys of other IAPs: 30 s to 15 min, stale for at most 1 h.
    #[must_use]
    pub const fn foreign() -> Self {
        Self {
            min: Duration::from_secs(30),
            max: Duration::from_mins(15),
            default: Duration::from_mins(5),
            max_stale: Duration::from_hours(1),
        }
    }

    /// For metadata documents: 5 min to 24 h.
    #[must_use]
    pub const fn metadata() -> Self {
        let day = Duration::from_hours(24);
        Self { min: Duration::from_mins(5), max: day, default: Duration::from_hours(1), max_stale: day }
    }
}

/// Where an answer stands in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Use it.
    Fresh,
    /// Use it and fetch anew in the background.
    StaleRevalidate,
    /// Fetch anew first; if that fails, [`Freshness::usable_after_failure`] decides.
    Expired,
}

/// How long an answer may be used, already clamped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Freshness {
    lifetime: Duration,
    while_revalidate: Duration,
    if_error: Duration,
}

impl Freshness {
    /// Judge the header fields of an answer received at `now` (seconds since the epoch).
    #[must_use]
    pub fn of(headers: &HeaderMap, now: i64, clamps: &Clamps) -> Self {
        let control = CacheControl::parse(headers);
        let age = number(headers, &AGE).unwrap_or(0);
        let lifetime = if control.no_cache {
            clamps.min
        } else if let Some(max_age) = control.max_age {
            Duration::from_secs(max_age.saturating_sub(age))
        } else {
            expires(headers, now).map_or(clamps.default, |left| Duration::from_secs(left.saturating_sub(age)))
        };
        let lifetime = lifetime.clamp(clamps.min, clamps.max);
        // RFC 9111 §5.2.2.2: with `must-revalidate` a stale answer is not used at all.
        let stale = |seconds: Option<u64>| {
            if control.must_revalidate {
                return Duration::ZERO;
            }
            let until = lifetime + Duration::from_secs(seconds.unwrap_or(0));
            until.min(clamps.max_stale.max(lifetime)).saturating_sub(lifetime)
        };
        Self {
            lifetime,
            while_revalidate: stale(control.stale_while_revalidate),
            if_error: stale(control.stale_if_error),
        }
    }

    /// Until what age the answer is fresh.
    #[must_use]
    pub fn lifetime(&self) -> Duration {
        self.lifetime
    }

    /// Where an answer of this age stands.
    #[must_use]
    pub fn phase(&self, age: Duration) -> Phase {
        if age < self.lifetime {
            Phase::Fresh
        } else if age < self.lifetime + self.while_revalidate {
            Phase::StaleRevalidate
        } else {
            Phase::Expired
        }
    }

    /// Whether an answer of this age is still used when fetching anew has failed (`stale-if-error`).
    #[must_use]
    pub fn usable_after_failure(&self, age: Duration) -> bool {
        age < self.lifetime + self.if_error.max(self.while_revalidate)
    }

    /// The age at which to fetch anew, 80 to 95 % of the lifetime; `random` spreads the nodes of a fleet.
    #[must_use]
    pub fn refresh_at(&self, random: u8) -> Duration {
        self.lifetime * (800 + 150 * u32::from(random) / 255) / 1000
    }
}

fn number(headers: &HeaderMap, name: &http::HeaderName) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

/// `Expires` minus `Date` (or our own time); a date that cannot be read is in the past (RFC 9111 §5.3).
fn expires(headers: &HeaderMap, now: i64) -> Option<u64> {
    let text = headers.get(EXPIRES)?.to_str().unwrap_or_default();
    let Some(expires) = http_date(text) else { return Some(0) };
    let date = headers.get(DATE).and_then(|date| http_date(date.to_str().ok()?)).unwrap_or(now);
    Some(u64::try_from(expires.saturating_sub(date)).unwrap_or(0))
}

fn http_date(text: &str) -> Option<i64> {
    let time = httpdate::parse_http_date(text.trim()).ok()?;
    i64::try_from(time.duration_since(std::time::UNIX_EPOCH).ok()?.as_secs()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Header fields, and what they come to: lifetime, stale while revalidating, stale on error.
    type Row = (&'static [(&'static str, &'static str)], (u64, u64, u64));

    const NOW: i64 = 1_800_000_000; // Fri, 15 Jan 2027 08:00:00 GMT

    fn freshness(fields: &[(&'static str, &str)], clamps: &Clamps) -> (u64, u64, u64) {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, value.parse().unwrap());
        }
        let it = Freshness::of(&headers, NOW, clamps);
        (it.lifetime.as_secs(), it.while_revalidate.as_secs(), it.if_error.as_secs())
    }

    #[test]
    fn the_table_of_cache_rules() {
        const CC: &str = "cache-control";
        const TABLE: &[Row] = &[
            (&[], (300, 0, 0)),
            (
                &[(CC, "public, max-age=300, stale-while-revalidate=300, stale-if-error=3600")],
                (300, 300, 3600),
            ),
            // The founding document's own sample: a lifetime below the minimum.
            (&[(CC, "public, max-age=15, stale-while-revalidate=15, stale-if-error=86400")], (30, 15, 86370)),
            (&[(CC, "max-age=600"), ("age", "100")], (500, 0, 0)),
            (&[(CC, "max-age=600"), ("age", "900")], (30, 0, 0)),
            (&[(CC, "max-age=600"), ("age", "soon")], (600, 0, 0)),
            (&[(CC, "MAX-AGE=\"600\"")], (600, 0, 0)),
            (&[(CC, "max-age=600, max-age=60")], (60, 0, 0)),
            (&[(CC, "max-age=60"), (CC, "max-age=600")], (60, 0, 0)),
            (&[(CC, "max-age=never")], (30, 0, 0)),
            (&[(CC, "max-age=-1")], (30, 0, 0)),
            (&[(CC, "max-age=99999999999999999999999")], (86400, 0, 0)),
            (&[(CC, "s-maxage=60")], (300, 0, 0)),
            (&[(CC, "no-store")], (30, 0, 0)),
            (&[(CC, "no-cache, max-age=600")], (30, 0, 0)),
            (&[(CC, "no-cache=\"set-cookie, x\", max-age=600")], (30, 0, 0)),
            (&[(CC, "ext=\"a, max-age=5\", max-age=600")], (600, 0, 0)),
            (
                &[(CC, "max-age=300, must-revalidate, stale-if-error=3600, stale-while-revalidate=9")],
                (300, 0, 0),
            ),
            (&[("expires", "Fri, 15 Jan 2027 08:10:00 GMT")], (600, 0, 0)),
            (
                &[("expires", "Fri, 15 Jan 2027 08:10:00 GMT"), ("date", "Fri, 15 Jan 2027 08:05:00 GMT")],
                (300, 0, 0),
            ),
            (&[("expires", "0")], (30, 0, 0)),
            (&[("expires", "Fri, 15 Jan 2027 07:00:00 GMT")], (30, 0, 0)),
            (&[("expires", "Fri, 15 Jan 2027 08:10:00 GMT"), (CC, "max-age=60")], (60, 0, 0)),
            (&[(CC, "max-age=31536000, stale-if-error=31536000")], (86400, 0, 0)),
        ];
        for (fields, expected) in TABLE {
            assert_eq!(freshness(fields, &Clamps::own()), *expected, "{fields:?}");
        }
        assert_eq!(TABLE.len(), 24);
    }

    #[test]
    fn a_foreign_key_set_is_never_kept_past_an_hour() {
        let foreign = Clamps::foreign();
        let year = "max-age=31536000, stale-while-revalidate=31536000, stale-if-error=31536000";
        assert_eq!(freshness(&[("cache-control", year)], &foreign), (900, 2700, 2700));
    }

    #[test]
    fn an_answer_goes_through_its_phases() {
        let it = Freshness {
            lifetime: Duration::from_mins(5),
            while_revalidate: Duration::from_mins(5),
            if_error: Duration::from_hours(1),
        };
        let at = Duration::from_secs;
        for (age, phase) in [
            (0, Phase::Fresh),
            (299, Phase::Fresh),
            (300, Phase::StaleRevalidate),
            (599, Phase::StaleRevalidate),
            (600, Phase::Expired),
            (10_000, Phase::Expired),
        ] {
            assert_eq!(it.phase(at(age)), phase, "{age}");
        }
        assert!(it.usable_after_failure(at(3899)));
        assert!(!it.usable_after_failure(at(3900)));
    }

    #[test]
    fn the_early_refresh_lies_between_80_and_95_percent() {
        let at = Duration::from_secs;
        let it = Freshness { lifetime: at(1000), while_revalidate: Duration::ZERO, if_error: Duration::ZERO };
        assert_eq!(it.refresh_at(0), at(800));
        assert_eq!(it.refresh_at(255), at(950));
    }
}
