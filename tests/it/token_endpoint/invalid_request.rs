//! Rows of `invalid_request`, and what is no request at all.

use axum::body::Body;
use carnet_testkit::form;
use http::Request;
use serde_json::json;

use super::{FORM, GRANT, raw, refused};
use crate::harness::{TestIap, basic};

#[tokio::test]
async fn a_missing_grant_type_is_an_invalid_request() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    let header = basic(&client.client_id, &client.client_secret);
    for body in ["", "scope=logistics_objects:read", "grant_type="] {
        assert!(
            refused(&raw(&iap, &header, body).await, 400, "invalid_request").contains("grant_type"),
            "{body}"
        );
    }
}

#[tokio::test]
async fn a_repeated_parameter_is_an_invalid_request() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    for name in ["grant_type", "scope", "client_id"] {
        let parameters = [(name, "client_credentials"), (name, "client_credentials")];
        let answer = iap.token_of(&client, &parameters).await;
        assert!(refused(&answer, 400, "invalid_request").contains(name));
    }
}

#[tokio::test]
async fn an_oversize_parameter_is_an_invalid_request() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    let long = "a".repeat(3000);
    for name in ["scope", "resource", "client_id"] {
        assert!(
            refused(&iap.token_of(&client, &[(name, &long)]).await, 400, "invalid_request").contains(name)
        );
    }
}

#[tokio::test]
async fn a_malformed_parameter_is_an_invalid_request() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    let header = basic(&client.client_id, &client.client_secret);
    for value in [&b"scope=%zz"[..], b"scope=%ff", b"scope=\xff", b"client_id=a%00b", b"%z=1"] {
        let body = [b"grant_type=client_credentials&", value].concat();
        refused(&raw(&iap, &header, body).await, 400, "invalid_request");
    }
}

#[tokio::test]
async fn two_authentication_methods_are_an_invalid_request() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    let (id, secret) = (client.client_id.as_str(), client.client_secret.as_str());
    for parameters in [
        &[("client_id", id), ("client_secret", secret)][..],
        &[("client_secret", secret)],
        &[("client_assertion", "a.b.c")],
    ] {
        refused(&iap.token_of(&client, parameters).await, 400, "invalid_request");
    }
    let header = basic(id, secret);
    let twice = [("authorization", header.as_str()), ("authorization", header.as_str())];
    refused(&iap.token(&[GRANT], &twice).await, 400, "invalid_request");
}

#[tokio::test]
async fn identical_credentials_in_both_places_are_tolerated_by_a_switch_only() {
    let iap = TestIap::start_with("[tokens]\ntolerate_duplicate_credentials = true").await;
    let client = iap.acme().await;
    let (id, secret) = (client.client_id.as_str(), client.client_secret.as_str());
    let _ = iap.token_of(&client, &[("client_id", id), ("client_secret", secret)]).await.expect(200);
    let other = [("client_id", id), ("client_secret", "another")];
    refused(&iap.token_of(&client, &other).await, 400, "invalid_request");
}

#[tokio::test]
async fn another_client_id_beside_basic_is_an_invalid_request() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    refused(&iap.token_of(&client, &[("client_id", "another")]).await, 400, "invalid_request");
}

#[tokio::test]
async fn a_missing_content_type_is_an_invalid_request() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    let request =
        Request::post("/token").header("authorization", basic(&client.client_id, &client.client_secret));
    refused(&iap.public(request.body(form(&[GRANT]).into()).unwrap()).await, 400, "invalid_request");
}

#[tokio::test]
async fn another_content_type_is_unsupported() {
    let iap = TestIap::start().await;
    for content_type in ["application/json", "multipart/form-data", "text/plain"] {
        let request = Request::post("/token").header("content-type", content_type);
        let answer =
            iap.public(request.body("{\"grant_type\":\"client_credentials\"}".into()).unwrap()).await;
        refused(&answer, 415, "invalid_request");
    }
    let request = Request::post("/token").header("content-type", FORM).header("content-encoding", "gzip");
    refused(&iap.public(request.body(Body::empty()).unwrap()).await, 415, "invalid_request");
}

#[tokio::test]
async fn parameters_in_the_url_are_an_invalid_request() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    for query in ["client_id=a", "scope=logistics_objects:read", "x"] {
        let request = Request::post(format!("/token?{query}"))
            .header("content-type", FORM)
            .header("authorization", basic(&client.client_id, &client.client_secret));
        refused(&iap.public(request.body(form(&[GRANT]).into()).unwrap()).await, 400, "invalid_request");
    }
}

#[tokio::test]
async fn another_method_is_not_allowed() {
    let iap = TestIap::start().await;
    for path in ["/token", "/oauth2/token"] {
        for method in ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"] {
            let answer =
                iap.public(Request::builder().method(method).uri(path).body(Body::empty()).unwrap()).await;
            refused(&answer, 405, "invalid_request");
            assert_eq!(answer.header("allow"), "POST");
        }
    }
}

#[tokio::test]
async fn a_body_of_more_than_32_kib_is_too_large() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    let header = basic(&client.client_id, &client.client_secret);
    let body = |length: usize| {
        let start = "grant_type=client_credentials&x=";
        format!("{start}{}", "a".repeat(length - start.len()))
    };
    let _ = raw(&iap, &header, body(32 * 1024)).await.expect(200);
    refused(&raw(&iap, &header, body(32 * 1024 + 1)).await, 413, "invalid_request");
    // Without an announced length it is counted while it comes.
    let stream =
        Body::new(http_body_util::StreamBody::new(futures_util::stream::iter((0..40).map(|_| {
            Ok::<_, std::io::Error>(hyper::body::Frame::data(bytes::Bytes::from(vec![b'a'; 1024])))
        }))));
    refused(&raw(&iap, &header, stream).await, 413, "invalid_request");
}

#[tokio::test]
async fn a_client_that_needs_bound_tokens_gets_none_and_hears_why() {
    let iap = TestIap::start().await;
    let participant = iap.participant("acme").await;
    let client = iap.client(&participant, json!({"require_bound_tokens": true})).await;
    let description = refused(&iap.token_of(&client, &[]).await, 400, "invalid_request");
    assert!(description.contains("require_bound_tokens"), "{description}");
}
