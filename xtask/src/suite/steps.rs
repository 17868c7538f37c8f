//! The steps of the test command, cheapest first, the release build last.

use std::process::Command;

use super::Run;
use crate::shell::{self, Outcome, Tally};
use crate::{check, programs};

/// One step. Its function reports the tests that it counted, if it runs any.
pub struct Step {
    pub name: &'static str,
    pub what: &'static str,
    /// Whether it uses something that setup installs.
    pub needs_tools: bool,
    pub run: fn(&mut Run) -> (Outcome, Tally),
}

pub const STEPS: &[Step] = &[
    Step {
        name: "fmt",
        what: "layout of the code",
        needs_tools: false,
        run: |run| plain(shell::run(run.workspace.cargo().args(["fmt", "--all", "--check"]))),
    },
    Step {
        name: "check",
        what: "the rooms of the house and what lies in the repository",
        needs_tools: false,
        run: |run| plain(check::run(run.workspace)),
    },
    Step { name: "clippy", what: "lints, pedantic", needs_tools: false, run: |run| plain(clippy(run)) },
    Step {
        name: "deny",
        what: "licences, banned crates, sources",
        needs_tools: true,
        run: |run| plain(deny(run)),
    },
    Step { name: "sqlite", what: "unit and integration tests on SQLite", needs_tools: false, run: sqlite },
    Step { name: "postgres", what: "the same tests on PostgreSQL", needs_tools: true, run: postgres },
    Step {
        name: "doctest",
        what: "examples in the documentation",
        needs_tools: false,
        run: |run| counted(run.cargo_test().arg("--doc")),
    },
    Step {
        name: "doc",
        what: "API documentation without warnings",
        needs_tools: false,
        run: |run| plain(programs::api_docs(run.workspace)),
    },
    Step {
        name: "book",
        what: "the book",
        needs_tools: true,
        run: |run| plain(programs::book(run.workspace)),
    },
    Step {
        name: "e2e",
        what: "the built program, driven as its users drive it",
        needs_tools: true,
        run: e2e,
    },
    Step { name: "e2e-postgres", what: "the same on PostgreSQL", needs_tools: true, run: e2e_postgres },
    Step {
        name: "bench",
        what: "the benchmark program in its small size",
        needs_tools: false,
        run: |run| {
            plain(shell::run(run.workspace.cargo().args([
                "bench",
                "--profile",
                "ci",
                "--bench",
                "bench",
                "--",
                "--quick",
            ])))
        },
    },
    Step {
        name: "readme",
        what: "the README's commands and answers, word for word",
        needs_tools: true,
        run: readme,
    },
];

fn plain(outcome: Outcome) -> (Outcome, Tally) {
    (outcome, Tally::default())
}

fn counted(command: &mut Command) -> (Outcome, Tally) {
    shell::run_tests(command)
}

fn clippy(run: &Run) -> Outcome {
    let mut clippy = run.workspace.cargo();
    clippy.args(["clippy", "--profile", "ci", "--workspace", "--all-targets", "--all-features"]);
    shell::run(clippy.args(["--", "-D", "warnings"]))
}

fn deny(run: &Run) -> Outcome {
    let mut deny = run.workspace.tool("cargo-deny");
    // Offline: setup has fetched every crate. Advisories need the network and are a recipe of their own.
    shell::run(deny.args(["--offline", "--all-features", "check", "licenses", "bans", "sources"]))
}

fn sqlite(run: &mut Run) -> (Outcome, Tally) {
    match inner_tests(run) {
        Ok(mut command) => counted(&mut command),
        Err(reason) => plain(Err(reason)),
    }
}

fn postgres(run: &mut Run) -> (Outcome, Tally) {
    let prepared = run.postgres().map(str::to_owned).and_then(|url| Ok((url, inner_tests(run)?)));
    match prepared {
        Ok((url, mut command)) => counted(command.env("CARNET_TEST_DATABASE_URL", url)),
        Err(reason) => plain(Err(reason)),
    }
}

/// Every test target but the end-to-end ones, which drive the program from outside and have steps of their own.
fn inner_tests(run: &Run) -> Outcome<Command> {
    let mut command = run.cargo_test();
    command.args(["--lib", "--bins", "--examples"]);
    for name in run.workspace.metadata()?.test_targets() {
        if name != "e2e" {
            command.args(["--test", &name]);
        }
    }
    Ok(command)
}

fn e2e(run: &mut Run) -> (Outcome, Tally) {
    // Several nodes share a PostgreSQL: the next step has them.
    counted(e2e_command(run).args(["--", "--skip", "readme", "--skip", "cluster"]))
}

fn e2e_postgres(run: &mut Run) -> (Outcome, Tally) {
    match run.postgres().map(str::to_owned) {
        Ok(url) => {
            let mut command = e2e_command(run);
            counted(command.env("CARNET_TEST_DATABASE_URL", url).args(["--", "--skip", "readme"]))
        }
        Err(reason) => plain(Err(reason)),
    }
}

/// The walk builds the release program, as the README says, and so comes last.
fn readme(run: &mut Run) -> (Outcome, Tally) {
    counted(e2e_command(run).arg("readme"))
}

/// The end-to-end tests find everything else below target/tools.
fn e2e_command(run: &Run) -> Command {
    let mut command = run.cargo_test();
    command.args(["--test", "e2e"]);
    if let Some(tools) = &run.tools {
        command.env("CARNET_TEST_NODE", &tools.node);
    }
    command
}
