//! `carnet apply`: a file says what shall be registered; the program shows what it would do, asks, and does it.

mod carry_out;
mod file;
mod plan;
mod report;
mod state;

use std::path::PathBuf;

use clap::Args;

use self::carry_out::Outcome;
use self::plan::Plan;
use super::connection::{Connection, READ, READ_AND_WRITE, Server};
use super::output::{self, Output};
use super::secret_file::SecretFile;
use super::stop::Stop;
use super::terminal;

/// `carnet apply`
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  carnet apply members.toml --dry-run --credentials admin-credentials.json\n  \
    carnet apply members.toml --yes --secrets-out new-secrets.jsonl --credentials admin-credentials.json\n\n\
    Exit status with --dry-run: 0 when nothing would change, 3 when something would."
)]
pub struct Apply {
    /// What shall be registered, as TOML; `-` reads standard input. docs/commands.md has the format.
    file: PathBuf,
    /// Only show what would be done.
    #[arg(long)]
    dry_run: bool,
    /// Do it without asking.
    #[arg(long)]
    yes: bool,
    /// Write the secrets of new clients into this file, a line of JSON for each; it must not exist yet.
    #[arg(long, value_name = "FILE")]
    secrets_out: Option<PathBuf>,
    #[command(flatten)]
    connection: Connection,
}

pub(super) async fn run(apply: Apply) -> Result<Output, Stop> {
    let as_json = apply.connection.json;
    let desired = file::read(&apply.file)?;
    let scope = if apply.dry_run { READ } else { READ_AND_WRITE };
    let server = apply.connection.open(scope)?.for_a_file();
    let state = state::read(&server, &desired).await?;
    let plan = plan::plan(&desired, &state).map_err(|faults| {
        Stop::usage(format!("{}: {}; nothing was changed", apply.file.display(), faults.join("; ")))
    })?;
    if !as_json {
        terminal::complain(&report::notes(&plan));
    }
    let pending = plan.pending().count();
    if pending == 0 || apply.dry_run {
        terminal::print(&if as_json {
            output::pretty(&report::document(&plan, None))
        } else {
            report::table(&plan)
        });
        return match pending {
            0 => Ok(String::new().into()),
            1 => Err(Stop::pending("one change is pending")),
            pending => Err(Stop::pending(format!("{pending} changes are pending"))),
        };
    }
    if !as_json {
        terminal::print(&report::table(&plan));
    }
    let mut secrets = prepare(&apply, &plan)?;
    confirm(&apply, &plan)?;
    do_it(&server, &plan, &mut secrets, as_json).await
}

/// Makes the file for secrets before the first of them: one that cannot be kept would be lost.
fn prepare(apply: &Apply, plan: &Plan) -> Result<Option<SecretFile>, Stop> {
    match (plan.secrets(), &apply.secrets_out) {
        (0, _) => Ok(None),
        (_, Some(path)) => SecretFile::create(path).map(Some),
        (secrets, None) => Err(Stop::usage(format!(
            "secrets are made for {secrets} new clients, and none is shown here: give --secrets-out FILE; nothing was \
             changed"
        ))),
    }
}

fn confirm(apply: &Apply, plan: &Plan) -> Result<(), Stop> {
    if apply.yes {
        return Ok(());
    }
    if apply.connection.json || !terminal::has_person() {
        return Err(Stop::usage(
            "nobody can be asked here: look at the plan with --dry-run, then give --yes; nothing was changed",
        ));
    }
    let question = match plan.pending().count() {
        1 => "Make this change?".to_owned(),
        count => format!("Make these {count} changes?"),
    };
    if terminal::ask(&question) {
        return Ok(());
    }
    Err(Stop::pending("nothing was changed"))
}

