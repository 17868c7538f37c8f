//! The commands of an administrator, against a running server.

mod answers;
mod apply;
mod changes;
mod people;
mod printing;
mod terminal;
mod tokens;

use std::time::Duration;

use serde_json::Value;

use crate::harness::http::Request;
use crate::harness::iap::{Client, Iap, Setup, authority};
use crate::harness::process::{Ended, carnet, run_to_end};
use crate::harness::{tools, within};

const LIMIT: Duration = Duration::from_secs(30);

/// Runs a command with the credentials of the first start.
#[track_caller]
pub(super) fn command(iap: &Iap, arguments: &[&str]) -> Ended {
    let mut command = carnet();
    command.args(arguments).env("CARNET_CREDENTIALS", iap.data_dir().join("admin-credentials.json"));
    run_to_end(command, LIMIT)
}

/// The JSON that a command prints.
#[track_caller]
pub(super) fn json(iap: &Iap, arguments: &[&str]) -> Value {
    let ended = command(iap, &[arguments, &["--json"]].concat());
    assert_eq!(ended.code, Some(0), "{arguments:?}: {}", ended.stderr);
    serde_json::from_str(&ended.stdout)
        .unwrap_or_else(|error| panic!("{arguments:?} {error}: {}", ended.stdout))
}

/// What a command prints for people.
#[track_caller]
pub(super) fn table(iap: &Iap, arguments: &[&str]) -> String {
    let ended = command(iap, arguments);
    assert_eq!(ended.code, Some(0), "{arguments:?}: {}", ended.stderr);
    assert!(!ended.stdout.contains('\u{1b}'), "colour off a terminal");
    ended.stdout
}

pub(super) fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("no {name} in {value}"))
}

const ADD_AIRLINE: [&str; 10] = [
    "participant",
    "add",
    "--name",
    "Example Airline",
    "--iol-identifier",
    "https://1r.example.com/airline",
    "--logistics-agent-uri",
    "https://1r.example.com/logistics-objects/airline",
    "--role",
    "CAR",
];

#[test]
fn a_company_and_its_machine_are_registered_by_command() {
    let iap = Iap::start();
    let airline = json(&iap, &ADD_AIRLINE);
    assert_eq!(text(&airline, "status"), "active");
    let id = text(&airline, "id");
    assert!(table(&iap, &["participant", "list"]).contains("Example Airline"));
    assert!(table(&iap, &["participant", "show", id]).contains("https://1r.example.com/airline"));
    let add = ["client", "add", "--participant", id, "--name", "booking", "--require-bound-tokens", "false"];
    let made = json(&iap, &add);
    let client = Client {
        client_id: text(&made, "client_id").to_owned(),
        client_secret: Some(text(&made, "client_secret").to_owned()),
    };
    iap.token(&client, &[]);
    let shown = table(&iap, &["client", "show", &client.client_id]) + &table(&iap, &["client", "list"]);
    assert!(shown.contains("booking") && !shown.contains(client.secret()), "{shown}");
    table(&iap, &["client", "disable", &client.client_id]);
    within(LIMIT, "the client is refused", || (iap.ask(&client, &[]).status == 401).then_some(()));
    table(&iap, &["client", "enable", &client.client_id]);
    within(LIMIT, "the client is served", || (iap.ask(&client, &[]).status == 200).then_some(()));
    table(&iap, &["participant", "disable", id]);
    within(LIMIT, "the participant is refused", || (iap.ask(&client, &[]).status == 401).then_some(()));
}

#[test]
fn secrets_are_exchanged_by_command() {
    let iap = Iap::start();
    let id = text(&json(&iap, &ADD_AIRLINE), "id").to_owned();
    let add = ["client", "add", "--participant", &id, "--name", "booking", "--require-bound-tokens", "false"];
    let made = json(&iap, &add);
    let client_id = text(&made, "client_id");
    let second = json(&iap, &["client", "secret", "add", client_id]);
    let with = |made: &Value| Client {
        client_id: client_id.to_owned(),
        client_secret: Some(text(made, "client_secret").to_owned()),
    };
    within(LIMIT, "the second secret", || (iap.ask(&with(&second), &[]).status == 200).then_some(()));
    let list = json(&iap, &["client", "secret", "list", client_id]);
    let first = list["items"].as_array().unwrap().iter().find(|item| item["id"] != second["id"]).unwrap();
    table(&iap, &["client", "secret", "revoke", client_id, text(first, "id")]);
    within(LIMIT, "the first secret ends", || (iap.ask(&with(&made), &[]).status == 401).then_some(()));
    iap.token(&with(&second), &[]);
}

