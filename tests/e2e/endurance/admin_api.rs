//! schemathesis sends the administration API what its OpenAPI document allows, and much that it does not.

use serde_json::{Value, json};

use crate::harness::http::Request;
use crate::harness::iap::{Iap, Setup};
use crate::harness::{full_size, tools};

/// An IAP whose keys can be rotated every few seconds.
fn start() -> Iap {
    Setup::default()
        .environment("CARNET_KEY_SET__MAX_AGE", "1")
        .environment("CARNET_KEY_SET__STALE_WHILE_REVALIDATE", "1")
        .environment("CARNET_KEY_SET__STALE_IF_ERROR", "1")
        .environment("CARNET_KEYS__MARGIN", "1")
        .environment("CARNET_KEYS__ANNOUNCE_LEAD", "8")
        .start()
}

#[track_caller]
fn administrator(iap: &Iap, name: &str) -> Value {
    let body = json!({ "name": name, "scopes": ["admin:read", "admin:write"] });
    let made = iap.admin("POST", "/administrators", Some(&body)).expect(201).json();
    json!({ "client_id": made["client_id"], "client_secret": made["client_secret"] })
}

/// Sends it all, and checks that nothing was found and that something was tried.
#[track_caller]
fn try_everything(iap: &Iap, requester: &Value, approver: &Value) {
    let arguments: &[&str] = if full_size() {
        &["--max-time", "600"]
    } else {
        // Not "coverage", which is as much as the rest five times over.
        &["--phases", "examples,fuzzing,stateful", "--max-examples", "4"]
    };
    let job = json!({
        "admin_url": iap.credentials()["admin_url"],
        "token_endpoint": iap.credentials()["token_endpoint"],
        "requester": requester,
        "approver": approver,
        // Who makes or changes the one that made both of them cannot be judged by the other.
        "spared": [iap.credentials()["client_id"]],
        "seed": 1,
        "arguments": arguments,
    });
    let report = tools::python("schemathesis_admin.py", &job);

    let said = report["said"].as_str().unwrap();
    assert_eq!(report["findings"], json!([]), "{said}");
    let document = format!("{}/admin/v1/openapi.json", iap.admin_listener());
    let document = Request::get(&document).send().expect(200).json();
    // It leaves out the route of the document that it reads.
    let paths =
        document["paths"].as_object().unwrap().iter().filter(|(path, _)| !path.ends_with("/openapi.json"));
    let operations: usize = paths.map(|(_, path)| path.as_object().unwrap().len()).sum();
    assert_eq!(report["operations"]["tested"], operations, "{said}");
    let phases = report["phases"].as_object().unwrap();
    for (name, phase) in phases.iter().filter(|(name, _)| full_size() || *name != "coverage") {
        assert_eq!(phase["status"], "success", "{name}: {said}");
    }
    let cases = report["cases"]["generated"].as_u64().unwrap();
    assert!(cases >= 200, "only {cases} requests: {said}");
    // Whoever only sees refusals has not tried much.
    let answers = report["answers"].as_object().unwrap();
    let did_something =
        |of_one: &&Value| of_one.as_object().unwrap().keys().any(|status| status.starts_with('2'));
    let done = answers.values().filter(did_something).count();
    assert!(done >= operations / 2, "only {done} operations were ever done: {}", report["answers"]);
    println!(
        "schemathesis: {cases} tests of {operations} operations, {done} of which were done; nothing found"
    );
}

#[test]
fn every_answer_is_documented() {
    let iap = start();
    let requester = administrator(&iap, "requester");
    try_everything(&iap, &requester, &Value::Null);
}

#[test]
fn every_answer_is_documented_where_a_second_administrator_approves() {
    let mut iap = start();
    let (requester, approver) = (administrator(&iap, "requester"), administrator(&iap, "approver"));
    iap.stop();
    let config = iap.folder().join("approval.toml");
    std::fs::write(&config, "[approval]\nrequired = true\n").unwrap();
    iap.add_argument("--config", config.to_str().unwrap());
    iap.start_again();
    try_everything(&iap, &requester, &approver);
}
