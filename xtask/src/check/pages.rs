//! Pages: their links and the files they speak of exist, the book lists each of its pages, and every direct
//! dependency has its line. A document that drifts is worse than none.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use super::Finding;
use crate::shell::Outcome;
use crate::workspace::Workspace;

const SUMMARY: &str = "docs/SUMMARY.md";
const DEPENDENCIES: &str = "docs/dependencies.md";
/// A word in code quotes that begins like this is a file of the repository.
const TOP: &[&str] = &["src/", "crates/", "migrations/", "tests/", "benches/", "docs/", "xtask/", ".ci/"];

pub fn check(workspace: &Workspace, files: &[PathBuf]) -> Outcome<Vec<Finding>> {
    let known: BTreeSet<PathBuf> =
        files.iter().flat_map(|file| file.ancestors()).map(Path::to_owned).collect();
    let mut findings = Vec::new();
    for file in files {
        match file.extension().and_then(|extension| extension.to_str()) {
            Some("md") => {
                let page = workspace.read(file)?;
                let read = |target: &Path| workspace.read(target).unwrap_or_default();
                findings.extend(check_page(file, &page, &known, &read));
            }
            Some("rs") if !file.starts_with("xtask") => {
                findings.extend(mentions(file, &workspace.read(file)?, &known));
            }
            _ => {}
        }
    }
    let summary = workspace.read(Path::new(SUMMARY))?;
    findings.extend(unlisted(&summary, files));
    findings.extend(unexplained(
        &workspace.read(Path::new("Cargo.toml"))?,
        &workspace.read(Path::new(DEPENDENCIES))?,
    )?);
    Ok(findings)
}

fn check_page(
    file: &Path,
    page: &str,
    known: &BTreeSet<PathBuf>,
    read: &dyn Fn(&Path) -> String,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (line, prose) in prose_lines(page) {
        let mut find = |what: String| findings.push(Finding::new(format!("{}:{line}", file.display()), what));
        for link in links(prose) {
            if let Some(what) = broken(file, page, link, known, read) {
                find(what);
            }
        }
        for word in quoted(prose).filter(|word| TOP.iter().any(|top| word.starts_with(top))) {
            let is_path = word.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
            let path = Path::new(word.trim_end_matches('/'));
            // A crate's own page speaks of the crate's own files; a small room is a single file.
            let places = [path.to_owned(), path.with_extension("rs"), resolve(file, word)];
            if is_path && places.iter().all(|place| !known.contains(place)) {
                find(format!("speaks of {word}, which does not exist"));
            }
        }
    }
    findings
}

/// Code that names a page of the book: `docs/….md`.
fn mentions(file: &Path, source: &str, known: &BTreeSet<PathBuf>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (number, line) in source.lines().enumerate() {
        for word in line.split(|c: char| !(c.is_ascii_alphanumeric() || "/._-".contains(c))) {
            let word = word.trim_end_matches('.');
            let is_page = word.starts_with("docs/") && Path::new(word).extension().is_some_and(|e| e == "md");
            if is_page && !known.contains(Path::new(word)) {
                let place = format!("{}:{}", file.display(), number + 1);
                findings.push(Finding::new(place, format!("speaks of {word}, which does not exist")));
            }
        }
    }
    findings
}

/// Why a link leads nowhere, if it does. Links out of the repository are not followed.
fn broken(
    file: &Path,
    page: &str,
    link: &str,
    known: &BTreeSet<PathBuf>,
    read: &dyn Fn(&Path) -> String,
) -> Option<String> {
    if link.contains("://") || link.starts_with("mailto:") {
        return None;
    }
    let (path, anchor) = link.split_once('#').map_or((link, None), |(path, anchor)| (path, Some(anchor)));
    let target = if path.is_empty() { file.to_owned() } else { resolve(file, path) };
    if !known.contains(&target) {
        return Some(format!("link to {link}: no such file"));
    }
    let anchor = anchor?;
    let there = if path.is_empty() { page.to_owned() } else { read(&target) };
    let found = prose_lines(&there).any(|(_, line)| line.starts_with('#') && slug(line) == anchor);
    (!found).then(|| format!("link to {link}: no such heading"))
}

fn resolve(file: &Path, link: &str) -> PathBuf {
    let mut target = file.parent().unwrap_or(Path::new("")).to_owned();
    for part in Path::new(link).components() {
        match part {
            Component::ParentDir => {
                target.pop();
            }
            Component::Normal(name) => target.push(name),
            _ => {}
        }
    }
    target
}

/// Lines with their numbers (from 1), without fenced blocks.
fn prose_lines(page: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    page.lines().enumerate().filter_map(move |(number, line)| {
        let is_fence = line.trim_start().starts_with("```");
        fenced ^= is_fence;
        (!fenced && !is_fence).then_some((number + 1, line))
    })
}

/// Targets of `[text](target)`.
fn links(line: &str) -> impl Iterator<Item = &str> {
    line.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target)
}

