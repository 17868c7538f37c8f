//! Commands on administrators, and on what two of them have to agree on.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::Value;

use super::{LIMIT, command, json, table, text};
use crate::harness::iap::{Client, Iap, Setup};
use crate::harness::process::{Ended, carnet, run_to_end};
use crate::harness::within;

#[track_caller]
fn command_as(credentials: &Path, arguments: &[&str]) -> Ended {
    let mut command = carnet();
    command.args(arguments).env("CARNET_CREDENTIALS", credentials);
    run_to_end(command, LIMIT)
}

#[track_caller]
fn add(iap: &Iap, name: &str, file: &Path, scopes: &[&str]) -> Ended {
    let mut arguments =
        vec!["administrator", "add", "--name", name, "--credentials-out", file.to_str().unwrap()];
    arguments.extend(scopes.iter().flat_map(|scope| ["--scope", *scope]));
    command(iap, &arguments)
}

#[test]
fn a_new_administrator_works_with_the_file_that_was_written_until_it_is_disabled() {
    let iap = Iap::start();
    let path = iap.folder().join("ada.json");
    let (ended, ada) = (add(&iap, "Ada", &path, &["admin:read"]), path.as_path());
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let credentials: Value = serde_json::from_slice(&std::fs::read(ada).unwrap()).unwrap();
    assert!(
        !(ended.stdout + &ended.stderr).contains(text(&credentials, "client_secret")),
        "the secret is printed"
    );
    assert_eq!(std::fs::metadata(ada).unwrap().permissions().mode() & 0o777, 0o600);
    let code = || command_as(ada, &["participant", "list"]).code;
    within(LIMIT, "the new administrator is known", || (code() == Some(0)).then_some(()));
    // Her scope reads, and does not write.
    let refused = command_as(
        ada,
        &[
            "participant",
            "add",
            "--name",
            "x",
            "--iol-identifier",
            "https://a.example/x",
            "--logistics-agent-uri",
            "https://a.example/y",
            "--role",
            "CAR",
        ],
    );
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("refused (403)"), "{}", refused.stderr);
    let id = text(&credentials, "client_id");
    assert!(table(&iap, &["administrator", "list"]).contains("Ada"));
    assert_eq!(text(&json(&iap, &["administrator", "set", id, "--name", "Ada L."]), "name"), "Ada L.");
    assert_eq!(text(&json(&iap, &["administrator", "disable", id]), "status"), "disabled");
    within(LIMIT, "the administrator is refused", || (code() == Some(1)).then_some(()));
    assert_eq!(text(&json(&iap, &["administrator", "enable", id]), "status"), "active");
    assert!(table(&iap, &["administrator", "show", id]).contains("Ada L."));
}

#[test]
fn a_file_that_is_there_is_kept_and_no_administrator_is_made() {
    let iap = Iap::start();
    let path = iap.folder().join("ada.json");
    std::fs::write(&path, "mine").unwrap();
    let ended = add(&iap, "Ada", &path, &["admin:read"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("exists already"), "{}", ended.stderr);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
    assert!(!table(&iap, &["administrator", "list"]).contains("Ada"));
}

#[test]
fn an_unknown_scope_leaves_no_file_behind() {
    let iap = Iap::start();
    let path = iap.folder().join("ada.json");
    let ended = add(&iap, "Ada", &path, &["logistics_objects:read"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("--scope number 1"), "{}", ended.stderr);
    assert!(!path.exists());
}

#[test]
fn what_one_administrator_may_not_do_alone_waits_and_can_be_rejected() {
    let iap = Setup::default().environment("CARNET_APPROVAL__REQUIRED", "true").start();
    let id = iap.participant("airline", "CAR").id;
    // Who sees an attack stops it alone.
    table(&iap, &["participant", "disable", &id]);
    let ended = command(&iap, &["participant", "enable", &id, "--json"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(4), ""));
    let approval: Value = serde_json::from_str(&ended.stdout).unwrap();
    let approval = text(&approval, "id");
    assert_eq!(text(&json(&iap, &["participant", "show", &id]), "status"), "disabled");
    assert!(table(&iap, &["approval", "list", "--state", "pending"]).contains(approval));
    assert!(table(&iap, &["approval", "show", approval]).contains(&id));
    let own = command(&iap, &["approval", "approve", approval]);
    assert_eq!(own.code, Some(1));
    assert!(own.stderr.contains("refused (409)") && !own.stderr.contains("--approver"), "{}", own.stderr);
    assert_eq!(command(&iap, &["approval", "execute", approval]).code, Some(1));
    let rejected = json(&iap, &["approval", "reject", approval, "--reason", "not asked for by them"]);
    assert_eq!((text(&rejected, "state"), text(&rejected, "reason")), ("rejected", "not asked for by them"));
    assert_eq!(command(&iap, &["approval", "reject", approval]).code, Some(1));
    assert!(table(&iap, &["approval", "list", "--state", "pending"]).contains("nothing waits"));
    assert_eq!(command(&iap, &["approval", "list", "--state", "maybe"]).code, Some(1));
}

#[test]
fn two_administrators_do_together_what_neither_may_do_alone() {
    let iap = Setup::default()
        .environment("CARNET_APPROVAL__REQUIRED", "true")
        .environment("CARNET_APPROVAL__OPERATIONS", r#"["enable", "unbound_tokens"]"#)
        .start();
    let id = iap.participant("airline", "CAR").id;
    let (ada, bob) = (iap.folder().join("ada.json"), iap.folder().join("bob.json"));
    for (name, file) in [("Ada", &ada), ("Bob", &bob)] {
        let made = add(&iap, name, file, &["admin:read", "admin:write"]);
        assert_eq!(made.code, Some(0), "{}", made.stderr);
        let is_known = || command_as(file, &["participant", "list"]).code == Some(0);
        within(LIMIT, "the new administrator is known", || is_known().then_some(()));
    }
    let asked = |arguments: &[&str]| {
        let ended = command_as(&ada, &[arguments, &["--json"]].concat());
        assert_eq!(ended.code, Some(4), "{}", ended.stderr);
        let approval: Value = serde_json::from_str(&ended.stdout).unwrap();
        text(&approval, "id").to_owned()
    };
    table(&iap, &["participant", "disable", &id]);
    let approval = asked(&["participant", "enable", &id]);
    let approved = command_as(&bob, &["approval", "approve", &approval]);
    assert_eq!(approved.code, Some(0), "{}", approved.stderr);
    assert_eq!(text(&json(&iap, &["participant", "show", &id]), "status"), "active");
    // What has a secret in its answer is carried out by the one who asked for it.
    let add = ["client", "add", "--participant", &id, "--name", "booking", "--require-bound-tokens", "false"];
    let approval = asked(&add);
    let released = command_as(&bob, &["approval", "approve", &approval]);
    assert_eq!(released.code, Some(0), "{}", released.stderr);
    assert!(!released.stdout.contains("shown this once"), "{}", released.stdout);
    assert!(released.stderr.contains("carnet approval execute"), "{}", released.stderr);
    assert_eq!(command_as(&bob, &["approval", "execute", &approval]).code, Some(1));
    let made = command_as(&ada, &["approval", "execute", &approval, "--json"]);
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    let made: Value = serde_json::from_str(&made.stdout).unwrap();
    let client = Client {
        client_id: text(&made, "client_id").to_owned(),
        client_secret: Some(text(&made, "client_secret").to_owned()),
    };
    within(LIMIT, "a token", || (iap.ask(&client, &[]).status == 200).then_some(()));
}
