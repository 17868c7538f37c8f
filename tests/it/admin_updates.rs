//! Changing what is registered: merging, `If-Match`, and what a withdrawal does at the token endpoint.

use carnet_testkit::Answer;
use serde_json::{Value, json};

use crate::harness::{DEFAULT_AUDIENCE, TestIap, decode};

#[track_caller]
fn fields(answer: &Answer, status: u16) -> Vec<String> {
    assert_eq!(answer.status.as_u16(), status, "{}", answer.text());
    let problem = answer.json();
    let errors = problem["errors"].as_array().cloned().unwrap_or_default();
    errors.iter().map(|error| error["field"].as_str().unwrap().to_owned()).collect()
}

fn claims(answer: Answer) -> Value {
    decode(answer.expect(200).json()["access_token"].as_str().unwrap()).1
}

#[tokio::test]
async fn a_participant_changes_only_in_what_is_given() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    let path = format!("/participants/{}", client.participant_id);
    let before = iap.admin("GET", &path, None).await.expect(200).json();
    iap.clock.advance(std::time::Duration::from_secs(1));
    iap.app.registry.refresh().await.unwrap();
    let change = json!({ "name": "Acme Cargo", "roles": ["CAR"], "logistics_agent_uri": null });
    let after = iap.admin("PATCH", &path, Some(change)).await.expect(200).json();
    let mut expected = before.clone();
    expected["name"] = json!("Acme Cargo");
    expected["roles"] = json!(["CAR"]);
    expected["updated_at"] = json!("2027-01-15T08:00:01.000Z");
    assert_eq!(after, expected);
    assert_eq!(iap.admin("GET", &path, None).await.expect(200).json(), expected);
    assert_eq!(claims(iap.token_of(&client, &[]).await)["roles"], json!(["CAR"]));
    // Nothing changes: no new version, no record in the journal.
    let records = carnet::db::journal::head(iap.app.database.reader().pool()).await.unwrap();
    assert_eq!(iap.admin("PATCH", &path, Some(json!({}))).await.expect(200).json(), expected);
    assert_eq!(carnet::db::journal::head(iap.app.database.reader().pool()).await.unwrap(), records);
}

#[tokio::test]
async fn the_main_identifier_is_one_of_the_participants_own_approved_ones() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    let _ = iap.participant("other").await;
    let path = format!("/participants/{}", client.participant_id);
    let identifiers = format!("{path}/identifiers");
    let cargo = json!({ "uri": "https://acme.example/cargo" });
    let _ = iap.admin("POST", &identifiers, Some(cargo.clone())).await.expect(201);
    let main = json!({ "iol_identifier": "https://acme.example/cargo" });

    let _ = iap.admin("POST", &format!("{identifiers}/suspend"), Some(cargo.clone())).await.expect(200);
    for wrong in
        ["https://other.example/other", "https://acme.example/new", "\u{0}", "https://acme.example/cargo"]
    {
        let answer = iap.admin("PATCH", &path, Some(json!({ "iol_identifier": wrong }))).await;
        assert_eq!(fields(&answer, 400), ["iol_identifier"], "{wrong}");
    }
    let _ = iap.admin("POST", &format!("{identifiers}/resume"), Some(cargo)).await.expect(200);
    let changed = iap.admin("PATCH", &path, Some(main)).await.expect(200).json();
    assert_eq!(changed["iol_identifier"], "https://acme.example/cargo");
    let list = iap.admin("GET", &identifiers, None).await.expect(200).json();
    let mains: Vec<bool> =
        list["items"].as_array().unwrap().iter().map(|item| item["main"].as_bool().unwrap()).collect();
    assert_eq!(mains, [false, true], "acme, cargo");
    let image = iap.app.registry.current().unwrap();
    let entry = image.client(&client.client_id).unwrap();
    assert_eq!(entry.iol_identifier(), Some("https://acme.example/cargo"));
}

