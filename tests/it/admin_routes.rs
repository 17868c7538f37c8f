//! Every route of the administration API, generated from its own table: who may use it, and how it is described.

use axum::body::Body;
use carnet::admin::{self, Route};
use carnet::registry::SigningAlgorithm;
use carnet::registry::scope::{ADMINISTRATIVE, covers};
use carnet_testkit::Answer;
use http::{Request, StatusCode};
use serde_json::{Value, json};

use crate::harness::{ISSUER, NOW, TestIap};

const SOME_ID: &str = "01ARZ3NDEKTSV4RRFFQ69G5FAV";

fn guarded() -> Vec<(Route, String)> {
    let table: Vec<_> = admin::route_table().into_iter().filter(|route| route.scope.is_some()).collect();
    assert_eq!(table.len(), 50, "a route came or went: is it guarded?");
    table.into_iter().map(|route| (route.clone(), concrete(&route.path))).collect()
}

/// The path with some id wherever one stands.
fn concrete(path: &str) -> String {
    let segments = path.split('/').map(|segment| if segment.starts_with('{') { SOME_ID } else { segment });
    segments.collect::<Vec<_>>().join("/")
}

async fn send(iap: &TestIap, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::builder().method(method).uri(path).header("content-type", "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    iap.administration(request.body(Body::from("{}")).unwrap()).await
}

#[track_caller]
fn is_problem(answer: &Answer, status: u16, what: &str) {
    assert_eq!(answer.status.as_u16(), status, "{what}: {}", answer.text());
    assert_eq!(answer.header("content-type"), "application/problem+json", "{what}");
    assert_eq!(answer.header("cache-control"), "no-store", "{what}");
    let problem = answer.json();
    assert_eq!(problem["status"], status, "{what}");
    for member in ["type", "title", "detail"] {
        assert!(problem[member].as_str().is_some_and(|text| !text.is_empty()), "{what}: {member}");
    }
}

#[tokio::test]
async fn a_jwt_of_our_own_token_key_with_every_scope_is_refused_on_every_route() {
    let iap = TestIap::start().await;
    let administrator = iap.credentials().client_id;
    let keys = iap.app.keys.current();
    for algorithm in [SigningAlgorithm::Rs256, SigningAlgorithm::Es256] {
        let key = keys.access_token_key(algorithm).unwrap();
        let claims = json!({
            "iss": ISSUER, "sub": administrator, "client_id": administrator, "aud": [ISSUER, "https://iap.example/admin/v1"],
            "iat": NOW, "nbf": NOW, "exp": NOW + 300, "jti": "forged", "scope": "admin:read admin:write",
        });
        let header = json!({ "alg": algorithm.as_str(), "typ": "at+jwt", "kid": key.kid() });
        let forged = format!("Bearer {}", key.sign_compact(&header, &claims).unwrap());
        for (route, path) in guarded() {
            let answer = send(&iap, route.method, &path, &[("authorization", &forged)]).await;
            is_problem(&answer, 401, &route.path);
            assert!(answer.header("www-authenticate").contains("invalid_token"), "{}", route.path);
        }
    }
}

#[tokio::test]
async fn no_token_is_refused_on_every_route() {
    let iap = TestIap::start().await;
    for (route, path) in guarded() {
        let answer = send(&iap, route.method, &path, &[]).await;
        is_problem(&answer, 401, &route.path);
        assert_eq!(answer.header("www-authenticate"), r#"Bearer realm="carnet-admin""#);
    }
}

#[tokio::test]
async fn a_token_reaches_no_further_than_its_scope() {
    let iap = TestIap::start().await;
    let mut answers = 0;
    for scope in ADMINISTRATIVE {
        let token = format!("Bearer {}", iap.administration_token(scope).await);
        for (route, path) in guarded() {
            let needed = route.scope.as_deref().unwrap();
            let answer = send(&iap, route.method, &path, &[("authorization", &token)]).await;
            if covers(scope, needed) {
                assert!(!matches!(answer.status.as_u16(), 401 | 403 | 500..), "{route:?}: {}", answer.text());
            } else {
                is_problem(&answer, 403, &route.path);
                let challenge = answer.header("www-authenticate");
                assert!(challenge.contains("insufficient_scope"), "{challenge}");
                assert!(challenge.contains(&format!("scope=\"{needed}\"")), "{scope}: {challenge}");
            }
            answers += 1;
        }
    }
    assert_eq!(answers, 9 * 50);
}

#[tokio::test]
async fn reading_needs_read_and_changing_needs_write() {
    for (route, _) in guarded() {
        let wide = if route.method == "GET" { "admin:read" } else { "admin:write" };
        let needed = route.scope.as_deref().unwrap();
        assert!(covers(wide, needed) && needed != wide, "{route:?}");
    }
}

#[tokio::test]
async fn whatever_is_no_administration_token_is_refused() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    let access_token =
        iap.token_of(&client, &[]).await.expect(200).json()["access_token"].as_str().unwrap().to_owned();
    let good = iap.administration_token("admin:read").await;
    let unknown = format!("carnet_at_{}", "A".repeat(43));
    let path = "/admin/v1/participants";
    for wrong in [
        format!("Bearer {access_token}"),
        format!("Bearer {unknown}"),
        format!("Bearer {}", client.client_secret),
        format!("Bearer {good}x"),
        format!("Bearer  {good}"),
        format!("DPoP {good}"),
        format!("Basic {good}"),
        good.clone(),
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        String::new(),
    ] {
        is_problem(&send(&iap, "GET", path, &[("authorization", &wrong)]).await, 401, &wrong);
    }
    let good = format!("Bearer {good}");
    is_problem(
        &send(&iap, "GET", path, &[("authorization", &good), ("authorization", &good)]).await,
        401,
        "two",
    );
    assert_eq!(send(&iap, "GET", path, &[("authorization", &good)]).await.status, StatusCode::OK);
    let lower = good.replacen("Bearer", "bearer", 1);
    assert_eq!(send(&iap, "GET", path, &[("authorization", &lower)]).await.status, StatusCode::OK);
}

#[tokio::test]
async fn an_administration_token_ends_after_five_minutes() {
    let iap = TestIap::start().await;
    let token = format!("Bearer {}", iap.administration_token("admin:read").await);
    let headers = [("authorization", token.as_str())];
    iap.clock.advance(std::time::Duration::from_secs(299));
    assert_eq!(send(&iap, "GET", "/admin/v1/clients", &headers).await.status, StatusCode::OK);
    iap.clock.advance(std::time::Duration::from_secs(1));
    is_problem(&send(&iap, "GET", "/admin/v1/clients", &headers).await, 401, "expired");
}

#[tokio::test]
async fn unknown_paths_and_methods_are_problems_too() {
    let iap = TestIap::start().await;
    for path in [
        "/admin/v1",
        "/admin/v1/",
        "/admin/v1/nothing",
        "/admin/v1/participants/",
        "/",
        "/token",
        "/admin/v2/participants",
    ] {
        is_problem(&send(&iap, "GET", path, &[]).await, 404, path);
    }
    for (method, path, allowed) in [
        ("DELETE", "/admin/v1/participants", "GET,HEAD,POST"),
        ("PUT", "/admin/v1/clients/x", "GET,HEAD,PATCH"),
        ("GET", "/admin/v1/clients/x/disable", "POST"),
        ("PATCH", "/admin/v1/clients/x/keys/y", "DELETE"),
        ("POST", "/admin/v1/openapi.json", "GET,HEAD"),
    ] {
        let answer = send(&iap, method, path, &[]).await;
        is_problem(&answer, 405, path);
        let mut methods: Vec<&str> = answer.header("allow").split(',').map(str::trim).collect();
        methods.sort_unstable();
        assert_eq!(methods.join(","), allowed, "{method} {path}");
    }
}

#[tokio::test]
async fn the_document_is_openapi_3_1_and_lists_every_route() {
    let iap = TestIap::start().await;
    let answer = send(&iap, "GET", "/admin/v1/openapi.json", &[]).await.expect(200);
    assert_eq!(answer.header("content-type"), "application/json");
    let document = answer.json();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let table: Vec<String> = admin::route_table()
        .iter()
        .map(|route| format!("{} {} {}", route.path, route.method, route.scope.as_deref().unwrap_or("-")))
        .collect();
    let expected = [
        "/admin/v1/administrators GET admin:registry:read",
        "/admin/v1/administrators POST admin:administrators:write",
        "/admin/v1/administrators/{client_id} GET admin:registry:read",
        "/admin/v1/administrators/{client_id} PATCH admin:administrators:write",
        "/admin/v1/administrators/{client_id}/disable POST admin:administrators:write",
        "/admin/v1/administrators/{client_id}/enable POST admin:administrators:write",
        "/admin/v1/approvals GET admin:registry:read",
        "/admin/v1/approvals/{id} GET admin:registry:read",
        "/admin/v1/approvals/{id}/approve POST admin:approve",
        "/admin/v1/approvals/{id}/execute POST admin:registry:write",
        "/admin/v1/approvals/{id}/reject POST admin:approve",
        "/admin/v1/clients GET admin:registry:read",
        "/admin/v1/clients POST admin:registry:write",
        "/admin/v1/clients/{client_id} GET admin:registry:read",
        "/admin/v1/clients/{client_id} PATCH admin:registry:write",
        "/admin/v1/clients/{client_id}/disable POST admin:registry:write",
        "/admin/v1/clients/{client_id}/enable POST admin:registry:write",
        "/admin/v1/clients/{client_id}/keys GET admin:registry:read",
        "/admin/v1/clients/{client_id}/keys POST admin:registry:write",
        "/admin/v1/clients/{client_id}/keys/{kid} DELETE admin:registry:write",
        "/admin/v1/clients/{client_id}/secrets GET admin:registry:read",
        "/admin/v1/clients/{client_id}/secrets POST admin:registry:write",
        "/admin/v1/clients/{client_id}/secrets/rotate POST admin:registry:write",
        "/admin/v1/clients/{client_id}/secrets/{secret_id} DELETE admin:registry:write",
        "/admin/v1/expiring-credentials GET admin:registry:read",
        "/admin/v1/journal GET admin:audit:read",
        "/admin/v1/journal/head GET admin:audit:read",
        "/admin/v1/openapi.json GET -",
        "/admin/v1/participants GET admin:registry:read",
        "/admin/v1/participants POST admin:registry:write",
        "/admin/v1/participants/{id} GET admin:registry:read",
        "/admin/v1/participants/{id} PATCH admin:registry:write",
        "/admin/v1/participants/{id}/disable POST admin:registry:write",
        "/admin/v1/participants/{id}/enable POST admin:registry:write",
        "/admin/v1/participants/{id}/identifiers GET admin:registry:read",
        "/admin/v1/participants/{id}/identifiers POST admin:registry:write",
        "/admin/v1/participants/{id}/identifiers/resume POST admin:registry:write",
        "/admin/v1/participants/{id}/identifiers/suspend POST admin:registry:write",
        "/admin/v1/participants/{id}/initial-access-tokens GET admin:registry:read",
        "/admin/v1/participants/{id}/initial-access-tokens POST admin:registry:write",
        "/admin/v1/participants/{id}/initial-access-tokens/{token_id} DELETE admin:registry:write",
        "/admin/v1/resource-servers GET admin:registry:read",
        "/admin/v1/resource-servers POST admin:registry:write",
        "/admin/v1/resource-servers/{id} GET admin:registry:read",
        "/admin/v1/resource-servers/{id} PATCH admin:registry:write",
        "/admin/v1/resource-servers/{id}/disable POST admin:registry:write",
        "/admin/v1/resource-servers/{id}/enable POST admin:registry:write",
        "/admin/v1/signing-keys GET admin:keys:read",
        "/admin/v1/signing-keys/rotate POST admin:keys:write",
        "/admin/v1/signing-keys/{kid}/revoke POST admin:keys:write",
        "/admin/v1/tokens/revoke POST admin:registry:write",
    ];
    assert_eq!(table, expected);
}

#[tokio::test]
async fn every_operation_is_described_with_its_refusals() {
    let document = serde_json::to_value(admin::openapi()).unwrap();
    let mut ids = std::collections::BTreeSet::new();
    for route in admin::route_table() {
        let operation = &document["paths"][&route.path][route.method.to_lowercase()];
        let what = format!("{} {}", route.method, route.path);
        assert!(
            ids.insert(operation["operationId"].as_str().unwrap().to_owned()),
            "{what}: operationId stands twice"
        );
        assert!(operation["summary"].is_string() && operation["tags"][0].is_string(), "{what}");
        let answers = operation["responses"].as_object().unwrap();
        let mut needed = vec!["405"];
        if route.scope.is_some() {
            needed.extend(["401", "403", "503"]);
        }
        if route.path.contains('{') {
            needed.push("404");
        }
        if operation["requestBody"].is_object() {
            needed.push("415");
        }
        if route.method != "GET" {
            needed.extend(["400", "409", "413"]);
        }
        if route.method == "POST" {
            needed.push("422");
        }
        if takes(operation, "If-Match") {
            needed.push("412");
        }
        assert_eq!(takes(operation, "Idempotency-Key"), route.method == "POST", "{what}");
        let done = answers.iter().filter(|(status, _)| status.starts_with('2'));
        for (status, answer) in done.filter(|_| route.method == "POST") {
            let shared = answer["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
            let answer = shared.map_or(answer, |shared| document.pointer(shared).unwrap());
            for header in ["Idempotent-Replayed", "Idempotent-Secret-Withheld"] {
                assert!(answer["headers"][header].is_object(), "{what}: {header} with {status}");
            }
        }
        if route.method == "PATCH" || route.path.ends_with("able") {
            assert!(takes(operation, "If-Match"), "{what}: If-Match");
            assert!(answers["200"]["headers"]["ETag"].is_object(), "{what}: ETag");
        }
        if route.method == "GET" && route.path.ends_with('}') {
            assert!(answers["200"]["headers"]["ETag"].is_object(), "{what}: ETag");
        }
        for status in needed {
            assert!(answers.contains_key(status), "{what}: {status} is not documented");
        }
    }
    let waits = &document["components"]["responses"]["WaitsForApproval"]["headers"];
    assert!(waits["ETag"].is_object() && waits["Location"].is_object());
    for reference in references(&document) {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
}

fn takes(operation: &Value, header: &str) -> bool {
    operation["parameters"].as_array().is_some_and(|all| all.iter().any(|one| one["name"] == header))
}

fn references(value: &Value) -> Vec<String> {
    match value {
        Value::Object(members) => members
            .iter()
            .flat_map(|(name, value)| match value {
                Value::String(text) if name == "$ref" => vec![text.clone()],
                value => references(value),
            })
            .collect(),
        Value::Array(items) => items.iter().flat_map(references).collect(),
        _ => Vec::new(),
    }
}
