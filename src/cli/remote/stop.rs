//! Why a command ends without having done what it was asked, and with which status.

use std::process::ExitCode;

use carnet_client::Problem;
use serde_json::{Map, Value, json};

use super::{output, terminal};
use crate::cli::local::Failure;

/// Why a command ends without having done what it was asked.
#[derive(Debug)]
pub struct Stop {
    kind: Kind,
    sentence: String,
    document: Option<Value>,
}

/// The kinds, each with an exit status of its own; docs/commands.md lists them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// It was refused, or failed.
    Failed = 1,
    /// The command line, or a file that it names, is wrong: nothing was sent.
    Usage = 2,
    /// Changes were planned and not made.
    Pending = 3,
    /// Somebody else has to approve it first.
    Waits = 4,
    /// Somebody else changed it meanwhile.
    Changed = 5,
}

impl Stop {
    /// The command line, or a file that it names, is wrong.
    pub(super) fn usage(sentence: impl Into<String>) -> Self {
        Self::new(Kind::Usage, sentence)
    }

    /// It went wrong.
    pub(super) fn failed(sentence: impl Into<String>) -> Self {
        Self::new(Kind::Failed, sentence)
    }

    /// Changes were planned and not made.
    pub(super) fn pending(sentence: impl Into<String>) -> Self {
        Self::new(Kind::Pending, sentence)
    }

    /// The server said no.
    pub(super) fn refused(problem: &Problem, sentence: String) -> Self {
        // RFC 9110 §15.5.13: the condition that was sent does not hold any more.
        let kind = if problem.status == 412 { Kind::Changed } else { Kind::Failed };
        Self { kind, sentence, document: Some(document(problem)) }
    }

    /// Somebody else changed it meanwhile, as the program itself found.
    pub(super) fn changed(sentence: impl Into<String>) -> Self {
        Self::new(Kind::Changed, sentence)
    }

    /// The server took note, and waits for the approval of somebody else.
    pub(super) fn waits(approval: Value, sentence: String) -> Self {
        Self { kind: Kind::Waits, sentence, document: Some(approval) }
    }

    /// Of several changes, some wait for the approval of somebody else.
    pub(super) fn some_wait(sentence: String) -> Self {
        Self::new(Kind::Waits, sentence)
    }

    fn new(kind: Kind, sentence: impl Into<String>) -> Self {
        Self { kind, sentence: sentence.into(), document: None }
    }

    pub(super) fn is_changed(&self) -> bool {
        self.kind == Kind::Changed
    }

    pub(super) fn is_waiting(&self) -> bool {
        self.kind == Kind::Waits
    }

    /// Whether the server has no such thing.
    pub(super) fn is_missing(&self) -> bool {
        self.document.as_ref().is_some_and(|document| document["status"] == 404)
    }

    /// What to say, for people.
    pub(super) fn sentence(&self) -> &str {
        &self.sentence
    }

    /// What the server sent.
    pub(super) fn document(&self) -> Option<&Value> {
        self.document.as_ref()
    }

    /// The same with another sentence.
    pub(super) fn with_sentence(mut self, sentence: String) -> Self {
        self.sentence = sentence;
        self
    }

    /// Says it, and gives the exit status. An approval that is waited for is an answer and goes to standard output;
    /// everything else goes to standard error.
    ///
    /// In a sentence stands what a file or a server said: none of it shall steer the terminal.
    pub(super) fn report(&self, as_json: bool) -> ExitCode {
        let is_answer = self.is_waiting() && self.document.is_some();
        match (is_answer, as_json) {
            (true, true) => terminal::print(&format!("{:#}\n", self.json())),
            (true, false) => terminal::print(&format!("{}\n", self.shown())),
            (false, true) => terminal::complain(&format!("{:#}\n", self.json())),
            (false, false) => terminal::complain(&format!("carnet: {}\n", self.shown())),
        }
        ExitCode::from(self.kind as u8)
    }

    fn shown(&self) -> String {
        output::printable_lines(&self.sentence)
    }

    /// The server's document where it sent one, else one of the same form (RFC 9457).
    fn json(&self) -> Value {
        let title = match self.kind {
            Kind::Failed => "The command failed",
            Kind::Usage => "The command line is wrong",
            Kind::Pending => "Changes are pending",
            Kind::Waits => "This waits for an approval",
            Kind::Changed => "Somebody else was faster",
        };
        let own = || json!({ "type": "about:blank", "title": title, "detail": self.sentence });
        self.document.clone().unwrap_or_else(own)
    }
}

fn document(problem: &Problem) -> Value {
    let mut document = Map::new();
    document.insert("type".to_owned(), json!(problem.kind));
    document.insert("title".to_owned(), json!(problem.title));
    document.insert("status".to_owned(), json!(problem.status));
    for (name, text) in [("detail", &problem.detail), ("instance", &problem.instance)] {
        if let Some(text) = text {
            document.insert(name.to_owned(), json!(text));
        }
    }
    if !problem.errors.is_empty() {
        let errors = problem.errors.iter().map(|error| json!({"field": error.field, "reason": error.reason}));
        document.insert("errors".to_owned(), errors.collect());
    }
    Value::Object(document)
}

impl From<Failure> for Stop {
    fn from(Failure(sentence): Failure) -> Self {
        Self::failed(sentence)
    }
}

impl From<Stop> for Failure {
    fn from(stop: Stop) -> Self {
        Self(stop.sentence)
    }
}

#[cfg(test)]
mod tests {
    use carnet_client::FieldError;

    use super::*;

    fn problem(status: u16) -> Problem {
        Problem {
            status,
            kind: "urn:carnet:problem:changed".to_owned(),
            title: "Somebody else was faster".to_owned(),
            detail: None,
            instance: None,
            errors: vec![FieldError { field: "name".to_owned(), reason: "is blank".to_owned() }],
        }
    }

    #[test]
    fn the_problem_is_passed_on_as_the_server_sent_it() {
        let stop = Stop::refused(&problem(400), "refused".to_owned());
        assert_eq!(
            stop.json(),
            json!({
                "type": "urn:carnet:problem:changed",
                "title": "Somebody else was faster",
                "status": 400,
                "errors": [{"field": "name", "reason": "is blank"}]
            })
        );
        assert_eq!(stop.kind, Kind::Failed);
    }

    #[test]
    fn a_failed_condition_has_a_status_of_its_own() {
        assert!(Stop::refused(&problem(412), String::new()).is_changed());
        assert!(!Stop::refused(&problem(409), String::new()).is_changed());
    }

    #[test]
    fn a_sentence_cannot_steer_the_terminal() {
        let stop = Stop::usage("members.toml: name: `\u{1b}[2J\u{202e}`\nnothing was changed");
        assert_eq!(stop.shown(), "members.toml: name: `\u{fffd}[2J\u{fffd}`\nnothing was changed");
    }

    #[test]
    fn what_the_program_says_itself_has_the_form_of_a_problem() {
        let said = Stop::usage("give --name").json();
        assert_eq!((&said["type"], &said["detail"]), (&json!("about:blank"), &json!("give --name")));
    }
}
