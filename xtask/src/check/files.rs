//! What may lie in the repository: no `mod.rs`, no private key outside test fixtures, no binary, no sleeping test.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::Finding;
use crate::shell::Outcome;
use crate::workspace::Workspace;

/// A text file beyond this size is data that belongs elsewhere (the lock file excepted).
const LARGEST: usize = 1 << 20;

pub fn check(workspace: &Workspace, files: &[PathBuf]) -> Outcome<Vec<Finding>> {
    let mut findings = Vec::new();
    for file in files {
        let bytes = std::fs::read(workspace.root.join(file))
            .map_err(|error| format!("{}: {error}", file.display()))?;
        findings.extend(check_file(file, &bytes));
    }
    Ok(findings)
}

fn check_file(file: &Path, bytes: &[u8]) -> Vec<Finding> {
    let place = file.display().to_string();
    let mut findings = Vec::new();
    let mut find = |what: &str| findings.push(Finding::new(place.clone(), what));
    if file.file_name().is_some_and(|name| name == "mod.rs") {
        find("a module's file stands beside its folder: foo.rs, not foo/mod.rs");
    }
    let Some(text) = text(bytes) else {
        find("a binary file; the repository holds text");
        return findings;
    };
    if bytes.len() > LARGEST && place != "Cargo.lock" {
        find("larger than 1 MiB");
    }
    if !is_fixture(file) && (holds_pem_private_key(text) || holds_private_jwk(file, text)) {
        find("a private key outside test fixtures");
    }
    if extension(file) == "rs" && text.lines().any(|line| line.trim_start().starts_with("#[ignore")) {
        find("a test that does not run; delete it or let it run");
    }
    findings
}

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))
}

fn extension(file: &Path) -> &str {
    file.extension().and_then(|extension| extension.to_str()).unwrap_or_default()
}

fn is_fixture(file: &Path) -> bool {
    file.components()
        .any(|part| ["tests", "fixtures", "vectors"].iter().any(|name| part.as_os_str() == *name))
}

/// A PEM header alone is harmless (code that looks for one has it); a header with a body is a key.
fn holds_pem_private_key(text: &str) -> bool {
    text.split("-----BEGIN ").skip(1).any(|rest| {
        let Some((label, body)) = rest.split_once("-----") else { return false };
        label.ends_with("PRIVATE KEY")
            && body
                .trim_start_matches(['\r', '\n', '\\', 'n', ' '])
                .chars()
                .take_while(|c| is_base64(*c))
                .count()
                > 32
    })
}

fn is_base64(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '+' | '/' | '=' | '-' | '_')
}

fn holds_private_jwk(file: &Path, text: &str) -> bool {
    let is_json = ["json", "jwk", "jwks"].contains(&extension(file));
    is_json && serde_json::from_str(text).is_ok_and(|value: Value| has_private_member(&value))
}

fn has_private_member(value: &Value) -> bool {
    match value {
        Value::Object(members) => {
            let is_key =
                members.contains_key("kty") && (members.contains_key("d") || members.contains_key("k"));
            is_key || members.values().any(has_private_member)
        }
        Value::Array(items) => items.iter().any(has_private_member),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(file: &str, bytes: &[u8]) -> usize {
        check_file(Path::new(file), bytes).len()
    }

    #[test]
    fn mod_rs_is_found() {
        assert_eq!(findings("src/oauth/mod.rs", b""), 1);
        assert_eq!(findings("src/oauth.rs", b""), 0);
    }

    #[test]
    fn pem_key_is_found_outside_fixtures() {
        let body = "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg";
        let pem = format!("-----BEGIN {} KEY-----\n{body}\n", "PRIVATE");
        assert_eq!(findings("keys/token.pem", pem.as_bytes()), 1);
        assert_eq!(findings("src/keys/load.rs", format!("const K: &str = \"{pem}\";").as_bytes()), 1);
        assert_eq!(findings("tests/vectors/keys/a.pem", pem.as_bytes()), 0);
        assert_eq!(findings("src/keys/load.rs", b"if text.contains(\"-----BEGIN PRIVATE KEY-----\") { }"), 0);
    }

    #[test]
    fn private_jwk_is_found_at_any_depth() {
        assert_eq!(findings("docs/sample.json", br#"{"keys": [{"kty": "EC", "d": "AA"}]}"#), 1);
        assert_eq!(findings("docs/sample.json", br#"{"keys": [{"kty": "EC", "x": "AA"}]}"#), 0);
    }

    #[test]
    fn binary_is_found() {
        assert_eq!(findings("docs/picture.bin", b"\x7fELF\0\0"), 1);
        assert_eq!(findings("docs/latin1.txt", b"\xe9"), 1);
    }

    #[test]
    fn sleeping_test_is_found() {
        assert_eq!(findings("tests/it/main.rs", b"    #[ignore = \"slow\"]\n"), 1);
    }
}