async fn do_it(
    server: &Server,
    plan: &Plan,
    secrets: &mut Option<SecretFile>,
    as_json: bool,
) -> Result<Output, Stop> {
    let waiting = state::waiting(server).await?;
    let outcomes = carry_out::carry_out(server, plan, &waiting, secrets, |step, outcome| {
        if !as_json && step.action != plan::Action::Unchanged {
            terminal::print(&report::line(step, outcome));
        }
    })
    .await;
    if as_json {
        terminal::print(&output::pretty(&report::document(plan, Some(&outcomes))));
    }
    if let Some(file) = secrets.as_ref().filter(|file| !file.is_empty() && !as_json) {
        terminal::complain(&format!(
            "note: the secrets of the new clients are in {}\n",
            file.path().display()
        ));
    }
    conclude(plan, outcomes)
}

/// The end: all done, or the sentence that says what was not, and why.
fn conclude(plan: &Plan, outcomes: Vec<Outcome>) -> Result<Output, Stop> {
    let pending = plan.pending().count();
    let changed =
        plan.steps.iter().zip(&outcomes).filter(|(step, outcome)| {
            step.action != plan::Action::Unchanged && matches!(outcome, Outcome::Done)
        });
    let done = changed.count();
    let (mut waiting, mut failed) = (Vec::new(), None);
    for (step, outcome) in plan.steps.iter().zip(outcomes) {
        match outcome {
            Outcome::Failed(stop) => failed = failed.or(Some((step, stop))),
            Outcome::Waits(stop) => waiting.push(stop),
            Outcome::Done | Outcome::NotDone => {}
        }
    }
    if let Some((step, stop)) = failed {
        let besides = match waiting.len() {
            0 => String::new(),
            count => {
                format!("; {count} wait for the approval of another administrator (carnet approval list)")
            }
        };
        let said = format!(
            "{} {} {}: {}; {done} of {pending} changes were made, and running it again goes on from there{besides}",
            step.action.as_str(),
            step.kind,
            output::printable(&step.name),
            stop.sentence()
        );
        return Err(stop.with_sentence(said));
    }
    if waiting.is_empty() {
        return Ok(String::new().into());
    }
    let said: Vec<&str> = waiting.iter().map(Stop::sentence).collect();
    let said = format!(
        "{}\n{done} of {pending} changes were made; run it again when the others have been decided",
        said.join("\n")
    );
    Err(Stop::some_wait(said))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::plan::{Action, Step, Todo};
    use super::*;

    fn plan(count: usize) -> Plan {
        let step = |_| Step {
            action: Action::Create,
            kind: "client",
            name: "booking".to_owned(),
            changes: Vec::new(),
            todo: Todo::Nothing,
        };
        Plan { steps: (0..count).map(step).collect(), notes: Vec::new() }
    }

    #[test]
    fn a_failure_says_what_was_made_and_that_it_can_go_on() {
        let outcomes =
            vec![Outcome::Done, Outcome::Failed(Stop::failed("refused (409): x")), Outcome::NotDone];
        let stop = conclude(&plan(3), outcomes).unwrap_err();
        assert!(
            stop.sentence().starts_with("create client booking: refused (409): x; 1 of 3"),
            "{}",
            stop.sentence()
        );
        assert!(!stop.is_waiting());
        let waits = Outcome::Waits(Stop::waits(Value::Null, "one".to_owned()));
        let stop = conclude(&plan(2), vec![waits, Outcome::Failed(Stop::failed("x"))]).unwrap_err();
        assert!(
            stop.sentence()
                .ends_with("1 wait for the approval of another administrator (carnet approval list)")
        );
    }

    #[test]
    fn what_waits_is_told_all_together() {
        let waits = |text: &str| Outcome::Waits(Stop::waits(Value::Null, text.to_owned()));
        let stop = conclude(&plan(3), vec![waits("one"), Outcome::Done, waits("two")]).unwrap_err();
        assert!(stop.is_waiting() && stop.sentence().starts_with("one\ntwo\n1 of 3"), "{}", stop.sentence());
        assert!(conclude(&plan(1), vec![Outcome::Done]).is_ok());
    }
}
