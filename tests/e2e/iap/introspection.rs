//! Other people's clients ask about tokens (RFC 7662) and take them back (RFC 7009).

use serde_json::{Value, json};

use crate::harness::iap::{Client, Iap};
use crate::harness::tools;

fn is_asked_about_and_taken_back(run: fn(&str, &Value) -> Value, script: &str) {
    let iap = Iap::start();
    let forwarder = iap.participant("forwarder", "FWD");
    let client = iap.client(&forwarder, json!({}));
    let server = iap.client(&forwarder, json!({ "introspects": [iap.default_audience()] }));
    let who = |client: &Client| json!({"client_id": client.client_id, "client_secret": client.secret()});
    let job = json!({"issuer": iap.issuer(), "client": who(&client), "server": who(&server)});
    let report = run(script, &job);
    for (member, value) in [
        ("active", json!(true)),
        ("client_id", json!(client.client_id)),
        ("token_type", json!("Bearer")),
        ("iss", json!(iap.issuer())),
    ] {
        assert_eq!(report["before"][member], value, "{member}");
    }
    assert_eq!(report["after"], json!({"active": false}));
}

#[test]
fn openid_client_asks_about_a_token_and_takes_it_back() {
    is_asked_about_and_taken_back(tools::node, "openid_client_token_life.mjs");
}

#[test]
fn authlib_asks_about_a_token_and_takes_it_back() {
    is_asked_about_and_taken_back(tools::python, "authlib_token_life.py");
}
