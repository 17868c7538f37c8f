//! What a clumsy administrator sends: a clear answer each, a line in the log, and nothing changed.

use serde_json::{Value, json};

use crate::harness::http::Request;
use crate::harness::iap::Iap;

/// A participant that would be registered but for the member that a test changes.
fn participant(member: &str, value: Value) -> Value {
    let mut body = json!({
        "name": "Helvetia Forwarding",
        "iol_identifier": "https://onerecord.example/helvetia",
        "logistics_agent_uri": "https://onerecord.example/logistics-objects/helvetia",
        "roles": ["FWD"],
    });
    body[member] = value;
    body
}

/// Posts a participant that must be refused, naming `field`.
#[track_caller]
fn refused(iap: &Iap, body: &Value, field: &str) {
    let answer = iap.admin("POST", "/participants", Some(body));
    assert!(matches!(answer.status, 400 | 422), "{body}: {} {}", answer.status, answer.text());
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    let problem = answer.json();
    assert_eq!(problem["status"], answer.status);
    assert!(problem["title"].is_string() && problem["type"].is_string(), "{problem}");
    assert!(problem.to_string().contains(field), "{field} is not named: {problem}");
}

#[track_caller]
fn nothing_changed(iap: &Iap) {
    let list = iap.admin("GET", "/participants", None).expect(200).json();
    assert_eq!(list, json!({ "items": [], "next_cursor": null }));
    let log = iap.process().stderr();
    assert!(log.contains("administration request refused"), "{log}");
}

#[test]
fn identifiers_are_compared_never_repaired() {
    let iap = Iap::start();
    for identifier in [
        "http://onerecord.example/helvetia",
        "HTTPS://onerecord.example/helvetia",
        "https://OneRecord.example/helvetia",
        "https://onerecord.example./helvetia",
        "https://onerecord.example:443/helvetia",
        "https://onerecord.example:8443/helvetia",
        "https://user@onerecord.example/helvetia",
        "https://onerecord.example/helvetia?x",
        "https://onerecord.example/helvetia#x",
        "https://onerecord.example/helvetia/",
        "https://onerecord.example//helvetia",
        "https://onerecord.example/./helvetia",
        "https://onerecord.example/a/../helvetia",
        "https://onerecord.example/helvetia;x",
        "https://onerecord.example/hel\\vetia",
        "https://onerecord.example/hel%2fvetia",
        "https://onerecord.example/hel%2Fvetia",
        "https://onerecord.example/hel%2Evetia",
        "https://onerecord.example/%68elvetia",
        "https://onerecord.example/hel%00vetia",
        "https://onerecord.example/hel vetia",
        " https://onerecord.example/helvetia",
        "https://bücher.example/helvetia",
        "https:onerecord.example/helvetia",
        "//onerecord.example/helvetia",
        "urn:company:helvetia",
        "",
    ] {
        refused(&iap, &participant("iol_identifier", identifier.into()), "iol_identifier");
    }
    nothing_changed(&iap);
}

#[test]
fn members_of_the_wrong_kind_are_named() {
    let iap = Iap::start();
    for (member, value) in [
        ("name", json!("")),
        ("name", json!("x".repeat(10_000))),
        ("name", json!("a\u{0}b")),
        ("name", json!(7)),
        ("roles", json!([])),
        ("roles", json!(["NOBODY"])),
        ("roles", json!("FWD")),
        ("logistics_agent_uri", json!("nowhere")),
        ("colour", json!("blue")),
    ] {
        refused(&iap, &participant(member, value), member);
    }
    nothing_changed(&iap);
}

#[test]
fn bodies_that_are_no_json_object_are_refused() {
    let iap = Iap::start();
    let url = format!("{}/admin/v1/participants", iap.admin_listener());
    let post = |media_type: &str, body: &[u8]| {
        Request::post(&url).bearer(&iap.admin_token()).body(media_type, body).send()
    };
    let twice = r#"{"name":"a","name":"b","iol_identifier":"https://onerecord.example/a",
        "logistics_agent_uri":"https://onerecord.example/b","roles":["FWD"]}"#;
    let deep = "[".repeat(5_000);
    for body in [&b"{"[..], b"", b"null", b"[]", b"\xff\xfe", twice.as_bytes(), deep.as_bytes()] {
        let answer = post("application/json", body);
        let what = String::from_utf8_lossy(body).chars().take(40).collect::<String>();
        assert!(matches!(answer.status, 400 | 422), "{what}: {} {}", answer.status, answer.text());
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    }
    for media_type in ["text/plain", "application/xml", "application/x-www-form-urlencoded"] {
        post(media_type, b"{}").expect(415);
    }
    nothing_changed(&iap);
}

#[test]
fn a_client_of_nobody_is_refused() {
    let iap = Iap::start();
    for participant_id in ["01ARZ3NDEKTSV4RRFFQ69G5FAV", "", "../participants", "\u{0}"] {
        let body = json!({ "participant_id": participant_id, "name": "machine" });
        let answer = iap.admin("POST", "/clients", Some(&body));
        assert!(matches!(answer.status, 400 | 404 | 422), "{participant_id:?}: {}", answer.status);
    }
    for path in ["/participants/nobody", "/clients/nobody", "/clients/nobody/secrets", "/nothing"] {
        let problem = iap.admin("GET", path, None).expect(404);
        assert_eq!(problem.header("content-type"), Some("application/problem+json"), "{path}");
    }
    iap.admin("DELETE", "/participants", None).expect(405);
}

#[test]
fn pages_have_bounds() {
    let iap = Iap::start();
    for number in 0..5 {
        iap.participant(&format!("company-{number}"), "FWD");
    }
    let mut seen = Vec::new();
    let mut path = "/participants?limit=2".to_owned();
    loop {
        let page = iap.admin("GET", &path, None).expect(200).json();
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= 2);
        seen.extend(items.iter().map(|item| item["name"].as_str().unwrap().to_owned()));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("/participants?limit=2&cursor={cursor}");
    }
    seen.sort();
    assert_eq!(seen, ["company-0", "company-1", "company-2", "company-3", "company-4"]);
    for query in ["limit=0", "limit=201", "limit=x", "cursor=x%00"] {
        let answer = iap.admin("GET", &format!("/participants?{query}"), None);
        assert!(matches!(answer.status, 400 | 422), "{query}: {}", answer.status);
    }
}
