use carnet_ambient::Clock;
use carnet_db::Onlooker;

use super::Line;

/// A node whose clock is further off does not issue; seconds.
const MOST: i64 = 2;
/// What a `Date` header of full seconds and the way it took may add; seconds.
const HTTP_MOST: i64 = 5;
const ADVICE: &str = "start a time service (chrony, systemd-timesyncd) on this machine";

/// The database's clock is what several nodes agree on.
pub(super) async fn against_database(database: &Onlooker, clock: &Clock) -> Line {
    match database.time(clock).await {
        Ok(theirs) => said("the database", (clock.now_millis() - theirs) / 1000, MOST),
        Err(error) => Line::fail("clock", error.to_string(), "start the database"),
    }
}

pub(super) fn against_http(clock: &Clock, date: i64) -> Line {
    said("the given HTTP date", clock.now() - date, HTTP_MOST)
}

fn said(other: &str, seconds: i64, most: i64) -> Line {
    if seconds.abs() <= most {
        Line::ok("clock", format!("agrees with {other}"))
    } else {
        Line::fail("clock", format!("is {seconds} s ahead of {other} (negative: behind)"), ADVICE)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Level;
    use super::*;

    #[test]
    fn a_clock_that_is_off_is_a_failure() {
        let clock = Clock::manual(1_800_000_000_000);
        for (date, level) in [
            (1_800_000_000, Level::Ok),
            (1_800_000_005, Level::Ok),
            (1_800_000_006, Level::Fail),
            (1_799_999_990, Level::Fail),
        ] {
            assert_eq!(against_http(&clock, date).level, level, "{date}");
        }
    }
}