#[tokio::test]
async fn a_logistics_agent_uri_is_nobody_elses() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    let _ = iap.participant("other").await;
    let path = format!("/participants/{}", client.participant_id);
    for taken in ["https://other.example/other", "https://1r.other.example/logistics-objects/other"] {
        let answer = iap.admin("PATCH", &path, Some(json!({ "logistics_agent_uri": taken }))).await;
        assert_eq!(fields(&answer, 409), ["logistics_agent_uri"], "{taken}");
    }
    // A participant may use one URI of its own as both.
    let own = json!({ "logistics_agent_uri": "https://acme.example/acme" });
    let _ = iap.admin("PATCH", &path, Some(own)).await.expect(200);
    let claims = claims(iap.token_of(&client, &[]).await);
    assert_eq!(claims["logistics_agent_uri"], "https://acme.example/acme");
}

#[tokio::test]
async fn a_participants_broken_rule_names_its_member() {
    let iap = TestIap::start().await;
    let path = format!("/participants/{}", iap.participant("acme").await);
    for (member, value, field) in [
        ("name", json!(""), "name"),
        ("name", json!("a\nb"), "name"),
        ("roles", json!([]), "roles"),
        ("roles", json!(["PILOT"]), "roles[0]"),
        ("logistics_agent_uri", json!("https://1r.example.com/x?y"), "logistics_agent_uri"),
        ("logistics_agent_uri", json!(7), "logistics_agent_uri"),
        ("status", json!("disabled"), "status"),
        ("id", json!("x"), "id"),
    ] {
        let answer = iap.admin("PATCH", &path, Some(json!({ member: value.clone() }))).await;
        assert_eq!(fields(&answer, 400), [field], "{member} = {value}");
    }
    assert_eq!(iap.admin("GET", &path, None).await.json()["name"], "acme");
}

#[tokio::test]
async fn a_client_changes_in_what_is_given_and_null_gives_defaults_back() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    let server = json!({ "identifier": "https://record.example", "name": "Record" });
    let _ = iap.admin("POST", "/resource-servers", Some(server)).await.expect(201);
    let uri = json!({ "uri": "https://acme.example/cargo" });
    let identifiers = format!("/participants/{}/identifiers", client.participant_id);
    let _ = iap.admin("POST", &identifiers, Some(uri)).await.expect(201);
    let path = format!("/clients/{}", client.client_id);
    let before = iap.admin("GET", &path, None).await.expect(200).json();

    let members = [
        ("name", json!("renamed"), json!("renamed")),
        ("require_bound_tokens", json!(true), json!(true)),
        (
            "scopes",
            json!(["events:write"]),
            json!(["logistics_objects:read", "logistics_objects:write", "events:write"]),
        ),
        ("audiences", json!(["https://record.example"]), json!([])),
        ("access_token_lifetime", json!(120), Value::Null),
        ("signing_alg", json!("ES256"), Value::Null),
        ("one_record_id", json!("https://acme.example/cargo"), Value::Null),
    ];
    let (mut expected, mut nulls) = (before.clone(), json!({}));
    for (member, value, _) in &members {
        let changed =
            iap.admin("PATCH", &path, Some(json!({ *member: value.clone() }))).await.expect(200).json();
        expected[*member] = value.clone();
        assert_eq!(changed, expected, "{member}");
        nulls[*member] = Value::Null;
    }
    let reset = iap.admin("PATCH", &path, Some(nulls)).await.expect(200).json();
    for (member, _, default) in &members {
        assert_eq!(&reset[*member], default, "{member}");
    }
}

#[tokio::test]
async fn a_changed_client_gets_other_tokens_at_once() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    let path = format!("/clients/{}", client.client_id);
    let change = json!({ "scopes": ["events:write"], "access_token_lifetime": 60, "signing_alg": "ES256" });
    let _ = iap.admin("PATCH", &path, Some(change)).await.expect(200);
    let answer = iap.token_of(&client, &[]).await.expect(200).json();
    assert_eq!((&answer["expires_in"], &answer["scope"]), (&json!(60), &json!("events:write")));
    assert_eq!(decode(answer["access_token"].as_str().unwrap()).0["alg"], "ES256");
    let _ = iap.admin("PATCH", &path, Some(json!({ "require_bound_tokens": true }))).await.expect(200);
    let _ = iap.token_of(&client, &[]).await.expect(400);
}

