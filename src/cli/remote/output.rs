mod table;

use std::fmt::Write as _;

use serde_json::{Value, json};

pub(super) use self::table::lay_out;
use super::{new_secret, terminal};

/// One column of a table: its head, and the member that stands in it. The first one of a table is what other commands
/// take, and is never cut.
pub(super) type Column = (&'static str, &'static str);

/// The items of a list, as far as they were asked for.
#[derive(Debug)]
pub(super) struct Listed {
    /// The items.
    pub(super) items: Vec<Value>,
    /// Where the list goes on, in the server's words.
    pub(super) next_cursor: Option<String>,
}

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

/// A list: a table for people, or the server's document with all pages in one. An empty list says what `empty` says: that
/// it is empty, and what to do.
pub(super) fn table(listed: &Listed, columns: &[Column], empty: &str, as_json: bool) -> String {
    if as_json {
        return pretty(&json!({ "items": listed.items, "next_cursor": listed.next_cursor }));
    }
    if listed.items.is_empty() {
        return format!("{empty}\n");
    }
    rows(&listed.items, columns)
}

/// Some things: a table for people, or JSON.
pub(super) fn list(items: &[Value], columns: &[Column], as_json: bool) -> String {
    if as_json {
        return pretty(&json!({ "items": items }));
    }
    if items.is_empty() {
        return "none\n".to_owned();
    }
    rows(items, columns)
}

fn rows(items: &[Value], columns: &[Column]) -> String {
    let mut rows: Vec<Vec<String>> = vec![columns.iter().map(|(head, _)| (*head).to_owned()).collect()];
    rows.extend(items.iter().map(|item| columns.iter().map(|(_, name)| text(&item[*name])).collect()));
    lay_out(&rows, terminal::width())
}

/// One thing: a line for each member, or the server's JSON.
pub(super) fn one(item: &Value, as_json: bool) -> String {
    if as_json {
        return pretty(item);
    }
    let members = item.as_object().into_iter().flatten();
    let members: Vec<(String, &Value)> = members.map(|(name, value)| (printable(name), value)).collect();
    let width = members.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
    members.iter().fold(String::new(), |mut out, (name, value)| {
        let _ = writeln!(out, "{name:width$}  {}", text(value));
        out
    })
}

/// One thing with a secret in it, and the warning that belongs to it.
pub(super) fn one_with_secret(item: &Value, as_json: bool) -> String {
    let mut out = one(item, as_json);
    let secret = new_secret::MEMBERS.iter().find(|member| item.get(**member).is_some_and(Value::is_string));
    if let (Some(secret), false) = (secret, as_json) {
        let _ = writeln!(out, "\nStore the {secret} now: it is shown this once and cannot be read again.");
    }
    out
}

pub(super) fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

/// A value in a cell. Whatever stands in it, it cannot break a line or move the cursor.
pub(super) fn text(value: &Value) -> String {
    let plain = match value {
        Value::Null => "-".to_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) if items.is_empty() => "-".to_owned(),
        Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    };
    printable(&plain)
}

/// Text of somebody else on a terminal: without what would move the cursor or turn the writing around.
pub(super) fn printable(text: &str) -> String {
    let steers = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().map(|c| if steers(c) { '\u{fffd}' } else { c }).collect()
}

/// The same for text of several lines.
pub(super) fn printable_lines(text: &str) -> String {
    text.split('\n').map(printable).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: &[Column] = &[("ID", "id"), ("NAME", "name"), ("ROLES", "roles")];
    const EMPTY: &str = "no companies yet: carnet participant add";

    fn listed(items: Vec<Value>, next_cursor: Option<&str>) -> Listed {
        Listed { items, next_cursor: next_cursor.map(str::to_owned) }
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let items = vec![
            json!({"id": "1", "name": "Bücher", "roles": ["SHP", "FWD"]}),
            json!({"id": "22", "name": null, "roles": []}),
        ];
        let out = table(&listed(items, None), COLUMNS, EMPTY, false);
        assert_eq!(out, "ID  NAME    ROLES\n1   Bücher  SHP FWD\n22  -       -\n");
    }

    #[test]
    fn an_empty_list_says_what_to_do() {
        let out = |as_json| table(&listed(Vec::new(), None), COLUMNS, EMPTY, as_json);
        assert_eq!(out(false), "no companies yet: carnet participant add\n");
        assert_eq!(out(true), "{\n  \"items\": [],\n  \"next_cursor\": null\n}\n");
    }

    #[test]
    fn a_list_that_was_cut_short_says_where_it_goes_on() {
        let out = table(&listed(vec![json!({"id": "1"})], Some("Mg")), COLUMNS, EMPTY, true);
        let document: Value = serde_json::from_str(&out).unwrap();
        assert_eq!(document["next_cursor"], "Mg");
    }

    #[test]
    fn a_cell_cannot_break_a_line_or_turn_it_around() {
        let out = one(&json!({"name": "a\nb\u{1b}[2J\u{202e}"}), false);
        assert_eq!(out, "name  a\u{fffd}b\u{fffd}[2J\u{fffd}\n");
        let out = one(&json!({"name\n\u{1b}[2J": "a"}), false);
        assert_eq!(out, "name\u{fffd}\u{fffd}[2J  a\n");
    }

    #[test]
    fn a_secret_comes_with_its_warning() {
        assert!(one_with_secret(&json!({"client_secret": "s"}), false).contains("shown this once"));
        let token = one_with_secret(&json!({"initial_access_token": "t"}), false);
        assert!(token.contains("Store the initial_access_token now"), "{token}");
        assert!(!one_with_secret(&json!({"client_id": "c"}), false).contains("shown this once"));
        assert_eq!(
            one_with_secret(&json!({"client_secret": "s"}), true),
            "{\n  \"client_secret\": \"s\"\n}\n"
        );
    }
}
