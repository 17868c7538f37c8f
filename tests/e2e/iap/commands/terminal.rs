//! Commands on a terminal: one that `script` (bsdutils) makes.

use std::io::Write;
use std::process::{Command, Stdio};

use super::json;
use crate::harness::iap::Iap;

/// What stands on a terminal of so many columns after `carnet ARGUMENTS`, at which somebody types `typed`; and the exit
/// status.
#[track_caller]
fn on_terminal(iap: &Iap, columns: u16, arguments: &str, typed: &str) -> (Option<i32>, String) {
    let line = format!("stty cols {columns} && exec {} {arguments}", env!("CARGO_BIN_EXE_carnet"));
    let mut command = Command::new("script");
    command.args(["--quiet", "--return", "--command", &line, "/dev/null"]).env_clear();
    command
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("SHELL", "/bin/sh")
        .env("TERM", "xterm");
    command.env("CARNET_CREDENTIALS", iap.data_dir().join("admin-credentials.json"));
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(typed.as_bytes()).unwrap();
    let ended = child.wait_with_output().unwrap();
    (ended.status.code(), String::from_utf8(ended.stdout).unwrap())
}

#[test]
fn a_table_fits_the_terminal_and_has_no_colours() {
    let iap = Iap::start();
    let id = iap.participant("airline-of-the-far-away-mountains", "CAR").id;
    let (code, shown) = on_terminal(&iap, 90, "participant list", "");
    assert_eq!(code, Some(0), "{shown}");
    assert!(shown.contains(&id) && shown.contains('…') && !shown.contains('\u{1b}'), "{shown}");
    for line in shown.lines() {
        assert!(line.trim_end().chars().count() <= 90, "{line}");
    }
}

#[test]
fn a_plan_is_made_only_after_a_yes() {
    let iap = Iap::start();
    let file = iap.folder().join("members.toml");
    let text = "[[participant]]\niol_identifier = \"https://1r.example.com/airline\"\nname = \"Example Airline\"\n\
         logistics_agent_uri = \"https://1r.example.com/logistics-objects/airline\"\nroles = [\"CAR\"]\n";
    std::fs::write(&file, text).unwrap();
    let apply = |typed: &str| on_terminal(&iap, 100, &format!("apply {}", file.display()), typed);
    let count = || json(&iap, &["participant", "list"])["items"].as_array().unwrap().len();
    for no in ["n\n", "\n", "perhaps\n"] {
        let (code, shown) = apply(no);
        assert_eq!((code, count()), (Some(3), 0), "{no:?}: {shown}");
        assert!(shown.contains("Make this change? [y/N]"), "{shown}");
    }
    let (code, shown) = apply("y\n");
    assert_eq!((code, count()), (Some(0), 1), "{shown}");
    assert!(shown.contains("done      create participant"), "{shown}");
}
