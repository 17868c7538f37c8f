//! `carnet apply`: a file of members becomes what is registered.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use serde_json::Value;

use super::{command, json, table, text};
use crate::harness::iap::{Client, Iap};
use crate::harness::process::Ended;

const MEMBERS: &str = r#"
[[resource_server]]
identifier = "https://record.example.com"
name = "Record server of the airline"

[[participant]]
iol_identifier = "https://1r.example.com/airline"
name = "Example Airline"
logistics_agent_uri = "https://1r.example.com/logistics-objects/airline"
roles = ["CAR"]
identifiers = ["https://1r.example.com/airline-cargo"]
prune = true

[[participant.client]]
name = "booking"
require_bound_tokens = false
audiences = ["https://record.example.com"]
one_record_id = "https://1r.example.com/airline-cargo"

[[participant]]
iol_identifier = "https://1r.example.com/forwarder"
name = "Example Forwarder"
logistics_agent_uri = "https://1r.example.com/logistics-objects/forwarder"
roles = ["FWD"]
"#;

struct Members<'a> {
    iap: &'a Iap,
    file: PathBuf,
    secrets: PathBuf,
}

impl<'a> Members<'a> {
    fn new(iap: &'a Iap) -> Self {
        let members =
            Self { iap, file: iap.folder().join("members.toml"), secrets: iap.folder().join("secrets") };
        members.write(MEMBERS);
        members
    }

    fn write(&self, text: &str) {
        std::fs::write(&self.file, text).unwrap();
    }

    #[track_caller]
    fn apply(&self, flags: &[&str]) -> Ended {
        command(self.iap, &[&["apply", self.file.to_str().unwrap()], flags].concat())
    }

    /// With everything that it takes to do it.
    #[track_caller]
    fn do_it(&self) -> Ended {
        self.apply(&["--yes", "--secrets-out", self.secrets.to_str().unwrap()])
    }

    fn count(&self, kind: &str) -> usize {
        json(self.iap, &[kind, "list"])["items"].as_array().unwrap().len()
    }
}

#[test]
fn a_file_is_shown_then_registered_and_the_second_time_there_is_nothing_to_do() {
    let iap = Iap::start();
    let members = Members::new(&iap);
    let shown = members.apply(&["--dry-run"]);
    assert_eq!(shown.code, Some(3), "{}", shown.stderr);
    assert!(shown.stdout.contains("5 to create"), "{}", shown.stdout);
    assert_eq!((members.count("participant"), members.secrets.exists()), (0, false));
    let done = members.do_it();
    assert_eq!(done.code, Some(0), "{}{}", done.stdout, done.stderr);
    let secrets = std::fs::read_to_string(&members.secrets).unwrap();
    assert_eq!(std::fs::metadata(&members.secrets).unwrap().permissions().mode() & 0o777, 0o600);
    let secret: Value = serde_json::from_str(secrets.trim_end()).unwrap();
    assert_eq!((secrets.lines().count(), text(&secret, "name")), (1, "booking"));
    assert!(!(done.stdout + &done.stderr).contains(text(&secret, "client_secret")), "the secret is printed");
    let client = Client {
        client_id: text(&secret, "client_id").to_owned(),
        client_secret: Some(text(&secret, "client_secret").to_owned()),
    };
    super::within(super::LIMIT, "a token", || (iap.ask(&client, &[]).status == 200).then_some(()));
    let again = members.apply(&["--yes"]);
    assert_eq!((again.code, again.stdout.as_str()), (Some(0), "5 unchanged\n"), "{}", again.stderr);
    assert_eq!(members.apply(&["--dry-run"]).code, Some(0));
    let document: Value = serde_json::from_str(&members.apply(&["--dry-run", "--json"]).stdout).unwrap();
    assert_eq!((&document["pending"], document["steps"].as_array().unwrap().len()), (&Value::from(0), 5));
}

#[test]
fn the_example_of_the_book_is_registered_as_it_stands() {
    let iap = Iap::start();
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/examples/members.toml");
    let secrets = iap.folder().join("secrets");
    let done = command(&iap, &["apply", file, "--yes", "--secrets-out", secrets.to_str().unwrap()]);
    assert_eq!(done.code, Some(0), "{}{}", done.stdout, done.stderr);
    // The other client signs; it has no secret.
    assert_eq!(std::fs::read_to_string(&secrets).unwrap().lines().count(), 1);
    let again = command(&iap, &["apply", file, "--yes"]);
    assert_eq!((again.code, again.stdout.lines().count()), (Some(0), 1), "{}{}", again.stdout, again.stderr);
}

