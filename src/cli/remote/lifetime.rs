/// Reads a duration as people write it: `90d`, `24h`, `30m`, `45s`, or plain seconds.
pub(super) fn seconds(text: &str) -> Result<i64, String> {
    let (digits, unit) = match text.char_indices().last() {
        Some((at, 'd')) => (&text[..at], 86_400),
        Some((at, 'h')) => (&text[..at], 3_600),
        Some((at, 'm')) => (&text[..at], 60),
        Some((at, 's')) => (&text[..at], 1),
        _ => (text, 1),
    };
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    let number = digits.parse::<i64>().ok().filter(|_| plain).and_then(|number| number.checked_mul(unit));
    number.ok_or_else(|| "expected a number with d, h, m or s behind it, for instance 90d".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_days_hours_minutes_and_seconds() {
        for (text, expected) in [("90d", 7_776_000), ("24h", 86_400), ("5m", 300), ("45s", 45), ("600", 600)]
        {
            assert_eq!(seconds(text), Ok(expected), "{text}");
        }
        for wrong in
            ["", "d", "-1d", "+1d", "1w", "1.5h", "1 d", "99999999999999999999", "9223372036854775807d"]
        {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }
}
