//! Decimal numbers as text: JSON parsers round without a word, and a waybill must not.

/// The numbers of a JSON text that is known to be well-formed, as written.
pub(super) fn tokens(json: &[u8]) -> impl Iterator<Item = &str> {
    let mut at = 0;
    std::iter::from_fn(move || {
        while let Some(byte) = json.get(at) {
            match byte {
                b'"' => at = after_string(json, at + 1),
                b'-' | b'0'..=b'9' => {
                    let is_part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
                    let rest = json.get(at..).unwrap_or_default();
                    let length = rest.iter().take_while(|byte| is_part(byte)).count();
                    at += length;
                    return std::str::from_utf8(rest.get(..length)?).ok();
                }
                _ => at += 1,
            }
        }
        None
    })
}

fn after_string(json: &[u8], mut at: usize) -> usize {
    loop {
        match json.get(at) {
            None => return at,
            Some(b'"') => return at + 1,
            Some(b'\\') => at += 2,
            Some(_) => at += 1,
        }
    }
}

/// Whether two texts are the same number, digit by digit and without rounding.
pub(super) fn same(one: &str, other: &str) -> bool {
    match (Decimal::read(one), Decimal::read(other)) {
        (Some(one), Some(other)) => one == other,
        _ => false,
    }
}

/// `digits` × 10^`exponent`: no zeros at either end of the digits; none at all, and a plus, for zero.
#[derive(PartialEq, Eq)]
struct Decimal {
    negative: bool,
    digits: String,
    exponent: i64,
}

impl Decimal {
    /// `None` for an exponent beyond any number.
    fn read(text: &str) -> Option<Self> {
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (mantissa, negative) = match mantissa.strip_prefix('-') {
            Some(mantissa) => (mantissa, true),
            None => (mantissa, false),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = format!("{whole}{fraction}");
        let digits = all.trim_start_matches('0');
        let trimmed = digits.trim_end_matches('0');
        if trimmed.is_empty() {
            return Some(Self { negative: false, digits: String::new(), exponent: 0 });
        }
        let length = |text: &str| i64::try_from(text.len()).ok();
        let exponent = exponent.parse::<i64>().ok()?;
        let exponent = exponent.checked_sub(length(fraction)?)?;
        let exponent = exponent.checked_add(length(digits)? - length(trimmed)?)?;
        Some(Self { negative, digits: trimmed.to_owned(), exponent })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_compared_digit_by_digit() {
        for (one, other) in [
            ("1", "1.0"),
            ("100", "1e2"),
            ("0.50", "5e-1"),
            ("-0", "0"),
            ("12.5E+1", "125"),
            ("0e-999999999", "0"),
        ] {
            assert!(same(one, other), "{one} {other}");
        }
        for (one, other) in [
            ("1", "-1"),
            ("1e-400", "0"),
            ("1.0000000000000000001", "1"),
            ("0.12345678901234567890", "0.12345678901234568"),
            ("1e99999999999999999999", "1e99999999999999999999"),
        ] {
            assert!(!same(one, other), "{one} {other}");
        }
    }

    #[test]
    fn digits_in_strings_are_no_numbers() {
        let json = br#"{"a1":-1.5e+3,"b\"2":["3\\",4, "x5"],"c":0}"#;
        assert_eq!(tokens(json).collect::<Vec<_>>(), ["-1.5e+3", "4", "0"]);
    }
}
