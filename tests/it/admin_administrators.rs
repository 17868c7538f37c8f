//! Several administrators, each with a client of their own, and how far each reaches.

use carnet_testkit::{Answer, ClientKeyPair};
use serde_json::{Value, json};

use crate::harness::{ISSUER, NOW, Registered, TestIap, basic};

/// The scope that a 403 says is missing.
#[track_caller]
fn missing(answer: &Answer) -> String {
    assert_eq!(answer.status.as_u16(), 403, "{}", answer.text());
    let challenge = answer.header("www-authenticate");
    let (_, scope) = challenge.split_once("scope=\"").unwrap_or_else(|| panic!("{challenge}"));
    scope.trim_end_matches('"').to_owned()
}

#[track_caller]
fn fields(answer: &Answer, status: u16) -> Vec<String> {
    assert_eq!(answer.status.as_u16(), status, "{}", answer.text());
    let problem = answer.json();
    let errors = problem["errors"].as_array().cloned().unwrap_or_default();
    errors.iter().map(|error| error["field"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn the_journal_names_whoever_did_it() {
    let iap = TestIap::start().await;
    let ada = iap.administrator("Ada", &["admin:registry:write"]).await;
    let client = iap.acme().await;
    let path = format!("/clients/{}/disable", client.client_id);
    let _ = iap.admin_as(&ada, "POST", &path, None).await.expect(200);
    let records = carnet::db::journal::after(iap.app.database.reader().pool(), 0, 1000).await.unwrap();
    let last = records.last().unwrap();
    assert_eq!(
        (last.action.as_str(), last.actor.clone()),
        ("client.disable", format!("client/{}", ada.client_id))
    );
    let made = records.iter().find(|record| record.action == "administrator.create").unwrap();
    assert_eq!(made.actor, format!("client/{}", iap.credentials().client_id));
    assert_eq!(made.subject, format!("client/{}", ada.client_id));
}

#[tokio::test]
async fn an_administrator_is_shown_without_the_secret() {
    let iap = TestIap::start().await;
    let body = json!({ "name": "Ada", "scopes": ["admin:approve", "admin:registry:read"] });
    let made = iap.admin("POST", "/administrators", Some(body)).await.expect(201);
    let mut shown = made.json();
    let path = format!("/administrators/{}", shown["client_id"].as_str().unwrap());
    assert_eq!(made.header("location"), format!("/admin/v1{path}"));
    let secret = shown["client_secret"].as_str().unwrap().to_owned();
    let members = shown.as_object_mut().unwrap();
    members.remove("client_secret");
    members.remove("client_secret_expires_at");
    assert_eq!((&shown["kind"], &shown["participant_id"]), (&json!("administrator"), &Value::Null));
    assert_eq!(shown["scopes"], json!(["admin:approve", "admin:registry:read"]));
    let got = iap.admin("GET", &path, None).await.expect(200);
    assert_eq!((got.json(), got.header("etag")), (shown.clone(), made.header("etag")));
    let list = iap.admin("GET", "/administrators", None).await.expect(200);
    let items = list.json()["items"].as_array().unwrap().clone();
    assert_eq!(items.len(), 2);
    assert!(items.contains(&shown) && !list.text().contains(&secret));
}

#[tokio::test]
async fn a_machine_is_no_administrator() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    let path = format!("/administrators/{}", client.client_id);
    let _ = iap.admin("GET", &path, None).await.expect(404);
    let _ = iap.admin("PATCH", &path, Some(json!({ "name": "x" }))).await.expect(404);
    let _ = iap.admin("POST", &format!("{path}/disable"), None).await.expect(404);
    let _ = iap.token_of(&client, &[]).await.expect(200);
}

#[tokio::test]
async fn a_broken_rule_names_its_member() {
    let iap = TestIap::start().await;
    let good = json!({ "name": "Ada", "scopes": ["admin:read"] });
    for (member, value, field) in [
        ("name", json!(""), "name"),
        ("scopes", json!([]), "scopes"),
        ("scopes", json!(["admin:everything"]), "scopes[0]"),
        ("scopes", json!(["admin:read", "events:write"]), "scopes[1]"),
        ("scopes", json!(["admin:read", "admin:read"]), "scopes[1]"),
        ("token_endpoint_auth_method", json!("private_key_jwt"), "jwks"),
        ("jwks", json!({ "keys": [] }), "jwks.keys"),
        ("participant_id", json!("x"), "participant_id"),
        ("require_bound_tokens", json!(false), "require_bound_tokens"),
    ] {
        let mut body = good.clone();
        body[member] = value.clone();
        assert_eq!(
            fields(&iap.admin("POST", "/administrators", Some(body)).await, 400),
            [field],
            "{member} = {value}"
        );
    }
    assert_eq!(iap.admin("GET", "/administrators", None).await.json()["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_narrow_administrator_reaches_as_far_as_their_scopes() {
    let iap = TestIap::start().await;
    let (participants, administrators) = ("/participants", "/administrators");
    for (scope, method, path, needed) in [
        ("admin:registry:read", "POST", participants, "admin:registry:write"),
        ("admin:registry:write", "GET", participants, "admin:registry:read"),
        ("admin:registry:write", "POST", administrators, "admin:administrators:write"),
        ("admin:administrators:write", "POST", participants, "admin:registry:write"),
        ("admin:approve", "GET", "/approvals", "admin:registry:read"),
        ("admin:audit:read", "GET", participants, "admin:registry:read"),
        ("admin:keys:write", "POST", "/approvals/x/approve", "admin:approve"),
    ] {
        let administrator = iap.administrator(scope, &[scope]).await;
        let body = (method == "POST").then(|| json!({}));
        assert_eq!(missing(&iap.admin_as(&administrator, method, path, body).await), needed, "{scope}");
    }
}

#[tokio::test]
async fn a_token_can_be_asked_for_more_narrowly_and_never_more_widely() {
    let iap = TestIap::start().await;
    let credentials = iap.credentials();
    let first = Registered {
        participant_id: String::new(),
        client_id: credentials.client_id.clone(),
        client_secret: credentials.client_secret.to_string(),
    };
    for scope in ["admin:registry:read", "admin:approve admin:registry:write", "admin:audit:read admin:read"]
    {
        let answer = iap.token_of(&first, &[("scope", scope)]).await.expect(200);
        assert_eq!(answer.json()["scope"], scope);
    }
    let ada = iap.administrator("Ada", &["admin:registry:read", "admin:approve"]).await;
    let all = iap.token_of(&ada, &[]).await.expect(200).json();
    assert_eq!(all["scope"], "admin:approve admin:registry:read");
    for scope in ["admin:read", "admin:registry:write", "admin:keys:read", "admin:everything", "admin:"] {
        let refused = iap.token_of(&ada, &[("scope", scope)]).await.expect(400);
        assert_eq!(refused.json()["error"], "invalid_scope", "{scope}");
    }
    let machine = iap.acme().await;
    for scope in ["admin:registry:read", "admin:approve"] {
        let _ = iap.token_of(&machine, &[("scope", scope)]).await.expect(400);
    }
}

#[tokio::test]
async fn nobody_gives_more_than_they_have() {
    let iap = TestIap::start().await;
    let ada = iap
        .administrator("Ada", &["admin:administrators:write", "admin:registry:read", "admin:registry:write"])
        .await;
    let new = |scopes: Value| json!({ "name": "puppet", "scopes": scopes });
    for (scopes, beyond) in [
        (json!(["admin:write"]), "admin:write"),
        (json!(["admin:registry:read", "admin:approve"]), "admin:approve"),
        (json!(["admin:keys:write"]), "admin:keys:write"),
    ] {
        let answer = iap.admin_as(&ada, "POST", "/administrators", Some(new(scopes.clone()))).await;
        assert_eq!(missing(&answer), beyond);
        let own = format!("/administrators/{}", ada.client_id);
        let answer = iap.admin_as(&ada, "PATCH", &own, Some(json!({ "scopes": scopes }))).await;
        assert_eq!(missing(&answer), beyond);
    }
    // Nor do they get hold of somebody who has more.
    let first = format!("/clients/{}", iap.credentials().client_id);
    let key = json!({ "jwk": ClientKeyPair::es256("k").jwk() });
    assert_eq!(missing(&iap.admin_as(&ada, "POST", &format!("{first}/secrets"), None).await), "admin:read");
    assert_eq!(missing(&iap.admin_as(&ada, "POST", &format!("{first}/keys"), Some(key)).await), "admin:read");
    let made = iap.admin_as(&ada, "POST", "/administrators", Some(new(json!(["admin:registry:read"])))).await;
    let _ = made.expect(201);
}

#[tokio::test]
async fn whoever_registers_machines_gets_no_hold_of_administrators() {
    let iap = TestIap::start().await;
    let ada = iap.administrator("Ada", &["admin:registry:read", "admin:registry:write"]).await;
    let bob = iap.administrator("Bob", &["admin:registry:read"]).await;
    let _ = iap.admin("POST", &format!("/administrators/{}/disable", bob.client_id), None).await.expect(200);
    let key = json!({ "jwk": ClientKeyPair::es256("k").jwk() });
    for client_id in [&iap.credentials().client_id, &bob.client_id, &ada.client_id] {
        let path = format!("/clients/{client_id}");
        let secrets = iap.admin("GET", &format!("{path}/secrets"), None).await.expect(200).json();
        let secret = secrets["items"][0]["id"].as_str().unwrap().to_owned();
        for (method, step, body) in [
            ("POST", "/secrets".to_owned(), Some(json!({}))),
            ("DELETE", format!("/secrets/{secret}"), None),
            ("POST", "/keys".to_owned(), Some(key.clone())),
            ("POST", "/disable".to_owned(), None),
        ] {
            let answer = iap.admin_as(&ada, method, &format!("{path}{step}"), body).await;
            assert_eq!(missing(&answer), "admin:administrators:write", "{method} {step}");
        }
        let tokens = json!({ "client_id": client_id });
        let answer = iap.admin_as(&ada, "POST", "/tokens/revoke", Some(tokens)).await;
        assert_eq!(missing(&answer), "admin:administrators:write", "their tokens");
    }
    let enable = format!("/clients/{}/enable", bob.client_id);
    assert_eq!(missing(&iap.admin_as(&ada, "POST", &enable, None).await), "admin:administrators:write");
    let _ = iap.token_of(&bob, &[]).await.expect(401);
}

#[tokio::test]
async fn a_disabled_administrators_token_ends_at_once() {
    let iap = TestIap::start().await;
    let ada = iap.administrator("Ada", &["admin:registry:read"]).await;
    let path = format!("/administrators/{}", ada.client_id);
    let token = iap.token_for(&ada).await;
    let _ = iap.admin_with(&token, "GET", "/participants", &[], None).await.expect(200);
    for _ in 0..2 {
        let disabled = iap.admin("POST", &format!("{path}/disable"), None).await.expect(200).json();
        assert_eq!(disabled["status"], "disabled");
        let _ = iap.admin_with(&token, "GET", "/participants", &[], None).await.expect(401);
        let _ = iap.token_of(&ada, &[]).await.expect(401);
    }
    let _ = iap.admin("POST", &format!("{path}/enable"), None).await.expect(200);
    let _ = iap.admin_with(&token, "GET", "/participants", &[], None).await.expect(401);
    let _ = iap.admin_as(&ada, "GET", "/participants", None).await.expect(200);
    let first = format!("/administrators/{}", iap.credentials().client_id);
    assert_eq!(fields(&iap.admin("POST", &format!("{first}/disable"), None).await, 409), ["client_id"]);
    let scopes = json!({ "scopes": ["admin:read"] });
    assert_eq!(fields(&iap.admin("PATCH", &first, Some(scopes)).await, 409), ["scopes"]);
}

#[tokio::test]
async fn with_an_administrators_scopes_their_tokens_end() {
    let iap = TestIap::start().await;
    let ada = iap.administrator("Ada", &["admin:registry:read", "admin:registry:write"]).await;
    let path = format!("/administrators/{}", ada.client_id);
    let token = iap.token_for(&ada).await;
    let _ = iap.admin("PATCH", &path, Some(json!({ "name": "Ada L." }))).await.expect(200);
    let _ = iap.admin_with(&token, "GET", "/participants", &[], None).await.expect(200);
    let changed = iap.admin("PATCH", &path, Some(json!({ "scopes": ["admin:registry:read"] }))).await;
    assert_eq!(changed.expect(200).json()["scopes"], json!(["admin:registry:read"]));
    let _ = iap.admin_with(&token, "GET", "/participants", &[], None).await.expect(401);
    assert_eq!(
        missing(&iap.admin_as(&ada, "POST", "/participants", Some(json!({}))).await),
        "admin:registry:write"
    );
}

#[tokio::test]
async fn an_administrator_may_sign_instead_of_having_a_secret() {
    let iap = TestIap::start().await;
    let key = ClientKeyPair::es256("ada");
    let body = json!({
        "name": "Ada", "scopes": ["admin:registry:read"], "token_endpoint_auth_method": "private_key_jwt", "jwks": key.jwks(),
    });
    let made = iap.admin("POST", "/administrators", Some(body)).await.expect(201).json();
    assert_eq!(made.get("client_secret"), None);
    let assertion = key.assertion(made["client_id"].as_str().unwrap(), ISSUER, NOW);
    let parameters = [
        ("grant_type", "client_credentials"),
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
        ("client_assertion", assertion.as_str()),
    ];
    let token = iap.token(&parameters, &[]).await.expect(200).json();
    let token = token["access_token"].as_str().unwrap();
    let _ = iap.admin_with(token, "GET", "/participants", &[], None).await.expect(200);
}

#[tokio::test]
async fn an_administrators_secret_rolls_as_every_clients() {
    let iap = TestIap::start().await;
    let ada = iap.administrator("Ada", &["admin:registry:read"]).await;
    let secrets = format!("/clients/{}/secrets", ada.client_id);
    let made = iap.admin("POST", &secrets, None).await.expect(201).json();
    let rolled =
        Registered { client_secret: made["client_secret"].as_str().unwrap().to_owned(), ..ada.clone() };
    let _ = iap.token_of(&ada, &[]).await.expect(200);
    let _ = iap.token_of(&rolled, &[]).await.expect(200);
    let header = basic(&rolled.client_id, &rolled.client_secret);
    let scope = [("grant_type", "client_credentials"), ("scope", "logistics_objects:read")];
    let _ = iap.token(&scope, &[("authorization", &header)]).await.expect(400);
}
