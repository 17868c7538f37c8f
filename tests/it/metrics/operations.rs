//! The dashboard, the alert rules and the page about them speak of metrics that there are.

use std::collections::BTreeSet;
use std::time::Duration;

use carnet::telemetry::{Traces, count_lost_lines};
use carnet_ambient::Entropy;
use serde_json::{Value, json};

use super::exposition::Scraped;
use super::{scrape, wrong_secret};
use crate::harness::TestIap;

const DASHBOARD: &str = include_str!("../../../docs/operations/grafana-dashboard.json");
const ALERTS: &str = include_str!("../../../docs/operations/alerts.yml");
const PAGE: &str = include_str!("../../../docs/operations/README.md");
const LINK: &str = "/docs/operations/README.md#";

/// Words of `PromQL` that are no metric, when no bracket follows.
const WORDS: [&str; 14] = [
    "and", "or", "unless", "by", "without", "on", "ignoring", "bool", "offset", "up", "sum", "max", "min",
    "count",
];

/// Everything that a server with a log and traces has, after some of everything has happened.
async fn everything() -> Scraped {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    let secrets = format!("/clients/{}/secrets", client.client_id);
    let _ = iap.admin("POST", &secrets, Some(json!({"expires_in": 3600}))).await.expect(201);
    let (writer, _guard) = tracing_appender::non_blocking(std::io::sink());
    let _ = iap.token_of(&client, &[]).await.expect(200);
    wrong_secret(&iap, &client).await;
    count_lost_lines(&iap.app.metrics, writer.error_counter());
    let collector = "http://127.0.0.1:9".parse().unwrap();
    let traces = Traces::start(&collector, 0.0, Duration::from_secs(1), Entropy::seeded(1)).unwrap();
    traces.register(&iap.app.metrics);
    iap.app.metrics.database_error("test");
    iap.app.metrics.traffic("public").connection_failed("accept");
    iap.app.metrics.traffic("public").refused("test");
    scrape(&iap).await
}

/// The names of metrics and of labels in an expression.
fn named(expression: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut metrics, mut labels) = (BTreeSet::new(), BTreeSet::new());
    let mut characters = expression.chars().peekable();
    let (mut in_selector, mut in_grouping, mut last) = (false, false, String::new());
    while let Some(character) = characters.next() {
        match character {
            '"' => while characters.next().is_some_and(|inside| inside != '"') {},
            '[' => while characters.next().is_some_and(|inside| inside != ']') {},
            '{' => in_selector = true,
            '}' => in_selector = false,
            '(' => in_grouping = ["by", "without", "on", "ignoring"].contains(&last.as_str()),
            ')' => in_grouping = false,
            // A variable of Grafana.
            '$' => while characters.next_if(|next| next.is_ascii_alphanumeric() || *next == '_').is_some() {},
            first if first.is_ascii_alphabetic() => {
                let mut word = first.to_string();
                while let Some(next) = characters.next_if(|next| next.is_ascii_alphanumeric() || *next == '_')
                {
                    word.push(next);
                }
                while characters.next_if(|next| *next == ' ').is_some() {}
                if in_selector || in_grouping {
                    labels.insert(word.clone());
                } else if characters.peek() != Some(&'(') && !WORDS.contains(&word.as_str()) {
                    metrics.insert(word.clone());
                }
                last = word;
                continue;
            }
            // Digits of a number such as 1e6 begin no word.
            digit if digit.is_ascii_digit() => {
                while characters.next_if(|next| next.is_ascii_alphanumeric() || *next == '.').is_some() {}
            }
            _ => {}
        }
        if character != ' ' {
            last.clear();
        }
    }
    (metrics, labels)
}

#[track_caller]
fn check(scraped: &Scraped, expression: &str) {
    let (metrics, labels) = named(expression);
    assert!(!metrics.is_empty() || expression.contains("up"), "no metric in {expression}");
    for metric in metrics {
        assert!(scraped.names().contains(&metric), "there is no metric {metric}: {expression}");
    }
    for label in labels {
        let known =
            ["job", "instance"].contains(&label.as_str()) || scraped.labels().contains(label.as_str());
        assert!(known, "no metric has the label {label}: {expression}");
    }
}

/// Every text that stands under `key`, however deep.
fn texts<'a>(value: &'a Value, key: &str, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match member {
                    Value::String(text) if name == key => found.push(text),
                    other => texts(other, key, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| texts(item, key, found)),
        _ => {}
    }
}

#[test]
fn names_are_found_in_expressions() {
    let set = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<BTreeSet<_>>();
    let (metrics, labels) = named(
        "histogram_quantile(0.99, sum by (le, route) (rate(carnet_x_bucket{job=\"$job\", status=~\"5..\"}[$__rate_interval]))) > 1e6 and on (instance) carnet_y offset 5m",
    );
    assert_eq!(metrics, set(&["carnet_x_bucket", "carnet_y"]));
    assert_eq!(labels, set(&["le", "route", "job", "status", "instance"]));
}

#[tokio::test]
async fn every_panel_shows_metrics_that_there_are() {
    let scraped = everything().await;
    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    let mut expressions = Vec::new();
    texts(&dashboard, "expr", &mut expressions);
    assert!(expressions.len() >= 15, "{}", expressions.len());
    for expression in &expressions {
        check(&scraped, expression);
    }
    // Importable anywhere: the data source is a variable, and no id is that of somebody's Grafana.
    let mut sources = Vec::new();
    texts(&dashboard["panels"], "uid", &mut sources);
    assert!(!sources.is_empty() && sources.iter().all(|uid| *uid == "${datasource}"), "{sources:?}");
    assert!(dashboard["id"].is_null());
    let mut ids: Vec<u64> =
        dashboard["panels"].as_array().unwrap().iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count, "two panels have one id");
}

#[tokio::test]
async fn every_alert_has_what_it_needs_and_speaks_of_metrics_that_there_are() {
    let scraped = everything().await;
    let alerts: Vec<&str> = ALERTS.split("- alert: ").skip(1).collect();
    assert!(alerts.len() >= 12, "{}", alerts.len());
    let anchors: BTreeSet<String> =
        PAGE.lines().filter_map(|line| line.strip_prefix("### ")).map(str::to_lowercase).collect();
    for alert in alerts {
        let name = alert.lines().next().unwrap();
        let member = |key: &str| {
            let mut values =
                alert.lines().filter_map(|line| line.trim().strip_prefix(key)?.strip_prefix(": "));
            let value = values.next().unwrap_or_else(|| panic!("{name} has no {key}"));
            assert!(values.next().is_none(), "{name} has {key} twice");
            value
        };
        check(&scraped, member("expr"));
        assert!(member("for").ends_with(['s', 'm', 'h']), "{name}");
        assert!(["critical", "warning"].contains(&member("severity")), "{name}");
        assert!(!member("summary").is_empty() && !member("description").is_empty());
        let (_, anchor) = member("runbook_url").split_once(LINK).unwrap();
        assert!(anchors.contains(anchor), "{name}: the page has no section {anchor}");
        assert_eq!(anchor, name.to_lowercase());
    }
}

#[tokio::test]
async fn the_page_lists_every_metric() {
    let scraped = everything().await;
    for family in scraped.families() {
        assert!(PAGE.contains(&format!("`{family}")), "{family} is not in the page");
    }
    let listed = PAGE.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    for word in listed.filter(|word| word.starts_with("carnet_") || word.starts_with("process_")) {
        let known = scraped.families().any(|family| family == word) || scraped.names().contains(word);
        assert!(known, "{word} is in the page, but there is no such metric");
    }
}
