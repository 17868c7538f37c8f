//! The rooms of `src/`: which may use which, read from the paths that their files name.

use std::path::{Component, Path, PathBuf};

use super::Finding;
use super::paths::{NamedPath, paths};
use crate::shell::Outcome;
use crate::workspace::Workspace;

/// A room of `src/`: the rooms that it may use besides itself, and the crates that it never names.
struct Room {
    name: &'static str,
    may_use: &'static [&'static str],
    /// Whether it may name what the registry is about (`Client`, `Status`), though it may not use the registry.
    speaks_of_registry: bool,
    never: &'static [&'static str],
}

/// Crates of the web: a room without them decides the same for the API, the command line and a test.
const WEB: &[&str] = &["axum", "hyper", "hyper_util", "reqwest", "tower"];
const SQL: &[&str] = &["sqlx"];
const WEB_AND_SQL: &[&str] = &["axum", "hyper", "hyper_util", "reqwest", "tower", "sqlx"];

const ROOMS: &[Room] = &[
    Room { name: "config", may_use: &[], speaks_of_registry: true, never: WEB_AND_SQL },
    Room { name: "private_file", may_use: &[], speaks_of_registry: false, never: WEB_AND_SQL },
    Room { name: "data_dir", may_use: &["private_file"], speaks_of_registry: false, never: WEB_AND_SQL },
    // The one room with SQL.
    Room { name: "db", may_use: &[], speaks_of_registry: true, never: WEB },
    Room { name: "audit", may_use: &["db", "private_file"], speaks_of_registry: false, never: WEB_AND_SQL },
    Room {
        name: "keys",
        may_use: &["audit", "config", "db", "private_file"],
        speaks_of_registry: true,
        never: WEB_AND_SQL,
    },
    Room {
        name: "tombstones",
        may_use: &["db", "private_file"],
        speaks_of_registry: false,
        never: WEB_AND_SQL,
    },
    Room { name: "registry", may_use: &["audit", "db"], speaks_of_registry: false, never: WEB_AND_SQL },
    Room { name: "revocation", may_use: &["db", "keys"], speaks_of_registry: false, never: WEB_AND_SQL },
    // What changes the registry is an operation here too: revoking a token, a client that registers itself.
    Room {
        name: "oauth",
        may_use: &[
            "app",
            "audit",
            "config",
            "db",
            "http",
            "keys",
            "operations",
            "private_file",
            "registry",
            "revocation",
            "telemetry",
        ],
        speaks_of_registry: false,
        never: SQL,
    },
    Room {
        name: "operations",
        may_use: &["app", "audit", "config", "db", "keys", "registry", "telemetry"],
        speaks_of_registry: false,
        never: WEB_AND_SQL,
    },
    // It renders and decides nothing: what is to be done or found out is an operation.
    Room {
        name: "admin",
        may_use: &["http", "operations", "registry"],
        speaks_of_registry: false,
        never: SQL,
    },
    Room {
        name: "backup",
        may_use: &["audit", "config", "data_dir", "db", "keys", "private_file", "registry", "tombstones"],
        speaks_of_registry: false,
        never: WEB_AND_SQL,
    },
    // From beside the server: it looks at every other room's things and changes none.
    Room {
        name: "doctor",
        may_use: &["audit", "config", "data_dir", "db", "http", "keys", "tombstones"],
        speaks_of_registry: false,
        never: WEB_AND_SQL,
    },
    Room { name: "http", may_use: &["config", "telemetry"], speaks_of_registry: false, never: SQL },
    // It knows no domain: others count with what it gives them. Its HTTP client is for the operator's collector.
    Room {
        name: "telemetry",
        may_use: &[],
        speaks_of_registry: false,
        never: &["axum", "hyper", "hyper_util", "tower", "sqlx"],
    },
];

/// What keeps the registry's memory image: to use it is to use the registry, not to speak of its members.
const REGISTRY_MACHINERY: &[&str] = &["Follower", "Image", "ClientEntry", "UsableKey"];
/// Files that tie the rooms together and may name each of them.
const HALLS: &[&str] = &["lib", "app", "router", "cli", "following", "anchoring"];
/// The program: it sees the rooms as the library's public face, and it alone knows the record server, too.
const PROGRAM: &str = "src/bin";
/// The only place that knows oxide-auth.
const OXIDE_ROOM: &str = "oauth";

pub fn check(workspace: &Workspace, files: &[PathBuf]) -> Outcome<Vec<Finding>> {
    let mut findings = Vec::new();
    for file in
        files.iter().filter(|file| file.starts_with("src") && file.extension().is_some_and(|e| e == "rs"))
    {
        findings.extend(check_file(file, &workspace.read(file)?));
    }
    Ok(findings)
}

fn check_file(file: &Path, source: &str) -> Vec<Finding> {
    if file.starts_with(PROGRAM) {
        return Vec::new();
    }
    let Some(own) = room_of(file) else { return Vec::new() };
    let mut findings = Vec::new();
    let place = file.display().to_string();
    let rule = ROOMS.iter().find(|room| room.name == own);
    if rule.is_none() && !HALLS.contains(&own.as_str()) {
        findings.push(Finding::new(
            place.clone(),
            format!("room {own} is new: say in xtask/src/check/rooms.rs what it may use"),
        ));
    }
    for NamedPath { line, segments } in paths(source) {
        let mut find = |what: String| findings.push(Finding::new(format!("{place}:{line}"), what));
        let outsider = outsider(&segments);
        if outsider == "carnet_record" {
            find(
                "only the program knows the record server; the library reaches it by HTTP, if at all".into(),
            );
        }
        if outsider == "oxide_auth" && own != OXIDE_ROOM {
            find("only the token endpoint knows oxide-auth".into());
        }
        let Some(rule) = rule else { continue };
        if rule.never.contains(&outsider) {
            find(format!("room {own} never uses {outsider}"));
        }
        let Some((other, item)) = room_named(&segments, depth_of(file)) else { continue };
        if other != own && is_room(other) && !may_use(rule, other, item) {
            find(format!("room {own} may not use {}", segments.join("::")));
        }
    }
    findings
}

