//! Rows of `invalid_client`.

use serde_json::json;

use super::{GRANT, challenged, pass, post, refused};
use crate::harness::{Registered, TestIap, basic};

#[tokio::test]
async fn no_client_authentication_is_an_invalid_client() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    for parameters in [&[GRANT][..], &[GRANT, ("client_id", &client.client_id)]] {
        let answer = iap.token(parameters, &[]).await;
        refused(&answer, 401, "invalid_client");
        assert!(answer.headers.get("www-authenticate").is_none());
    }
}

#[tokio::test]
async fn an_unknown_client_is_an_invalid_client() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    let answer = iap.token(&[GRANT], &[("authorization", &basic("nobody", &client.client_secret))]).await;
    let unknown = challenged(&answer);
    let wrong = iap.token(&[GRANT], &[("authorization", &basic(&client.client_id, "wrong"))]).await;
    assert_eq!(unknown, challenged(&wrong), "the answer must not tell which clients exist");
}

#[tokio::test]
async fn a_wrong_secret_is_an_invalid_client() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    let other = iap.client(&client.participant_id, json!({})).await;
    let made =
        carnet::registry::GeneratedSecret::new(&carnet_ambient::Entropy::seeded(77), &client.client_id);
    for secret in ["", "wrong", &other.client_secret, made.expose(), &client.client_secret.to_uppercase()] {
        challenged(&iap.token(&[GRANT], &[("authorization", &basic(&client.client_id, secret))]).await);
    }
}

#[tokio::test]
async fn credentials_that_are_no_basic_ones_are_an_invalid_client() {
    let iap = TestIap::start().await;
    for header in ["Bearer abc", "Basic", "Basic ???", "Basic YWI=", "Negotiate x"] {
        challenged(&iap.token(&[GRANT], &[("authorization", header)]).await);
    }
}

#[tokio::test]
async fn a_method_that_the_client_is_not_registered_for_is_an_invalid_client() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    let description = refused(&iap.token(&post(&client), &[]).await, 401, "invalid_client");
    assert!(description.contains("client_secret_basic"), "{description}");
    let client =
        iap.client(&client.participant_id, json!({"token_endpoint_auth_method": "client_secret_post"})).await;
    challenged(&iap.token_of(&client, &[]).await);
}

#[tokio::test]
async fn an_expired_secret_is_an_invalid_client_and_the_others_still_work() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    let path = format!("/clients/{}/secrets", client.client_id);
    let added = iap.admin("POST", &path, Some(json!({"expires_in": 3600}))).await.expect(201).json();
    let short =
        Registered { client_secret: added["client_secret"].as_str().unwrap().to_owned(), ..client.clone() };
    let _ = iap.token_of(&short, &[]).await.expect(200);
    pass(&iap, 3600).await;
    challenged(&iap.token_of(&short, &[]).await);
    let _ = iap.token_of(&client, &[]).await.expect(200);
}

#[tokio::test]
async fn a_revoked_secret_is_an_invalid_client() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    let path = format!("/clients/{}/secrets", client.client_id);
    let id =
        iap.admin("GET", &path, None).await.expect(200).json()["items"][0]["id"].as_str().unwrap().to_owned();
    let revoked = iap.admin("DELETE", &format!("{path}/{id}"), None).await;
    assert!(revoked.status.is_success(), "{}", revoked.text());
    challenged(&iap.token_of(&client, &[]).await);
}

#[tokio::test]
async fn a_disabled_client_is_an_invalid_client_until_it_is_enabled() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    let path = |verb: &str| format!("/clients/{}/{verb}", client.client_id);
    let _ = iap.admin("POST", &path("disable"), None).await.expect(200);
    challenged(&iap.token_of(&client, &[]).await);
    let _ = iap.admin("POST", &path("enable"), None).await.expect(200);
    let _ = iap.token_of(&client, &[]).await.expect(200);
}

#[tokio::test]
async fn a_client_of_a_disabled_participant_is_an_invalid_client() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    let path = |verb: &str| format!("/participants/{}/{verb}", client.participant_id);
    let _ = iap.admin("POST", &path("disable"), None).await.expect(200);
    challenged(&iap.token_of(&client, &[]).await);
    let _ = iap.admin("POST", &path("enable"), None).await.expect(200);
    let _ = iap.token_of(&client, &[]).await.expect(200);
}
