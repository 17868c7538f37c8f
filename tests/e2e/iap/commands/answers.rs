//! What commands make of answers that a real server gives only in rare moments.

use serde_json::{Value, json};

use super::LIMIT;
use crate::harness::process::{Ended, carnet, run_to_end};
use crate::harness::scripted::{Reply, Scripted};

#[track_caller]
fn command(api: &Scripted, arguments: &[&str]) -> Ended {
    let mut command = carnet();
    command.args(arguments).env("CARNET_CREDENTIALS", api.credentials());
    run_to_end(command, LIMIT)
}

fn participant(name: &str, updated_at: &str) -> Value {
    json!({
        "id": "01P", "name": name, "roles": ["CAR"], "status": "active", "updated_at": updated_at,
        "iol_identifier": "https://1r.example/airline", "logistics_agent_uri": "https://1r.example/agent",
    })
}

fn approval() -> Value {
    json!({
        "id": "01A", "state": "pending", "summary": "enable the client booking", "makes_secret": false,
        "requested_by": "administrator", "expires_at": "2027-01-22T08:00:00.000Z",
    })
}

fn list(items: &[Value]) -> Reply {
    Reply::Says(200, json!({"items": items, "next_cursor": null}))
}

#[test]
fn who_is_overtaken_learns_what_changed_and_nothing_is_set() {
    let problem =
        json!({"type": "urn:carnet:problem:changed", "title": "Somebody else was faster", "status": 412});
    let script = || {
        vec![
            ("GET /participants/01P", Reply::Version("v1", participant("a", "1"))),
            ("PATCH /participants/01P", Reply::Says(412, problem.clone())),
            ("GET /participants/01P", Reply::Version("v2", participant("b", "2"))),
        ]
    };
    let api = Scripted::start(script());
    let ended = command(&api, &["participant", "set", "01P", "--name", "c"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(5), ""), "{}", ended.stderr);
    assert!(ended.stderr.contains("name was a and is b"), "{}", ended.stderr);
    let sent = api.seen_of("PATCH /participants/01P");
    assert_eq!((sent.len(), sent[0].header("if-match")), (1, Some("\"v1\"")));
    assert_eq!(sent[0].body, json!({"name": "c"}));
    let api = Scripted::start(script());
    let ended = command(&api, &["participant", "set", "01P", "--name", "c", "--json"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(5), ""));
    assert_eq!(serde_json::from_str::<Value>(&ended.stderr).unwrap(), problem);
}

#[test]
fn what_waits_for_a_second_administrator_is_told_with_the_commands_that_decide() {
    let script = || vec![("POST /clients/01C/enable", Reply::Says(202, approval()))];
    let ended = command(&Scripted::start(script()), &["client", "enable", "01C"]);
    assert_eq!(ended.code, Some(4), "{}", ended.stderr);
    for word in ["nothing is done yet", "enable the client booking", "carnet approval approve 01A"] {
        assert!(ended.stdout.contains(word), "no {word}: {}", ended.stdout);
    }
    let ended = command(&Scripted::start(script()), &["client", "enable", "01C", "--json"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(4), ""));
    assert_eq!(serde_json::from_str::<Value>(&ended.stdout).unwrap(), approval());
}