fn may_use(rule: &Room, other: &str, item: &str) -> bool {
    let is_word =
        item == "words" || item.starts_with(char::is_uppercase) && !REGISTRY_MACHINERY.contains(&item);
    rule.may_use.contains(&other) || rule.speaks_of_registry && other == "registry" && is_word
}

/// The crate that a path begins with; sqlx is reached through the crate that wraps it, too. The types of sqlx that
/// are handed on (a pool, a connection) are not its use; a statement is.
fn outsider(segments: &[String]) -> &str {
    let at = usize::from(segments[0] == "carnet_db" && segments[1] == "sqlx");
    let item = segments.get(at + 1).map_or("", String::as_str);
    let is_type = item == "self"
        || item.starts_with("Any")
        || ["Connection", "Executor", "Transaction", "Error"].contains(&item);
    if segments[at] == "sqlx" && is_type { "" } else { &segments[at] }
}

/// `src/oauth.rs` and everything below `src/oauth/` are room `oauth`.
fn room_of(file: &Path) -> Option<String> {
    let below = file.strip_prefix("src").ok()?;
    let Some(Component::Normal(first)) = below.components().next() else { return None };
    Some(first.to_string_lossy().trim_end_matches(".rs").to_owned())
}

/// How many modules the file is below the crate's root: `src/oauth.rs` 1, `src/oauth/token.rs` 2.
fn depth_of(file: &Path) -> usize {
    file.components().count() - 1
}

/// The room that a path names, by `crate::` or by enough `super::` to reach the root, and what it names in there.
fn room_named(segments: &[String], depth: usize) -> Option<(&str, &str)> {
    let ups = segments.iter().take_while(|segment| *segment == "super").count();
    let at = if segments[0] == "crate" {
        1
    } else if ups > 0 && ups >= depth {
        // One level more for a test module inside the file; naming one's own room that way is no harm.
        ups
    } else {
        return None;
    };
    Some((segments.get(at)?, segments.get(at + 1).map_or("", String::as_str)))
}

fn is_room(name: &str) -> bool {
    ROOMS.iter().any(|room| room.name == name) || HALLS.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(file: &str, source: &str) -> Vec<String> {
        check_file(Path::new(file), source).into_iter().map(|f| format!("{}: {}", f.place, f.what)).collect()
    }

    #[test]
    fn registry_that_knows_the_token_endpoint_is_found() {
        let source = "use crate::{db, oauth::token};\n";
        assert_eq!(
            found("src/registry.rs", source),
            ["src/registry.rs:1: room registry may not use crate::oauth::token"]
        );
        assert_eq!(found("src/registry/client.rs", "use super::super::oauth;").len(), 1);
        assert!(found("src/registry/client.rs", "use super::Client; use crate::audit::Entry;").is_empty());
    }

    #[test]
    fn database_room_speaks_of_clients_and_does_not_use_the_image() {
        assert!(found("src/db/client.rs", "use crate::registry::{Client, Status};").is_empty());
        assert_eq!(found("src/db/client.rs", "use crate::registry::{Client, Follower};").len(), 1);
        assert_eq!(found("src/db/client.rs", "crate::registry::scope::parse(text)").len(), 1);
    }

    #[test]
    fn domain_room_that_knows_http_is_found() {
        assert_eq!(found("src/operations/disable.rs", "fn f(r: axum::Router) {}").len(), 1);
    }

    #[test]
    fn sql_outside_its_room_is_found() {
        assert_eq!(found("src/admin/clients.rs", "sqlx::query(\"SELECT 1\")").len(), 1);
        assert_eq!(found("src/operations/disable.rs", "use carnet_db::sqlx::{self, query};").len(), 1);
        assert!(found("src/audit.rs", "use carnet_db::sqlx::{self, AnyConnection};").is_empty());
        assert!(found("src/db/client.rs", "use carnet_db::sqlx::{self, query};").is_empty());
    }

    #[test]
    fn record_server_named_by_the_library_is_found() {
        assert_eq!(found("src/oauth/token.rs", "use carnet_record::Server;").len(), 1);
        assert_eq!(found("src/app.rs", "use carnet_record::Server;").len(), 1);
        assert!(found("src/bin/carnet/record.rs", "use carnet_record::Server;").is_empty());
    }

    #[test]
    fn oxide_auth_outside_the_token_endpoint_is_found() {
        assert_eq!(found("src/registry/scope.rs", "use oxide_auth::primitives::scope::Scope;").len(), 1);
        assert!(found("src/oauth/machine.rs", "use oxide_auth::primitives::scope::Scope;").is_empty());
    }

    #[test]
    fn unknown_room_is_found() {
        assert_eq!(found("src/helpers.rs", "").len(), 1);
    }
}
