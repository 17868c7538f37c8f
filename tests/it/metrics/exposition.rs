//! A strict reader of the text format: what it does not understand is a fault of the writer.

use std::collections::{BTreeMap, BTreeSet};

type Labels = BTreeMap<String, String>;

/// What a scrape gave.
pub struct Scraped {
    text: String,
    kinds: BTreeMap<String, String>,
    samples: BTreeMap<(String, Labels), f64>,
}

impl Scraped {
    /// Reads the text line by line.
    #[track_caller]
    pub fn parse(text: &str) -> Self {
        assert!(text.ends_with('\n'), "the last line has no end");
        let mut scraped = Self { text: text.to_owned(), kinds: BTreeMap::new(), samples: BTreeMap::new() };
        let mut helped = BTreeSet::new();
        let mut family = String::new();
        for line in text.lines() {
            if let Some(help) = line.strip_prefix("# HELP ") {
                let (name, words) = help.split_once(' ').unwrap();
                assert!(is_name(name) && words.ends_with('.'), "{line}");
                assert!(helped.insert(name.to_owned()), "twice: {line}");
                name.clone_into(&mut family);
            } else if let Some(kind) = line.strip_prefix("# TYPE ") {
                let (name, kind) = kind.split_once(' ').unwrap();
                assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
                assert_eq!(name, family, "the type stands behind the help");
                assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
                assert!(scraped.kinds.insert(name.to_owned(), kind.to_owned()).is_none(), "twice: {line}");
            } else {
                scraped.sample(&family, line);
            }
        }
        scraped.check_histograms();
        scraped
    }

    /// `name{label="value",…} number`, of the family whose head stands above it.
    fn sample(&mut self, family: &str, line: &str) {
        let end = line.find(['{', ' ']).unwrap_or_else(|| panic!("no sample: {line}"));
        let (name, rest) = line.split_at(end);
        let suffix = name.strip_prefix(family).unwrap_or_else(|| panic!("not of {family}: {line}"));
        let histogram = self.kinds.get(family).unwrap_or_else(|| panic!("no type: {line}")) == "histogram";
        let suffixes: &[&str] = if histogram { &["_bucket", "_sum", "_count"] } else { &[""] };
        assert!(suffixes.contains(&suffix), "{line}");
        let (labels, value) = labels(rest, line);
        let value: f64 = value.parse().unwrap_or_else(|_| panic!("no number: {line}"));
        assert!(value.is_finite(), "{line}");
        assert_eq!(labels.contains_key("le"), suffix == "_bucket", "{line}");
        assert!(self.samples.insert((name.to_owned(), labels), value).is_none(), "twice: {line}");
    }

    /// Buckets never shrink, and the last one is the count.
    fn check_histograms(&self) {
        for ((name, labels), count) in self.samples.iter().filter(|((name, _), _)| name.ends_with("_count")) {
            let bucket = name.replace("_count", "_bucket");
            let mut buckets: Vec<(f64, f64)> = self
                .samples
                .iter()
                .filter(|((name, own), _)| *name == bucket && without_bound(own) == *labels)
                .map(|((_, own), value)| (own["le"].replace("+Inf", "inf").parse().unwrap(), *value))
                .collect();
            buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
            assert!(buckets.is_sorted_by(|a, b| a.1 <= b.1), "{name} {labels:?}: {buckets:?}");
            assert_eq!(buckets.last(), Some(&(f64::INFINITY, *count)), "{name} {labels:?}");
        }
    }

    /// The type of a metric.
    pub fn kind(&self, name: &str) -> Option<&str> {
        self.kinds.get(name).map(String::as_str)
    }

    /// The value of the one sample that has these labels, or of the only one if there are none given.
    #[track_caller]
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let values = self.values(name, labels);
        assert!(values.len() < 2, "{name} {labels:?} has several samples");
        values.first().copied()
    }

    /// The values of all samples that have these labels, and perhaps others.
    pub fn values(&self, name: &str, labels: &[(&str, &str)]) -> Vec<f64> {
        let has = |own: &Labels| labels.iter().all(|(k, v)| own.get(*k).is_some_and(|value| value == v));
        self.samples.iter().filter(|((n, own), _)| n == name && has(own)).map(|(_, value)| *value).collect()
    }

    /// How many samples there are.
    pub fn samples(&self) -> usize {
        self.samples.len()
    }

    /// The names by which samples can be asked for.
    pub fn names(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        for (name, kind) in &self.kinds {
            if kind == "histogram" {
                names.extend(["_bucket", "_sum", "_count"].map(|suffix| format!("{name}{suffix}")));
            } else {
                names.insert(name.clone());
            }
        }
        names
    }

    /// Every metric.
    pub fn families(&self) -> impl Iterator<Item = &str> {
        self.kinds.keys().map(String::as_str)
    }

    /// Every name of a label that a sample has.
    pub fn labels(&self) -> BTreeSet<&str> {
        self.samples.keys().flat_map(|(_, labels)| labels.keys().map(String::as_str)).collect()
    }

    /// The text itself.
    pub fn text(&self) -> &str {
        &self.text
    }
}

fn without_bound(labels: &Labels) -> Labels {
    labels.iter().filter(|(name, _)| *name != "le").map(|(k, v)| (k.clone(), v.clone())).collect()
}

fn is_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

/// The labels of a sample, and what stands behind them.
fn labels<'a>(rest: &'a str, line: &str) -> (Labels, &'a str) {
    let mut labels = Labels::new();
    let Some(mut rest) = rest.strip_prefix('{') else {
        return (labels, rest.strip_prefix(' ').unwrap_or_else(|| panic!("no blank: {line}")));
    };
    loop {
        let (name, value) = rest.split_once("=\"").unwrap_or_else(|| panic!("no label: {line}"));
        assert!(is_name(name), "{line}");
        let mut text = String::new();
        let mut characters = value.char_indices();
        let end = loop {
            match characters.next().unwrap_or_else(|| panic!("no end of a value: {line}")) {
                (at, '"') => break at,
                (_, '\\') => match characters.next() {
                    Some((_, 'n')) => text.push('\n'),
                    Some((_, escaped @ ('\\' | '"'))) => text.push(escaped),
                    other => panic!("{other:?} is not to be escaped: {line}"),
                },
                (_, character) => text.push(character),
            }
        };
        assert!(labels.insert(name.to_owned(), text).is_none(), "a label twice: {line}");
        rest = &value[end + 1..];
        match rest.strip_prefix(',') {
            Some(further) => rest = further,
            None => return (labels, rest.strip_prefix("} ").unwrap_or_else(|| panic!("no end: {line}"))),
        }
    }
}
