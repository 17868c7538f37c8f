//! What the server tells of itself at `/metrics`.

mod exposition;
mod operations;

use std::time::Duration;

use axum::body::Body;
use carnet_testkit::{Answer, ClientKeyPair};
use http::Request;
use serde_json::json;

use crate::harness::{Registered, TestIap, basic};
use exposition::Scraped;

async fn scrape(iap: &TestIap) -> Scraped {
    let answer = get(iap, &[]).await.expect(200);
    assert_eq!(answer.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    assert_eq!(answer.header("cache-control"), "no-store");
    Scraped::parse(&answer.text())
}

async fn get(iap: &TestIap, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::get("/metrics");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    iap.administration(request.body(Body::empty()).unwrap()).await
}

async fn wrong_secret(iap: &TestIap, client: &Registered) {
    let wrong = format!("{}x", client.client_secret);
    let answer = iap
        .token(
            &[("grant_type", "client_credentials")],
            &[("authorization", &basic(&client.client_id, &wrong))],
        )
        .await;
    let _ = answer.expect(401);
}

#[tokio::test]
async fn metrics_are_not_on_the_public_listener() {
    let iap = TestIap::start().await;
    let answer = iap.get("/metrics").await.expect(404);
    assert!(!answer.text().contains("carnet_"), "{}", answer.text());
}

#[tokio::test]
async fn a_page_of_another_name_cannot_read_them() {
    let iap = TestIap::start().await;
    // DNS rebinding: the name is the attacker's, the address is loopback.
    let _ = get(&iap, &[("host", "evil.example:8081")]).await.expect(421);
    let _ = get(&iap, &[("origin", "https://evil.example")]).await.expect(403);
}

#[tokio::test]
async fn each_metric_has_its_type() {
    let iap = TestIap::start().await;
    let scraped = scrape(&iap).await;
    for (name, kind) in [
        ("carnet_build_info", "gauge"),
        ("carnet_client_credential_next_expiry_seconds", "gauge"),
        ("carnet_client_credentials", "gauge"),
        ("carnet_client_next_lockout_seconds", "gauge"),
        ("carnet_clients", "gauge"),
        ("carnet_clients_locked_out", "gauge"),
        ("carnet_clock_agrees", "gauge"),
        ("carnet_connections", "gauge"),
        ("carnet_connections_accepted_total", "counter"),
        ("carnet_connections_failed_total", "counter"),
        ("carnet_connections_limit", "gauge"),
        ("carnet_database_connections", "gauge"),
        ("carnet_database_errors_total", "counter"),
        ("carnet_http_request_duration_seconds", "histogram"),
        ("carnet_http_requests_refused_total", "counter"),
        ("carnet_http_requests_total", "counter"),
        ("carnet_ready", "gauge"),
        ("carnet_registry_change_number", "gauge"),
        ("carnet_registry_image_age_seconds", "gauge"),
        ("carnet_registry_polls_failed_total", "counter"),
        ("carnet_replay_memory_capacity", "gauge"),
        ("carnet_replay_memory_entries", "gauge"),
        ("carnet_resource_servers", "gauge"),
        ("carnet_signing_key_age_seconds", "gauge"),
        ("carnet_token_refusals_total", "counter"),
        ("carnet_tokens_issued_total", "counter"),
        ("process_cpu_seconds_total", "counter"),
        ("process_max_fds", "gauge"),
        ("process_open_fds", "gauge"),
        ("process_resident_memory_bytes", "gauge"),
        ("process_start_time_seconds", "gauge"),
    ] {
        assert_eq!(scraped.kind(name), Some(kind), "{name}");
    }
}

#[tokio::test]
async fn a_token_counts_by_algorithm_and_a_refusal_by_reason() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    let issued = |scraped: &Scraped, alg, kind| {
        scraped.value("carnet_tokens_issued_total", &[("alg", alg), ("kind", kind)])
    };
    let before = scrape(&iap).await;
    let _ = iap.token_of(&client, &[]).await.expect(200);
    wrong_secret(&iap, &client).await;
    wrong_secret(&iap, &client).await;
    let _ = iap.token(&[], &[]).await.expect(400);
    let after = scrape(&iap).await;
    assert_eq!((issued(&before, "RS256", "access"), issued(&after, "RS256", "access")), (None, Some(1.0)));
    // Those by which the client was registered.
    assert!(issued(&after, "opaque", "administration").unwrap() >= 1.0);
    let refused =
        |error, reason| after.value("carnet_token_refusals_total", &[("error", error), ("reason", reason)]);
    assert_eq!(refused("invalid_client", "malformed_secret"), Some(2.0));
    assert_eq!(refused("invalid_request", "missing_grant_type"), Some(1.0));
    let answered = |route, method, status| {
        let labels = [("listener", "public"), ("route", route), ("method", method), ("status", status)];
        after.value("carnet_http_requests_total", &labels)
    };
    assert_eq!(answered("/token", "POST", "401"), Some(2.0));
    assert_eq!(answered("/token", "POST", "400"), Some(1.0));
    let took = [("listener", "public"), ("route", "/token"), ("method", "POST")];
    let requests = after.value("carnet_http_request_duration_seconds_count", &took).unwrap();
    let by_status: f64 = ["200", "400", "401"].iter().filter_map(|s| answered("/token", "POST", s)).sum();
    assert!((requests - by_status).abs() < f64::EPSILON, "{requests} {by_status}");
}

