use serde_json::{Value, json};

use super::Figure;

/// The figures for programs: an array of `{name, value, unit, floor, ratio}`, medians all. What a figure does not
/// have is null; one that failed says why in `error`.
#[must_use]
pub fn json(figures: &[Figure]) -> Value {
    figures.iter().map(entry).collect()
}

fn entry(figure: &Figure) -> Value {
    match &figure.outcome {
        Ok(measured) => json!({
            "name": figure.name,
            "value": measured.value.median,
            "unit": figure.unit,
            "floor": measured.floor.as_ref().map(|floor| floor.spread.median),
            "ratio": measured.floor.as_ref().and_then(|floor| measured.ratio(floor)),
        }),
        Err(reason) => json!({
            "name": figure.name,
            "value": null,
            "unit": figure.unit,
            "floor": null,
            "ratio": null,
            "error": reason,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::Spread;

    #[test]
    fn each_figure_is_there_with_its_median_its_floor_and_their_ratio() {
        let spread = |median| Spread { median, min: median - 1.0, max: median + 1.0 };
        let figures = [
            Figure::new("token.rs256.secret", "1/s", spread(90.0)).floor("bare", spread(100.0), None),
            Figure::new("startup", "ms", spread(55.0)),
            Figure::failed("token.eddsa.secret", "1/s", "no key for EdDSA"),
        ];
        assert_eq!(
            json(&figures),
            json!([
                {"name": "token.rs256.secret", "value": 90.0, "unit": "1/s", "floor": 100.0, "ratio": 0.9},
                {"name": "startup", "value": 55.0, "unit": "ms", "floor": null, "ratio": null},
                {"name": "token.eddsa.secret", "value": null, "unit": "1/s", "floor": null, "ratio": null,
                 "error": "no key for EdDSA"},
            ])
        );
    }
}