#[test]
fn secrets_roll_and_move_here_by_command() {
    let iap = Iap::start();
    let id = text(&json(&iap, &ADD_AIRLINE), "id").to_owned();
    let add = ["client", "add", "--participant", &id, "--name", "booking", "--require-bound-tokens", "false"];
    let made = json(&iap, &[&add[..], &["--allowed-address", "127.0.0.0/8"]].concat());
    let client_id = text(&made, "client_id");
    let with =
        |secret: &str| Client { client_id: client_id.to_owned(), client_secret: Some(secret.to_owned()) };
    let rotated = json(&iap, &["client", "secret", "rotate", client_id, "--keep", "3600"]);
    iap.token(&with(text(&rotated, "client_secret")), &[]);
    iap.token(&with(text(&made, "client_secret")), &[]);

    let expiring = json(&iap, &["client", "expiring"]);
    let of_client = |item: &&Value| item["client_id"] == client_id;
    let old = expiring["items"].as_array().unwrap().iter().find(of_client).unwrap();
    assert_eq!((&old["days_left"], &old["replaced"]), (&0.into(), &true.into()));
    assert!(table(&iap, &["client", "expiring", "--within-days", "1"]).contains(text(old, "id")));

    let shown = table(&iap, &["client", "secret", "rotate", client_id, "--keep", "0"]);
    assert!(shown.contains("shown this once") && shown.contains("older secrets"), "{shown}");
    assert_eq!(iap.ask(&with(text(&rotated, "client_secret")), &[]).status, 401);

    let (file, secret) = (iap.folder().join("secret.txt"), "8f14e45f-ceea-467f-a8d6-1f1c0b0b2c2d");
    std::fs::write(&file, format!("{secret}\n")).unwrap();
    let imported = table(&iap, &["client", "secret", "import", client_id, file.to_str().unwrap()]);
    assert!(!imported.contains(secret), "{imported}");
    iap.token(&with(secret), &[]);
    std::fs::write(&file, "too short").unwrap();
    let refused = command(&iap, &["client", "secret", "import", client_id, file.to_str().unwrap()]);
    assert!(refused.code != Some(0) && refused.stderr.contains("FILE"), "{}", refused.stderr);
}

#[test]
fn a_key_is_registered_by_command() {
    let iap = Iap::start();
    let id = text(&json(&iap, &ADD_AIRLINE), "id").to_owned();
    let pair = tools::key_pair("ES256");
    let file = iap.folder().join("keys.json");
    std::fs::write(&file, serde_json::json!({ "keys": [pair.public] }).to_string()).unwrap();
    let made = json(
        &iap,
        &[
            "client",
            "add",
            "--participant",
            &id,
            "--name",
            "tracking",
            "--auth-method",
            "private_key_jwt",
            "--require-bound-tokens",
            "false",
            "--jwks",
            file.to_str().unwrap(),
        ],
    );
    assert!(made.get("client_secret").is_none_or(Value::is_null), "{made}");
    let mut job = serde_json::json!({
        "issuer": iap.issuer(),
        "client_id": made["client_id"],
        "method": "private_key_jwt",
        "alg": "ES256",
        "private_jwk": pair.private,
    });
    tools::python("authlib_token.py", &job);
    let other = tools::key_pair("ES256");
    std::fs::write(&file, other.public.to_string()).unwrap();
    let client_id = text(&made, "client_id");
    table(&iap, &["client", "key", "add", client_id, file.to_str().unwrap()]);
    table(&iap, &["client", "key", "revoke", client_id, text(&pair.public, "kid")]);
    // A second is what the memory image may take.
    std::thread::sleep(Duration::from_secs(1));
    tools::python_fails("authlib_token.py", &job);
    job["private_jwk"] = other.private;
    tools::python("authlib_token.py", &job);
}

