use std::collections::BTreeMap;
use std::fmt::Write;

use super::{Figure, Measured, Spread, number};

const WIDTH: f64 = 960.0;
/// Where the bars begin.
const LEFT: f64 = 250.0;
/// The longest bar.
const BAR: f64 = 400.0;
/// Height of one figure with its two bars.
const ROW: f64 = 64.0;
const TOP: f64 = 76.0;
const VALUE: &str = "#1f5f8b";
const FLOOR: &str = "#c2ccd6";
const INK: &str = "#1b1b1b";

/// A bar, ready to be drawn.
struct Bar<'a> {
    at: f64,
    spread: &'a Spread,
    colour: &'a str,
    label: String,
}

/// One chart for each first word of the names, as (word, SVG): the value above its floor, with the ratio.
///
/// Each pair has a scale of its own, since rates that differ by two orders of magnitude would hide one another.
/// Figures that failed are named without bars.
#[must_use]
pub fn charts(figures: &[Figure]) -> BTreeMap<String, String> {
    let mut groups: BTreeMap<String, Vec<&Figure>> = BTreeMap::new();
    for figure in figures {
        let word = figure.name.split('.').next().unwrap_or_default();
        groups.entry(word.to_owned()).or_default().push(figure);
    }
    groups.into_iter().map(|(word, figures)| (word.clone(), chart(&word, &figures))).collect()
}

fn chart(title: &str, figures: &[&Figure]) -> String {
    let rows = f64::from(u32::try_from(figures.len()).unwrap_or(u32::MAX));
    let height = TOP + ROW * rows + 36.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" viewBox=\"0 0 {WIDTH} {height}\" \
         role=\"img\" font-family=\"sans-serif\" fill=\"{INK}\">\n<title>{0}</title>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n",
        escape(title)
    );
    text(&mut svg, 24.0, 34.0, 20, "start", title);
    for (at, colour, word) in [(LEFT, VALUE, "value"), (LEFT + 110.0, FLOOR, "floor")] {
        push(
            &mut svg,
            &format!("<rect x=\"{at}\" y=\"44\" width=\"16\" height=\"14\" fill=\"{colour}\"/>\n"),
        );
        text(&mut svg, at + 24.0, 56.0, 13, "start", word);
    }
    let mut top = TOP;
    for figure in figures {
        text(&mut svg, LEFT - 14.0, top + 27.0, 14, "end", &figure.name);
        match &figure.outcome {
            Ok(measured) => pair(&mut svg, top, measured, figure.unit),
            Err(reason) => text(&mut svg, LEFT, top + 27.0, 13, "start", &format!("failed: {reason}")),
        }
        top += ROW;
    }
    text(
        &mut svg,
        LEFT,
        top + 16.0,
        12,
        "start",
        "Medians; thin lines from the least to the largest sample. Each pair on its own scale.",
    );
    svg.push_str("</svg>\n");
    svg
}

fn pair(svg: &mut String, top: f64, measured: &Measured, unit: &str) {
    let mut bars = vec![Bar {
        at: top + 6.0,
        spread: &measured.value,
        colour: VALUE,
        label: format!("{} {unit}", number(measured.value.median)),
    }];
    if let Some(floor) = &measured.floor {
        if let Some(ratio) = measured.ratio(floor) {
            push(&mut bars[0].label, &format!(", ratio {}", number(ratio)));
        }
        let label = format!("{} {unit}, {}", number(floor.spread.median), floor.what);
        bars.push(Bar { at: top + 28.0, spread: &floor.spread, colour: FLOOR, label });
    }
    let largest = bars.iter().map(|bar| bar.spread.max).fold(0.0, f64::max);
    for bar in bars {
        draw(svg, &bar, largest);
    }
}

fn draw(svg: &mut String, bar: &Bar<'_>, largest: f64) {
    let width = |value: f64| if largest > 0.0 { value.max(0.0) / largest * BAR } else { 0.0 };
    let (at, middle) = (bar.at, bar.at + 9.0);
    push(
        svg,
        &format!(
            "<rect x=\"{LEFT}\" y=\"{at:.1}\" width=\"{:.1}\" height=\"18\" fill=\"{}\"/>\n\
             <line x1=\"{:.1}\" y1=\"{middle:.1}\" x2=\"{:.1}\" y2=\"{middle:.1}\" stroke=\"{INK}\"/>\n",
            width(bar.spread.median),
            bar.colour,
            LEFT + width(bar.spread.min),
            LEFT + width(bar.spread.max),
        ),
    );
    text(svg, LEFT + width(bar.spread.max) + 10.0, at + 14.0, 13, "start", &bar.label);
}

fn text(svg: &mut String, x: f64, y: f64, size: u32, anchor: &str, words: &str) {
    push(
        svg,
        &format!(
            "<text x=\"{x:.1}\" y=\"{y:.1}\" font-size=\"{size}\" text-anchor=\"{anchor}\">{}</text>\n",
            escape(words)
        ),
    );
}

fn push(svg: &mut String, piece: &str) {
    svg.write_str(piece).expect("a String takes everything");
}

/// XML 1.0 §2.4: the characters that would end a text or an attribute; those that XML cannot hold are left out.
fn escape(words: &str) -> String {
    let mut out = String::with_capacity(words.len());
    for letter in words.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            letter if letter.is_control() => out.push(' '),
            letter => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spread(median: f64) -> Spread {
        Spread { median, min: median / 2.0, max: median }
    }

    #[test]
    fn there_is_one_chart_for_each_first_word() {
        let figures = [
            Figure::new("token.rs256.secret", "1/s", spread(1.0)),
            Figure::new("jwks", "1/s", spread(1.0)),
            Figure::failed("token.eddsa.secret", "1/s", "no <key>"),
        ];
        let charts = charts(&figures);
        assert_eq!(charts.keys().collect::<Vec<_>>(), ["jwks", "token"]);
        let token = &charts["token"];
        assert!(token.contains(">token.rs256.secret</text>") && !token.contains("jwks"));
        assert!(token.contains(">failed: no &lt;key&gt;</text>"));
    }

    #[test]
    fn the_longer_bar_of_a_pair_is_full_and_the_other_in_proportion() {
        let figure = Figure::new("a", "1/s", spread(50.0)).floor("bare", spread(100.0), None);
        let svg = &charts(&[figure])["a"];
        assert!(svg.contains("y=\"82.0\" width=\"200.0\" height=\"18\" fill=\"#1f5f8b\""), "{svg}");
        assert!(svg.contains("y=\"104.0\" width=\"400.0\" height=\"18\" fill=\"#c2ccd6\""), "{svg}");
        assert!(svg.contains(">50.0 1/s, ratio 0.50</text>") && svg.contains(">100 1/s, bare</text>"));
        // From the least to the largest sample.
        assert!(svg.contains("<line x1=\"350.0\" y1=\"91.0\" x2=\"450.0\""), "{svg}");
    }

    #[test]
    fn nothing_measured_is_a_bar_of_no_length() {
        let svg = &charts(&[Figure::new("a", "refusals", spread(0.0))])["a"];
        assert!(svg.contains("width=\"0.0\" height=\"18\"") && !svg.contains("NaN"), "{svg}");
    }
}
