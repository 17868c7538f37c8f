//! The token endpoint: what it gives, and every row of its error table that client credentials can reach
//! (RFC 6749 §5.2; identity-provider §3; proof-of-possession §8).

mod invalid_client;
mod invalid_request;
mod log;
mod other_errors;
mod success;

use std::time::Duration;

use axum::body::Body;
use carnet_testkit::Answer;
use carnet_token::access_token::{IssuerRules, Unverified};
use carnet_token::jwk::KeySet;
use http::Request;
use serde_json::Value;

use crate::harness::{ISSUER, Registered, TestIap, decode};

const GRANT: (&str, &str) = ("grant_type", "client_credentials");
const FORM: &str = "application/x-www-form-urlencoded";

/// Checks that an answer refuses as RFC 6749 §5.2 wants it; gives the description.
#[track_caller]
fn refused(answer: &Answer, status: u16, error: &str) -> String {
    let (body, text) = (answer.json(), answer.text());
    assert_eq!((answer.status.as_u16(), body["error"].as_str()), (status, Some(error)), "{text}");
    assert_eq!(answer.header("content-type"), "application/json");
    not_stored(answer);
    assert_eq!(body.as_object().unwrap().len(), 2, "{text}");
    body["error_description"].as_str().unwrap().to_owned()
}

#[track_caller]
fn not_stored(answer: &Answer) {
    assert_eq!((answer.header("cache-control"), answer.header("pragma")), ("no-store", "no-cache"));
}

/// The token of an answer, verified with the published keys as a resource server would.
async fn verified(iap: &TestIap, answer: Answer, audience: &str) -> (Value, Value) {
    let answer = answer.expect(200);
    not_stored(&answer);
    let token = answer.json()["access_token"].as_str().unwrap().to_owned();
    let set = KeySet::parse(&iap.get("/.well-known/jwks.json").await.expect(200).body).unwrap();
    let unverified = Unverified::parse(&token).unwrap();
    let key = set.get(unverified.kid().unwrap()).unwrap();
    let mut rules = IssuerRules::new(ISSUER);
    rules.typ_jwt_allowed = true;
    unverified.verify(&rules, key, &[audience], iap.clock.now(), 0).unwrap();
    decode(&token)
}

/// Lets time pass and has the registry polled, as the follower would.
async fn pass(iap: &TestIap, seconds: u64) {
    iap.clock.advance(Duration::from_secs(seconds));
    iap.app.registry.refresh().await.unwrap();
}

fn post(client: &Registered) -> [(&str, &str); 3] {
    [GRANT, ("client_id", &client.client_id), ("client_secret", &client.client_secret)]
}

/// A request whose body is given as it is.
async fn raw(iap: &TestIap, authorization: &str, body: impl Into<Body>) -> Answer {
    let request = Request::post("/token").header("content-type", FORM).header("authorization", authorization);
    iap.public(request.body(body.into()).unwrap()).await
}

/// A 401 to who used the `Authorization` header, with the challenge that RFC 6749 §5.2 wants.
#[track_caller]
fn challenged(answer: &Answer) -> String {
    assert!(answer.header("www-authenticate").starts_with("Basic realm=\""), "{:?}", answer.headers);
    refused(answer, 401, "invalid_client")
}
