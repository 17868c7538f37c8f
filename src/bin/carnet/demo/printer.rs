use std::io::{IsTerminal, Stdout, Write};

use carnet_fetch::Fetched;
use serde_json::Value;

/// Lines of a body that are shown; the rest is counted.
const SHOWN_LINES: usize = 48;

/// Characters of a line that are shown.
const SHOWN_COLUMNS: usize = 140;

/// Prints each step as it happens, and keeps the score.
pub struct Printer {
    steps: usize,
    unexpected: usize,
    colour: bool,
    out: Stdout,
}

impl Printer {
    pub fn new() -> Self {
        let out = std::io::stdout();
        Self { steps: 0, unexpected: 0, colour: out.is_terminal(), out }
    }

    /// A line without meaning for the score. A reader that went away ends nothing.
    pub fn line(&self, text: &str) {
        let mut out = self.out.lock();
        let _ = writeln!(out, "{text}");
        let _ = out.flush();
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// Begins a step.
    pub fn step(&mut self, title: &str) {
        self.steps += 1;
        let number = self.steps;
        self.line("");
        self.line(&self.paint("1", &format!("{number:2}. {title}")));
    }

    /// Shows a request.
    pub fn request(&self, method: &str, url: &str, headers: &[(&str, String)], body: Option<&str>) {
        self.line(&format!("    → {method} {url}"));
        for (name, value) in headers {
            let shown = if *name == "dpop" { shorten(value) } else { shorten_credentials(value) };
            self.line(&format!("      {name}: {shown}"));
        }
        if let Some(body) = body {
            self.block(body);
        }
    }

    /// Shows an answer and whether it is the one that should come.
    pub fn answer(&mut self, answer: &Fetched, expected: u16) -> bool {
        let status = answer.status.as_u16();
        self.line(&format!("    ← {} {}", status, answer.status.canonical_reason().unwrap_or_default()));
        for name in ["location", "link", "www-authenticate", "etag"] {
            if let Some(value) = answer.headers.get(name).and_then(|value| value.to_str().ok()) {
                self.line(&format!("      {name}: {value}"));
            }
        }
        if !answer.bytes.is_empty() {
            let text = String::from_utf8_lossy(&answer.bytes);
            match serde_json::from_str::<Value>(&text) {
                Ok(mut value) => {
                    hide(&mut value);
                    self.block(&serde_json::to_string_pretty(&value).unwrap_or_default());
                }
                Err(_) => self.block(&text),
            }
        }
        self.verdict(status == expected, &format!("{expected} was expected"))
    }

    /// Says whether a step went as it should.
    pub fn verdict(&mut self, good: bool, otherwise: &str) -> bool {
        if good {
            self.line(&self.paint("32", "    as expected"));
        } else {
            self.unexpected += 1;
            self.line(&self.paint("31", &format!("    UNEXPECTED: {otherwise}")));
        }
        good
    }

    /// Shows text, indented, cut where it gets long.
    pub fn block(&self, text: &str) {
        let lines: Vec<&str> = text.lines().collect();
        for line in lines.iter().take(SHOWN_LINES) {
            let cut: String = line.chars().take(SHOWN_COLUMNS).collect();
            let mark = if cut.len() < line.len() { "…" } else { "" };
            self.line(&format!("      {cut}{mark}"));
        }
        if lines.len() > SHOWN_LINES {
            self.line(&format!("      … {} more lines", lines.len() - SHOWN_LINES));
        }
    }

    /// The last line. Returns how many steps went otherwise.
    pub fn finish(self) -> usize {
        self.line("");
        self.line(&format!("demo: {} steps, {} unexpected", self.steps, self.unexpected));
        self.unexpected
    }
}

/// The beginning of a credential, enough to recognise it.
pub fn shorten(credential: &str) -> String {
    let start: String = credential.chars().take(16).collect();
    format!("{start}…")
}

fn shorten_credentials(value: &str) -> String {
    match value.split_once(' ') {
        Some((scheme @ ("Bearer" | "Basic" | "PoP" | "DPoP"), credential)) => {
            format!("{scheme} {}", shorten(credential))
        }
        _ => value.to_owned(),
    }
}

/// Secrets and tokens are shortened: terminals are recorded.
fn hide(value: &mut Value) {
    if let Some(object) = value.as_object_mut() {
        for name in ["access_token", "client_secret"] {
            if let Some(secret) = object.get(name).and_then(Value::as_str).map(shorten) {
                object.insert(name.to_owned(), secret.into());
            }
        }
    }
}
