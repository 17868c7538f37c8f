//! Other people's clients: Python and Node scripts that take one JSON job and report one JSON line.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_json::{Value, json};

fn clients() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/clients")
}

/// Where `cargo xtask setup` put a tool: as the test command says, else at its usual place.
#[track_caller]
fn installed(variable: &str, usual: &str) -> PathBuf {
    let usual = || Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools").join(usual);
    let path = std::env::var_os(variable).map_or_else(usual, PathBuf::from);
    assert!(path.exists(), "{} is missing: run `cargo xtask setup`", path.display());
    path
}

/// Runs a Python client; fails when it fails.
#[track_caller]
pub fn python(script: &str, job: &Value) -> Value {
    report(script, &run_python(script, job))
}

/// Runs a Python client that must fail; what it wrote to standard error.
#[track_caller]
pub fn python_fails(script: &str, job: &Value) -> String {
    failure(script, &run_python(script, job))
}

/// Runs a Node client; fails when it fails.
#[track_caller]
pub fn node(script: &str, job: &Value) -> Value {
    report(script, &run_node(script, job))
}

/// Runs a Node client that must fail; what it wrote to standard error.
#[track_caller]
pub fn node_fails(script: &str, job: &Value) -> String {
    failure(script, &run_node(script, job))
}

/// A key pair made by joserfc.
pub struct KeyPair {
    pub private: Value,
    pub public: Value,
}

/// Makes a key pair for `alg`.
#[track_caller]
pub fn key_pair(alg: &str) -> KeyPair {
    let mut made = python("make_key.py", &json!({ "alg": alg }));
    KeyPair { private: made["private"].take(), public: made["public"].take() }
}

/// The command that runs a Python script of the clients.
#[track_caller]
pub fn python_command(script: &str) -> Command {
    let mut command = Command::new(installed("CARNET_TEST_PYTHON", "venv/bin/python"));
    command.arg("-B").arg(clients().join("python").join(script));
    command
}

#[track_caller]
fn run_python(script: &str, job: &Value) -> std::process::Output {
    talk(python_command(script), job)
}

#[track_caller]
fn run_node(script: &str, job: &Value) -> std::process::Output {
    talk(node_command(script), job)
}

/// The command that runs a Node script of the clients.
#[track_caller]
pub fn node_command(script: &str) -> Command {
    let node = std::env::var_os("CARNET_TEST_NODE").unwrap_or_else(|| "node".into());
    let mut command = Command::new(node);
    command.arg(node_scripts().join(script));
    command
}

/// The Node scripts, copied beside their `node_modules`: Node looks for a module next to who imports it.
#[track_caller]
fn node_scripts() -> &'static Path {
    static COPIED: OnceLock<PathBuf> = OnceLock::new();
    let modules = installed("CARNET_TEST_NODE_MODULES", "node/node_modules");
    COPIED.get_or_init(|| {
        let folder = modules.parent().unwrap().to_owned();
        for entry in std::fs::read_dir(clients().join("node")).unwrap() {
            let from = entry.unwrap().path();
            if from.extension().is_some_and(|extension| extension == "mjs") {
                let name = from.file_name().unwrap();
                // By rename, so that another run's Node never reads half a file.
                let draft = folder.join(format!("{}.{}", name.display(), std::process::id()));
                std::fs::copy(&from, &draft).unwrap();
                std::fs::rename(&draft, folder.join(name)).unwrap();
            }
        }
        folder
    })
}

#[track_caller]
fn talk(mut command: Command, job: &Value) -> std::process::Output {
    let mut child = command
        .env("NO_PROXY", "*")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}; run `cargo xtask setup`"));
    child.stdin.take().unwrap().write_all(job.to_string().as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

#[track_caller]
fn report(script: &str, output: &std::process::Output) -> Value {
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{script}: {}\n{stdout}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_str(stdout.trim()).unwrap_or_else(|error| panic!("{script} said {stdout:?}: {error}"))
}

#[track_caller]
fn failure(script: &str, output: &std::process::Output) -> String {
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(!output.status.success(), "{script} should have failed: {stdout}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}
