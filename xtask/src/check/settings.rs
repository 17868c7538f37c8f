//! The reference of all settings in the book, made from the documented structs that the configuration file is read
//! into: `cargo xtask docs` writes it, `cargo xtask check` compares.

use std::fmt::Write as _;
use std::path::Path;

use super::Finding;
use crate::shell::Outcome;
use crate::workspace::Workspace;

const SOURCE: &str = "src/config/raw.rs";
const PAGE: &str = "docs/configuration.md";
const BEGIN: &str = "<!-- settings: made by cargo xtask docs -->\n";
const END: &str = "<!-- end of settings -->";

/// Writes the reference into the page.
pub fn write(workspace: &Workspace) -> Outcome {
    let page = workspace.read(Path::new(PAGE))?;
    let wanted = with_reference(&page, &reference(&workspace.read(Path::new(SOURCE))?))?;
    if wanted == page {
        return Ok(());
    }
    std::fs::write(workspace.root.join(PAGE), wanted).map_err(|error| format!("{PAGE}: {error}"))
}

pub fn check(workspace: &Workspace) -> Outcome<Vec<Finding>> {
    let page = workspace.read(Path::new(PAGE))?;
    let reference = reference(&workspace.read(Path::new(SOURCE))?);
    if !reference.contains("\n| `") {
        return Ok(vec![Finding::new(SOURCE, "no documented setting was found")]);
    }
    if with_reference(&page, &reference)? == page {
        return Ok(Vec::new());
    }
    Ok(vec![Finding::new(
        PAGE,
        "differs from the settings in the code; write it anew with: cargo xtask docs",
    )])
}

fn with_reference(page: &str, reference: &str) -> Outcome<String> {
    let parts = page.split_once(BEGIN).and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
    let (before, after) = parts.ok_or_else(|| format!("{PAGE}: the marks around the settings are gone"))?;
    Ok(format!("{before}{BEGIN}{reference}{END}{after}"))
}

/// One section per struct whose documentation is its name in TOML (`[server]`), one row per member.
fn reference(source: &str) -> String {
    let mut text = String::new();
    let mut documentation = String::new();
    let mut in_section = false;
    for line in source.lines().map(str::trim) {
        if let Some(words) = line.strip_prefix("///") {
            let words = words.trim();
            if !documentation.is_empty() && !words.is_empty() {
                documentation.push(' ');
            }
            documentation.push_str(words);
        } else if line.starts_with("pub struct ") {
            in_section = documentation.starts_with("`[");
            if in_section {
                let _ = write!(text, "\n### {documentation}\n\n| setting | meaning |\n|---|---|\n");
            }
            documentation.clear();
        } else if let Some(member) = line.strip_prefix("pub ").filter(|_| in_section) {
            let (name, kind) = member.split_once(':').unwrap_or((member, ""));
            // A section within a section has its own table.
            if !kind.contains("Raw") {
                let _ = writeln!(text, "| `{name}` | {} |", documentation.replace('|', "\\|"));
            }
            documentation.clear();
        } else if !line.starts_with("#[") {
            documentation.clear();
            in_section &= line != "}";
        }
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const STRUCTS: &str = "
/// The file.
pub struct RawConfig {
    /// Not a setting.
    pub server: RawServer,
}

/// `[server]`
#[derive(Debug)]
pub struct RawServer {
    /// Address of the listener.
    /// Default: `127.0.0.1:8080`.
    #[serde(default)]
    pub listen: Option<String>,
    /// TLS.
    pub tls: Option<RawTls>,
}
";

    #[test]
    fn reference_lists_each_member_with_its_words() {
        let expected = "\n### `[server]`\n\n| setting | meaning |\n|---|---|\n\
                        | `listen` | Address of the listener. Default: `127.0.0.1:8080`. |\n\n";
        assert_eq!(reference(STRUCTS), expected);
    }

    #[test]
    fn page_that_drifted_is_not_what_would_be_written() {
        let page = format!("# Settings\n{BEGIN}old\n{END}\nMore.\n");
        let written = with_reference(&page, &reference(STRUCTS)).unwrap();
        assert_ne!(written, page);
        assert!(written.starts_with("# Settings\n") && written.ends_with("\nMore.\n"));
        assert_eq!(with_reference(&written, &reference(STRUCTS)).unwrap(), written);
    }

    #[test]
    fn page_without_marks_is_refused() {
        assert!(with_reference("# Settings\n", "").is_err());
    }
}
