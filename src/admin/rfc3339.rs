/// Milliseconds since 1970-01-01 UTC as RFC 3339 text in UTC, with milliseconds: `2027-01-15T08:00:00.000Z`.
///
/// Years outside 0000 to 9999, which the format cannot express, are cut to its ends.
#[must_use]
pub fn rfc3339(unix_millis: i64) -> String {
    const EARLIEST: i64 = -62_167_219_200_000; // 0000-01-01T00:00:00.000Z
    const LATEST: i64 = 253_402_300_799_999; // 9999-12-31T23:59:59.999Z
    let millis = unix_millis.clamp(EARLIEST, LATEST);
    let (days, of_day) = (millis.div_euclid(86_400_000), millis.rem_euclid(86_400_000));
    let (year, month, day) = civil(days);
    let (hour, minute) = (of_day / 3_600_000, of_day / 60_000 % 60);
    let (second, fraction) = (of_day / 1000 % 60, of_day % 1000);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{fraction:03}Z")
}

/// Year, month and day of a day counted from 1970-01-01, in the Gregorian calendar.
///
/// Years are counted from March, so that the leap day is the last day of a year and every 400 years are alike.
fn civil(days: i64) -> (i64, i64, i64) {
    const DAYS_OF_400_YEARS: i64 = 146_097;
    let since = days + 719_468; // from 0000-03-01
    let (cycle, of_cycle) = (since.div_euclid(DAYS_OF_400_YEARS), since.rem_euclid(DAYS_OF_400_YEARS));
    let year_of_cycle = (of_cycle - of_cycle / 1_460 + of_cycle / 36_524 - of_cycle / 146_096) / 365;
    let of_year = of_cycle - (365 * year_of_cycle + year_of_cycle / 4 - year_of_cycle / 100);
    let month_from_march = (5 * of_year + 2) / 153; // months of 31 and 30 days in fives of 153
    let day = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (cycle * 400 + year_of_cycle + i64::from(month <= 2), month, day)
}

/// Reads a time in UTC as [`rfc3339`] writes it, with or without a fraction, or a day, which is its first moment.
#[must_use]
pub fn parse_rfc3339(text: &str) -> Option<i64> {
    let number = |range: std::ops::Range<usize>| {
        let digits = text.get(range)?;
        digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse::<i64>().ok())?
    };
    let sign = |at: usize, byte: u8| text.as_bytes().get(at) == Some(&byte);
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    if !sign(4, b'-') || !sign(7, b'-') {
        return None;
    }
    // Counted from March, as in `civil`.
    let (from_march, shift) = if month > 2 { (month - 3, 0) } else { (month + 9, 1) };
    let years = year - shift;
    let (cycle, of_cycle) = (years.div_euclid(400), years.rem_euclid(400));
    let of_year = (153 * from_march + 2) / 5 + day - 1;
    let days = cycle * 146_097 + of_cycle * 365 + of_cycle / 4 - of_cycle / 100 + of_year - 719_468;
    // A day that its month does not have would be another day.
    if civil(days) != (year, month, day) {
        return None;
    }
    if text.len() == 10 {
        return Some(days * 86_400_000);
    }
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    let fraction = match text.len() {
        20 => 0,
        24 if sign(19, b'.') => number(20..23)?,
        _ => return None,
    };
    let fits = sign(10, b'T') && sign(13, b':') && sign(16, b':') && text.ends_with('Z');
    let in_day = hour < 24 && minute < 60 && second < 60;
    (fits && in_day).then(|| days * 86_400_000 + ((hour * 60 + minute) * 60 + second) * 1000 + fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again_and_nothing_else() {
        for millis in [0, -1, 951_782_400_000, 1_709_164_800_123, 1_800_000_000_000, 253_402_300_799_999] {
            assert_eq!(parse_rfc3339(&rfc3339(millis)), Some(millis));
        }
        assert_eq!(parse_rfc3339("2027-01-15T08:00:00Z"), Some(1_800_000_000_000));
        assert_eq!(parse_rfc3339("2027-01-15"), Some(1_799_971_200_000));
        for wrong in [
            "",
            "2027-02-29",
            "2027-13-01",
            "2027-00-10",
            "2027-01-15T24:00:00Z",
            "2027-01-15T08:00:00",
            "2027-01-15 08:00:00Z",
            "2027-01-15T08:00:00+01:00",
            "+027-01-15",
            "2027-1-15",
            "2027-01-15T08:00:00.1Z",
        ] {
            assert_eq!(parse_rfc3339(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn known_moments_are_written_as_everybody_writes_them() {
        for (millis, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (951_782_399_000, "2000-02-28T23:59:59.000Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (951_868_800_000, "2000-03-01T00:00:00.000Z"),
            (1_709_164_800_123, "2024-02-29T00:00:00.123Z"),
            (1_800_000_000_000, "2027-01-15T08:00:00.000Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
            (i64::MIN, "0000-01-01T00:00:00.000Z"),
            (i64::MAX, "9999-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(rfc3339(millis), text);
        }
    }

    #[test]
    fn every_day_of_eight_centuries_follows_the_one_before() {
        let is_leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let (mut year, mut month, mut day) = (1600, 1, 1);
        for days in -135_140..157_054 {
            assert_eq!(civil(days), (year, month, day));
            let length = match month {
                2 if is_leap(year) => 29,
                2 => 28,
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            (year, month, day) = match (month, day) {
                (12, 31) => (year + 1, 1, 1),
                (month, day) if day == length => (year, month + 1, 1),
                (month, day) => (year, month, day + 1),
            };
        }
        assert_eq!(year, 2400);
    }
}
