//! Other programs: how they are shown, run, read and counted.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Every chore fails with a sentence for a person.
pub type Outcome<T = ()> = Result<T, String>;

/// Tests that ran, as the test runner itself counted them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub passed: u64,
    pub failed: u64,
}

impl Tally {
    pub fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }

    /// Reads cargo's closing line of one test binary: `test result: ok. 3 passed; 0 failed; …`.
    pub fn of_line(line: &str) -> Option<Self> {
        let (_, counts) = line.trim_end().strip_prefix("test result: ")?.split_once(". ")?;
        let mut tally = Self::default();
        for part in counts.split(';') {
            let (number, word) = part.trim().split_once(' ')?;
            match word {
                "passed" => tally.passed = number.parse().ok()?,
                "failed" => tally.failed = number.parse().ok()?,
                _ => {}
            }
        }
        Some(tally)
    }
}

/// The cargo that runs us, without the variables that it set for us: a build script that looks at them would
/// otherwise be run again for a build by hand.
pub fn cargo(root: &Path) -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    command.current_dir(root).env_remove("CARNET_TEST_DATABASE_URL");
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_"].iter().any(|p| name.starts_with(p))
        {
            command.env_remove(name.as_ref());
        }
    }
    command
}

/// Shows the command and runs it on our own terminal.
pub fn run(command: &mut Command) -> Outcome {
    announce(command);
    let status = command.status().map_err(|error| cannot_start(command, &error))?;
    if status.success() { Ok(()) } else { Err(format!("{} ended with {status}", name(command))) }
}

/// Runs the command silently and returns its standard output; its errors go to our terminal.
pub fn output(command: &mut Command) -> Outcome<String> {
    let output = command.stderr(Stdio::inherit()).output().map_err(|error| cannot_start(command, &error))?;
    if !output.status.success() {
        return Err(format!("{} ended with {}", name(command), output.status));
    }
    String::from_utf8(output.stdout).map_err(|_| format!("{} did not answer in UTF-8", name(command)))
}

/// Whether the command can be started and ends well, whatever it prints.
pub fn succeeds(program: impl AsRef<std::ffi::OsStr>, arguments: &[&str]) -> bool {
    Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Runs a test command, passes its output on and counts its tests. A command that ran no test has failed:
/// a filter that no longer matches must not look like success.
pub fn run_tests(command: &mut Command) -> (Outcome, Tally) {
    announce(command);
    let mut tally = Tally::default();
    let outcome = (|| {
        // One pipe for both streams, so that each line stays where it was said.
        let (reader, writer) = std::io::pipe().map_err(|error| format!("pipe: {error}"))?;
        let second = writer.try_clone().map_err(|error| format!("pipe: {error}"))?;
        command.stdout(writer).stderr(second);
        let child = command.spawn();
        // Our own ends must close, or the end would never be seen.
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = child.map_err(|error| cannot_start(command, &error))?;
        let mut reader = BufReader::new(reader);
        let mut line = Vec::new();
        // Bytes, not lines of text: a test may print anything.
        while reader.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
            let text = String::from_utf8_lossy(&line);
            print!("{text}");
            if let Some(counted) = Tally::of_line(&text) {
                tally.add(counted);
            }
            line.clear();
        }
        let status = child.wait().map_err(|error| error.to_string())?;
        if !status.success() {
            return Err(format!("{} ended with {status}", name(command)));
        }
        if tally.passed == 0 { Err(format!("{} ran no test", name(command))) } else { Ok(()) }
    })();
    (outcome, tally)
}

/// How long something took.
pub struct Stopwatch(Instant);

impl Stopwatch {
    #[expect(
        clippy::disallowed_methods,
        reason = "a chore reports real durations; nothing is decided by them"
    )]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

fn announce(command: &Command) {
    let words: Vec<_> = command.get_args().map(|argument| argument.to_string_lossy()).collect();
    println!("$ {} {}", name(command), words.join(" "));
}

fn name(command: &Command) -> String {
    Path::new(command.get_program())
        .file_name()
        .map_or_else(|| "program".into(), |name| name.to_string_lossy().into_owned())
}

fn cannot_start(command: &Command, error: &std::io::Error) -> String {
    format!("cannot start {}: {error}", command.get_program().to_string_lossy())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> (Outcome, Tally) {
        run_tests(Command::new("sh").args(["-c", script]))
    }

    #[test]
    fn tests_are_counted_and_the_status_decides() {
        let (outcome, tally) = shell("echo 'test result: ok. 2 passed; 0 failed'; echo noise >&2");
        assert_eq!((outcome, tally.passed), (Ok(()), 2));
        let (outcome, tally) = shell("echo 'test result: FAILED. 2 passed; 1 failed'; exit 101");
        assert!(outcome.is_err());
        assert_eq!(tally.failed, 1);
    }

    #[test]
    fn command_that_ran_no_test_has_failed() {
        assert!(
            shell("echo 'test result: ok. 0 passed; 0 failed; 0 ignored'").0.unwrap_err().contains("no test")
        );
    }

    #[test]
    fn counts_are_read_from_a_closing_line() {
        let line = "test result: ok. 12 passed; 0 failed; 0 ignored; 0 measured; 3 filtered out; finished in 0.02s\n";
        assert_eq!(Tally::of_line(line), Some(Tally { passed: 12, failed: 0 }));
        let line = "test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out";
        assert_eq!(Tally::of_line(line), Some(Tally { passed: 1, failed: 2 }));
    }

    #[test]
    fn other_lines_count_nothing() {
        assert_eq!(Tally::of_line("test registry::disabled_client_is_refused ... ok"), None);
        assert_eq!(Tally::of_line("test result: "), None);
    }
}