#[test]
fn nothing_is_done_without_a_yes_or_a_place_for_secrets() {
    let iap = Iap::start();
    let members = Members::new(&iap);
    let secrets = members.secrets.to_str().unwrap();
    for (flags, word) in [
        (&["--secrets-out", secrets][..], "--yes"),
        (&["--secrets-out", secrets, "--json"], "--yes"),
        (&["--yes"], "--secrets-out"),
    ] {
        let ended = members.apply(flags);
        assert_eq!(ended.code, Some(2), "{flags:?}: {}", ended.stderr);
        assert!(
            ended.stderr.contains(word) && ended.stderr.contains("nothing was changed"),
            "{}",
            ended.stderr
        );
        assert!(!members.secrets.exists(), "{flags:?}");
    }
    std::fs::write(&members.secrets, "mine").unwrap();
    let ended = members.do_it();
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("exists already"), "{}", ended.stderr);
    assert_eq!(std::fs::read_to_string(&members.secrets).unwrap(), "mine");
    assert_eq!((members.count("participant"), members.count("resource")), (0, 1));
}

#[test]
fn a_changed_file_changes_what_it_says_and_withdraws_only_what_it_may() {
    let iap = Iap::start();
    let members = Members::new(&iap);
    assert_eq!(members.do_it().code, Some(0));
    // By hand, beside the file: a client of the airline, which prunes, and one of the forwarder, which does not.
    let participants = json(&iap, &["participant", "list"]);
    let id = |at: usize| text(&participants["items"][at], "id").to_owned();
    for at in [0, 1] {
        table(&iap, &["client", "add", "--participant", &id(at), "--name", "by hand"]);
    }
    members.write(&MEMBERS.replace("roles = [\"CAR\"]", "roles = [\"CAR\", \"GHA\"]"));
    let shown = members.apply(&["--dry-run"]);
    assert!(shown.stdout.contains("roles: CAR → CAR GHA"), "{}", shown.stdout);
    assert!(shown.stdout.contains("1 to update, 1 to disable, 4 unchanged"), "{}", shown.stdout);
    let done = members.apply(&["--yes"]);
    assert_eq!(done.code, Some(0), "{}{}", done.stdout, done.stderr);
    let clients = json(&iap, &["client", "list"]);
    let status = |participant: &str, name: &str| {
        let is_it = |client: &&Value| client["participant_id"] == participant && client["name"] == name;
        clients["items"].as_array().unwrap().iter().find(is_it).unwrap()["status"].clone()
    };
    let airline =
        participants["items"].as_array().unwrap().iter().find(|p| p["name"] == "Example Airline").unwrap();
    for at in [0, 1] {
        let expected = if id(at) == text(airline, "id") { "disabled" } else { "active" };
        assert_eq!(status(&id(at), "by hand"), expected);
    }
    assert_eq!(members.apply(&["--yes"]).code, Some(0));
    // What was withdrawn does not come back because a file is applied once more, but because it says so.
    table(&iap, &["participant", "disable", text(airline, "id")]);
    let kept = members.apply(&["--yes"]);
    assert_eq!(kept.code, Some(0));
    assert!(kept.stderr.contains("stays so"), "{}", kept.stderr);
    members.write(&MEMBERS.replace("roles = [\"CAR\"]", "roles = [\"CAR\", \"GHA\"]\nstatus = \"active\""));
    assert_eq!(members.apply(&["--yes"]).code, Some(0));
    assert_eq!(text(&json(&iap, &["participant", "show", text(airline, "id")]), "status"), "active");
}

#[test]
fn a_broken_file_has_its_place_named_and_changes_nothing() {
    let iap = Iap::start();
    let members = Members::new(&iap);
    for (from, to, words) in [
        ("prune = true", "prun = true", &[":12:1: ", "prun"][..]),
        ("roles = [\"FWD\"]", "roles = \"FWD\"", &[":24:9: ", "roles"]),
        ("forwarder\"\nname", "airline\"\nname", &[":21:18: ", "stands twice"]),
        ("[[resource_server]]", "[[resource_server]", &[":2:"]),
    ] {
        assert!(MEMBERS.contains(from), "{from}");
        members.write(&MEMBERS.replacen(from, to, 1));
        let ended = members.do_it();
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{to}");
        assert!(ended.stderr.contains("members.toml"), "{}", ended.stderr);
        for word in words {
            assert!(ended.stderr.contains(word), "no {word}: {}", ended.stderr);
        }
    }
    let missing = command(&iap, &["apply", iap.folder().join("nowhere.toml").to_str().unwrap()]);
    assert_eq!(missing.code, Some(2));
    assert!(missing.stderr.contains("nowhere.toml"), "{}", missing.stderr);
    assert_eq!(members.count("participant"), 0);
}

#[test]
fn a_refused_step_stops_what_is_behind_it_and_a_second_run_goes_on() {
    let iap = Iap::start();
    let members = Members::new(&iap);
    // The role is the server's to know.
    members.write(&MEMBERS.replace("roles = [\"FWD\"]", "roles = [\"XYZ\"]"));
    let ended = members.do_it();
    assert_eq!(ended.code, Some(1), "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stderr.contains("participant https://1r.example.com/forwarder"), "{}", ended.stderr);
    assert!(ended.stderr.contains("4 of 5 changes were made"), "{}", ended.stderr);
    assert_eq!(std::fs::read_to_string(&members.secrets).unwrap().lines().count(), 1);
    members.write(MEMBERS);
    let ended = members.apply(&["--yes"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stdout.contains("1 to create, 4 unchanged"), "{}", ended.stdout);
}
