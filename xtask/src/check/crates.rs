//! Which crate may depend on which, read from `cargo metadata`; and one crypto provider, read from `cargo tree`.

use std::path::Path;

use super::Finding;
use crate::shell::Outcome;
use crate::workspace::{Metadata, Package, Workspace};

/// A crate of the workspace: which siblings it may use, and which outsiders never.
struct Rule {
    name: &'static str,
    siblings: &'static [&'static str],
    never: &'static [&'static str],
}

const RULES: &[Rule] = &[
    Rule { name: "carnet-ambient", siblings: &[], never: &["tokio", "axum", "reqwest", "sqlx"] },
    // Pure: no I/O, no clock and no randomness of its own, so not even the ambient crate.
    Rule {
        name: "carnet-token",
        siblings: &[],
        never: &["tokio", "axum", "http", "hyper", "reqwest", "sqlx"],
    },
    Rule { name: "carnet-fetch", siblings: &["carnet-ambient"], never: &["axum", "sqlx", "jsonwebtoken"] },
    Rule {
        name: "carnet-verifier",
        siblings: &["carnet-ambient", "carnet-fetch", "carnet-token"],
        never: &["sqlx", "reqwest"],
    },
    Rule {
        name: "carnet-client",
        siblings: &["carnet-ambient", "carnet-fetch", "carnet-token"],
        never: &["sqlx", "axum"],
    },
    Rule { name: "carnet-db", siblings: &["carnet-ambient"], never: &["axum", "http", "hyper", "reqwest"] },
    Rule {
        name: "carnet-record",
        siblings: &[
            "carnet-ambient",
            "carnet-client",
            "carnet-db",
            "carnet-fetch",
            "carnet-token",
            "carnet-verifier",
        ],
        never: &["jsonwebtoken", "josekit", "oxide-auth", "reqwest"],
    },
    Rule {
        name: "carnet-testkit",
        siblings: &[
            "carnet-ambient",
            "carnet-client",
            "carnet-db",
            "carnet-fetch",
            "carnet-record",
            "carnet-token",
            "carnet-verifier",
        ],
        never: &[],
    },
    Rule {
        name: "carnet",
        siblings: &[
            "carnet-ambient",
            "carnet-client",
            "carnet-db",
            "carnet-fetch",
            "carnet-record",
            "carnet-token",
            "carnet-verifier",
        ],
        never: &["oxjsonld", "oxttl", "oxrdf"],
    },
];

/// All that this program itself may use: it is the first thing that a fresh clone builds.
const XTASK_MAY_USE: &[&str] = &["serde", "serde_json", "toml"];
/// Crates for strangers: every public item has a docstring.
const PUBLISHABLE: &[&str] = &["carnet-token", "carnet-verifier", "carnet-client"];

pub fn check(workspace: &Workspace) -> Outcome<Vec<Finding>> {
    let metadata = workspace.metadata()?;
    let mut findings = dependencies(&metadata);
    for package in &metadata.packages {
        let folder = package.manifest_path.parent().unwrap_or(Path::new("")).to_owned();
        let read = |file: &str| std::fs::read_to_string(folder.join(file)).unwrap_or_default();
        findings.extend(habits(&package.name, &read("Cargo.toml"), &read("src/lib.rs")));
    }
    findings.extend(ring(&ring_tree(workspace)?));
    Ok(findings)
}

fn dependencies(metadata: &Metadata) -> Vec<Finding> {
    metadata.packages.iter().flat_map(package).collect()
}

fn package(package: &Package) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut find = |what: String| findings.push(Finding::new(package.name.clone(), what));
    let normal = || package.dependencies.iter().filter(|dependency| dependency.kind.is_none());
    if package.name == "xtask" {
        for dependency in normal().filter(|dependency| !XTASK_MAY_USE.contains(&dependency.name.as_str())) {
            find(format!("may not depend on {}: its tree is kept tiny", dependency.name));
        }
        return findings;
    }
    let Some(rule) = RULES.iter().find(|rule| rule.name == package.name) else {
        find("a new room: say in xtask/src/check/crates.rs and docs/architecture.md what it may use".into());
        return findings;
    };
    for dependency in normal() {
        let name = dependency.name.as_str();
        if dependency.path.is_some() && !rule.siblings.contains(&name) {
            find(format!("may not depend on {name}"));
        }
        if rule.never.contains(&name) {
            find(format!("may never depend on {name}"));
        }
    }
    findings
}

