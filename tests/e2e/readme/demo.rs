use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::Duration;

use super::readme;
use crate::harness::process::{Process, send_signal, without_own_settings};
use crate::harness::within;

const COMMAND: &str = "cargo run --release -- demo";
/// The first one compiles everything.
const PATIENCE: Duration = Duration::from_mins(40);

/// Starts the README's first command, with `more` behind it, in a process group of its own as a terminal would.
fn start(more: &[&str], folder: &std::path::Path) -> Process {
    let printed = readme();
    let line = printed.lines().map(|line| line.trim_start_matches("$ ").trim()).find(|&line| line == COMMAND);
    let line = line.unwrap_or_else(|| panic!("the README does not print `{COMMAND}`"));
    let mut words = line.split(' ');
    let mut command = Command::new(words.next().unwrap());
    command.args(words).args(more).current_dir(env!("CARGO_MANIFEST_DIR")).process_group(0);
    without_own_settings(&mut command);
    Process::start("demo", command, folder)
}

/// The number of steps that the last line of standard output tells, once it is there.
fn steps(output: &str) -> Option<u32> {
    let last = output.strip_suffix('\n')?.lines().last()?;
    last.strip_prefix("demo: ")?.strip_suffix(" steps, 0 unexpected")?.parse().ok()
}

/// The streams without what cargo says before the program starts.
fn streams(demo: &Process) -> (String, String) {
    let stderr = demo.stderr();
    let own = stderr.rsplit_once("Running `").and_then(|(_, rest)| rest.split_once('\n')).map(|(_, own)| own);
    (demo.stdout(), own.unwrap_or_default().to_owned())
}

#[test]
fn the_demo_ends_its_steps_as_expected_and_stays_up() {
    let folder = tempfile::tempdir().unwrap();
    let mut demo = start(&[], folder.path());
    let count = within(PATIENCE, "the demo's last line", || {
        assert!(demo.ended().is_none(), "the demo did not stay up");
        steps(&demo.stdout())
    });
    assert!(count >= 8, "{count} steps");
    let (stdout, stderr) = streams(&demo);
    assert!(!stdout.contains('\u{1b}') && !stderr.contains('\u{1b}'), "colour off a terminal");
    // Up for exploring: it says nothing more by itself, and its servers answer.
    std::thread::sleep(Duration::from_secs(3));
    assert!(demo.ended().is_none());
    assert_eq!(streams(&demo), (stdout, stderr), "something follows the last line");
    send_signal("INT", &format!("-{}", demo.id()));
    let status = demo.wait(Duration::from_secs(20));
    assert!(status.success(), "Ctrl-C: {status}");
    assert!(steps(&demo.stdout()).is_some(), "something follows the last line:\n{}", demo.stdout());
}

#[test]
fn the_demo_ends_by_itself_when_asked_to() {
    let folder = tempfile::tempdir().unwrap();
    let mut demo = start(&["--exit"], folder.path());
    assert!(demo.wait(PATIENCE).success());
    assert!(steps(&demo.stdout()).is_some_and(|count| count >= 8), "{}", demo.stdout());
}
