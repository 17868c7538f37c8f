//! Discovery, the published keys, and the keys of clients.

use std::time::Duration;

use axum::body::Body;
use carnet_testkit::{Answer, ClientKeyPair};
use http::Request;
use serde_json::{Value, json};

use crate::harness::{ISSUER, TestIap};

const CACHE: &str = "public, max-age=300, stale-while-revalidate=300, stale-if-error=3600";

async fn with_header(iap: &TestIap, method: &str, path: &str, name: &str, value: &str) -> Answer {
    iap.public(Request::builder().method(method).uri(path).header(name, value).body(Body::empty()).unwrap())
        .await
}

#[tokio::test]
async fn the_discovery_documents_say_what_is_served() {
    let iap = TestIap::start().await;
    let mut expected = json!({
        "issuer": "https://iap.example",
        "token_endpoint": "https://iap.example/token",
        "jwks_uri": "https://iap.example/.well-known/jwks.json",
        "grant_types_supported": ["client_credentials"],
        "response_types_supported": [],
        "scopes_supported": ["logistics_objects:read", "logistics_objects:write", "events:write"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": ["RS256", "PS256", "ES256", "EdDSA"],
        "dpop_signing_alg_values_supported": ["RS256", "PS256", "ES256", "EdDSA", "Ed25519"],
        "client_jwks_uri_template": "https://iap.example/clients/{client_id}/jwks",
        "introspection_endpoint": "https://iap.example/introspect",
        "introspection_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "private_key_jwt"],
        "introspection_endpoint_auth_signing_alg_values_supported": ["RS256", "PS256", "ES256", "EdDSA"],
        "revocation_endpoint": "https://iap.example/revoke",
        "revocation_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "private_key_jwt"],
        "revocation_endpoint_auth_signing_alg_values_supported": ["RS256", "PS256", "ES256", "EdDSA"],
        "registration_endpoint": "https://iap.example/register",
        "revocations_uri": "https://iap.example/revocations",
        "trust_list_jwks_uri": "https://iap.example/trusted-iaps/keys.json",
    });
    let answer = iap.get("/.well-known/oauth-authorization-server").await.expect(200);
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.json(), expected);
    expected["subject_types_supported"] = json!(["public"]);
    expected["id_token_signing_alg_values_supported"] = json!([]);
    assert_eq!(iap.get("/.well-known/openid-configuration").await.expect(200).json(), expected);
}

#[tokio::test]
async fn every_advertised_address_answers() {
    let iap = TestIap::start().await;
    let key = ClientKeyPair::es256("k1");
    let participant = iap.participant("acme").await;
    let further = json!({"token_endpoint_auth_method": "private_key_jwt", "jwks": key.jwks()});
    let client = iap.client(&participant, further).await;
    let document = iap.get("/.well-known/openid-configuration").await.expect(200).json();
    for (name, value) in document.as_object().unwrap() {
        let Some(url) = value.as_str().filter(|_| name != "issuer") else { continue };
        let path = url.strip_prefix(ISSUER).unwrap().replace("{client_id}", &client.client_id);
        let answer = iap.get(&path).await;
        let only_post = ["token", "introspection", "revocation", "registration"]
            .iter()
            .any(|endpoint| *name == format!("{endpoint}_endpoint"));
        assert_eq!(answer.status, if only_post { 405 } else { 200 }, "{name}: {path}");
    }
}

#[tokio::test]
async fn the_key_set_holds_public_members_only() {
    let iap = TestIap::start().await;
    let answer = iap.get("/.well-known/jwks.json").await.expect(200);
    let mut set = answer.json();
    for key in set["keys"].as_array_mut().unwrap() {
        for name in ["kid", "n", "x", "y"] {
            if let Some(value) = key.get_mut(name) {
                *value = json!(format!("[{}]", value.as_str().unwrap().len()));
            }
        }
    }
    assert_eq!(
        set,
        json!({"keys": [
            {"kty": "RSA", "kid": "[43]", "use": "sig", "alg": "RS256", "key_ops": ["verify"], "n": "[342]", "e": "AQAB"},
            {"kty": "EC", "kid": "[43]", "use": "sig", "alg": "ES256", "key_ops": ["verify"], "crv": "P-256", "x": "[43]", "y": "[43]"},
        ]})
    );
    let alias = iap.get("/.well-known/openid-configuration/jwks").await.expect(200);
    assert_eq!(alias.body, answer.body);
}

