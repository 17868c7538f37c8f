//! The repository: where it is, which files are its own, which packages it holds.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use crate::shell::{self, Outcome};

/// The repository that this program was built from.
pub struct Workspace {
    pub root: PathBuf,
}

impl Workspace {
    pub fn find() -> Outcome<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or("xtask has no parent folder")?;
        if !root.join("Cargo.toml").is_file() {
            return Err(format!("{} is gone: build xtask again", root.display()));
        }
        Ok(Self { root: root.to_owned() })
    }

    /// Everything that setup installs, and that `cargo clean` may take away again.
    pub fn tools(&self) -> PathBuf {
        self.root.join("target/tools")
    }

    /// The Python environment, which also holds the prebuilt tools.
    pub fn venv(&self) -> PathBuf {
        self.tools().join("venv")
    }

    pub fn cargo(&self) -> Command {
        shell::cargo(&self.root)
    }

    /// A program that setup placed into the Python environment.
    pub fn tool(&self, name: &str) -> Command {
        let mut command = Command::new(self.venv().join("bin").join(name));
        command.current_dir(&self.root);
        command
    }

    /// Every file that is committed, or would be by `git add --all`, relative to the root.
    pub fn files(&self) -> Outcome<Vec<PathBuf>> {
        let mut git = Command::new("git");
        git.current_dir(&self.root).args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
        let listed = shell::output(&mut git)?;
        let mut files: Vec<PathBuf> =
            listed.split('\0').filter(|name| !name.is_empty()).map(PathBuf::from).collect();
        // A file that is deleted but not yet committed is still in the index.
        files.retain(|file| self.root.join(file).is_file());
        files.sort();
        files.dedup();
        Ok(files)
    }

    pub fn read(&self, file: &Path) -> Outcome<String> {
        std::fs::read_to_string(self.root.join(file)).map_err(|error| format!("{}: {error}", file.display()))
    }

    pub fn metadata(&self) -> Outcome<Metadata> {
        let json = shell::output(self.cargo().args(["metadata", "--format-version", "1", "--no-deps"]))?;
        serde_json::from_str(&json).map_err(|error| format!("cargo metadata: {error}"))
    }
}

/// The part of `cargo metadata --no-deps` that the chores look at.
#[derive(Deserialize)]
pub struct Metadata {
    pub packages: Vec<Package>,
}

#[derive(Deserialize)]
pub struct Package {
    pub name: String,
    pub dependencies: Vec<Dependency>,
    pub targets: Vec<Target>,
    pub manifest_path: PathBuf,
}

#[derive(Deserialize)]
pub struct Dependency {
    pub name: String,
    /// `None` for a normal dependency, else `dev` or `build`.
    pub kind: Option<String>,
    /// Set for a member of the workspace.
    pub path: Option<PathBuf>,
}

#[derive(Deserialize)]
pub struct Target {
    pub name: String,
    pub kind: Vec<String>,
}

impl Metadata {
    /// Names of the integration test targets of all packages, sorted, each once.
    pub fn test_targets(&self) -> Vec<String> {
        let mut names: Vec<String> = self
            .packages
            .iter()
            .flat_map(|package| &package.targets)
            .filter(|target| target.kind.iter().any(|kind| kind == "test"))
            .map(|target| target.name.clone())
            .collect();
        names.sort();
        names.dedup();
        names
    }
}
