use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use tempfile::TempDir;

use crate::harness::process::{send_signal, without_own_settings};
use crate::harness::within;

/// A first `cargo run --release` compiles everything.
const PATIENCE: Duration = Duration::from_mins(40);

/// One bash session, as a reader's: variables and the current folder go on from command to command.
pub struct Shell {
    bash: Child,
    input: ChildStdin,
    lines: Receiver<String>,
    background: Vec<(String, std::path::PathBuf)>,
    commands: usize,
    folder: TempDir,
}

impl Shell {
    pub fn start() -> Self {
        let mut command = Command::new("bash");
        command.args(["--norc", "--noprofile"]).current_dir(env!("CARGO_MANIFEST_DIR"));
        without_own_settings(&mut command);
        let mut bash = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (send, lines) = channel();
        let output = bash.stdout.take().unwrap();
        std::thread::spawn(move || {
            for line in BufReader::new(output).split(b'\n') {
                let Ok(line) = line else { return };
                if send.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                    return;
                }
            }
        });
        let input = bash.stdin.take().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let mut shell = Self { bash, input, lines, background: Vec::new(), commands: 0, folder };
        // Job control: a background command gets a process group of its own, by which it can be ended whole.
        shell.say("exec 2>&1\nset -m\n");
        shell
    }

    fn say(&mut self, text: &str) {
        self.input.write_all(text.as_bytes()).unwrap();
        self.input.flush().unwrap();
    }

    /// Runs a command to its end: its status and its output, line by line.
    pub fn run(&mut self, command: &str) -> (i32, Vec<String>) {
        self.commands += 1;
        let mark = format!("end-of-command-{}-{}", self.commands, std::process::id());
        // Nothing to read from: a command that asked for input would eat the next ones.
        self.say(&format!("{{\n{command}\n}} </dev/null\nprintf '\\n{mark} %d\\n' $?\n"));
        let mut output = Vec::new();
        loop {
            let line = self.lines.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("no end of: {command}"));
            if let Some(status) = line.strip_prefix(&format!("{mark} ")) {
                // The mark begins on a line of its own, which adds an end of line to an output that has one.
                if output.last().is_some_and(String::is_empty) {
                    output.pop();
                }
                return (status.parse().unwrap(), without_progress(output));
            }
            output.push(line);
        }
    }

    /// Starts a command and waits until `ready` likes its output so far.
    pub fn start_in_background(&mut self, command: &str, ready: impl Fn(&[String]) -> bool) {
        let log = self.folder.path().join(format!("background-{}", self.background.len()));
        let (status, output) =
            self.run(&format!("{{\n{command}\n}} >{} 2>&1 </dev/null &\nprintf '%d' $!", log.display()));
        assert_eq!(status, 0, "{output:?}");
        let job = output.last().unwrap().clone();
        self.background.push((job.clone(), log.clone()));
        within(PATIENCE, command, || {
            let text = std::fs::read_to_string(&log).unwrap_or_default();
            let lines = without_progress(text.lines().map(str::to_owned).collect());
            let ended =
                !Command::new("kill").args(["-0", &job]).stderr(Stdio::null()).status().unwrap().success();
            assert!(!ended || ready(&lines), "{command} ended:\n{text}");
            ready(&lines).then_some(())
        });
    }

    /// Ends what runs in the background, as Ctrl-C would; each must end well.
    pub fn end_background(&mut self) {
        while let Some((job, log)) = self.background.last().cloned() {
            send_signal("INT", &format!("-{job}"));
            let (status, output) = self.run(&format!("wait {job}"));
            let log = std::fs::read_to_string(log).unwrap_or_default();
            assert_eq!(status, 0, "{output:?}\n{log}");
            self.background.pop();
        }
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        for (job, log) in &self.background {
            let _ = Command::new("sh").arg("-c").arg(format!("kill -s KILL -- -{job}")).status();
            eprintln!("--- background\n{}---", std::fs::read_to_string(log).unwrap_or_default());
        }
        let _ = self.bash.kill();
        let _ = self.bash.wait();
    }
}

/// Without what cargo says about its own work, and bash about its jobs.
fn without_progress(lines: Vec<String>) -> Vec<String> {
    const WORDS: [&str; 11] = [
        "Adding",
        "Blocking",
        "Building",
        "Compiling",
        "Downloaded",
        "Downloading",
        "Finished",
        "Fresh",
        "Locking",
        "Running",
        "Updating",
    ];
    let is_progress = |line: &String| {
        // Cargo sets its words flush right in twelve columns.
        let word = line.trim_start().split(' ').next().unwrap_or_default();
        line.starts_with(' ')
            && WORDS.contains(&word)
            && line.find(word).is_some_and(|at| at + word.len() == 12)
    };
    lines.into_iter().filter(|line| !is_progress(line)).collect()
}

#[test]
fn a_session_keeps_its_variables_and_tells_the_status() {
    let mut shell = Shell::start();
    assert_eq!(shell.run("WORD=one"), (0, vec![]));
    assert_eq!(
        shell.run("echo $WORD; echo two >&2; (exit 3)"),
        (3, vec!["one".to_owned(), "two".to_owned()])
    );
    assert_eq!(shell.run("printf 'no end of line'").1, ["no end of line"]);
    assert_eq!(shell.run("cat <<END\na\n\nb\nEND").1, ["a", "", "b"]);
    assert_eq!(shell.run("cat"), (0, vec![]));
}

#[test]
fn a_background_command_is_waited_for_and_ended() {
    let mut shell = Shell::start();
    // Not a bash loop with a trap: bash now and then drops an INT that comes while it forks.
    let command = r#"perl -e '$| = 1; $SIG{INT} = sub { exit 0 }; print "up\n"; sleep 1 while 1'"#;
    shell.start_in_background(command, |lines| lines == ["up"]);
    assert_eq!(shell.run("echo meanwhile").1, ["meanwhile"]);
    shell.end_background();
}
