//! Tables, documents, errors and exit statuses of commands.

use std::process::Command;

use serde_json::Value;

use super::{ADD_AIRLINE, LIMIT, command, json, table, text};
use crate::harness::iap::Iap;
use crate::harness::process::{carnet, run_to_end};

#[test]
fn an_empty_list_says_what_to_do() {
    let iap = Iap::start();
    assert!(table(&iap, &["participant", "list"]).contains("carnet participant add"));
    let document = json(&iap, &["participant", "list"]);
    assert_eq!(document, serde_json::json!({"items": [], "next_cursor": null}));
}

#[test]
fn a_list_ends_at_its_limit_and_says_so() {
    let iap = Iap::start();
    for name in ["one", "two", "three"] {
        iap.participant(name, "SHP");
    }
    let ended = command(&iap, &["participant", "list", "--limit", "2"]);
    assert_eq!((ended.code, ended.stdout.lines().count()), (Some(0), 3), "{}", ended.stdout);
    assert!(ended.stderr.contains("--limit"), "{}", ended.stderr);
    let document = json(&iap, &["participant", "list", "--limit", "2"]);
    assert_eq!(document["items"].as_array().unwrap().len(), 2);
    // The cursor is the server's own: it goes on where the list ended.
    let rest = iap.admin("GET", &format!("/participants?cursor={}", text(&document, "next_cursor")), None);
    let rest = rest.expect(200).json();
    assert_eq!(rest["items"].as_array().unwrap().len(), 1);
    assert_ne!(rest["items"][0]["id"], document["items"][1]["id"]);
    let whole = command(&iap, &["participant", "list", "--limit", "3"]);
    assert!(whole.stderr.is_empty(), "{}", whole.stderr);
    assert_eq!(command(&iap, &["participant", "list", "--limit", "0"]).code, Some(2));
}

#[test]
fn all_pages_are_one_document() {
    let iap = Iap::start();
    for at in 0..101 {
        iap.participant(&format!("company-{at}"), "SHP");
    }
    let document = json(&iap, &["participant", "list"]);
    assert_eq!(document["items"].as_array().unwrap().len(), 101);
    assert_eq!(document["next_cursor"], Value::Null);
    assert_eq!(table(&iap, &["participant", "list"]).lines().count(), 102);
}

#[test]
fn with_json_a_refusal_is_the_servers_document_on_standard_error() {
    let iap = Iap::start();
    json(&iap, &ADD_AIRLINE);
    let ended = command(&iap, &[&ADD_AIRLINE[..], &["--json"]].concat());
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
    let problem: Value = serde_json::from_str(&ended.stderr).unwrap();
    assert_eq!(
        (&problem["status"], text(&problem, "type")),
        (&Value::from(409), "urn:carnet:problem:conflict")
    );
    assert_eq!(problem["errors"][0]["field"], "iol_identifier");
}

#[test]
fn with_json_what_the_program_says_itself_is_a_document_too() {
    let mut iap = Iap::start();
    let credentials = iap.data_dir().join("admin-credentials.json");
    let run = |arguments: &[&str]| {
        let mut command = carnet();
        command.args(arguments);
        let ended = run_to_end(command, LIMIT);
        assert!(ended.stdout.is_empty(), "{}", ended.stdout);
        let document: Value = serde_json::from_str(&ended.stderr).unwrap();
        (ended.code, text(&document, "detail").to_owned())
    };
    let (code, said) = run(&["participant", "list", "--json"]);
    assert_eq!(code, Some(2));
    assert!(said.contains("--credentials FILE"), "{said}");
    let credentials = credentials.to_str().unwrap();
    let (code, said) = run(&["participant", "set", "01ARZ", "--json", "--credentials", credentials]);
    assert_eq!(code, Some(2));
    assert!(said.contains("nothing to set"), "{said}");
    iap.stop();
    let (code, said) = run(&["participant", "list", "--json", "--credentials", credentials]);
    assert_eq!(code, Some(1));
    assert!(said.contains("carnet serve"), "{said}");
}

#[test]
fn what_does_not_exist_is_said_to_be_missing() {
    let iap = Iap::start();
    for arguments in [
        ["participant", "show", "01ARZ3NDEKTSV4RRFFQ69G5FAV"],
        ["client", "disable", "01ARZ3NDEKTSV4RRFFQ69G5FAV"],
        ["identifier", "list", "01ARZ3NDEKTSV4RRFFQ69G5FAV"],
        ["resource", "enable", "01ARZ3NDEKTSV4RRFFQ69G5FAV"],
        ["administrator", "show", "01ARZ3NDEKTSV4RRFFQ69G5FAV"],
        ["approval", "approve", "01ARZ3NDEKTSV4RRFFQ69G5FAV"],
    ] {
        let ended = command(&iap, &arguments);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{arguments:?}");
        assert!(ended.stderr.starts_with("carnet: refused (404): "), "{arguments:?}: {}", ended.stderr);
    }
}

#[test]
fn the_completions_for_bash_are_a_script_that_bash_understands() {
    let folder = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish"] {
        let mut completions = carnet();
        completions.args(["completions", shell]);
        let ended = run_to_end(completions, LIMIT);
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
        assert!(ended.stdout.contains("administrator"), "{shell}");
        std::fs::write(folder.path().join(shell), ended.stdout).unwrap();
    }
    let status = Command::new("bash").arg("-n").arg(folder.path().join("bash")).status().unwrap();
    assert!(status.success());
    let mut completions = carnet();
    completions.args(["completions", "tcsh"]);
    let ended = run_to_end(completions, LIMIT);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("tcsh") && ended.stderr.contains("zsh"), "{}", ended.stderr);
}
