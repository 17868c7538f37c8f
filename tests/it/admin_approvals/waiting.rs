//! What waits, and what never does.

use carnet_testkit::ClientKeyPair;
use serde_json::json;

use super::{ALL, Two, conflict};

#[tokio::test]
async fn whatever_takes_something_away_never_waits() {
    let two = Two::start().await;
    let (participant, client) = (&two.machine.participant_id, &two.machine.client_id);
    let secrets = two.as_ada("GET", &format!("/clients/{client}/secrets"), None).await.expect(200).json();
    let secret = secrets["items"][0]["id"].as_str().unwrap().to_owned();
    let servers = two.as_ada("GET", "/resource-servers", None).await.expect(200).json();
    let server = servers["items"][0]["id"].as_str().unwrap().to_owned();
    let uri = json!({ "uri": "https://acme.example/acme" });
    for (method, path, body) in [
        ("POST", format!("/participants/{participant}/identifiers/suspend"), Some(uri)),
        ("POST", format!("/participants/{participant}/disable"), None),
        ("POST", format!("/clients/{client}/disable"), None),
        ("PATCH", format!("/clients/{client}"), Some(json!({ "require_bound_tokens": true }))),
        ("DELETE", format!("/clients/{client}/secrets/{secret}"), None),
        ("POST", format!("/resource-servers/{server}/disable"), None),
        ("POST", format!("/administrators/{}/disable", two.bob.client_id), None),
    ] {
        let answer = two.as_ada(method, &path, body).await;
        assert!(matches!(answer.status.as_u16(), 200 | 204), "{method} {path}: {}", answer.text());
    }
}