#[tokio::test]
async fn what_a_stranger_chooses_becomes_no_series_and_no_client_is_named() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    let _ = iap.token_of(&client, &[]).await.expect(200);
    wrong_secret(&iap, &client).await;
    let before = scrape(&iap).await;
    for number in 0..50 {
        let _ = iap.get(&format!("/secret-path-{number}?q={number}")).await.expect(404);
        let _ = iap.get(&format!("/clients/nobody{number}/jwks")).await.expect(404);
        let brew = Request::builder().method(format!("BREW{number}").as_str()).uri("/token");
        let _ = iap.public(brew.body(Body::empty()).unwrap()).await.expect(405);
        let host = format!("host{number}.example");
        let other = Request::get("/token").header("host", host).body(Body::empty());
        let _ = iap.public(other.unwrap()).await.expect(421);
    }
    let after = scrape(&iap).await;
    let unmatched = [("listener", "public"), ("route", "(none)"), ("method", "GET"), ("status", "404")];
    assert_eq!(after.value("carnet_http_requests_total", &unmatched), Some(50.0));
    let refused = [("listener", "public"), ("reason", "unknown_host")];
    assert_eq!(after.value("carnet_http_requests_refused_total", &refused), Some(50.0));
    // A handful of series for two hundred new words: their counters, and the buckets of new pairs of route and method.
    let grown = after.samples() - before.samples();
    assert!(grown < 120, "{grown} new series");
    for word in ["secret-path", "nobody", "BREW", "host1.example", client.client_id.as_str()] {
        assert!(!after.text().contains(word), "{word} is in {}", after.text());
    }
}

#[tokio::test]
async fn an_image_that_ages_is_seen_before_and_after_it_stops_tokens() {
    let iap = TestIap::start().await;
    let value = |scraped: &Scraped, name: &str| scraped.value(name, &[]).unwrap();
    iap.app.registry.refresh().await.unwrap();
    let fresh = scrape(&iap).await;
    assert!(value(&fresh, "carnet_registry_image_age_seconds").abs() < f64::EPSILON);
    assert!((value(&fresh, "carnet_ready") - 1.0).abs() < f64::EPSILON);
    iap.clock.advance(Duration::from_secs(3));
    let stale = scrape(&iap).await;
    assert!((value(&stale, "carnet_registry_image_age_seconds") - 3.0).abs() < f64::EPSILON);
    assert!(value(&stale, "carnet_ready").abs() < f64::EPSILON);
    assert!((value(&stale, "carnet_clock_agrees") - 1.0).abs() < f64::EPSILON);
    let before = value(&stale, "carnet_registry_change_number");
    iap.app.registry.refresh().await.unwrap();
    let _ = iap.acme().await;
    assert!(value(&scrape(&iap).await, "carnet_registry_change_number") > before);
}

