//! Chores that run one program: documentation, benchmarks, advisories.

use std::path::PathBuf;

use crate::shell::{self, Outcome};
use crate::workspace::Workspace;
use crate::{check, setup};

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
}