#[tokio::test]
async fn public_documents_are_cached_and_open_to_every_page() {
    let iap = TestIap::start().await;
    for (path, content_type) in [
        ("/.well-known/jwks.json", "application/jwk-set+json"),
        ("/.well-known/openid-configuration/jwks", "application/jwk-set+json"),
        ("/.well-known/openid-configuration", "application/json"),
        ("/.well-known/oauth-authorization-server", "application/json"),
    ] {
        let answer = with_header(&iap, "GET", path, "origin", "https://page.example").await.expect(200);
        assert_eq!(answer.header("content-type"), content_type);
        assert_eq!(answer.header("cache-control"), CACHE);
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        let etag = answer.header("etag").to_owned();
        assert!(etag.starts_with('"') && etag.ends_with('"') && etag.len() > 10, "{etag}");

        let head = with_header(&iap, "HEAD", path, "accept", "*/*").await.expect(200);
        assert!(head.body.is_empty());
        assert_eq!(head.header("etag"), etag);
        assert_eq!(head.header("content-length"), answer.body.len().to_string());

        let known = with_header(&iap, "GET", path, "if-none-match", &etag).await.expect(304);
        assert!(known.body.is_empty());
        assert_eq!((known.header("etag"), known.header("cache-control")), (etag.as_str(), CACHE));
        let _ = with_header(&iap, "GET", path, "if-none-match", "\"other\"").await.expect(200);
        let _ = with_header(&iap, "POST", path, "accept", "*/*").await.expect(405);
    }
}

#[tokio::test]
async fn cache_directives_are_configuration() {
    let iap =
        TestIap::start_with("[key_set]\nmax_age = 15\nstale_while_revalidate = 15\nstale_if_error = 86400")
            .await;
    let answer = iap.get("/.well-known/jwks.json").await.expect(200);
    assert_eq!(
        answer.header("cache-control"),
        "public, max-age=15, stale-while-revalidate=15, stale-if-error=86400"
    );
}

#[tokio::test]
async fn a_node_that_has_not_seen_the_database_for_long_publishes_no_keys() {
    let iap = TestIap::start().await;
    let expect = async |status: u16| {
        for path in ["/.well-known/jwks.json", "/trusted-iaps/keys.json"] {
            let _ = iap.get(path).await.expect(status);
        }
    };
    // Tokens are verified without the database, for as long as a cache would do it without this server.
    iap.clock.advance(Duration::from_secs(3599));
    expect(200).await;
    iap.clock.advance(Duration::from_secs(1));
    expect(503).await;
    let known = with_header(&iap, "GET", "/.well-known/jwks.json", "if-none-match", "*").await.expect(503);
    assert_eq!((known.header("cache-control"), known.header("retry-after")), ("no-store", "2"));
    iap.app.registry.refresh().await.unwrap();
    expect(200).await;
}

#[tokio::test]
async fn the_key_set_is_the_same_after_a_restart() {
    let iap = TestIap::start().await;
    let before = iap.get("/.well-known/jwks.json").await.expect(200);
    let iap = iap.restart().await;
    let after = iap.get("/.well-known/jwks.json").await.expect(200);
    assert_eq!((before.body, before.headers["etag"].clone()), (after.body, after.headers["etag"].clone()));
}

#[tokio::test]
async fn the_keys_of_a_client_are_public_while_they_are_usable() {
    let iap = TestIap::start().await;
    let key = ClientKeyPair::es256("k1");
    let participant = iap.participant("acme").await;
    let further = json!({"token_endpoint_auth_method": "private_key_jwt", "jwks": key.jwks()});
    let client = iap.client(&participant, further).await;
    let path = format!("/clients/{}/jwks", client.client_id);
    let answer = iap.get(&path).await.expect(200);
    assert_eq!(answer.header("content-type"), "application/jwk-set+json");
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    let set = answer.json();
    let published: &Value = &set["keys"][0];
    for (name, value) in key.jwk().as_object().unwrap() {
        assert_eq!(&published[name], value);
    }
    assert_eq!((set["keys"].as_array().unwrap().len(), &published["kid"]), (1, &json!("k1")));
    let etag = answer.header("etag").to_owned();
    let _ = with_header(&iap, "GET", &path, "if-none-match", &etag).await.expect(304);

    let revoked = iap.admin("DELETE", &format!("/clients/{}/keys/k1", client.client_id), None).await;
    assert!(revoked.status.is_success(), "{}", revoked.text());
    assert_eq!(iap.get(&path).await.expect(200).json(), json!({"keys": []}));
    let _ = iap.admin("POST", &format!("/clients/{}/disable", client.client_id), None).await.expect(200);
    let _ = iap.get(&path).await.expect(404);
    let _ = iap.get("/clients/nobody/jwks").await.expect(404);
}
