//! What the administration API can do, the command line reaches.

use std::collections::BTreeSet;

use clap::CommandFactory;
use serde_json::Value;

use super::flag;
use crate::admin;
use crate::cli::Cli;

/// Each route of the API below its root, and the commands that together reach everything in it.
const REACHED: &[(&str, &str, &[&str])] = &[
    ("GET", "administrators", &["administrator list"]),
    ("POST", "administrators", &["administrator add"]),
    ("GET", "administrators/{client_id}", &["administrator show"]),
    ("PATCH", "administrators/{client_id}", &["administrator set"]),
    ("POST", "administrators/{client_id}/disable", &["administrator disable"]),
    ("POST", "administrators/{client_id}/enable", &["administrator enable"]),
    ("GET", "approvals", &["approval list"]),
    ("GET", "approvals/{id}", &["approval show"]),
    ("POST", "approvals/{id}/approve", &["approval approve"]),
    ("POST", "approvals/{id}/execute", &["approval execute"]),
    ("POST", "approvals/{id}/reject", &["approval reject"]),
    ("GET", "clients", &["client list"]),
    ("POST", "clients", &["client add"]),
    ("GET", "clients/{client_id}", &["client show"]),
    ("PATCH", "clients/{client_id}", &["client set"]),
    ("POST", "clients/{client_id}/disable", &["client disable"]),
    ("POST", "clients/{client_id}/enable", &["client enable"]),
    ("GET", "clients/{client_id}/keys", &["client key list"]),
    ("POST", "clients/{client_id}/keys", &["client key add"]),
    ("DELETE", "clients/{client_id}/keys/{kid}", &["client key revoke"]),
    ("GET", "clients/{client_id}/secrets", &["client secret list"]),
    ("POST", "clients/{client_id}/secrets", &["client secret add", "client secret import"]),
    ("POST", "clients/{client_id}/secrets/rotate", &["client secret rotate"]),
    ("DELETE", "clients/{client_id}/secrets/{secret_id}", &["client secret revoke"]),
    ("GET", "expiring-credentials", &["client expiring"]),
    ("GET", "journal", &["audit list", "audit export"]),
    ("GET", "journal/head", &["audit head"]),
    ("GET", "participants", &["participant list"]),
    ("POST", "participants", &["participant add"]),
    ("GET", "participants/{id}", &["participant show"]),
    ("PATCH", "participants/{id}", &["participant set"]),
    ("POST", "participants/{id}/disable", &["participant disable"]),
    ("POST", "participants/{id}/enable", &["participant enable"]),
    ("GET", "participants/{id}/identifiers", &["identifier list"]),
    ("POST", "participants/{id}/identifiers", &["identifier add"]),
    ("POST", "participants/{id}/identifiers/resume", &["identifier resume"]),
    ("POST", "participants/{id}/identifiers/suspend", &["identifier suspend"]),
    ("GET", "participants/{id}/initial-access-tokens", &["participant initial-access-token list"]),
    ("POST", "participants/{id}/initial-access-tokens", &["participant initial-access-token add"]),
    (
        "DELETE",
        "participants/{id}/initial-access-tokens/{token_id}",
        &["participant initial-access-token revoke"],
    ),
    ("GET", "resource-servers", &["resource list"]),
    ("POST", "resource-servers", &["resource add"]),
    ("GET", "resource-servers/{id}", &["resource show"]),
    ("PATCH", "resource-servers/{id}", &["resource set"]),
    ("POST", "resource-servers/{id}/disable", &["resource disable"]),
    ("POST", "resource-servers/{id}/enable", &["resource enable"]),
    ("GET", "signing-keys", &["keys list"]),
    ("POST", "signing-keys/rotate", &["keys rotate"]),
    ("POST", "signing-keys/{kid}/revoke", &["keys revoke"]),
    ("POST", "tokens/revoke", &["token revoke"]),
];

/// What commands say of their own accord: a list fetches its pages itself.
const OWN: [&str; 3] = ["cursor", "If-Match", "Idempotency-Key"];

/// The names by which a command takes something: its flags, and its arguments without one.
fn taken(words: &str) -> BTreeSet<String> {
    let mut command = &Cli::command();
    for word in words.split(' ') {
        command = command.find_subcommand(word).unwrap_or_else(|| panic!("carnet {words} is missing"));
    }
    let names = command.get_arguments().map(|argument| match argument.get_long() {
        Some(long) => format!("--{long}"),
        None => match argument.get_value_names() {
            Some([name]) => name.to_string().to_uppercase(),
            _ => argument.get_id().as_str().to_uppercase(),
        },
    });
    names.collect()
}

/// Members of a request's body and of its query.
fn members(document: &Value, operation: &Value) -> Vec<String> {
    let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
    let reference = schema["$ref"]
        .as_str()
        .or_else(|| schema["oneOf"].as_array().into_iter().flatten().find_map(|one| one["$ref"].as_str()));
    let body = reference.map_or(&Value::Null, |reference| {
        document.pointer(reference.trim_start_matches('#')).unwrap_or_else(|| panic!("{reference}"))
    });
    let body = body["properties"].as_object().into_iter().flatten().map(|(name, _)| name.clone());
    let query = operation["parameters"].as_array().into_iter().flatten();
    let query = query.filter(|parameter| parameter["in"] == "query");
    body.chain(query.map(|parameter| parameter["name"].as_str().unwrap().to_owned())).collect()
}

#[test]
fn every_route_and_every_member_has_its_command() {
    let document = serde_json::to_value(admin::openapi()).unwrap();
    let root = "/admin/v1/";
    let mut routes: Vec<(&str, String)> =
        admin::route_table().into_iter().map(|route| (route.method, route.path)).collect();
    // The description of the API is for those who write programs.
    routes.retain(|(_, path)| !path.ends_with("/openapi.json"));
    assert_eq!(routes.len(), REACHED.len());
    for (method, path) in routes {
        let below = path.strip_prefix(root).unwrap();
        let reached = REACHED.iter().find(|(known, at, _)| (*known, *at) == (method, below));
        let (_, _, commands) = reached.unwrap_or_else(|| panic!("no command for {method} {below}"));
        let taken: BTreeSet<String> = commands.iter().flat_map(|words| taken(words)).collect();
        let segments: Vec<&str> = below.split('/').collect();
        let operation = &document["paths"][&path][method.to_lowercase()];
        for member in members(&document, operation) {
            let flag = flag::flag(&member, &segments);
            let is_own = OWN.contains(&member.as_str());
            assert!(is_own || taken.contains(&flag), "{commands:?} lacks {flag} ({member}): {taken:?}");
        }
    }
}
