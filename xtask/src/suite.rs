//! `cargo xtask test`: everything that must hold before a change lands. CI runs it; nothing else decides.

mod steps;

use std::collections::BTreeMap;
use std::process::{Command, ExitCode};
use std::time::Duration;

use crate::postgres::Cluster;
use crate::setup::{self, Tools};
use crate::shell::{Outcome, Stopwatch, Tally};
use crate::workspace::Workspace;
use steps::STEPS;

/// What the steps share.
pub struct Run<'a> {
    workspace: &'a Workspace,
    tools: Option<Tools>,
    cluster: Option<Cluster>,
}

impl Run<'_> {
    /// `cargo test` on the whole workspace with all features, so that every step uses the same build.
    fn cargo_test(&self) -> Command {
        let mut command = self.workspace.cargo();
        command.args(["test", "--profile", "ci", "--workspace", "--all-features", "--no-fail-fast"]);
        command
    }

    /// The PostgreSQL cluster of this run, started when the first step asks for it.
    fn postgres(&mut self) -> Outcome<&str> {
        if self.cluster.is_none() {
            self.cluster = Some(Cluster::start()?);
        }
        Ok(self.cluster.as_ref().map_or("", Cluster::url))
    }
}

/// How one step ended.
struct Report {
    name: &'static str,
    outcome: Outcome,
    tally: Tally,
    took: Duration,
}

/// Prints the names of the steps.
pub fn list() {
    for step in STEPS {
        println!("{:<13} {}", step.name, step.what);
    }
}

/// Runs all steps, or the named ones in their own order. A failure does not keep the next step from running.
pub fn run(workspace: &Workspace, names: &[&str]) -> Outcome<ExitCode> {
    if let Some(unknown) = names.iter().find(|name| STEPS.iter().all(|step| step.name != **name)) {
        return Err(format!("{unknown}: no such step; cargo xtask test --list names them"));
    }
    let chosen: Vec<_> = STEPS.iter().filter(|step| names.is_empty() || names.contains(&step.name)).collect();
    let mut run = Run { workspace, tools: None, cluster: None };
    let mut reports = Vec::new();
    if chosen.iter().any(|step| step.needs_tools) {
        heading("setup", "what the tests need and this machine lacks");
        let clock = Stopwatch::start();
        let outcome = setup::run(workspace).map(|tools| run.tools = Some(tools));
        reports.push(finished("setup", outcome, Tally::default(), &clock));
    }
    for step in chosen {
        heading(step.name, step.what);
        let clock = Stopwatch::start();
        if step.needs_tools && run.tools.is_none() {
            reports.push(finished(step.name, Err("not run: setup failed".into()), Tally::default(), &clock));
            continue;
        }
        let (outcome, tally) = (step.run)(&mut run);
        reports.push(finished(step.name, outcome, tally, &clock));
    }
    drop(run);
    Ok(summary(&reports))
}

fn heading(name: &str, what: &str) {
    println!("\n==== {name}: {what}");
}

/// A step without tests of its own counts as one; a step that failed counts at least one failure.
fn finished(name: &'static str, outcome: Outcome, mut tally: Tally, clock: &Stopwatch) -> Report {
    match &outcome {
        Ok(()) if tally == Tally::default() => tally.passed = 1,
        Err(_) if tally.failed == 0 => tally.failed = 1,
        _ => {}
    }
    let report = Report { name, outcome, tally, took: clock.elapsed() };
    if let Err(reason) = &report.outcome {
        println!("{name} FAILED: {reason}");
    }
    report
}

fn summary(reports: &[Report]) -> ExitCode {
    println!("\n==== summary");
    let mut total = Tally::default();
    let mut reasons = BTreeMap::new();
    for report in reports {
        let word = if report.outcome.is_ok() { "ok" } else { "FAILED" };
        let Tally { passed, failed } = report.tally;
        println!(
            "{:<13} {word:<6} {:>7.1} s  {passed:>5} passed {failed:>3} failed",
            report.name,
            report.took.as_secs_f64()
        );
        total.add(report.tally);
        if let Err(reason) = &report.outcome {
            reasons.insert(report.name, reason);
        }
    }
    for (name, reason) in &reasons {
        println!("{name}: {reason}");
    }
    println!("\n{} passed, {} failed", total.passed, total.failed);
    if reasons.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failed_step_without_tests_counts_as_a_failure() {
        let report = finished("fmt", Err("badly laid out".into()), Tally::default(), &Stopwatch::start());
        assert_eq!(report.tally, Tally { passed: 0, failed: 1 });
        assert_eq!(summary(&[report]), ExitCode::FAILURE);
    }

    #[test]
    fn step_that_ended_well_counts_as_one_or_as_its_tests() {
        let report = finished("fmt", Ok(()), Tally::default(), &Stopwatch::start());
        assert_eq!(report.tally, Tally { passed: 1, failed: 0 });
        let report = finished("sqlite", Ok(()), Tally { passed: 7, failed: 0 }, &Stopwatch::start());
        assert_eq!(report.tally, Tally { passed: 7, failed: 0 });
        assert_eq!(summary(&[report]), ExitCode::SUCCESS);
    }

    #[test]
    fn unknown_step_is_refused() {
        let workspace = Workspace::find().unwrap();
        assert!(run(&workspace, &["sqlight"]).unwrap_err().contains("sqlight"));
    }
}
