//! The program itself, as an operator starts it: `carnet serve` from the build that this benchmark belongs to.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::http::{self, Connection};
use super::measurement::{Outcome, Setup};

/// A server that is not ready by then never will be.
const PATIENCE: Duration = Duration::from_mins(2);
const POLL: Duration = Duration::from_millis(1);

/// A server in a process of its own; killed when it goes out of scope.
pub struct Process {
    child: Child,
    pub address: SocketAddr,
    /// From the start of the process to its first `ready`, milliseconds.
    pub ready_after: f64,
}

impl Process {
    /// Starts a server on a data folder and waits until it is ready.
    pub fn start(setup: &Setup, data_dir: &Path) -> Outcome<Self> {
        let [address, admin] = free()?;
        let mut command = Command::new(env!("CARGO_BIN_EXE_carnet"));
        command.arg("serve").arg("--data-dir").arg(data_dir);
        command.args(["--listen", &address.to_string(), "--admin-listen", &admin.to_string()]);
        // Nothing of the developer's own settings. The log is written as always, and read by nobody.
        command.env_clear().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let start = setup.clock.monotonic();
        let mut process = Self { child: command.spawn()?, address, ready_after: 0.0 };
        loop {
            let ready = is_ready(address).unwrap_or(false);
            let passed = setup.clock.monotonic().saturating_sub(start);
            if ready {
                process.ready_after = passed.as_secs_f64() * 1_000.0;
                return Ok(process);
            }
            if let Some(status) = process.child.try_wait()? {
                return Err(format!("the server ended with {status}").into());
            }
            if passed > PATIENCE {
                return Err("the server did not get ready".into());
            }
            std::thread::sleep(POLL);
        }
    }

    /// Resident memory in megabytes of a million bytes.
    pub fn resident(&self) -> Outcome<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
        let kibibytes: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
        Ok(kibibytes * 1024.0 / 1e6)
    }

    /// Ends it as an operator would, and waits for that.
    pub fn stop(mut self) -> Outcome<()> {
        kill_process(Pid::from_child(&self.child), Signal::TERM)?;
        let status = self.child.wait()?;
        if status.success() { Ok(()) } else { Err(format!("the server ended with {status}").into()) }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // After a clean stop there is nobody to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn is_ready(address: SocketAddr) -> Outcome<bool> {
    let mut connection = Connection::open(address)?;
    connection.send(&http::get(address, "/readyz"))?;
    Ok(connection.answer()? == 200)
}

/// Two addresses where nobody listens just now; bound at the same time, so that they differ.
fn free() -> Outcome<[SocketAddr; 2]> {
    let (one, other) = (TcpListener::bind("127.0.0.1:0")?, TcpListener::bind("127.0.0.1:0")?);
    Ok([one.local_addr()?, other.local_addr()?])
}
