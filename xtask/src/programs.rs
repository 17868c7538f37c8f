//! Chores that run one program: documentation, benchmarks, long proofs, advisories.

use std::path::PathBuf;

use crate::postgres::Cluster;
use crate::shell::{self, Outcome, Stopwatch, Tally};
use crate::workspace::Workspace;
use crate::{check, setup};

/// A long proof in its full size. A program with two sizes runs its small one in the test command.
struct Soak {
    name: &'static str,
    what: &'static str,
    rounds: u32,
    arguments: &'static [&'static str],
}

const SOAKS: &[Soak] = &[Soak {
    name: "luck",
    what: "the integration tests twenty times over, to find those that depend on luck",
    rounds: 20,
    arguments: &["test", "--profile", "ci", "--workspace", "--all-features", "--test", "it"],
}];

/// End-to-end tests that have a small and a full size; the full one runs on both databases.
const FULL_SIZE: &[Soak] = &[
    Soak {
        name: "rotation",
        what: "a minute of tokens and verifications under five rotations and one emergency revocation",
        rounds: 1,
        arguments: &["endurance::rotation"],
    },
    Soak {
        name: "crash",
        what: "fifty times kill -9 while things are registered, rotated and created",
        rounds: 1,
        arguments: &["endurance::crash"],
    },
];

/// Long proofs that the benchmark program holds: its names are their arguments.
const BENCHES: &[Soak] = &[Soak {
    name: "flood",
    what: "wrong secrets from many connections: what honest clients and the victim notice",
    rounds: 1,
    arguments: &["flood"],
}];

/// Writes the generated part of the book, then builds it and the API documentation.
pub fn docs(workspace: &Workspace) -> Outcome {
    setup::run(workspace)?;
    check::settings::write(workspace)?;
    book(workspace)?;
    api_docs(workspace)
}

/// The book. Its links are checked by `cargo xtask check`, which reads every page of the repository.
pub fn book(workspace: &Workspace) -> Outcome {
    shell::run(workspace.tool("mdbook").args(["build", "docs"]))
}

pub fn api_docs(workspace: &Workspace) -> Outcome {
    let mut doc = workspace.cargo();
    doc.env("RUSTDOCFLAGS", "-D warnings");
    shell::run(doc.args(["doc", "--profile", "ci", "--workspace", "--all-features", "--no-deps"]))
}

/// The benchmark program, in the release build that the README uses, too.
pub fn bench(workspace: &Workspace, arguments: &[&str]) -> Outcome {
    let mut bench = workspace.cargo();
    bench.args(["bench", "--profile", "release", "--bench", "bench", "--"]);
    shell::run(bench.args(with_absolute_files(arguments)?))
}

/// Files are meant from where the person is; cargo runs the program in the repository's root.
fn with_absolute_files(arguments: &[&str]) -> Outcome<Vec<PathBuf>> {
    let mut before = "";
    let mut absolute = Vec::new();
    for argument in arguments {
        let is_file = ["--json", "--svg", "--markdown"].contains(&before) && !argument.starts_with("--");
        absolute.push(if is_file {
            std::path::absolute(argument).map_err(|error| format!("{argument}: {error}"))?
        } else {
            PathBuf::from(argument)
        });
        before = argument;
    }
    Ok(absolute)
}

/// Runs a long proof; its last line is the one to be kept in the book's evidence.
pub fn soak(workspace: &Workspace, name: &str) -> Outcome {
    if let Some(soak) = BENCHES.iter().find(|soak| soak.name == name) {
        println!("soak {}: {}", soak.name, soak.what);
        return bench(workspace, soak.arguments);
    }
    if let Some(soak) = FULL_SIZE.iter().find(|soak| soak.name == name) {
        println!("soak {}: {}", soak.name, soak.what);
        return full_size(workspace, soak);
    }
    let soak =
        SOAKS.iter().find(|soak| soak.name == name).ok_or_else(|| format!("{name}: {}", soak_names()))?;
    println!("soak {}: {}", soak.name, soak.what);
    let clock = Stopwatch::start();
    let mut total = Tally::default();
    for round in 1..=soak.rounds {
        println!("round {round} of {}", soak.rounds);
        let (outcome, tally) = shell::run_tests(workspace.cargo().args(soak.arguments));
        outcome?;
        total.add(tally);
    }
    let seconds = clock.elapsed().as_secs();
    println!("soak {}: {} rounds, {} tests passed, {seconds} s", soak.name, soak.rounds, total.passed);
    Ok(())
}

fn full_size(workspace: &Workspace, soak: &Soak) -> Outcome {
    let tools = setup::run(workspace)?;
    let cluster = Cluster::start()?;
    let clock = Stopwatch::start();
    let mut total = Tally::default();
    for url in [None, Some(cluster.url())] {
        let mut test = workspace.cargo();
        test.args(["test", "--profile", "ci", "--workspace", "--all-features", "--test", "e2e"]);
        // The figures that a test prints belong to the proof.
        test.args(soak.arguments).args(["--", "--nocapture"]);
        test.env("CARNET_TEST_FULL_SIZE", "1").env("CARNET_TEST_NODE", &tools.node);
        if let Some(url) = url {
            test.env("CARNET_TEST_DATABASE_URL", url);
        }
        let (outcome, tally) = shell::run_tests(&mut test);
        outcome?;
        total.add(tally);
    }
    let seconds = clock.elapsed().as_secs();
    println!("soak {}: {} tests passed on SQLite and PostgreSQL, {seconds} s", soak.name, total.passed);
    Ok(())
}

/// The table of long proofs, for a person who gave no name or a wrong one.
pub fn soak_names() -> String {
    let rows = SOAKS
        .iter()
        .chain(FULL_SIZE)
        .chain(BENCHES)
        .map(|soak| format!("\n  {:<12} {}", soak.name, soak.what));
    format!("which long proof? {}", rows.collect::<String>())
}

/// Known vulnerabilities; fetches the advisory database, so it is no part of the test command.
pub fn advisories(workspace: &Workspace) -> Outcome {
    setup::run(workspace)?;
    shell::run(workspace.tool("cargo-deny").args(["--all-features", "check", "advisories"]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_the_benchmark_are_meant_from_where_the_person_is() {
        let here = std::env::current_dir().unwrap();
        let given = ["token", "--json", "a.json", "--quick", "--svg", "/tmp/plots", "--markdown", "--quick"];
        let expected = ["token", "--json", "", "--quick", "--svg", "/tmp/plots", "--markdown", "--quick"];
        let mut expected: Vec<PathBuf> = expected.map(PathBuf::from).to_vec();
        expected[2] = here.join("a.json");
        assert_eq!(with_absolute_files(&given), Ok(expected));
    }

    #[test]
    fn every_long_proof_is_told_of_once() {
        let names = soak_names();
        for soak in SOAKS.iter().chain(FULL_SIZE).chain(BENCHES) {
            assert_eq!(names.matches(&format!("\n  {} ", soak.name)).count(), 1, "{}", soak.name);
        }
    }
}
