//! `cargo xtask check`: the rooms of the house (docs/architecture.md) and what may lie in the repository.
//!
//! Each part is a function from what it looks at to a list of findings, so that its tests can show it a bad example.

mod crates;
mod files;
mod pages;
mod paths;
mod rooms;
pub mod settings;

use crate::shell::Outcome;
use crate::workspace::Workspace;

/// Something that is not as it should be: where, and what.
#[derive(Debug, PartialEq, Eq)]
pub struct Finding {
    pub place: String,
    pub what: String,
}

impl Finding {
    fn new(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self { place: place.into(), what: what.into() }
    }
}

/// Looks at everything and prints every finding.
///
/// # Errors
/// When something was found, or could not be looked at.
pub fn run(workspace: &Workspace) -> Outcome {
    let files = workspace.files()?;
    let mut findings = crates::check(workspace)?;
    findings.extend(files::check(workspace, &files)?);
    findings.extend(rooms::check(workspace, &files)?);
    findings.extend(pages::check(workspace, &files)?);
    findings.extend(settings::check(workspace)?);
    findings.dedup();
    for Finding { place, what } in &findings {
        println!("{place}: {what}");
    }
    println!("check: {} files, {} findings", files.len(), findings.len());
    if findings.is_empty() { Ok(()) } else { Err(format!("{} findings", findings.len())) }
}
