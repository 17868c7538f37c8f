use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::Path;

use super::blocks::Step;
use super::expected::{ANYTHING, matches};
use super::shell::Shell;
use super::{blocks, readme};

/// What a reader has in the folder after the walk, and a second walk must not find.
const LEFT_BEHIND: [&str; 1] = ["walk-data"];

#[test]
fn every_command_of_the_walk_answers_as_printed() {
    let steps = blocks::steps(&readme());
    assert!(steps.len() >= 5, "the README has a walk of {} commands", steps.len());
    clean_up();
    let before = entries();
    let mut shell = Shell::start();
    for step in &steps {
        println!("README.md:{}: {}", step.line, step.command);
        take(step, &mut shell);
    }
    shell.end_background();
    clean_up();
    assert_eq!(entries(), before, "the walk leaves something else behind");
    println!("{} commands of the walk answered as printed", steps.len());
}

fn take(step: &Step, shell: &mut Shell) {
    if step.background {
        return shell.start_in_background(&step.command, |output| is_ready(&step.expected, output));
    }
    let (status, output) = shell.run(&step.command);
    let place = format!("README.md:{}: {}", step.line, step.command);
    assert_eq!(status, 0, "{place}\n{}", output.join("\n"));
    let lines: Vec<&str> = output.iter().map(String::as_str).collect();
    // What prints nothing in the README may still tell of its work, as a build does.
    let quiet = step.expected.is_empty() && step.command.starts_with("cargo ");
    assert!(
        quiet || matches(&step.expected, &lines),
        "{place}\n--- the README prints\n{}\n--- the answer is\n{}\n---",
        step.expected.join("\n"),
        output.join("\n"),
    );
}

/// Whether what the README prints has come; where it prints nothing, the server's own word that it is ready.
fn is_ready(expected: &[String], output: &[String]) -> bool {
    if expected.is_empty() {
        return output.iter().any(|line| line.contains("is ready"));
    }
    let mut around = vec![ANYTHING];
    around.extend(expected.iter().map(String::as_str));
    around.push(ANYTHING);
    matches(&around, &output.iter().map(String::as_str).collect::<Vec<_>>())
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn clean_up() {
    for name in LEFT_BEHIND {
        let path = root().join(name);
        let _ = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    }
}

fn entries() -> BTreeSet<OsString> {
    let all = fs::read_dir(root()).unwrap().map(|entry| entry.unwrap().file_name());
    // The build's own.
    all.filter(|name| name != "target").collect()
}

#[test]
fn the_test_command_is_printed() {
    assert!(readme().lines().any(|line| line.trim_start_matches("$ ").trim() == "cargo xtask test"));
}
