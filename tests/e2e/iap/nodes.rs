//! Several nodes on one database (PostgreSQL), or one (SQLite): they act as one IAP.

use std::time::Duration;

use carnet_ambient::Clock;
use serde_json::{Value, json};

use crate::harness::http::{Answer, Request};
use crate::harness::iap::{Client, Iap, authority};
use crate::harness::process::{carnet, run_to_end};
use crate::harness::{port, token, tools, within};

/// Asks one node, which answers for the issuer's host.
#[track_caller]
fn ask_at(node: &str, iap: &Iap, client: &Client) -> Answer {
    Request::post(&format!("{node}/token"))
        .host(authority(iap.issuer()))
        .basic(&client.client_id, client.secret())
        .form(&[("grant_type", "client_credentials")])
        .send()
}

#[test]
fn a_decision_reaches_every_node_within_a_second() {
    let mut iap = Iap::start();
    let nodes = iap.nodes();
    let shipper = iap.participant("shipper", "SHP");
    let client = iap.client(&shipper, json!({}));
    let clock = Clock::system();
    let all_answer = |status: u16| {
        let start = clock.monotonic();
        for node in &nodes {
            within(Duration::from_secs(20), node, || {
                (ask_at(node, &iap, &client).status == status).then_some(())
            });
        }
        let took = clock.monotonic().saturating_sub(start);
        assert!(took < Duration::from_millis(1500), "{status}: took {took:?}");
    };
    all_answer(200);
    iap.admin("POST", &format!("/clients/{}/disable", client.client_id), None).expect(200);
    all_answer(401);
    iap.admin("POST", &format!("/clients/{}/enable", client.client_id), None).expect(200);
    all_answer(200);
}

#[test]
fn a_revocation_holds_on_every_node_and_stands_in_one_feed() {
    let mut iap = Iap::start();
    let nodes = iap.nodes();
    let shipper = iap.participant("shipper", "SHP");
    let client = iap.client(&shipper, json!({}));
    let server = iap.client(&shipper, json!({ "introspects": [iap.default_audience()] }));
    let text = iap.token(&client, &[]);
    let about_token = |node: &str, path: &str, by: &Client| {
        Request::post(&format!("{node}{path}"))
            .host(authority(iap.issuer()))
            .basic(&by.client_id, by.secret())
            .form(&[("token", &text)])
            .send()
    };
    let is_active =
        |node: &str| about_token(node, "/introspect", &server).expect(200).json()["active"] == true;
    for node in &nodes {
        // Until this node has heard of the two clients.
        within(Duration::from_secs(20), node, || {
            (about_token(node, "/introspect", &server).status == 200 && is_active(node)).then_some(())
        });
    }
    about_token(&nodes[0], "/revoke", &client).expect(200);
    for node in &nodes {
        assert!(!is_active(node), "{node} takes a revoked token");
    }
    let jti = &token::read(&text).1["jti"];
    within(Duration::from_secs(20), "one feed with the token", || {
        let feed = |node: &String| {
            let url = format!("{node}/revocations");
            Request::get(&url).host(authority(iap.issuer())).send().expect(200).text()
        };
        let feeds: Vec<String> = nodes.iter().map(feed).collect();
        let entries = token::read(&feeds[0]).1["entries"].as_array().unwrap().clone();
        let is_in = entries.iter().any(|entry| &entry["jti"] == jti);
        (is_in && feeds.iter().all(|other| *other == feeds[0])).then_some(())
    });
}

#[test]
fn every_node_publishes_the_same_keys() {
    let mut iap = Iap::start();
    let nodes = iap.nodes();
    let key_set = |node: &String| -> Value {
        let url = format!("{node}/.well-known/jwks.json");
        Request::get(&url).host(authority(iap.issuer())).send().expect(200).json()
    };
    // A successor that was announced a moment ago may be a moment late on the other node.
    within(Duration::from_secs(10), "the same keys", || {
        let key_sets: Vec<Value> = nodes.iter().map(key_set).collect();
        key_sets.windows(2).all(|pair| pair[0] == pair[1]).then_some(())
    });
}

/// A client with a key, and a fresh assertion of it.
fn assertion(iap: &Iap) -> String {
    let pair = tools::key_pair("ES256");
    let settings =
        json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks": { "keys": [pair.public] } });
    let client = iap.client(&iap.participant("shipper", "SHP"), settings);
    let job = json!({
        "private_jwk": pair.private,
        "alg": "ES256",
        "client_id": client.client_id,
        "audience": iap.issuer(),
    });
    tools::python("make_assertion.py", &job)["assertion"].as_str().unwrap().to_owned()
}

#[track_caller]
fn present(node: &str, iap: &Iap, assertion: &str) -> Answer {
    Request::post(&format!("{node}/token"))
        .host(authority(iap.issuer()))
        .form(&[
            ("grant_type", "client_credentials"),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", assertion),
        ])
        .send()
}

#[test]
fn a_replayed_assertion_is_refused_on_every_node() {
    let mut iap = Iap::start();
    let nodes = iap.nodes();
    let assertion = assertion(&iap);
    // The client may be a moment late on the second node; the assertion is spent by its first success only.
    within(Duration::from_secs(5), "the first use", || {
        (present(nodes.last().unwrap(), &iap, &assertion).status == 200).then_some(())
    });
    for node in &nodes {
        let answer = present(node, &iap, &assertion).expect(401);
        assert_eq!(answer.json()["error"], "invalid_client");
    }
}

#[test]
fn a_replayed_assertion_is_refused_after_a_restart() {
    let mut iap = Iap::start();
    let assertion = assertion(&iap);
    present(iap.issuer(), &iap, &assertion).expect(200);
    iap.stop();
    iap.start_again();
    present(iap.issuer(), &iap, &assertion).expect(401);
}

/// After a crash the memory of consumed assertions is gone where it was held in memory: then one from before is told
/// to wait, not accepted.
#[test]
fn a_replayed_assertion_is_not_accepted_after_a_crash() {
    let mut iap = Iap::start();
    let assertion = assertion(&iap);
    present(iap.issuer(), &iap, &assertion).expect(200);
    iap.process().signal("KILL");
    iap.forget_process();
    iap.start_again();
    let answer = present(iap.issuer(), &iap, &assertion);
    match answer.status {
        401 => {}
        503 => assert!(answer.header("retry-after").is_some(), "{answer:?}"),
        _ => panic!("{answer:?}"),
    }
}

#[test]
fn a_database_is_not_opened_with_a_master_key_of_its_own() {
    let mut iap = Iap::start();
    let before = iap.credentials();
    iap.stop();
    let stranger = iap.folder().join("stranger");
    let mut command = carnet();
    command.args(["serve", "--issuer", iap.issuer(), "--database", &iap.database_url()]);
    command.args(["--listen", &format!("127.0.0.1:{}", port::free())]);
    command.args(["--admin-listen", &format!("127.0.0.1:{}", port::free()), "--data-dir"]).arg(&stranger);
    let ended = run_to_end(command, Duration::from_secs(30));
    assert!(ended.code.is_some_and(|code| code != 0));
    assert!(ended.stderr.contains("master"), "{}", ended.stderr);
    assert!(!stranger.join("keys/master.jwk").exists(), "a master key was made for sealed keys");
    iap.start_again();
    assert_eq!(iap.credentials(), before);
}