fn habits(name: &str, manifest: &str, lib: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let lints = manifest
        .parse::<toml::Table>()
        .ok()
        .and_then(|table| table.get("lints")?.get("workspace")?.as_bool());
    if lints != Some(true) {
        findings.push(Finding::new(name, "does not take the workspace's lints ([lints] workspace = true)"));
    }
    if PUBLISHABLE.contains(&name) && !lib.contains("#![deny(missing_docs)]") {
        findings.push(Finding::new(name, "is for strangers and lacks #![deny(missing_docs)]"));
    }
    findings
}

/// Who brings in ring, as cargo draws it; empty when nobody does.
fn ring_tree(workspace: &Workspace) -> Outcome<String> {
    let mut tree = workspace.cargo();
    tree.args([
        "tree",
        "--workspace",
        "--all-features",
        "--edges",
        "normal",
        "--target",
        "all",
        "--invert",
        "ring",
    ]);
    let output = tree.output().map_err(|error| format!("cargo tree: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() && !said.contains("did not match any packages") {
        return Err(format!("cargo tree: {said}"));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn ring(tree: &str) -> Vec<Finding> {
    if tree.trim().is_empty() {
        return Vec::new();
    }
    vec![Finding::new("ring", format!("a second crypto provider came in; the one is aws-lc-rs\n{tree}"))]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(json: &str) -> Vec<String> {
        let metadata: Metadata = serde_json::from_str(json).unwrap();
        dependencies(&metadata)
            .into_iter()
            .map(|finding| format!("{}: {}", finding.place, finding.what))
            .collect()
    }

    fn one(name: &str, dependency: &str, kind: &str, path: &str) -> String {
        format!(
            r#"{{"packages": [{{"name": "{name}", "manifest_path": "Cargo.toml", "targets": [],
                "dependencies": [{{"name": "{dependency}", "kind": {kind}, "path": {path}}}]}}]}}"#
        )
    }

    #[test]
    fn pure_crate_with_a_runtime_is_found() {
        assert_eq!(
            found(&one("carnet-token", "tokio", "null", "null")),
            ["carnet-token: may never depend on tokio"]
        );
        assert!(found(&one("carnet-token", "tokio", "\"dev\"", "null")).is_empty());
    }

    #[test]
    fn record_server_that_uses_the_iap_is_found() {
        assert_eq!(
            found(&one("carnet-record", "carnet", "null", "\"/x\"")),
            ["carnet-record: may not depend on carnet"]
        );
    }

    #[test]
    fn testkit_in_the_program_is_found() {
        assert_eq!(found(&one("carnet", "carnet-testkit", "null", "\"/x\"")).len(), 1);
        assert!(found(&one("carnet", "carnet-testkit", "\"dev\"", "\"/x\"")).is_empty());
    }

    #[test]
    fn unknown_room_is_found() {
        assert_eq!(found(&one("carnet-utils", "serde", "null", "null")).len(), 1);
    }

    #[test]
    fn xtask_with_a_large_tree_is_found() {
        assert_eq!(found(&one("xtask", "clap", "null", "null")).len(), 1);
        assert!(found(&one("xtask", "toml", "null", "null")).is_empty());
    }

    #[test]
    fn crate_without_lints_or_docs_is_found() {
        assert_eq!(habits("carnet-db", "[package]\nname = \"x\"", "").len(), 1);
        assert_eq!(habits("carnet-token", "[lints]\nworkspace = true", "//! Words.").len(), 1);
        assert!(habits("carnet-token", "[lints]\nworkspace = true", "#![deny(missing_docs)]").is_empty());
    }

    #[test]
    fn ring_in_the_tree_is_found() {
        assert_eq!(ring("ring v0.17.14\n└── rustls v0.23.0\n").len(), 1);
        assert!(ring("\n").is_empty());
    }
}
