//! The text exposition format of Prometheus, version 0.0.4: the one that every scraper reads.

use std::fmt::Write as _;

/// The media type of the text.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What kind of a metric it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// A text that grows family by family.
#[derive(Debug, Default)]
pub(super) struct Exposition {
    text: String,
}

/// Where the samples of one metric go.
#[derive(Debug)]
pub struct Samples<'a> {
    text: &'a mut String,
    name: &'static str,
}

impl Exposition {
    /// Begins a metric. Its head stands there even if it has no sample yet, so that a reader knows the name.
    pub fn family(&mut self, name: &'static str, kind: Kind, help: &'static str) -> Samples<'_> {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        // Writing to a String does not fail.
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        Samples { text: &mut self.text, name }
    }

    pub fn into_text(self) -> String {
        self.text
    }
}

impl Samples<'_> {
    /// One sample: its labels and its value.
    pub fn add(&mut self, labels: &[(&str, &str)], value: f64) {
        self.add_part("", labels, None, value);
    }

    /// The same for a number that was counted.
    pub fn add_count(&mut self, labels: &[(&str, &str)], value: u64) {
        self.add(labels, as_f64(value));
    }

    /// A sample of a histogram: its name carries a suffix, and a bucket the label `le`.
    pub(super) fn add_part(
        &mut self,
        suffix: &'static str,
        labels: &[(&str, &str)],
        bound: Option<&str>,
        value: f64,
    ) {
        self.text.push_str(self.name);
        self.text.push_str(suffix);
        let mut separator = '{';
        for (name, value) in labels.iter().copied().chain(bound.map(|bound| ("le", bound))) {
            self.text.push(separator);
            self.text.push_str(name);
            self.text.push_str("=\"");
            self.text.extend(value.chars().flat_map(escaped));
            self.text.push('"');
            separator = ',';
        }
        if separator == ',' {
            self.text.push('}');
        }
        let _ = writeln!(self.text, " {value}");
    }
}

/// A label's value may hold anything, but these three only behind a backslash.
fn escaped(character: char) -> impl Iterator<Item = char> {
    let (first, second) = match character {
        '\\' => ('\\', Some('\\')),
        '"' => ('\\', Some('"')),
        '\n' => ('\\', Some('n')),
        other => (other, None),
    };
    std::iter::once(first).chain(second)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "exact up to 2^53, and every sample is such a number in the end"
)]
pub(super) fn as_f64(value: u64) -> f64 {
    value as f64
}
