//! The administration API: what it accepts and shows, and each way in which it says no.

use axum::body::Body;
use carnet_testkit::Answer;
use http::Request;
use serde_json::{Value, json};

use crate::harness::{DEFAULT_AUDIENCE, TestIap};

async fn post(iap: &TestIap, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
    let token = iap.administration_token("admin:read admin:write").await;
    let mut request =
        Request::post(format!("/admin/v1{path}")).header("authorization", format!("Bearer {token}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    iap.administration(request.body(body.into()).unwrap()).await
}

fn airline() -> Value {
    json!({
        "name": "Example Airline",
        "iol_identifier": "https://1r.example.com/airline",
        "logistics_agent_uri": "https://1r.example.com/logistics-objects/airline",
        "roles": ["CAR", "GHA"],
    })
}

fn with(mut body: Value, member: &str, value: Value) -> Value {
    body[member] = value;
    body
}

/// The fields that a problem names.
#[track_caller]
fn fields(answer: &Answer, status: u16) -> Vec<String> {
    assert_eq!(answer.status.as_u16(), status, "{}", answer.text());
    assert_eq!(answer.header("content-type"), "application/problem+json");
    let problem = answer.json();
    let errors = problem["errors"].as_array().unwrap_or_else(|| panic!("{problem}"));
    errors.iter().map(|error| error["field"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_participant_is_shown_as_it_was_registered() {
    let iap = TestIap::start().await;
    let made = iap.admin("POST", "/participants", Some(airline())).await.expect(201);
    let participant = made.json();
    let id = participant["id"].as_str().unwrap();
    assert_eq!(id.len(), 26);
    assert_eq!(made.header("location"), format!("/admin/v1/participants/{id}"));
    assert_eq!(made.header("cache-control"), "no-store");
    let expected = json!({
        "id": id,
        "name": "Example Airline",
        "iol_identifier": "https://1r.example.com/airline",
        "logistics_agent_uri": "https://1r.example.com/logistics-objects/airline",
        "roles": ["CAR", "GHA"],
        "status": "active",
        "created_at": "2027-01-15T08:00:00.000Z",
        "updated_at": "2027-01-15T08:00:00.000Z",
    });
    assert_eq!(participant, expected);
    assert_eq!(iap.admin("GET", &format!("/participants/{id}"), None).await.expect(200).json(), expected);
    let list = iap.admin("GET", "/participants", None).await.expect(200).json();
    assert_eq!(list, json!({ "items": [expected], "next_cursor": null }));
}

#[tokio::test]
async fn a_broken_rule_names_its_member() {
    let iap = TestIap::start().await;
    for (member, value, field) in [
        ("name", json!(""), "name"),
        ("name", json!("a\nb"), "name"),
        ("name", json!("x".repeat(201)), "name"),
        ("name", json!(7), "name"),
        ("name", json!(null), "name"),
        ("roles", json!([]), "roles"),
        ("roles", json!(["CAR", "CAR"]), "roles[1]"),
        ("roles", json!(["PILOT"]), "roles[0]"),
        ("roles", json!(["CAR", 1]), "roles[1]"),
        ("roles", json!("CAR"), "roles"),
        ("iol_identifier", json!("https://1R.example.com/airline"), "iol_identifier"),
        ("iol_identifier", json!("https://1r.example.com/airline/"), "iol_identifier"),
        ("iol_identifier", json!("https://1r.example.com:443/airline"), "iol_identifier"),
        ("iol_identifier", json!("http://127.0.0.1:8080/airline"), "iol_identifier"),
        ("iol_identifier", json!("https://1r.example.com/a%2Fb"), "iol_identifier"),
        ("iol_identifier", json!("https://1r.example.com/a\u{0}"), "iol_identifier"),
        ("logistics_agent_uri", json!("https://1r.example.com/x?y"), "logistics_agent_uri"),
        ("rolse", json!(["CAR"]), "rolse"),
    ] {
        let body = with(airline(), member, value.clone());
        let answer = iap.admin("POST", "/participants", Some(body)).await;
        assert_eq!(fields(&answer, 400), [field], "{member} = {value}");
    }
    let nothing = iap.admin("GET", "/participants", None).await.expect(200).json();
    assert_eq!(nothing["items"], json!([]), "a refused request changed something");
}

#[tokio::test]
async fn every_broken_rule_is_named_at_once() {
    let iap = TestIap::start().await;
    let body = json!({ "name": "", "iol_identifier": "x", "logistics_agent_uri": "y", "roles": [] });
    let answer = iap.admin("POST", "/participants", Some(body)).await;
    assert_eq!(fields(&answer, 400), ["name", "iol_identifier", "logistics_agent_uri", "roles"]);
}

#[tokio::test]
async fn what_is_not_json_is_told_where() {
    let iap = TestIap::start().await;
    let json = [("content-type", "application/json; charset=utf-8")];
    for (body, says) in [
        ("", "line 1 column 0"),
        ("{", "line 1 column 1"),
        ("{\n\"name\": }", "line 2 column 9"),
        ("{\"name\":\"a\",\"name\":\"b\"}", "twice"),
        ("[]", "object"),
        ("null", "object"),
        ("{\"name\":\"\\ud800\"}", "half a character"),
    ] {
        let answer = post(&iap, "/participants", &json, body).await.expect(400);
        assert_eq!(answer.header("content-type"), "application/problem+json");
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(says), "{body:?}: {detail}");
    }
    let _ = post(&iap, "/participants", &json, b"{\"name\":\"\xff\"}".to_vec()).await.expect(400);
}

#[tokio::test]
async fn a_body_of_another_kind_or_size_is_refused() {
    let iap = TestIap::start().await;
    let body = airline().to_string();
    for headers in [
        &[][..],
        &[("content-type", "text/plain")],
        &[("content-type", "application/x-www-form-urlencoded")],
        &[("content-type", "application/jsonx")],
        &[("content-type", "application/json"), ("content-type", "application/json")],
        &[("content-type", "application/json"), ("content-encoding", "gzip")],
    ] {
        let answer = post(&iap, "/participants", headers, body.clone()).await.expect(415);
        assert_eq!(answer.json()["status"], 415, "{headers:?}");
    }
    let json = [("content-type", "application/json")];
    let padded = |length: usize| format!("{body}{}", " ".repeat(length - body.len()));
    let _ = post(&iap, "/participants", &json, padded(64 * 1024 + 1)).await.expect(413);
    let _ = post(&iap, "/participants", &json, padded(64 * 1024)).await.expect(201);
}

#[tokio::test]
async fn a_taken_identifier_is_a_conflict_that_names_the_member() {
    let iap = TestIap::start().await;
    let _ = iap.admin("POST", "/participants", Some(airline())).await.expect(201);
    let (iol, agent) = ("https://1r.example.com/airline", "https://1r.example.com/logistics-objects/airline");
    let (free_iol, free_agent) = ("https://other.example/o", "https://other.example/lo/o");
    for (iol_identifier, logistics_agent_uri, field) in [
        (iol, free_agent, "iol_identifier"),
        (free_iol, agent, "logistics_agent_uri"),
        // One namespace: nobody's identifier may be somebody else's agent URI.
        (agent, free_agent, "iol_identifier"),
        (free_iol, iol, "logistics_agent_uri"),
    ] {
        let body = json!({
            "name": "Other", "roles": ["SHP"],
            "iol_identifier": iol_identifier, "logistics_agent_uri": logistics_agent_uri,
        });
        let answer = iap.admin("POST", "/participants", Some(body)).await;
        assert_eq!(fields(&answer, 409), [field]);
    }
    let same = json!({ "name": "One URI", "roles": ["SHP"], "iol_identifier": free_iol, "logistics_agent_uri": free_iol });
    let _ = iap.admin("POST", "/participants", Some(same)).await.expect(201);
}

#[tokio::test]
async fn of_two_who_claim_one_identifier_at_once_one_gets_it() {
    let iap = TestIap::start().await;
    let claim = |name: &str| {
        let body = json!({
            "name": name, "roles": ["SHP"], "iol_identifier": "https://race.example/x",
            "logistics_agent_uri": format!("https://race.example/lo/{name}"),
        });
        iap.admin("POST", "/participants", Some(body))
    };
    // One's identifier is the other's agent URI: no constraint of the database sees that.
    let cross = iap.admin(
        "POST",
        "/participants",
        Some(json!({
            "name": "c", "roles": ["SHP"], "iol_identifier": "https://race.example/c",
            "logistics_agent_uri": "https://race.example/x",
        })),
    );
    let (a, b, c) = tokio::join!(claim("a"), claim("b"), cross);
    let mut statuses = [a.status.as_u16(), b.status.as_u16(), c.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409]);
}

#[tokio::test]
async fn a_further_identifier_can_become_the_main_one() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    let path = format!("/participants/{}/identifiers", client.participant_id);
    let further = json!({ "uri": "https://acme.example/cargo" });
    let added = iap.admin("POST", &path, Some(further.clone())).await.expect(201).json();
    assert_eq!((&added["main"], &added["status"]), (&json!(false), &json!("approved")));
    assert_eq!(fields(&iap.admin("POST", &path, Some(further)).await, 409), ["uri"]);
    assert_eq!(
        fields(&iap.admin("POST", &path, Some(json!({ "uri": "https://acme.example/" }))).await, 400),
        ["uri"]
    );

    let main = json!({ "uri": "https://acme.example/main", "main": true });
    let _ = iap.admin("POST", &path, Some(main)).await.expect(201);
    let list = iap.admin("GET", &path, None).await.expect(200).json();
    let mains: Vec<(&str, bool)> = list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| (item["uri"].as_str().unwrap(), item["main"].as_bool().unwrap()))
        .collect();
    let expected = [
        ("https://acme.example/acme", false),
        ("https://acme.example/cargo", false),
        ("https://acme.example/main", true),
    ];
    assert_eq!(mains, expected);
    let image = iap.app.registry.current().unwrap();
    let entry = image.client(&client.client_id).unwrap();
    assert_eq!(entry.iol_identifier(), Some("https://acme.example/main"));
}

#[tokio::test]
async fn what_does_not_exist_is_not_found() {
    let iap = TestIap::start().await;
    for (method, path) in [
        ("GET", "/participants/01ARZ3NDEKTSV4RRFFQ69G5FAV"),
        ("GET", "/participants/%00"),
        ("GET", "/participants/%FF"),
        ("GET", "/participants/a'%20OR%20'1'='1"),
        ("POST", "/participants/x/disable"),
        ("GET", "/participants/x/identifiers"),
        ("GET", "/resource-servers/x"),
        ("GET", "/clients/x"),
        ("POST", "/clients/x/enable"),
        ("GET", "/clients/x/secrets"),
        ("GET", "/clients/x/keys"),
        ("DELETE", "/clients/x/secrets/y"),
        ("DELETE", "/clients/x/keys/y%2Fz"),
    ] {
        let answer = iap.admin(method, path, None).await.expect(404);
        assert_eq!(answer.json()["status"], 404, "{method} {path}");
    }
}

#[tokio::test]
async fn a_list_is_walked_page_by_page() {
    let iap = TestIap::start().await;
    for name in ["a", "b", "c", "d", "e"] {
        iap.participant(name).await;
        iap.clock.advance(std::time::Duration::from_millis(1));
    }
    let (mut names, mut path) = (Vec::new(), "/participants?limit=2".to_owned());
    let mut pages = 0;
    loop {
        let page = iap.admin("GET", &path, None).await.expect(200).json();
        names.extend(
            page["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap().to_owned()),
        );
        pages += 1;
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("/participants?limit=2&cursor={cursor}");
    }
    assert_eq!((names.join(""), pages), ("abcde".to_owned(), 3));
    for (query, field) in [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=x", "limit"),
        ("cursor=!", "cursor"),
        ("page=2", "page"),
        ("limit=1&limit=2", "limit"),
    ] {
        assert_eq!(
            fields(&iap.admin("GET", &format!("/participants?{query}"), None).await, 400),
            [field],
            "{query}"
        );
    }
}

#[tokio::test]
async fn a_resource_server_is_registered_and_changed() {
    let iap = TestIap::start().await;
    let new = json!({ "identifier": "https://record.example", "name": "Record" });
    let made = iap.admin("POST", "/resource-servers", Some(new.clone())).await.expect(201);
    let server = made.json();
    assert_eq!(
        (&server["access_token_typ"], &server["signing_alg"], &server["is_default"]),
        (&json!("at+jwt"), &json!("RS256"), &json!(false))
    );
    assert_eq!(server["scopes"].as_array().unwrap().len(), 3);
    assert_eq!(fields(&iap.admin("POST", "/resource-servers", Some(new)).await, 409), ["identifier"]);

    let path = format!("/resource-servers/{}", server["id"].as_str().unwrap());
    let change = json!({ "access_token_typ": "JWT", "signing_alg": "ES256", "name": "Renamed" });
    let changed = iap.admin("PATCH", &path, Some(change)).await.expect(200);
    assert_eq!(changed.json()["access_token_typ"], "JWT");
    assert_ne!(changed.header("etag"), made.header("etag"));
    let shown = iap.admin("GET", &path, None).await.expect(200);
    assert_eq!(shown.json(), changed.json());
    assert_eq!(shown.header("etag"), changed.header("etag"));
    let image = iap.app.registry.current().unwrap();
    assert_eq!(image.resource_server("https://record.example").unwrap().name, "Renamed");
    let taken = iap.admin("PATCH", &path, Some(json!({ "identifier": DEFAULT_AUDIENCE }))).await;
    assert_eq!(fields(&taken, 409), ["identifier"]);
}

#[tokio::test]
async fn a_change_on_an_older_version_is_refused() {
    let iap = TestIap::start().await;
    let new = json!({ "identifier": "https://record.example", "name": "Record" });
    let made = iap.admin("POST", "/resource-servers", Some(new)).await.expect(201);
    let path = format!("/admin/v1/resource-servers/{}", made.json()["id"].as_str().unwrap());
    let token = iap.administration_token("admin:read admin:write").await;
    let change = async |if_match: &str, name: &str| {
        let request = Request::patch(&path)
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", "application/json")
            .header("if-match", if_match)
            .body(json!({ "name": name }).to_string().into())
            .unwrap();
        iap.administration(request).await
    };
    let second = change(made.header("etag"), "second").await.expect(200);
    let _ = change(made.header("etag"), "third").await.expect(412);
    let _ = change("nonsense", "third").await.expect(412);
    let _ = change("*", "fourth").await.expect(200);
    let _ = change(second.header("etag"), "fifth").await.expect(412);
}

#[tokio::test]
async fn a_resource_servers_broken_rule_names_its_member() {
    let iap = TestIap::start_with("[tokens]\nnetwork_audience = \"https://network.example\"\n").await;
    let good = json!({ "identifier": "https://record.example", "name": "Record" });
    for (member, value, field) in [
        ("identifier", json!("record"), "identifier"),
        ("identifier", json!("http://record.example"), "identifier"),
        ("identifier", json!("https://record.example/#x"), "identifier"),
        ("identifier", json!("https://network.example"), "identifier"),
        ("name", json!(""), "name"),
        ("access_token_typ", json!("jwt"), "access_token_typ"),
        ("signing_alg", json!("none"), "signing_alg"),
        ("signing_alg", json!("HS256"), "signing_alg"),
        ("scopes", json!(["admin:read"]), "scopes[0]"),
        ("scopes", json!(["x"]), "scopes[0]"),
        ("scopes", json!([]), "scopes"),
        ("is_default", json!(true), "is_default"),
    ] {
        let answer =
            iap.admin("POST", "/resource-servers", Some(with(good.clone(), member, value.clone()))).await;
        assert_eq!(fields(&answer, 400), [field], "{member} = {value}");
    }
}
