//! How clients prove who they are over the years: throttling, secrets that are imported and that roll, address lists,
//! and what expires (identity-provider §3, proof-of-possession §8).

mod addresses;
mod expiring;
mod imported;
mod rotation;
mod throttling;

use std::time::Duration;

use carnet_testkit::Answer;
use serde_json::Value;

use crate::harness::{Registered, TestIap, basic};

const GRANT: (&str, &str) = ("grant_type", "client_credentials");

/// A token request by `client_secret_basic` from an address.
async fn ask_from(iap: &TestIap, peer: &str, client_id: &str, secret: &str) -> Answer {
    iap.token_from(peer, &[GRANT], &[("authorization", &basic(client_id, secret))]).await
}

/// The same client with another secret.
fn with_secret(client: &Registered, secret: &str) -> Registered {
    Registered { client_secret: secret.to_owned(), ..client.clone() }
}

/// Lets time pass and has the registry polled, as the follower would.
async fn pass(iap: &TestIap, time: Duration) {
    iap.clock.advance(time);
    iap.app.registry.refresh().await.unwrap();
}

/// The members that a problem names.
#[track_caller]
fn fields(answer: &Answer, status: u16) -> Vec<String> {
    assert_eq!(answer.status.as_u16(), status, "{}", answer.text());
    let problem = answer.json();
    let errors = problem["errors"].as_array().cloned().unwrap_or_default();
    errors.iter().map(|error| text(&error["field"])).collect()
}

#[track_caller]
fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

fn secrets_of(client: &Registered) -> String {
    format!("/clients/{}/secrets", client.client_id)
}
