//! The plan, and what became of it, for people and for programs.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::carry_out::Outcome;
use super::plan::{Action, Change, Plan, Step};
use crate::cli::remote::output::{lay_out, printable, text};

/// The plan as a table. Nothing in it is cut, however narrow the terminal: what is not seen cannot be confirmed.
pub(super) fn table(plan: &Plan) -> String {
    let mut rows: Vec<Vec<String>> = vec![["ACTION", "WHAT", "NAME", "CHANGE"].map(str::to_owned).to_vec()];
    for step in plan.pending() {
        let head = [step.action.as_str().to_owned(), step.kind.to_owned(), printable(&step.name)];
        for (at, change) in step.changes.iter().enumerate() {
            let mut row = if at == 0 { head.to_vec() } else { vec![String::new(); head.len()] };
            row.push(sentence(step.action, change));
            rows.push(row);
        }
        if step.changes.is_empty() {
            rows.push(head.to_vec());
        }
    }
    let mut out = if rows.len() > 1 { lay_out(&rows, None) + "\n" } else { String::new() };
    out.push_str(&summary(plan));
    out
}

/// How much there is of everything, in one line.
fn summary(plan: &Plan) -> String {
    let counted: Vec<String> = Action::ALL
        .into_iter()
        .map(|action| (action, count(plan, action)))
        .filter(|(_, count)| *count > 0)
        .map(|(action, count)| match action {
            Action::Unchanged => format!("{count} unchanged"),
            action => format!("{count} to {}", action.as_str()),
        })
        .collect();
    match counted.as_slice() {
        [] => "the file names nothing\n".to_owned(),
        counted => format!("{}\n", counted.join(", ")),
    }
}

fn count(plan: &Plan, action: Action) -> usize {
    plan.steps.iter().filter(|step| step.action == action).count()
}

fn sentence(action: Action, change: &Change) -> String {
    let (member, after) = (&change.member, shown(change, &change.after));
    match action {
        Action::Create => format!("{member}: {after}"),
        _ => format!("{member}: {} → {after}", shown(change, &change.before)),
    }
}

/// A value in a cell; keys by their names.
fn shown(change: &Change, value: &Value) -> String {
    match value["keys"].as_array() {
        Some(keys) if change.member == "jwks" => {
            let kids: Vec<&str> = keys.iter().map(|key| key["kid"].as_str().unwrap_or("a key")).collect();
            printable(&kids.join(" "))
        }
        _ => text(value),
    }
}

/// What became of a step, in one line.
pub(super) fn line(step: &Step, outcome: &Outcome) -> String {
    let what = format!("{} {} {}", step.action.as_str(), step.kind, printable(&step.name));
    match outcome {
        Outcome::Done => format!("done      {what}\n"),
        Outcome::Waits(_) => format!("waits     {what}\n"),
        Outcome::Failed(_) => format!("failed    {what}\n"),
        Outcome::NotDone => format!("not done  {what}\n"),
    }
}

/// The plan as a document, with what became of it once it was carried out.
pub(super) fn document(plan: &Plan, outcomes: Option<&[Outcome]>) -> Value {
    let steps: Vec<Value> = plan
        .steps
        .iter()
        .enumerate()
        .map(|(at, step)| {
            let mut document = json!({
                "action": step.action.as_str(),
                "kind": step.kind,
                "name": step.name,
                "changes": step.changes.iter().map(|change| json!({
                    "member": change.member, "before": change.before, "after": change.after
                })).collect::<Vec<_>>(),
            });
            if let Some(outcome) = outcomes.and_then(|outcomes| outcomes.get(at)) {
                document["outcome"] = json!(word(outcome));
                if let Outcome::Waits(stop) = outcome {
                    document["approval"] = stop.document().cloned().unwrap_or_default();
                }
            }
            document
        })
        .collect();
    json!({ "pending": plan.pending().count(), "steps": steps, "notes": plan.notes })
}

fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Done => "done",
        Outcome::Waits(_) => "waits",
        Outcome::Failed(_) => "failed",
        Outcome::NotDone => "not_done",
    }
}

/// Notes for standard error.
pub(super) fn notes(plan: &Plan) -> String {
    plan.notes.iter().fold(String::new(), |mut all, note| {
        let _ = writeln!(all, "note: {}", printable(note));
        all
    })
}

#[cfg(test)]
mod tests {
    use super::super::plan::Todo;
    use super::*;

    fn plan() -> Plan {
        let change =
            |member: &str, before: Value, after: Value| Change { member: member.into(), before, after };
        let step = |action, name: &str, changes| Step {
            action,
            kind: "client",
            name: name.to_owned(),
            changes,
            todo: Todo::Nothing,
        };
        Plan {
            steps: vec![
                step(
                    Action::Update,
                    "booking",
                    vec![
                        change("scopes", json!(["a"]), json!(["a", "b"])),
                        change("signing_alg", json!("RS256"), Value::Null),
                    ],
                ),
                step(
                    Action::Create,
                    "track\u{1b}ing",
                    vec![
                        change("require_bound_tokens", Value::Null, json!(false)),
                        change("jwks", Value::Null, json!({"keys": [{"kid": "2026-11", "kty": "EC"}]})),
                    ],
                ),
                step(Action::Unchanged, "other", Vec::new()),
            ],
            notes: vec!["x".to_owned()],
        }
    }

    #[test]
    fn every_change_has_its_line_with_before_and_after() {
        let expected = "\
            ACTION  WHAT    NAME       CHANGE\n\
            update  client  booking    scopes: a → a b\n                           signing_alg: RS256 → -\n\
            create  client  track\u{fffd}ing  require_bound_tokens: no\n                           jwks: 2026-11\n\
            \n\
            1 to create, 1 to update, 1 unchanged\n";
        assert_eq!(table(&plan()), expected);
    }

    #[test]
    fn nothing_to_do_is_one_line() {
        let plan = Plan { steps: plan().steps.split_off(2), notes: Vec::new() };
        assert_eq!(table(&plan), "1 unchanged\n");
        assert_eq!(table(&Plan::default()), "the file names nothing\n");
    }

    #[test]
    fn the_document_counts_what_is_pending_and_says_what_became_of_it() {
        let plan = plan();
        assert_eq!(document(&plan, None)["pending"], 2);
        assert!(document(&plan, None)["steps"][0].get("outcome").is_none());
        let outcomes = [Outcome::Done, Outcome::NotDone, Outcome::Done];
        let document = document(&plan, Some(&outcomes));
        assert_eq!(document["steps"][1]["outcome"], "not_done");
        assert_eq!(
            document["steps"][0]["changes"][1],
            json!({"member": "signing_alg", "before": "RS256", "after": null})
        );
    }
}