/// Words in single code quotes.
fn quoted(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

/// The anchor of a heading, as mdBook and code forges make it.
fn slug(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    text.chars()
        .filter_map(|letter| match letter {
            ' ' => Some('-'),
            letter if letter.is_alphanumeric() || letter == '-' || letter == '_' => Some(letter),
            _ => None,
        })
        .collect()
}

/// Pages below docs/ that the book does not list.
fn unlisted(summary: &str, files: &[PathBuf]) -> Vec<Finding> {
    let listed: BTreeSet<PathBuf> =
        summary.lines().flat_map(links).map(|link| resolve(Path::new(SUMMARY), link)).collect();
    files
        .iter()
        .filter(|file| {
            file.starts_with("docs") && file.extension().is_some_and(|extension| extension == "md")
        })
        .filter(|file| *file != Path::new(SUMMARY) && !listed.contains(*file))
        .map(|file| Finding::new(file.display().to_string(), format!("is not listed in {SUMMARY}")))
        .collect()
}

/// Direct dependencies without a line on why, by what licence, for which job; and lines for what is gone.
fn unexplained(manifest: &str, page: &str) -> Outcome<Vec<Finding>> {
    let manifest: toml::Table = manifest.parse().map_err(|error| format!("Cargo.toml: {error}"))?;
    let table = manifest.get("workspace").and_then(|workspace| workspace.get("dependencies"));
    let table = table.and_then(toml::Value::as_table).ok_or("Cargo.toml: no workspace.dependencies")?;
    let used: BTreeSet<&str> = table
        .iter()
        .filter(|(_, value)| value.get("path").is_none())
        .map(|(name, value)| value.get("package").and_then(toml::Value::as_str).unwrap_or(name))
        .collect();
    let explained: BTreeSet<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
        .map(|(name, _)| name)
        .collect();
    let missing = used.difference(&explained).map(|name| format!("has no line for {name}"));
    let gone =
        explained.difference(&used).map(|name| format!("has a line for {name}, which is no dependency"));
    Ok(missing.chain(gone).map(|what| Finding::new(DEPENDENCIES, what)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(page: &str) -> Vec<String> {
        let known = ["docs", "docs/run.md", "docs/join.md", "src", "src/main.rs"]
            .into_iter()
            .map(PathBuf::from)
            .collect();
        let read = |_: &Path| "# Join\n\n## Get a token: `curl`\n".to_owned();
        check_page(Path::new("docs/run.md"), page, &known, &read)
            .into_iter()
            .map(|finding| finding.what)
            .collect()
    }

    #[test]
    fn dead_link_is_found() {
        assert_eq!(found("See [there](gone.md)."), ["link to gone.md: no such file"]);
        assert!(
            found("See [there](join.md), [code](../src/main.rs) and [out](https://example.org/x).")
                .is_empty()
        );
    }

    #[test]
    fn dead_anchor_is_found() {
        assert_eq!(found("[a](join.md#get-a-key)"), ["link to join.md#get-a-key: no such heading"]);
        assert!(found("# Run it\n[a](join.md#get-a-token-curl) [b](#run-it)").is_empty());
    }

    #[test]
    fn missing_file_in_code_quotes_is_found() {
        assert_eq!(found("as `src/gone.rs` says"), ["speaks of src/gone.rs, which does not exist"]);
        assert!(
            found("as `src/main.rs` and `src/main` and `src/` say\n```\n[x](gone.md) `src/gone.rs`\n```\n")
                .is_empty()
        );
    }

    #[test]
    fn code_that_names_a_missing_page_is_found() {
        let known = [PathBuf::from("docs/run.md")].into_iter().collect();
        let source = "//! See `docs/run.md`.\n//! See docs/gone.md.\n";
        let found = mentions(Path::new("src/lib.rs"), source, &known);
        assert_eq!(found, [Finding::new("src/lib.rs:2", "speaks of docs/gone.md, which does not exist")]);
    }

    #[test]
    fn unlisted_page_is_found() {
        let files =
            [PathBuf::from("docs/run.md"), PathBuf::from("docs/adr/0001-x.md"), PathBuf::from("README.md")];
        let found = unlisted("- [Run](run.md)\n", &files);
        assert_eq!(found, [Finding::new("docs/adr/0001-x.md", "is not listed in docs/SUMMARY.md")]);
    }

    #[test]
    fn dependency_without_a_line_and_line_without_a_dependency_are_found() {
        let manifest = "[workspace.dependencies]\nserde = \"1\"\naxum = \"1\"\nown = { path = \"x\" }\n";
        let found = unexplained(manifest, "| `serde` | … |\n| `actix` | … |\n").unwrap();
        assert_eq!(
            found,
            [
                Finding::new(DEPENDENCIES, "has no line for axum"),
                Finding::new(DEPENDENCIES, "has a line for actix, which is no dependency"),
            ]
        );
    }
}
