//! `cargo xtask`: the chores of this repository, one word each. CI calls the same words as people do.
//!
//! The tree of dependencies is kept tiny on purpose: this program is the first thing that a fresh clone builds.

mod check;
mod postgres;
mod programs;
mod setup;
mod shell;
mod soak;
mod suite;
mod workspace;

use std::process::ExitCode;

use shell::Outcome;
use workspace::Workspace;

const USAGE: &str = "\
usage: cargo xtask COMMAND

  setup              install what the tests need and this machine lacks (Debian packages as root, PyPI, npm)
  test [NAME…]       everything that must hold before a change lands, or only the named steps
  test --list        the names of the steps
  check              the rooms of the house: who may use whom, and what may lie in the repository
  docs               build the book (target/book) and the API documentation (target/doc)
  bench [NAME…] [--quick] [--json FILE] [--svg DIR] [--markdown FILE]
                     the benchmark program, release build: all figures, or only the named ones
  soak NAME          a long proof in full size
  advisories         known vulnerabilities among the dependencies (needs the network)";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match dispatch(&words) {
        Ok(code) => code,
        Err(reason) => {
            eprintln!("xtask: {reason}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(words: &[&str]) -> Outcome<ExitCode> {
    let workspace = Workspace::find()?;
    match words {
        ["setup"] => setup::run(&workspace).map(|_| ExitCode::SUCCESS),
        ["test", "--list"] => {
            suite::list();
            Ok(ExitCode::SUCCESS)
        }
        ["test", names @ ..] => suite::run(&workspace, names),
        ["check"] => check::run(&workspace).map(|()| ExitCode::SUCCESS),
        ["docs"] => programs::docs(&workspace).map(|()| ExitCode::SUCCESS),
        ["bench", rest @ ..] => programs::bench(&workspace, rest).map(|()| ExitCode::SUCCESS),
        ["soak", name] => soak::soak(&workspace, name).map(|()| ExitCode::SUCCESS),
        ["soak"] => Err(soak::names()),
        ["advisories"] => programs::advisories(&workspace).map(|()| ExitCode::SUCCESS),
        [] | ["help" | "--help" | "-h"] => {
            println!("{USAGE}");
            Ok(ExitCode::SUCCESS)
        }
        [unknown, ..] => Err(format!("{unknown}: not a command, or with the wrong arguments\n{USAGE}")),
    }
}
