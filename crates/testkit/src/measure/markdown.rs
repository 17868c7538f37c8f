use std::fmt::Write;

use super::{Figure, Goal, Measured, Spread, Yardstick, number};

/// Where the table of a page begins; what stands between this line and [`END`] is written by the program.
pub const BEGIN: &str = "<!-- figures: written by the benchmark -->";
/// Where it ends.
pub const END: &str = "<!-- end of figures -->";

/// The figures as a table, with the notes as paragraphs below it.
#[must_use]
pub fn table(figures: &[Figure]) -> String {
    let mut text = String::from(
        "| what | median (min–max) | floor | ratio | goal | beside |\n|---|---:|---:|---:|---|---|\n",
    );
    for figure in figures {
        let row = match &figure.outcome {
            Ok(measured) => row(figure, measured),
            Err(reason) => format!("| `{}` | **failed** | | | | {} |", figure.name, cell(reason)),
        };
        text.push_str(&row);
        text.push('\n');
    }
    for figure in figures {
        if let Ok(Measured { note: Some(note), .. }) = &figure.outcome {
            write!(text, "\n`{}`: {note}\n", figure.name).expect("a String takes everything");
        }
    }
    text
}

fn row(figure: &Figure, measured: &Measured) -> String {
    let unit = figure.unit;
    let floor = measured.floor.as_ref();
    let said = |verdict: Option<String>| verdict.unwrap_or_default();
    let of_floor = floor.and_then(|floor| verdict(floor.goal, measured.ratio(floor)));
    let goal = verdict(measured.goal, Some(measured.value.median)).or(of_floor);
    format!(
        "| `{}` | {} | {} | {} | {} | {} |",
        figure.name,
        spread(&measured.value, unit),
        floor.map_or_else(String::new, |floor| format!("{}: {}", floor.what, spread(&floor.spread, unit))),
        floor.and_then(|floor| measured.ratio(floor)).map_or_else(String::new, number),
        said(goal),
        measured.beside.as_ref().map_or_else(String::new, |beside| self::beside(measured, beside, unit)),
    )
}

fn beside(measured: &Measured, beside: &Yardstick, unit: &str) -> String {
    let mut text = format!("{}: {}", beside.what, spread(&beside.spread, unit));
    if let Some(ratio) = measured.ratio(beside) {
        write!(text, ", ratio {}", number(ratio)).expect("a String takes everything");
    }
    if let Some(verdict) = verdict(beside.goal, measured.ratio(beside)) {
        write!(text, ", {verdict}").expect("a String takes everything");
    }
    text
}

fn verdict(goal: Option<Goal>, number: Option<f64>) -> Option<String> {
    Some(goal?.verdict(number?).to_string())
}

fn spread(spread: &Spread, unit: &str) -> String {
    format!("{} {unit} ({}–{})", number(spread.median), number(spread.min), number(spread.max))
}

/// A reason comes from anywhere: a bar or a line break in it must not end its cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace(['\n', '\r'], " ")
}

/// A page with the table between its markers; `None` when the page has no such place.
#[must_use]
pub fn insert(page: &str, table: &str) -> Option<String> {
    let (before, rest) = page.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n\n{}\n\n{END}{after}", table.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn around(median: f64) -> Spread {
        Spread { median, min: median - 1.0, max: median + 1.0 }
    }

    #[test]
    fn a_row_has_the_value_its_floor_and_what_became_of_each_goal() {
        let figure = Figure::new("token.rs256.secret", "1/s", around(2600.0))
            .floor("bare endpoint", around(2800.0), Some(Goal::AtLeast(0.9)))
            .beside("raw signing", around(4000.0), Some(Goal::AtLeast(0.85)));
        let table = table(&[figure]);
        assert_eq!(
            table.lines().nth(2).unwrap(),
            "| `token.rs256.secret` | 2600 1/s (2599–2601) | bare endpoint: 2800 1/s (2799–2801) | 0.93 | ≥ 0.90: met \
             | raw signing: 4000 1/s (3999–4001), ratio 0.65, ≥ 0.85: not met |"
        );
    }

    #[test]
    fn a_figure_without_floor_leaves_its_cells_empty_and_has_its_note_below() {
        let figure =
            Figure::new("startup", "ms", around(50.0)).goal(Goal::Below(200.0)).note("a spawned process.");
        let table = table(&[figure]);
        assert!(table.contains("| `startup` | 50.0 ms (49.0–51.0) |  |  | < 200: met |  |"), "{table}");
        assert!(table.ends_with("\n\n`startup`: a spawned process.\n"), "{table}");
    }

    #[test]
    fn a_failure_is_a_row_whatever_its_reason_says() {
        let table = table(&[Figure::failed("token.eddsa.secret", "1/s", "no\nkey | none")]);
        assert!(
            table.ends_with("| `token.eddsa.secret` | **failed** | | | | no key \\| none |\n"),
            "{table}"
        );
    }

    #[test]
    fn a_table_replaces_what_stood_between_the_markers_and_nothing_else() {
        let page = format!("# P\n\n{BEGIN}\nold\n{END}\n\nafter\n");
        let new = insert(&page, "| new |\n").unwrap();
        assert_eq!(new, format!("# P\n\n{BEGIN}\n\n| new |\n\n{END}\n\nafter\n"));
        assert_eq!(insert(&new, "| new |\n"), Some(new.clone()));
        assert_eq!(insert("# no markers", "x"), None);
        assert_eq!(insert(&format!("{END}{BEGIN}"), "x"), None);
    }
}