#[tokio::test]
async fn a_clients_broken_rule_names_its_member() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    let _ = iap.participant("other").await;
    let path = format!("/clients/{}", client.client_id);
    for (member, value, field) in [
        ("name", json!("\u{7}"), "name"),
        ("scopes", json!(["admin:read"]), "scopes[0]"),
        ("scopes", json!(["admin:registry:read"]), "scopes[0]"),
        ("scopes", json!([]), "scopes"),
        ("audiences", json!(["https://stranger.example"]), "audiences[0]"),
        ("access_token_lifetime", json!(59), "access_token_lifetime"),
        ("access_token_lifetime", json!(3601), "access_token_lifetime"),
        ("signing_alg", json!("HS256"), "signing_alg"),
        ("one_record_id", json!("https://other.example/other"), "one_record_id"),
        ("require_bound_tokens", json!("no"), "require_bound_tokens"),
        ("participant_id", json!("x"), "participant_id"),
        ("kind", json!("administrator"), "kind"),
    ] {
        let answer = iap.admin("PATCH", &path, Some(json!({ member: value.clone() }))).await;
        assert_eq!(fields(&answer, 400), [field], "{member} = {value}");
    }
    let administrator = format!("/clients/{}", iap.credentials().client_id);
    let answer = iap.admin("PATCH", &administrator, Some(json!({ "name": "x" }))).await;
    assert_eq!(fields(&answer, 409), ["client_id"]);
}

#[tokio::test]
async fn whoever_saw_an_older_version_changes_nothing() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    let ada = iap.administrator("Ada", &["admin:registry:read"]).await;
    let server = json!({ "identifier": "https://record.example", "name": "Record" });
    let server = iap.admin("POST", "/resource-servers", Some(server)).await.expect(201).json();
    let things = [
        format!("/participants/{}", client.participant_id),
        format!("/clients/{}", client.client_id),
        format!("/resource-servers/{}", server["id"].as_str().unwrap()),
        format!("/administrators/{}", ada.client_id),
    ];
    let token = iap.administration_token("admin:read admin:write").await;
    let mut refused = 0;
    for path in things {
        for (method, step, body) in [
            ("PATCH", "", Some(json!({ "name": "renamed" }))),
            ("POST", "/disable", None),
            ("POST", "/enable", None),
        ] {
            let what = format!("{method} {path}{step}");
            let shown = iap.admin_with(&token, "GET", &path, &[], None).await.expect(200);
            let tag = shown.header("etag").to_owned();
            let send = async |tag: &str| {
                iap.admin_with(&token, method, &format!("{path}{step}"), &[("if-match", tag)], body.clone())
                    .await
            };
            for stale in ["\"older\"", "nonsense", "W/\"x\"", ""] {
                let answer = send(stale).await;
                assert_eq!(answer.status.as_u16(), 412, "{what}: {}", answer.text());
                assert_eq!(answer.header("etag"), tag, "{what}");
                assert_eq!(answer.json()["current_etag"], tag, "{what}");
                refused += 1;
            }
            assert_eq!(iap.admin_with(&token, "GET", &path, &[], None).await.header("etag"), tag, "{what}");
            let changed = send(&format!("\"older\", {tag}")).await.expect(200);
            assert_ne!(changed.header("etag"), tag, "{what}");
            let shown = iap.admin_with(&token, "GET", &path, &[], None).await.expect(200);
            assert_eq!(
                (shown.header("etag"), shown.json()),
                (changed.header("etag"), changed.json()),
                "{what}"
            );
            let _ = send("*").await.expect(200);
        }
    }
    assert_eq!(refused, 4 * 3 * 4);
}

#[tokio::test]
async fn the_version_of_a_client_follows_the_names_of_its_audiences() {
    let iap = TestIap::start().await;
    let server = json!({ "identifier": "https://record.example", "name": "Record" });
    let server = iap.admin("POST", "/resource-servers", Some(server)).await.expect(201).json();
    let participant = iap.participant("acme").await;
    let client = iap.client(&participant, json!({ "audiences": ["https://record.example"] })).await;
    let path = format!("/clients/{}", client.client_id);
    let before = iap.admin("GET", &path, None).await.expect(200);
    let renamed = json!({ "identifier": "https://renamed.example" });
    let server = format!("/resource-servers/{}", server["id"].as_str().unwrap());
    let _ = iap.admin("PATCH", &server, Some(renamed)).await.expect(200);
    let after = iap.admin("GET", &path, None).await.expect(200);
    assert_eq!(after.json()["audiences"], json!(["https://renamed.example"]));
    assert_ne!(after.header("etag"), before.header("etag"));
}

