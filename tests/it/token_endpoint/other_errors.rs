//! The rest of the table.

use std::time::Duration;

use serde_json::json;

use super::{GRANT, refused};
use crate::harness::{DEFAULT_AUDIENCE, ISSUER, TestIap, basic};

#[tokio::test]
async fn another_grant_type_is_unsupported() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    let header = basic(&client.client_id, &client.client_secret);
    for grant_type in
        ["password", "authorization_code", "refresh_token", "CLIENT_CREDENTIALS", "client_credentials "]
    {
        let answer = iap.token(&[("grant_type", grant_type)], &[("authorization", &header)]).await;
        refused(&answer, 400, "unsupported_grant_type");
    }
}

#[tokio::test]
async fn an_administrator_is_unauthorized_for_access_tokens() {
    let iap = TestIap::start().await;
    let credentials = iap.credentials();
    let header = basic(&credentials.client_id, &credentials.client_secret);
    let parameters = [GRANT, ("scope", "logistics_objects:read")];
    refused(&iap.token(&parameters, &[("authorization", &header)]).await, 400, "unauthorized_client");
}

#[tokio::test]
async fn a_scope_beyond_the_client_is_invalid() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    for scope in [
        "ca:enrol",
        "logistics_objects:read ca:enrol",
        "unknown",
        "Logistics_objects:read",
        "admin:read",
        "admin:write",
    ] {
        refused(&iap.token_of(&client, &[("scope", scope)]).await, 400, "invalid_scope");
    }
}

#[tokio::test]
async fn a_malformed_scope_is_invalid() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    for scope in ["a\"b", "a\\b", "caf\u{e9}", " "] {
        refused(&iap.token_of(&client, &[("scope", scope)]).await, 400, "invalid_scope");
    }
}

#[tokio::test]
async fn administration_scopes_beside_others_are_invalid() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    let credentials = iap.credentials();
    let scope = ("scope", "admin:read logistics_objects:read");
    let header = basic(&credentials.client_id, &credentials.client_secret);
    refused(&iap.token(&[GRANT, scope], &[("authorization", &header)]).await, 400, "invalid_scope");
    refused(&iap.token_of(&client, &[scope]).await, 400, "invalid_scope");
}

#[tokio::test]
async fn a_resource_that_is_unknown_or_not_allowed_is_an_invalid_target() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    let server = json!({"identifier": "https://1r.other.example", "name": "other"});
    let _ = iap.admin("POST", "/resource-servers", Some(server)).await.expect(201);
    let slash = format!("{DEFAULT_AUDIENCE}/");
    for resource in ["https://1r.other.example", "https://nowhere.example", &slash, ISSUER, "no uri"] {
        refused(&iap.token_of(&client, &[("resource", resource)]).await, 400, "invalid_target");
        let beside = [("resource", DEFAULT_AUDIENCE), ("resource", resource)];
        refused(&iap.token_of(&client, &beside).await, 400, "invalid_target");
    }
}

#[tokio::test]
async fn a_resource_for_an_administration_token_is_an_invalid_target() {
    let iap = TestIap::start().await;
    let credentials = iap.credentials();
    let header = basic(&credentials.client_id, &credentials.client_secret);
    let parameters = [GRANT, ("resource", DEFAULT_AUDIENCE)];
    refused(&iap.token(&parameters, &[("authorization", &header)]).await, 400, "invalid_target");
}

#[tokio::test]
async fn the_network_audience_is_an_invalid_target_for_an_unbound_token() {
    let network = "https://network.example";
    let iap = TestIap::start_with(&format!("[tokens]\nnetwork_audience = \"{network}\"")).await;
    let client = iap.acme().await;
    let description = refused(&iap.token_of(&client, &[("resource", network)]).await, 400, "invalid_target");
    assert!(description.contains("bound"), "{description}");
    let mixed = [("resource", network), ("resource", DEFAULT_AUDIENCE)];
    refused(&iap.token_of(&client, &mixed).await, 400, "invalid_target");
    let _ = iap.token_of(&client, &[("resource", DEFAULT_AUDIENCE)]).await.expect(200);
}

#[tokio::test]
async fn a_stale_image_is_temporarily_unavailable() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    iap.clock.advance(Duration::from_millis(2001));
    let answer = iap.token_of(&client, &[]).await;
    refused(&answer, 503, "temporarily_unavailable");
    assert!(!answer.header("retry-after").is_empty());
}
