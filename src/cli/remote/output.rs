use std::fmt::Write as _;

use serde_json::{Value, json};

/// One column of a table: its head, and the member that stands in it.
pub(super) type Column = (&'static str, &'static str);

/// What a command has to say: the text for standard output, and what people should know beside it.
#[derive(Debug)]
pub(super) struct Output {
    /// The table or the JSON.
    pub(super) text: String,
    /// Sentences for standard error, after the text.
    pub(super) notes: Vec<&'static str>,
}

impl From<String> for Output {
    fn from(text: String) -> Self {
        Self { text, notes: Vec::new() }
    }
}

/// A list: a table for people, or the server's JSON.
pub(super) fn list(items: &[Value], columns: &[Column], as_json: bool) -> String {
    if as_json {
        return pretty(&json!({ "items": items }));
    }
    if items.is_empty() {
        return "none\n".to_owned();
    }
    let mut rows: Vec<Vec<String>> = vec![columns.iter().map(|(head, _)| (*head).to_owned()).collect()];
    rows.extend(items.iter().map(|item| columns.iter().map(|(_, name)| text(&item[*name])).collect()));
    let widths: Vec<usize> = (0..columns.len())
        .map(|at| rows.iter().map(|row| row[at].chars().count()).max().unwrap_or_default())
        .collect();
    let mut out = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            let _ = write!(line, "{cell:width$}  ");
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// One thing: a line for each member, or the server's JSON.
pub(super) fn one(item: &Value, as_json: bool) -> String {
    if as_json {
        return pretty(item);
    }
    let members: Vec<(&String, &Value)> = item.as_object().into_iter().flatten().collect();
    let width = members.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    members.iter().fold(String::new(), |mut out, (name, value)| {
        let _ = writeln!(out, "{name:width$}  {}", text(value));
        out
    })
}

/// One thing with a secret in it, and the warning that belongs to it.
pub(super) fn one_with_secret(item: &Value, as_json: bool) -> String {
    let mut out = one(item, as_json);
    if !as_json && item.get("client_secret").is_some() {
        out.push_str("\nStore the client_secret now: it is shown this once and cannot be read again.\n");
    }
    out
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

/// A value in a cell. Whatever stands in it, it cannot break a line or move the cursor.
fn text(value: &Value) -> String {
    let plain = match value {
        Value::Null => "-".to_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) if items.is_empty() => "-".to_owned(),
        Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    };
    plain.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: &[Column] = &[("ID", "id"), ("NAME", "name"), ("ROLES", "roles")];

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let items = vec![
            json!({"id": "1", "name": "Bücher", "roles": ["SHP", "FWD"]}),
            json!({"id": "22", "name": null, "roles": []}),
        ];
        assert_eq!(list(&items, COLUMNS, false), "ID  NAME    ROLES\n1   Bücher  SHP FWD\n22  -       -\n");
    }

    #[test]
    fn an_empty_list_says_so() {
        assert_eq!(list(&[], COLUMNS, false), "none\n");
        assert_eq!(list(&[], COLUMNS, true), "{\n  \"items\": []\n}\n");
    }

    #[test]
    fn a_cell_cannot_break_a_line() {
        let out = one(&json!({"name": "a\nb\u{1b}[2J"}), false);
        assert_eq!(out, "name  a\u{fffd}b\u{fffd}[2J\n");
    }

    #[test]
    fn a_secret_comes_with_its_warning() {
        assert!(one_with_secret(&json!({"client_secret": "s"}), false).contains("shown this once"));
        assert!(!one_with_secret(&json!({"client_id": "c"}), false).contains("shown this once"));
        assert_eq!(
            one_with_secret(&json!({"client_secret": "s"}), true),
            "{\n  \"client_secret\": \"s\"\n}\n"
        );
    }
}