#[test]
fn a_private_key_is_not_taken() {
    let iap = Iap::start();
    let id = text(&json(&iap, &ADD_AIRLINE), "id").to_owned();
    let file = iap.folder().join("keys.json");
    std::fs::write(&file, serde_json::json!({ "keys": [tools::key_pair("ES256").private] }).to_string())
        .unwrap();
    let add =
        ["client", "add", "--participant", &id, "--name", "x", "--auth-method", "private_key_jwt", "--jwks"];
    let ended = command(&iap, &[&add[..], &[file.to_str().unwrap()]].concat());
    assert!(ended.code.is_some_and(|code| code != 0));
    assert!(ended.stderr.contains("private"), "{}", ended.stderr);
}

#[test]
fn a_refused_command_names_the_field() {
    let iap = Iap::start();
    let mut arguments = ADD_AIRLINE;
    arguments[5] = "HTTPS://1r.example.com/airline/";
    let ended = command(&iap, &arguments);
    assert!(ended.code.is_some_and(|code| code != 0));
    assert!(ended.stderr.contains("iol_identifier"), "{}", ended.stderr);
    assert!(ended.stdout.is_empty(), "{}", ended.stdout);
    assert_eq!(json(&iap, &["participant", "list"])["items"], serde_json::json!([]));
}

#[test]
fn a_taken_identifier_is_told_by_command() {
    let iap = Iap::start();
    json(&iap, &ADD_AIRLINE);
    let ended = command(&iap, &ADD_AIRLINE);
    assert!(ended.code.is_some_and(|code| code != 0));
    assert!(ended.stderr.contains("iol_identifier"), "{}", ended.stderr);
}

#[test]
fn a_resource_server_is_changed_by_command() {
    let iap = Iap::start();
    let list = json(&iap, &["resource", "list"]);
    let id = text(&list["items"][0], "id");
    let changed = json(&iap, &["resource", "set", id, "--access-token-typ", "JWT", "--signing-alg", "ES256"]);
    assert_eq!((text(&changed, "access_token_typ"), text(&changed, "signing_alg")), ("JWT", "ES256"));
    let shown = table(&iap, &["resource", "show", id]);
    assert!(shown.contains("JWT") && shown.contains("ES256"), "{shown}");
}

#[test]
fn lost_credentials_are_made_anew_on_the_data_directory() {
    let mut iap = Setup::default().sqlite().start();
    let old = iap.credentials();
    let shipper = iap.participant("shipper", "SHP");
    iap.stop();
    std::fs::remove_file(iap.data_dir().join("admin-credentials.json")).unwrap();
    let mut reset = carnet();
    reset.args(["admin", "reset", "--reason", "lost", "--data-dir"]).arg(iap.data_dir());
    reset.args(["--issuer", iap.issuer(), "--admin-listen", authority(iap.admin_listener())]);
    let ended = run_to_end(reset, LIMIT);
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    let new = iap.credentials();
    assert_ne!(new["client_secret"], old["client_secret"]);
    assert!(!(ended.stdout + &ended.stderr).contains(text(&new, "client_secret")), "the secret is printed");
    iap.start_again();
    let ask = |credentials: &Value| {
        Request::post(&format!("{}/token", iap.issuer()))
            .basic(text(credentials, "client_id"), text(credentials, "client_secret"))
            .form(&[("grant_type", "client_credentials"), ("scope", "admin:read")])
            .send()
            .status
    };
    assert_eq!((ask(&old), ask(&new)), (401, 200));
    assert!(table(&iap, &["participant", "list"]).contains(&shipper.iol_identifier));
}

#[test]
fn nothing_is_reset_under_a_running_server() {
    let iap = Setup::default().sqlite().start();
    let before = iap.credentials();
    let mut reset = carnet();
    reset.args(["admin", "reset", "--data-dir"]).arg(iap.data_dir()).args(["--issuer", iap.issuer()]);
    let ended = run_to_end(reset, LIMIT);
    assert!(ended.code.is_some_and(|code| code != 0), "{}", ended.stdout);
    assert_eq!(iap.credentials(), before);
}
