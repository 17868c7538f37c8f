//! What an administrator decides takes effect at the token endpoint.

use std::time::Duration;

use carnet_ambient::Clock;
use serde_json::json;

use crate::harness::http::Request;
use crate::harness::iap::{Client, Iap};
use crate::harness::{token, within};

/// The promise is a second; what a busy two-core machine adds is not the server's.
const A_SECOND: Duration = Duration::from_millis(1500);

/// Waits until the client's requests answer `status`, at most a second.
#[track_caller]
fn answers_within_a_second(iap: &Iap, client: &Client, status: u16) {
    let clock = Clock::system();
    let start = clock.monotonic();
    within(Duration::from_secs(20), "the decision takes effect", || {
        Some(iap.ask(client, &[])).filter(|answer| answer.status == status)
    });
    let took = clock.monotonic().saturating_sub(start);
    assert!(took < A_SECOND, "took {took:?}");
}

#[test]
fn a_disabled_client_is_refused_within_a_second() {
    let iap = Iap::start();
    let shipper = iap.participant("shipper", "SHP");
    let (client, sister) = (iap.client(&shipper, json!({})), iap.client(&shipper, json!({})));
    iap.token(&client, &[]);
    iap.admin("POST", &format!("/clients/{}/disable", client.client_id), None).expect(200);
    answers_within_a_second(&iap, &client, 401);
    assert_eq!(iap.ask(&client, &[]).json()["error"], "invalid_client");
    iap.token(&sister, &[]);
    iap.admin("POST", &format!("/clients/{}/enable", client.client_id), None).expect(200);
    answers_within_a_second(&iap, &client, 200);
}

#[test]
fn a_disabled_participant_takes_its_clients_along() {
    let iap = Iap::start();
    let (shipper, carrier) = (iap.participant("shipper", "SHP"), iap.participant("carrier", "CAR"));
    let (client, other) = (iap.client(&shipper, json!({})), iap.client(&carrier, json!({})));
    iap.token(&client, &[]);
    iap.admin("POST", &format!("/participants/{}/disable", shipper.id), None).expect(200);
    answers_within_a_second(&iap, &client, 401);
    iap.token(&other, &[]);
}

#[test]
fn a_second_secret_works_beside_the_first_until_one_is_withdrawn() {
    let iap = Iap::start();
    let shipper = iap.participant("shipper", "SHP");
    let first = iap.client(&shipper, json!({}));
    let secrets = format!("/clients/{}/secrets", first.client_id);
    let made = iap.admin("POST", &secrets, Some(&json!({}))).expect(201).json();
    let second = Client {
        client_id: first.client_id.clone(),
        client_secret: made["client_secret"].as_str().map(str::to_owned),
    };
    answers_within_a_second(&iap, &second, 200);
    iap.token(&first, &[]);
    let list = iap.admin("GET", &secrets, None).expect(200).json();
    let items = list["items"].as_array().unwrap();
    assert_eq!(items.len(), 2);
    assert!(!list.to_string().contains(second.secret()), "a secret is shown once");
    let of_first = items.iter().find(|item| item["id"] != made["id"]).unwrap();
    let path = format!("{secrets}/{}", of_first["id"].as_str().unwrap());
    assert!(matches!(iap.admin("DELETE", &path, None).status, 200 | 204));
    answers_within_a_second(&iap, &first, 401);
    iap.token(&second, &[]);
}

#[test]
fn an_access_token_is_no_administration_token() {
    let iap = Iap::start();
    let shipper = iap.participant("shipper", "SHP");
    let client = iap.client(&shipper, json!({}));
    let refused = iap.ask(&client, &[("scope", "admin:write")]).expect(400).json();
    assert_eq!(refused["error"], "invalid_scope");
    let participants = format!("{}/admin/v1/participants", iap.admin_listener());
    let answer = Request::get(&participants).bearer(&iap.token(&client, &[])).send().expect(401);
    assert!(answer.header("www-authenticate").is_some());
    Request::get(&participants).send().expect(401);
    Request::get(&participants).bearer(&iap.admin_token()).send().expect(200);
}

#[test]
fn a_taken_identifier_is_a_conflict() {
    let iap = Iap::start();
    let shipper = iap.participant("shipper", "SHP");
    let again = json!({
        "name": "twin",
        "iol_identifier": shipper.iol_identifier,
        "logistics_agent_uri": "https://agents.example/logistics-objects/twin",
        "roles": ["SHP"],
    });
    let problem = iap.admin("POST", "/participants", Some(&again)).expect(409);
    assert_eq!(problem.header("content-type"), Some("application/problem+json"));
    assert_eq!(problem.json()["status"], 409);
}

#[test]
fn the_openapi_document_needs_no_token() {
    let iap = Iap::start();
    let document =
        Request::get(&format!("{}/admin/v1/openapi.json", iap.admin_listener())).send().expect(200).json();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    assert!(document["paths"].as_object().unwrap().len() >= 10);
}

#[test]
fn an_audience_of_another_resource_server_can_be_asked_for() {
    let iap = Iap::start();
    let other = "https://record.example";
    iap.admin("POST", "/resource-servers", Some(&json!({ "identifier": other, "name": "another" })))
        .expect(201);
    let shipper = iap.participant("shipper", "SHP");
    let client = iap.client(&shipper, json!({ "audiences": [iap.default_audience(), other] }));
    let (_, claims) = token::read(&iap.token(&client, &[("resource", other)]));
    assert_eq!(claims["aud"], json!([other]));
    let refused = iap.ask(&client, &[("resource", "https://stranger.example")]).expect(400).json();
    assert_eq!(refused["error"], "invalid_target");
}
