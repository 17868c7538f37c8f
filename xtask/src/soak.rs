//! Long proofs in their full size. The test command runs the same programs in a small one.

use std::process::Command;

use crate::postgres::Cluster;
use crate::programs;
use crate::setup;
use crate::shell::{self, Outcome, Stopwatch, Tally};
use crate::workspace::Workspace;

struct Soak {
    name: &'static str,
    what: &'static str,
    program: Program,
}

/// What is run.
enum Program {
    /// The integration tests over and over.
    Integration { rounds: u32 },
    /// The end-to-end tests whose names begin so, with everything that they have, on these engines.
    EndToEnd { filter: &'static str, engines: &'static [Engine] },
    /// A measurement of the benchmark program.
    Bench { name: &'static str },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Engine {
    Sqlite,
    Postgres,
}

const BOTH: &[Engine] = &[Engine::Sqlite, Engine::Postgres];

const SOAKS: &[Soak] = &[
    Soak {
        name: "luck",
        what: "the integration tests twenty times over, to find those that depend on luck",
        program: Program::Integration { rounds: 20 },
    },
    Soak {
        name: "flood",
        what: "wrong secrets from many connections: what honest clients and the victim notice",
        program: Program::Bench { name: "flood" },
    },
    Soak {
        name: "crash",
        what: "fifty times kill -9 during registrations, rotations and the creation of objects",
        program: Program::EndToEnd { filter: "endurance::crash", engines: BOTH },
    },
    Soak {
        name: "rotation",
        what: "a minute of tokens and verifications with five rotations and a revocation",
        program: Program::EndToEnd { filter: "endurance::rotation", engines: BOTH },
    },
    Soak {
        name: "admin-api",
        what: "ten minutes of schemathesis against the administration API, without and with approval",
        program: Program::EndToEnd { filter: "endurance::admin_api", engines: &[Engine::Sqlite] },
    },
    Soak {
        name: "cluster",
        what: "two nodes paused, cut off, restarted under load",
        program: Program::EndToEnd { filter: "cluster", engines: &[Engine::Postgres] },
    },
];

/// Runs a long proof; its last lines are the ones to be kept in the book's evidence.
pub fn soak(workspace: &Workspace, name: &str) -> Outcome {
    let soak = SOAKS.iter().find(|soak| soak.name == name).ok_or_else(|| format!("{name}: {}", names()))?;
    println!("soak {}: {}", soak.name, soak.what);
    let clock = Stopwatch::start();
    let tally = match soak.program {
        Program::Bench { name } => return programs::bench(workspace, &[name]),
        Program::Integration { rounds } => integration(workspace, rounds)?,
        Program::EndToEnd { filter, engines } => end_to_end(workspace, filter, engines)?,
    };
    println!("soak {}: {} tests passed, {} s", soak.name, tally.passed, clock.elapsed().as_secs());
    Ok(())
}

/// The table of long proofs, for a person who gave no name or a wrong one.
pub fn names() -> String {
    let rows = SOAKS.iter().map(|soak| format!("\n  {:<12} {}", soak.name, soak.what));
    format!("which long proof? {}", rows.collect::<String>())
}

fn integration(workspace: &Workspace, rounds: u32) -> Outcome<Tally> {
    let mut total = Tally::default();
    for round in 1..=rounds {
        println!("round {round} of {rounds}");
        total.add(run(tests(workspace).args(["--workspace", "--all-features", "--test", "it"]))?);
    }
    Ok(total)
}

fn end_to_end(workspace: &Workspace, filter: &str, engines: &[Engine]) -> Outcome<Tally> {
    let tools = setup::run(workspace)?;
    let mut total = Tally::default();
    for engine in engines {
        println!("on {engine:?}");
        let mut command = tests(workspace);
        command.env("CARNET_TEST_FULL_SIZE", "1").env("CARNET_TEST_NODE", &tools.node);
        command.args(["--workspace", "--all-features", "--test", "e2e", "--", "--nocapture", filter]);
        // Lives as long as the tests run.
        let cluster = if *engine == Engine::Postgres { Some(Cluster::start()?) } else { None };
        if let Some(cluster) = &cluster {
            command.env("CARNET_TEST_DATABASE_URL", cluster.url());
        }
        total.add(run(&mut command)?);
    }
    Ok(total)
}

fn tests(workspace: &Workspace) -> Command {
    let mut command = workspace.cargo();
    command.args(["test", "--profile", "ci"]);
    command
}

fn run(command: &mut Command) -> Outcome<Tally> {
    let (outcome, tally) = shell::run_tests(command);
    outcome.map(|()| tally)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_long_proof_is_told_of_once() {
        let names = names();
        for soak in SOAKS {
            assert_eq!(names.matches(&format!("\n  {} ", soak.name)).count(), 1, "{}", soak.name);
        }
    }
}