/// The operations of which the document says that their answer may be 202.
fn operations_that_may_wait() -> Vec<String> {
    let document = serde_json::to_value(carnet::admin::openapi()).unwrap();
    let items = document["paths"].as_object().unwrap().values();
    let operations = items.flat_map(|item| item.as_object().unwrap().values());
    let waiting = operations.filter(|operation| operation["responses"]["202"].is_object());
    waiting.map(|operation| operation["operationId"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn every_sensitive_request_waits_and_says_so_in_the_document() {
    let two = Two::start().await;
    // A successor that could take over.
    two.iap.tend_keys().await;
    two.iap.advance(3601).await;
    let (participant, client) = (&two.machine.participant_id, &two.machine.client_id);
    let bound = json!({ "participant_id": participant, "name": "bound" });
    let bound = two.as_ada("POST", "/clients", Some(bound)).await.expect(201).json();
    let servers = two.as_ada("GET", "/resource-servers", None).await.expect(200).json();
    let server = servers["items"][0]["id"].as_str().unwrap().to_owned();
    let uri = json!({ "uri": "https://acme.example/acme" });
    for path in [
        format!("/participants/{participant}/disable"),
        format!("/resource-servers/{server}/disable"),
        format!("/administrators/{}/disable", two.bob.client_id),
    ] {
        let _ = two.as_ada("POST", &path, None).await.expect(200);
    }
    let suspend = format!("/participants/{participant}/identifiers/suspend");
    let _ = two.as_ada("POST", &suspend, Some(uri.clone())).await.expect(200);
    let key = json!({ "jwk": ClientKeyPair::es256("k").jwk() });
    let (bob, bound) = (&two.bob.client_id, bound["client_id"].as_str().unwrap());
    let unbound = json!({ "participant_id": participant, "name": "m", "require_bound_tokens": false });
    let cases = [
        (
            "updateParticipant",
            "PATCH",
            format!("/participants/{participant}"),
            json!({ "logistics_agent_uri": "https://acme.example/new" }),
            "identifiers",
        ),
        (
            "addIdentifier",
            "POST",
            format!("/participants/{participant}/identifiers"),
            json!({ "uri": "https://acme.example/new" }),
            "identifiers",
        ),
        (
            "resumeIdentifier",
            "POST",
            format!("/participants/{participant}/identifiers/resume"),
            uri,
            "enable",
        ),
        ("enableParticipant", "POST", format!("/participants/{participant}/enable"), json!({}), "enable"),
        ("enableClient", "POST", format!("/clients/{client}/enable"), json!({}), "enable"),
        ("enableResourceServer", "POST", format!("/resource-servers/{server}/enable"), json!({}), "enable"),
        ("enableAdministrator", "POST", format!("/administrators/{bob}/enable"), json!({}), "administrators"),
        (
            "updateAdministrator",
            "PATCH",
            format!("/administrators/{bob}"),
            json!({ "name": "Robert" }),
            "administrators",
        ),
        (
            "createAdministrator",
            "POST",
            "/administrators".to_owned(),
            json!({ "name": "Cyd", "scopes": ALL }),
            "administrators",
        ),
        ("addClientSecret", "POST", format!("/clients/{bob}/secrets"), json!({}), "administrators"),
        ("rotateClientSecret", "POST", format!("/clients/{bob}/secrets/rotate"), json!({}), "administrators"),
        (
            "rotateSigningKey",
            "POST",
            "/signing-keys/rotate".to_owned(),
            json!({ "alg": "RS256" }),
            "signing_keys",
        ),
        ("addClientKeys", "POST", format!("/clients/{bob}/keys"), key, "administrators"),
        ("createClient", "POST", "/clients".to_owned(), unbound, "unbound_tokens"),
        (
            "updateClient",
            "PATCH",
            format!("/clients/{bound}"),
            json!({ "require_bound_tokens": false }),
            "unbound_tokens",
        ),
    ];
    let documented = operations_that_may_wait();
    assert_eq!(documented.len(), cases.len());
    for (id, method, path, body, operation) in cases {
        assert!(documented.iter().any(|operation| operation == id), "{id}");
        let answer = two.as_ada(method, &path, Some(body)).await;
        assert_eq!(answer.status.as_u16(), 202, "{id}: {}", answer.text());
        assert_eq!(answer.json()["operation"], operation, "{id}");
    }
    // What is not sensitive goes on as ever.
    let _ = two.as_ada("PATCH", &format!("/clients/{bound}"), Some(json!({ "name": "x" }))).await.expect(200);
    let _ = two
        .as_ada("PATCH", &format!("/participants/{participant}"), Some(json!({ "roles": ["CAR"] })))
        .await
        .expect(200);
    let _ = two.as_ada("POST", &format!("/clients/{client}/secrets"), None).await.expect(201);
    let pending = two.as_ada("GET", "/approvals?state=pending", None).await.expect(200).json();
    assert_eq!(pending["items"].as_array().unwrap().len(), 15);
    let none = two.as_ada("GET", "/approvals?state=executed", None).await.expect(200).json();
    assert_eq!(none["items"], json!([]));
    let _ = two.as_ada("GET", "/approvals?state=lost", None).await.expect(400);
}

#[tokio::test]
async fn a_request_that_cannot_be_done_waits_for_nobody() {
    let two = Two::start().await;
    let participant = format!("/participants/{}", two.machine.participant_id);
    let wrong = json!({ "logistics_agent_uri": "http://acme.example/x" });
    let _ = two.as_ada("PATCH", &participant, Some(wrong)).await.expect(400);
    let _ = two.as_ada("POST", "/clients/x/enable", None).await.expect(404);
    let token = two.iap.token_for(&two.ada).await;
    let stale = [("if-match", "\"older\"")];
    let _ = two.iap.admin_with(&token, "POST", &two.enable(), &stale, None).await.expect(412);
    let list = two.as_ada("GET", "/approvals", None).await.expect(200).json();
    assert_eq!(list["items"], json!([]));
}

#[tokio::test]
async fn the_same_request_with_the_same_key_waits_once() {
    let two = Two::start().await;
    let token = two.iap.token_for(&two.ada).await;
    let key = [("idempotency-key", "k")];
    let first = two.iap.admin_with(&token, "POST", &two.enable(), &key, None).await.expect(202);
    let again = two.iap.admin_with(&token, "POST", &two.enable(), &key, None).await.expect(202);
    assert_eq!((again.json(), again.header("idempotent-replayed")), (first.json(), "true"));
    let list = two.as_ada("GET", "/approvals", None).await.expect(200).json();
    assert_eq!(list["items"].as_array().unwrap().len(), 1);

    let bob = two.iap.token_for(&two.bob).await;
    let approve = format!("/approvals/{}/approve", first.json()["id"].as_str().unwrap());
    let done = two.iap.admin_with(&bob, "POST", &approve, &key, None).await.expect(200);
    let again = two.iap.admin_with(&bob, "POST", &approve, &key, None).await.expect(200);
    assert_eq!((again.json(), again.header("idempotent-replayed")), (done.json(), "true"));
    let _ = two.iap.token_of(&two.machine, &[]).await.expect(200);
}

#[tokio::test]
async fn only_what_the_configuration_names_waits() {
    let two = Two::start_with("[approval]\nrequired = true\noperations = ['administrators']\n").await;
    let _ = two.as_ada("POST", &two.enable(), None).await.expect(200);
    let new = json!({ "name": "Cyd", "scopes": ALL });
    let _ = two.as_ada("POST", "/administrators", Some(new)).await.expect(202);
    let off = Two::start_with("[approval]\noperations = ['administrators', 'enable']\n").await;
    let _ = off.as_ada("POST", &off.enable(), None).await.expect(200);
}

#[tokio::test]
async fn one_administrator_cannot_pile_up_requests() {
    let two = Two::start().await;
    let token = two.iap.token_for(&two.ada).await;
    for _ in 0..100 {
        let _ = two.iap.admin_with(&token, "POST", &two.enable(), &[], None).await.expect(202);
    }
    let refused = two.iap.admin_with(&token, "POST", &two.enable(), &[], None).await;
    assert_eq!(conflict(&refused), "requested_by");
    let _ = two.as_bob("POST", &two.enable(), None).await.expect(202);
}
