//! Other people's clients register themselves (RFC 7591, RFC 7592).

use serde_json::{Value, json};

use crate::harness::iap::{Client, Iap, Participant};
use crate::harness::tools;

/// An initial access token of a company.
fn initial(iap: &Iap, of: &Participant) -> Value {
    let path = format!("/participants/{}/initial-access-tokens", of.id);
    iap.admin("POST", &path, None).expect(201).json()["initial_access_token"].take()
}

#[test]
fn openid_client_registers_itself() {
    let iap = Iap::start();
    let forwarder = iap.participant("forwarder", "FWD");
    let mut job = json!({
        "issuer": iap.issuer(), "scope": "events:write", "initial_access_token": initial(&iap, &forwarder),
    });
    let made = tools::node("openid_client_register.mjs", &job);
    for (member, value) in [
        ("client_name", json!("gate scanner")),
        ("token_endpoint_auth_method", json!("client_secret_basic")),
        ("scope", json!("events:write")),
        ("client_secret_expires_at", json!(0)),
        ("require_bound_tokens", json!(true)),
    ] {
        assert_eq!(made[member], value, "{member}");
    }
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    // Known, and without a token that is not bound to it.
    let client = Client { client_id: text("client_id"), client_secret: Some(text("client_secret")) };
    let answer = iap.ask(&client, &[]).expect(400).json();
    assert!(answer["error_description"].as_str().unwrap().contains("require_bound_tokens"), "{answer}");
    // The token was good for one.
    assert!(!tools::node_fails("openid_client_register.mjs", &job).is_empty());
    job["scope"] = "admin:write".into();
    job["initial_access_token"] = initial(&iap, &forwarder);
    assert!(tools::node_fails("openid_client_register.mjs", &job).contains("invalid_client_metadata"));
}

#[test]
fn a_machine_registers_a_key_that_pyjwt_proves() {
    let iap = Iap::start();
    let forwarder = iap.participant("forwarder", "FWD");
    let pair = tools::key_pair("ES256");
    let report = tools::python(
        "pyjwt_register.py",
        &json!({
            "issuer": iap.issuer(), "initial_access_token": initial(&iap, &forwarder),
            "private_jwk": pair.private, "public_jwk": pair.public,
        }),
    );
    assert_eq!(report["unproven"], json!([400, "invalid_client_metadata"]));
    assert_eq!(report["registered"]["jwks"]["keys"][0]["kid"], pair.public["kid"]);
    assert_eq!(report["name"], "gate scanner 2");
    assert_eq!(report["statuses"], json!([401, 204, 401]));
}