#[tokio::test]
async fn keys_and_credentials_tell_how_old_they_are_and_how_long_they_last() {
    let iap = TestIap::start().await;
    let acme = iap.acme().await;
    let key = ClientKeyPair::es256("first");
    let by_key = json!({"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [key.jwk()]}});
    let _ = iap.client(&acme.participant_id, by_key).await;
    let secrets = format!("/clients/{}/secrets", acme.client_id);
    let _ = iap.admin("POST", &secrets, Some(json!({"expires_in": 3600}))).await.expect(201);
    let _ = iap.admin("POST", &format!("/clients/{}/disable", acme.client_id), None).await.expect(200);
    let disabled = scrape(&iap).await;
    let clients =
        |scraped: &Scraped, kind, state| scraped.value("carnet_clients", &[("kind", kind), ("state", state)]);
    assert_eq!(clients(&disabled, "machine", "active"), Some(1.0));
    assert_eq!(clients(&disabled, "machine", "disabled"), Some(1.0));
    assert_eq!(clients(&disabled, "administrator", "active"), Some(1.0));
    let _ = iap.admin("POST", &format!("/clients/{}/enable", acme.client_id), None).await.expect(200);
    iap.clock.advance(Duration::from_mins(10));
    iap.app.registry.refresh().await.unwrap();
    let scraped = scrape(&iap).await;
    let next = scraped.value("carnet_client_credential_next_expiry_seconds", &[("kind", "secret")]);
    assert_eq!(next, Some(3000.0));
    assert_eq!(scraped.value("carnet_client_credentials", &[("kind", "key")]), Some(1.0));
    // Its first secret lasts: nobody is locked out when the second one expires.
    assert_eq!(scraped.value("carnet_client_next_lockout_seconds", &[]), None);
    assert_eq!(scraped.value("carnet_clients_locked_out", &[]), Some(0.0));
    let ages: Vec<f64> = scraped.values("carnet_signing_key_age_seconds", &[("state", "active")]);
    assert!(ages.len() >= 3 && ages.iter().all(|age| (age - 600.0).abs() < f64::EPSILON), "{ages:?}");
    let tokens = scraped.values("carnet_signing_key_age_seconds", &[("purpose", "access-token")]);
    assert!(tokens.len() >= 2, "{tokens:?}");
}

#[tokio::test]
async fn a_client_whose_last_secret_expires_is_announced_and_then_locked_out() {
    let iap = TestIap::start().await;
    let acme = iap.acme().await;
    let secrets = format!("/clients/{}/secrets", acme.client_id);
    let _ = iap.admin("POST", &secrets, Some(json!({"expires_in": 3600}))).await.expect(201);
    let listed = iap.admin("GET", &secrets, None).await.expect(200).json();
    // Not by their order: both were made in one moment.
    let lasting = listed["items"].as_array().unwrap().iter().find(|item| item["expires_at"].is_null());
    let first = lasting.unwrap()["id"].as_str().unwrap();
    let answer = iap.admin("DELETE", &format!("{secrets}/{first}"), None).await;
    assert!(answer.status.is_success(), "{}", answer.text());
    let announced = scrape(&iap).await;
    assert_eq!(announced.value("carnet_client_next_lockout_seconds", &[]), Some(3600.0));
    iap.clock.advance(Duration::from_hours(1));
    let locked_out = scrape(&iap).await;
    assert_eq!(locked_out.value("carnet_client_next_lockout_seconds", &[]), None);
    assert_eq!(locked_out.value("carnet_clients_locked_out", &[]), Some(1.0));
}

#[tokio::test]
async fn a_configured_token_must_be_shown() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "0123456789abcdef0123456789abcdef\n").unwrap();
    let iap = TestIap::start_with(&format!("[metrics]\ntoken_file = '{}'", file.display())).await;
    let answer = get(&iap, &[]).await.expect(401);
    assert!(answer.header("www-authenticate").starts_with("Bearer realm="));
    let _ = get(&iap, &[("authorization", "Bearer 0123456789abcdef0123456789abcdee")]).await.expect(401);
    let token = ("authorization", "Bearer 0123456789abcdef0123456789abcdef");
    let scraped = Scraped::parse(&get(&iap, &[token]).await.expect(200).text());
    assert_eq!(scraped.value("carnet_build_info", &[]), Some(1.0));
}

#[tokio::test]
async fn a_listener_that_is_not_on_loopback_tells_nothing_without_a_token() {
    let server = "[server]\nadmin_listen = '0.0.0.0:8081'\nadmin_url = 'https://127.0.0.1:8081/admin/v1'";
    let iap = TestIap::start_with(server).await;
    let answer = get(&iap, &[]).await.expect(403);
    assert!(answer.text().contains("metrics.token_file") && !answer.text().contains("carnet_"));
}
