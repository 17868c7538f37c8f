use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use super::within;

/// A `carnet` command with nothing of the developer's environment but the search path.
pub fn carnet() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_carnet"));
    command.env_clear();
    for name in ["PATH", "TMPDIR"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    // A proxy that is not there: whoever asks the environment for one fails.
    command.env("HTTP_PROXY", "http://127.0.0.1:9").env("http_proxy", "http://127.0.0.1:9");
    command
}

/// Takes our own settings out of a command's environment: a reader of the README has none.
pub fn without_own_settings(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CARNET_") {
            command.env_remove(&name);
        }
    }
}

/// A running program: killed when it goes out of scope, its output shown when the test fails.
pub struct Process {
    name: String,
    child: Child,
    stdout: PathBuf,
    stderr: PathBuf,
}

impl Process {
    /// Starts `command`, its output going to files in `folder`.
    pub fn start(name: &str, mut command: Command, folder: &Path) -> Self {
        let (stdout, stderr) = (folder.join(format!("{name}.out")), folder.join(format!("{name}.err")));
        let child = command
            .stdin(Stdio::null())
            .stdout(File::create(&stdout).unwrap())
            .stderr(File::create(&stderr).unwrap())
            .spawn()
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        Self { name: name.to_owned(), child, stdout, stderr }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn stdout(&self) -> String {
        std::fs::read_to_string(&self.stdout).unwrap_or_default()
    }

    pub fn stderr(&self) -> String {
        std::fs::read_to_string(&self.stderr).unwrap_or_default()
    }

    /// The exit status once it has ended.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Waits for its end.
    #[track_caller]
    pub fn wait(&mut self, limit: Duration) -> ExitStatus {
        let what = format!("{} ends", self.name);
        within(limit, &what, || self.ended())
    }

    /// Sends a signal by name (`TERM`, `INT`).
    pub fn signal(&self, signal: &str) {
        send_signal(signal, &self.id().to_string());
    }

    /// Stops it where it is, and comes back when none of its threads runs any more: the signal is sent before it is
    /// obeyed, and a thread on another core may still answer a request meanwhile.
    #[track_caller]
    pub fn pause(&self) {
        self.signal("STOP");
        let threads = format!("/proc/{}/task", self.id());
        within(Duration::from_secs(5), "all its threads have stopped", || {
            let mut threads = std::fs::read_dir(&threads).unwrap();
            threads.all(|thread| is_stopped(&thread.unwrap().path())).then_some(())
        });
    }
}

/// By the state in `stat` (proc(5)): the first letter after the name, which is in parentheses and may have some itself.
fn is_stopped(thread: &Path) -> bool {
    // One that is gone does not run either.
    let Ok(stat) = std::fs::read_to_string(thread.join("stat")) else { return true };
    stat.rsplit_once(") ").is_some_and(|(_, state)| state.starts_with('T'))
}

/// Sends a signal to a process, or to a process group written as `-ID`.
pub fn send_signal(signal: &str, to: &str) {
    // The shell's own `kill`: a small Debian has no other.
    let status = Command::new("sh").arg("-c").arg(format!("kill -s {signal} -- {to}")).status().unwrap();
    assert!(status.success(), "kill -{signal} {to}");
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- {} stdout\n{}--- {0} stderr\n{}---", self.name, self.stdout(), self.stderr());
        }
    }
}

/// What a command that ends by itself did.
pub struct Ended {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// Runs a `carnet` command that must end by itself within `limit`.
#[track_caller]
pub fn run_to_end(command: Command, limit: Duration) -> Ended {
    let folder = tempfile::tempdir().unwrap();
    let mut process = Process::start("carnet", command, folder.path());
    let status = process.wait(limit);
    Ended { code: status.code(), stdout: process.stdout(), stderr: process.stderr() }
}