#[tokio::test]
async fn a_suspended_identifier_stands_in_no_token_until_it_is_resumed() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    let _ = iap.participant("other").await;
    let identifiers = format!("/participants/{}/identifiers", client.participant_id);
    let uri = json!({ "uri": "https://acme.example/acme" });
    for _ in 0..2 {
        let suspended =
            iap.admin("POST", &format!("{identifiers}/suspend"), Some(uri.clone())).await.expect(200);
        assert_eq!(suspended.json()["status"], "suspended");
        let refused = iap.token_of(&client, &[]).await.expect(400);
        assert_eq!(refused.json()["error"], "unauthorized_client");
    }
    // It stays the participant's: nobody else gets it meanwhile.
    let claim = json!({
        "name": "thief", "roles": ["SHP"], "iol_identifier": "https://acme.example/acme",
        "logistics_agent_uri": "https://thief.example/x",
    });
    assert_eq!(fields(&iap.admin("POST", "/participants", Some(claim)).await, 409), ["iol_identifier"]);
    for wrong in ["https://other.example/other", "https://nobody.example/x", "", "\u{0}"] {
        let answer = iap.admin("POST", &format!("{identifiers}/resume"), Some(json!({ "uri": wrong }))).await;
        assert_eq!(fields(&answer, 400), ["uri"], "{wrong:?}");
    }
    let resumed = iap.admin("POST", &format!("{identifiers}/resume"), Some(uri)).await.expect(200);
    assert_eq!(resumed.json()["status"], "approved");
    let _ = iap.token_of(&client, &[]).await.expect(200);
}

#[tokio::test]
async fn a_suspended_identifier_does_not_go_on_as_the_logistics_agent_uri() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    let path = format!("/participants/{}", client.participant_id);
    let second = json!({ "uri": "https://acme.example/second" });
    let _ = iap.admin("POST", &format!("{path}/identifiers"), Some(second.clone())).await.expect(201);
    let change = json!({ "logistics_agent_uri": second["uri"] });
    let _ = iap.admin("PATCH", &path, Some(change)).await.expect(200);
    let _ = iap.token_of(&client, &[]).await.expect(200);
    let _ = iap.admin("POST", &format!("{path}/identifiers/suspend"), Some(second.clone())).await.expect(200);
    let refused = iap.token_of(&client, &[]).await.expect(400);
    assert_eq!(refused.json()["error"], "unauthorized_client");
    // Also in an image that is read as a whole.
    let iap = iap.restart().await;
    let _ = iap.token_of(&client, &[]).await.expect(400);
    let _ = iap.admin("POST", &format!("{path}/identifiers/resume"), Some(second)).await.expect(200);
    let _ = iap.token_of(&client, &[]).await.expect(200);
}

#[tokio::test]
async fn no_token_is_made_for_a_disabled_resource_server_nor_for_another_in_its_place() {
    let iap = TestIap::start().await;
    let participant = iap.participant("acme").await;
    let server = json!({ "identifier": "https://record.example", "name": "Record" });
    let server = iap.admin("POST", "/resource-servers", Some(server)).await.expect(201).json();
    let audiences = json!({ "audiences": ["https://record.example", DEFAULT_AUDIENCE] });
    let client = iap.client(&participant, audiences).await;
    let path = format!("/resource-servers/{}", server["id"].as_str().unwrap());
    let (record, other) = (("resource", "https://record.example"), ("resource", DEFAULT_AUDIENCE));
    let _ = iap.token_of(&client, &[]).await.expect(200);

    let disabled = iap.admin("POST", &format!("{path}/disable"), None).await.expect(200).json();
    assert_eq!(disabled["status"], "disabled");
    for resources in [&[][..], &[record], &[record, other]] {
        let refused = iap.token_of(&client, resources).await.expect(400);
        assert_eq!(refused.json()["error"], "invalid_target", "{resources:?}");
    }
    assert_eq!(claims(iap.token_of(&client, &[other]).await)["aud"], json!([DEFAULT_AUDIENCE]));

    let _ = iap.admin("POST", &format!("{path}/enable"), None).await.expect(200);
    assert_eq!(claims(iap.token_of(&client, &[]).await)["aud"], json!(["https://record.example"]));
}
