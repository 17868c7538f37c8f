use serde_json::{Map, Value};

/// A date claim that is not a number, or beyond what any clock will show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotNumericDate;

/// 2^53: beyond it a JSON number is not exact everywhere (RFC 8259 §6).
const BOUND: i64 = 1 << 53;

/// Reads a `NumericDate` claim (RFC 7519 §2) in whole seconds.
///
/// A fraction counts up: with whole seconds on the clock, `now < 5.5` is `now < 6`, and `5.5 ≤ now` is `6 ≤ now`.
pub fn read(claims: &Map<String, Value>, name: &str) -> Result<Option<i64>, NotNumericDate> {
    let number = match claims.get(name) {
        None => return Ok(None),
        Some(Value::Number(number)) => number,
        // `"1800000000"`, `true` and ISO dates mean different things to different readers.
        Some(_) => return Err(NotNumericDate),
    };
    let seconds = match number.as_i64() {
        Some(seconds) => seconds,
        None => whole(number.as_f64().ok_or(NotNumericDate)?.ceil())?,
    };
    if (-BOUND..=BOUND).contains(&seconds) { Ok(Some(seconds)) } else { Err(NotNumericDate) }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "|seconds| < 2^53: both are exact"
)]
fn whole(seconds: f64) -> Result<i64, NotNumericDate> {
    if seconds.abs() < BOUND as f64 { Ok(seconds as i64) } else { Err(NotNumericDate) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn date(value: Value) -> Result<Option<i64>, NotNumericDate> {
        read(&Map::from_iter([("exp".to_owned(), value)]), "exp")
    }

    #[test]
    fn numbers_are_dates_and_fractions_count_up() {
        assert_eq!(date(json!(1_800_000_000)), Ok(Some(1_800_000_000)));
        assert_eq!(date(json!(1_800_000_000.5)), Ok(Some(1_800_000_001)));
        assert_eq!(date(json!(1.8e9)), Ok(Some(1_800_000_000)));
        assert_eq!(date(json!(-1)), Ok(Some(-1)));
        assert_eq!(read(&Map::new(), "exp"), Ok(None));
    }

    #[test]
    fn anything_else_is_no_date() {
        for value in [
            json!("1800000000"),
            json!("2026-11-22T00:00:00Z"),
            json!(true),
            json!(null),
            json!([1]),
            json!({}),
            json!(1e300),
            json!(-1e300),
            json!(u64::MAX),
            json!(i64::MIN),
            json!(9_007_199_254_740_993_i64),
        ] {
            assert_eq!(date(value.clone()), Err(NotNumericDate), "{value}");
        }
    }
}