#[test]
fn a_lost_answer_is_asked_for_again_under_the_same_key() {
    let api = Scripted::start(vec![
        ("POST /clients/01C/disable", Reply::Hang),
        ("POST /clients/01C/disable", Reply::Says(200, json!({"client_id": "01C", "status": "disabled"}))),
    ]);
    let ended = command(&api, &["client", "disable", "01C"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let sent = api.seen();
    assert_eq!(sent.len(), 2);
    let keys: Vec<&str> = sent.iter().map(|seen| seen.header("idempotency-key").unwrap()).collect();
    assert!(keys[0] == keys[1] && keys[0].len() >= 32, "{keys:?}");
}

#[test]
fn a_secret_whose_answer_got_lost_is_told() {
    // What a server answers to a repetition: everything but the secret.
    let made = json!({
        "client_id": "01C", "token_endpoint_auth_method": "client_secret_basic", "require_bound_tokens": false,
    });
    let api =
        Scripted::start(vec![("POST /clients", Reply::Hang), ("POST /clients", Reply::Says(201, made))]);
    let add = ["client", "add", "--participant", "01P", "--name", "x", "--require-bound-tokens", "false"];
    let ended = command(&api, &add);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stderr.contains("carnet client secret add"), "{}", ended.stderr);
    assert!(!ended.stdout.contains("Store the client_secret"), "{}", ended.stdout);
}

#[test]
fn a_further_secret_whose_answer_got_lost_is_told_and_leaves_no_file() {
    for verb in ["add", "rotate"] {
        let what =
            if verb == "add" { "POST /clients/01C/secrets" } else { "POST /clients/01C/secrets/rotate" };
        let made = json!({"id": "01S", "client_id": "01C", "status": "active", "older": []});
        let api = Scripted::start(vec![(what, Reply::Hang), (what, Reply::Says(201, made))]);
        let file = api.folder().join("secret");
        let ended = command(&api, &["client", "secret", verb, "01C", "--secret-out", file.to_str().unwrap()]);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        assert!(ended.stderr.contains("revoke this one"), "{}", ended.stderr);
        assert!(!file.exists());
    }
}

#[test]
fn an_export_is_written_as_it_comes_and_says_where_it_stopped() {
    let page = |numbers: [i64; 2], next: Value| {
        let items = numbers.map(|sequence| json!({"sequence": sequence, "hash": "h"}));
        Reply::Says(200, json!({"items": items, "next_cursor": next}))
    };
    let whole = vec![
        ("GET /journal", page([1, 2], json!("Mg"))),
        ("GET /journal", page([3, 1_000_000_003], Value::Null)),
    ];
    let ended = command(&Scripted::start(whole), &["audit", "export"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    let read = |line: &str| serde_json::from_str::<Value>(line).unwrap()["sequence"].clone();
    assert_eq!(ended.stdout.lines().map(read).collect::<Vec<_>>(), [1, 2, 3, 1_000_000_003]);
    let problem = json!({"type": "about:blank", "title": "No", "status": 403});
    let broken = || {
        vec![("GET /journal", page([1, 2], json!("Mg"))), ("GET /journal", Reply::Says(403, problem.clone()))]
    };
    let ended = command(&Scripted::start(broken()), &["audit", "export"]);
    assert_eq!((ended.code, ended.stdout.lines().count()), (Some(1), 2), "{}", ended.stdout);
    assert!(ended.stderr.contains("records up to 2 are written: go on with --from 3"), "{}", ended.stderr);
    let ended = command(&Scripted::start(broken()), &["audit", "export", "--json"]);
    assert_eq!((ended.code, ended.stdout.lines().count()), (Some(1), 2), "{}", ended.stdout);
    assert_eq!(serde_json::from_str::<Value>(&ended.stderr).unwrap(), problem);
    // A disk that is full is not the end of the journal.
    let api = Scripted::start(broken());
    let mut full = carnet();
    full.args(["audit", "export"]).env("CARNET_CREDENTIALS", api.credentials());
    let full = full.stdout(std::fs::File::options().write(true).open("/dev/full").unwrap()).output().unwrap();
    let said = String::from_utf8_lossy(&full.stderr);
    assert_eq!(full.status.code(), Some(1), "{said}");
    assert!(said.contains("cannot be written") && said.contains("no record was written"), "{said}");
}

const FILE: &str = "[[participant]]\niol_identifier = \"https://1r.example/airline\"\nname = \"c\"\n\
     logistics_agent_uri = \"https://1r.example/agent\"\nroles = [\"CAR\"]\n";

#[test]
fn a_plan_that_is_not_true_any_more_is_not_carried_out() {
    let api = Scripted::start(vec![
        ("GET /resource-servers", list(&[])),
        ("GET /participants", list(&[participant("a", "1")])),
        ("GET /participants/01P/identifiers", list(&[])),
        ("GET /clients", list(&[])),
        ("GET /approvals", list(&[])),
        ("GET /approvals", list(&[])),
        ("GET /participants/01P", Reply::Version("v2", participant("b", "2"))),
    ]);
    let file = api.folder().join("members.toml");
    std::fs::write(&file, FILE).unwrap();
    let ended = command(&api, &["apply", file.to_str().unwrap(), "--yes"]);
    assert_eq!(ended.code, Some(5), "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stderr.contains("was changed by somebody else since the plan"), "{}", ended.stderr);
    assert!(ended.stdout.contains("name: a → c") && ended.stdout.contains("failed "), "{}", ended.stdout);
    assert!(api.seen().iter().all(|seen| seen.what.starts_with("GET ")));
}

#[test]
fn what_does_not_hang_on_an_approval_is_done_all_the_same() {
    let client = |name: &str, status: &str| {
        json!({
            "client_id": format!("01C{name}"), "name": name, "status": status, "signing_alg": null,
            "token_endpoint_auth_method": "client_secret_basic",
        })
    };
    let (one, two) = (client("one", "disabled"), client("two", "active"));
    let script = || {
        vec![
            ("GET /resource-servers", list(&[])),
            ("GET /participants", list(&[participant("c", "1")])),
            ("GET /participants/01P/identifiers", list(&[])),
            ("GET /clients", list(&[one.clone(), two.clone()])),
            ("GET /approvals", list(&[])),
            ("GET /approvals", Reply::Says(404, json!({"status": 404}))),
            ("GET /clients/01Cone", Reply::Version("v1", one.clone())),
            ("POST /clients/01Cone/enable", Reply::Says(202, approval())),
            ("GET /clients/01Ctwo", Reply::Version("v1", two.clone())),
            ("PATCH /clients/01Ctwo", Reply::Says(200, two.clone())),
        ]
    };
    let text = format!(
        "{FILE}[[participant.client]]\nname = \"one\"\nstatus = \"active\"\n\
         [[participant.client]]\nname = \"two\"\nsigning_alg = \"ES256\"\n"
    );
    let api = Scripted::start(script());
    let file = api.folder().join("members.toml");
    std::fs::write(&file, &text).unwrap();
    let ended = command(&api, &["apply", file.to_str().unwrap(), "--yes"]);
    assert_eq!(ended.code, Some(4), "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stdout.contains("waits     enable client one"), "{}", ended.stdout);
    assert!(ended.stdout.contains("done      update client two"), "{}", ended.stdout);
    assert!(ended.stderr.contains("1 of 2 changes were made"), "{}", ended.stderr);
    assert_eq!(api.seen_of("POST /clients/01Cone/enable")[0].header("if-match"), Some("\"v1\""));
    let api = Scripted::start(script());
    let file = api.folder().join("members.toml");
    std::fs::write(&file, &text).unwrap();
    let ended = command(&api, &["apply", file.to_str().unwrap(), "--yes", "--json"]);
    let document: Value = serde_json::from_str(&ended.stdout).unwrap();
    let outcomes: Vec<&Value> =
        document["steps"].as_array().unwrap().iter().map(|step| &step["outcome"]).collect();
    assert_eq!(outcomes, ["done", "waits", "done"]);
    assert_eq!(document["steps"][1]["approval"], approval());
}

#[test]
fn a_client_whose_one_record_id_waits_is_left_and_the_others_are_done() {
    let client = |name: &str| {
        json!({
            "client_id": format!("01C{name}"), "name": name, "status": "active", "signing_alg": null,
            "one_record_id": null, "token_endpoint_auth_method": "client_secret_basic",
        })
    };
    let (one, two) = (client("one"), client("two"));
    let api = Scripted::start(vec![
        ("GET /resource-servers", list(&[])),
        ("GET /participants", list(&[participant("c", "1")])),
        ("GET /participants/01P/identifiers", list(&[])),
        ("GET /clients", list(&[one, two.clone()])),
        ("GET /approvals", list(&[])),
        ("GET /approvals", list(&[])),
        ("POST /participants/01P/identifiers", Reply::Says(202, approval())),
        ("GET /clients/01Ctwo", Reply::Version("v1", two.clone())),
        ("PATCH /clients/01Ctwo", Reply::Says(200, two)),
    ]);
    let text = format!(
        "{FILE}identifiers = [\"https://1r.example/customs\"]\n\
         [[participant.client]]\nname = \"one\"\none_record_id = \"https://1r.example/customs\"\n\
         [[participant.client]]\nname = \"two\"\nsigning_alg = \"ES256\"\n"
    );
    let file = api.folder().join("members.toml");
    std::fs::write(&file, text).unwrap();
    let ended = command(&api, &["apply", file.to_str().unwrap(), "--yes"]);
    assert_eq!(ended.code, Some(4), "{}{}", ended.stdout, ended.stderr);
    for line in ["waits     create identifier", "not done  update client one", "done      update client two"]
    {
        assert!(ended.stdout.contains(line), "{line}: {}", ended.stdout);
    }
}

#[test]
fn what_waits_already_is_not_asked_for_again() {
    let client = json!({
        "client_id": "01Cone", "name": "one", "status": "disabled",
        "token_endpoint_auth_method": "client_secret_basic",
    });
    let mut waiting = approval();
    waiting["expires_at"] = json!("9999-01-01T00:00:00.000Z");
    waiting["request"] = json!({
        "method": "POST", "path": "/admin/v1/clients/01Cone/enable", "if_match": "\"v1\"", "body": null,
    });
    let mut void = waiting.clone();
    void["expires_at"] = json!("2020-01-01T00:00:00.000Z");
    for (approval, code, asked) in [(waiting, 4, 0), (void, 0, 1)] {
        let api = Scripted::start(vec![
            ("GET /resource-servers", list(&[])),
            ("GET /participants", list(&[participant("c", "1")])),
            ("GET /participants/01P/identifiers", list(&[])),
            ("GET /clients", list(std::slice::from_ref(&client))),
            ("GET /approvals", list(&[approval])),
            ("GET /approvals", list(&[])),
            ("GET /clients/01Cone", Reply::Version("v1", client.clone())),
            ("POST /clients/01Cone/enable", Reply::Says(200, client.clone())),
        ]);
        let file = api.folder().join("members.toml");
        std::fs::write(&file, format!("{FILE}[[participant.client]]\nname = \"one\"\nstatus = \"active\"\n"))
            .unwrap();
        let ended = command(&api, &["apply", file.to_str().unwrap(), "--yes"]);
        assert_eq!(ended.code, Some(code), "{}{}", ended.stdout, ended.stderr);
        assert_eq!(api.seen_of("POST /clients/01Cone/enable").len(), asked);
    }
}
