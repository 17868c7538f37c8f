//! The token endpoint: what it gives, and every row of its error table that client credentials can reach
//! (RFC 6749 §5.2; identity-provider §3; proof-of-possession §8).

use std::time::Duration;

use axum::body::Body;
use carnet_testkit::{Answer, form};
use carnet_token::access_token::{IssuerRules, Unverified};
use carnet_token::jwk::KeySet;
use http::Request;
use serde_json::{Value, json};

use crate::harness::{DEFAULT_AUDIENCE, ISSUER, NOW, Registered, TestIap, basic, decode};

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

// What it gives

#[tokio::test]
async fn a_client_gets_an_access_token_by_client_secret_basic() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    let answer = iap.token_of(&client, &[]).await.expect(200);
    assert_eq!(answer.header("content-type"), "application/json");
    let body = answer.json();
    let mut members: Vec<&String> = body.as_object().unwrap().keys().collect();
    members.sort_unstable();
    assert_eq!(members, ["access_token", "expires_in", "scope", "token_type"]);
    assert_eq!((&body["token_type"], &body["expires_in"]), (&json!("Bearer"), &json!(600)));
    assert_eq!(body["scope"], "events:write logistics_objects:read logistics_objects:write");

    let (mut header, mut claims) = verified(&iap, answer, DEFAULT_AUDIENCE).await;
    assert_eq!(header["kid"].as_str().unwrap().len(), 43);
    assert_eq!(claims["jti"].as_str().unwrap().len(), 36);
    header["kid"] = "[kid]".into();
    claims["jti"] = "[jti]".into();
    assert_eq!(header, json!({"alg": "RS256", "typ": "at+jwt", "kid": "[kid]"}));
    assert_eq!(
        claims,
        json!({
            "iss": ISSUER,
            "sub": client.client_id,
            "client_id": client.client_id,
            "aud": [DEFAULT_AUDIENCE],
            "exp": NOW + 600,
            "iat": NOW,
            "nbf": NOW - 5,
            "jti": "[jti]",
            "scope": "events:write logistics_objects:read logistics_objects:write",
            "logistics_agent_uri": "https://1r.acme.example/logistics-objects/acme",
            "https://github.com/IATA-Cargo/ONE-Record/schema/iolIdentifier": "https://acme.example/acme",
            "https://github.com/IATA-Cargo/ONE-Record/schema/role": "FWD",
            "roles": ["FWD", "SHP"],
        })
    );
}

#[tokio::test]
async fn a_client_gets_an_access_token_by_client_secret_post() {
    let iap = TestIap::start().await;
    let participant = iap.participant("acme").await;
    let client = iap.client(&participant, json!({"token_endpoint_auth_method": "client_secret_post"})).await;
    let answer = iap.token(&post(&client), &[]).await;
    assert_eq!(verified(&iap, answer, DEFAULT_AUDIENCE).await.1["client_id"], client.client_id);
}

#[tokio::test]
async fn the_second_path_is_the_same_endpoint() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    let request = Request::post("/oauth2/token")
        .header("content-type", "application/x-www-form-urlencoded; charset=UTF-8")
        .header("authorization", basic(&client.client_id, &client.client_secret));
    let answer = iap.public(request.body(form(&[GRANT]).into()).unwrap()).await;
    verified(&iap, answer, DEFAULT_AUDIENCE).await;
}

#[tokio::test]
async fn two_tokens_are_never_the_same() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    let (one, two) = (iap.token_of(&client, &[]).await, iap.token_of(&client, &[]).await);
    let jti = |answer: &Answer| decode(answer.json()["access_token"].as_str().unwrap()).1["jti"].clone();
    assert_ne!(jti(&one), jti(&two));
}

#[tokio::test]
async fn basic_credentials_are_understood_in_both_spellings() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    // As libraries write it that encode whatever they can.
    let encode = |text: &str| text.bytes().map(|byte| format!("%{byte:02x}")).collect::<Vec<_>>().concat();
    let encoded = basic(&encode(&client.client_id), &encode(&client.client_secret));
    let _ = iap.token(&[GRANT], &[("authorization", &encoded)]).await.expect(200);
    let _ = iap
        .token(&[GRANT], &[("authorization", &basic(&client.client_id, &client.client_secret))])
        .await
        .expect(200);
}

#[tokio::test]
async fn the_client_id_may_stand_beside_basic_credentials() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    let _ = iap.token_of(&client, &[("client_id", &client.client_id)]).await.expect(200);
}

#[tokio::test]
async fn empty_and_unknown_parameters_count_for_nothing() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    let parameters = [
        ("scope", ""),
        ("resource", ""),
        ("client_secret", ""),
        ("client_assertion", ""),
        ("audience", "x"),
        ("unknown", "1"),
        ("unknown", "2"),
    ];
    let _ = iap.token_of(&client, &parameters).await.expect(200);
}

#[tokio::test]
async fn scopes_come_in_one_order() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    for scope in [
        "logistics_objects:write logistics_objects:read",
        "logistics_objects:read logistics_objects:write",
        "logistics_objects:read  logistics_objects:write logistics_objects:read",
    ] {
        let answer = iap.token_of(&client, &[("scope", scope)]).await.expect(200);
        assert_eq!(answer.json()["scope"], "logistics_objects:read logistics_objects:write");
    }
}

#[tokio::test]
async fn a_resource_server_decides_about_type_and_algorithm_of_its_tokens() {
    let iap = TestIap::start().await;
    let audience = "https://1r.other.example";
    let server = json!({
        "identifier": audience, "name": "other", "access_token_typ": "JWT", "signing_alg": "ES256",
        "scopes": ["logistics_objects:read"],
    });
    let _ = iap.admin("POST", "/resource-servers", Some(server)).await.expect(201);
    let participant = iap.participant("acme").await;
    let client = iap.client(&participant, json!({"audiences": [audience, DEFAULT_AUDIENCE]})).await;

    let (header, claims) = verified(&iap, iap.token_of(&client, &[]).await, audience).await;
    assert_eq!((&header["typ"], &header["alg"]), (&json!("JWT"), &json!("ES256")));
    assert_eq!((&claims["aud"], &claims["scope"]), (&json!([audience]), &json!("logistics_objects:read")));

    let answer = iap.token_of(&client, &[("resource", DEFAULT_AUDIENCE)]).await;
    let (header, _) = verified(&iap, answer, DEFAULT_AUDIENCE).await;
    assert_eq!((&header["typ"], &header["alg"]), (&json!("at+jwt"), &json!("RS256")));

    let both = [("resource", audience), ("resource", DEFAULT_AUDIENCE), ("resource", audience)];
    let (header, claims) = verified(&iap, iap.token_of(&client, &both).await, audience).await;
    assert_eq!((&header["typ"], &header["alg"]), (&json!("at+jwt"), &json!("RS256")));
    assert_eq!(claims["aud"], json!([audience, DEFAULT_AUDIENCE]));
}

#[tokio::test]
async fn a_client_decides_about_algorithm_and_lifetime_of_its_tokens() {
    let iap = TestIap::start().await;
    let participant = iap.participant("acme").await;
    let client =
        iap.client(&participant, json!({"signing_alg": "ES256", "access_token_lifetime": 120})).await;
    let answer = iap.token_of(&client, &[]).await;
    assert_eq!(answer.json()["expires_in"], 120);
    let (header, claims) = verified(&iap, answer, DEFAULT_AUDIENCE).await;
    assert_eq!((&header["alg"], &claims["exp"]), (&json!("ES256"), &json!(NOW + 120)));
}

#[tokio::test]
async fn an_administrator_gets_an_opaque_token_for_five_minutes() {
    let iap = TestIap::start().await;
    let credentials = iap.credentials();
    let header = basic(&credentials.client_id, &credentials.client_secret);
    for (parameters, scope) in [
        (&[GRANT][..], "admin:read admin:write"),
        (&[GRANT, ("scope", "admin:read")], "admin:read"),
        (&[GRANT, ("scope", "admin:write admin:read")], "admin:read admin:write"),
    ] {
        let answer = iap.token(parameters, &[("authorization", &header)]).await.expect(200);
        not_stored(&answer);
        let mut body = answer.json();
        let token = body["access_token"].take();
        let random = token.as_str().unwrap().strip_prefix("carnet_at_").unwrap();
        assert!(random.len() == 43 && random.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert_eq!(
            body,
            json!({"access_token": null, "token_type": "Bearer", "expires_in": 300, "scope": scope})
        );
    }
}

#[tokio::test]
async fn the_use_of_a_secret_is_noted() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    let path = format!("/clients/{}/secrets", client.client_id);
    let used = || async {
        iap.admin("GET", &path, None).await.expect(200).json()["items"][0]["last_used_at"].clone()
    };
    assert_eq!(used().await, Value::Null);
    let _ = iap.token_of(&client, &[]).await.expect(200);
    for _ in 0..200 {
        if used().await != Value::Null {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(used().await.as_str().unwrap().starts_with("2027-01-15T08:00:00"));
}

// invalid_request

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

// invalid_client

/// A 401 to who used the `Authorization` header, with the challenge that RFC 6749 §5.2 wants.
#[track_caller]
fn challenged(answer: &Answer) -> String {
    assert!(answer.header("www-authenticate").starts_with("Basic realm=\""), "{:?}", answer.headers);
    refused(answer, 401, "invalid_client")
}

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

// The rest of the table

#[tokio::test]
async fn another_grant_type_is_unsupported() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    let header = basic(&client.client_id, &client.client_secret);
    for grant_type in
        ["password", "authorization_code", "refresh_token", "CLIENT_CREDENTIALS", "client_credentials "]
    {
        let answer = iap.token(&[("grant_type", grant_type)], &[("authorization", &header)]).await;
        refused(&answer, 400, "unsupported_grant_type");
    }
}

#[tokio::test]
async fn an_administrator_is_unauthorized_for_access_tokens() {
    let iap = TestIap::start().await;
    let credentials = iap.credentials();
    let header = basic(&credentials.client_id, &credentials.client_secret);
    let parameters = [GRANT, ("scope", "logistics_objects:read")];
    refused(&iap.token(&parameters, &[("authorization", &header)]).await, 400, "unauthorized_client");
}

#[tokio::test]
async fn a_scope_beyond_the_client_is_invalid() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    for scope in [
        "ca:enrol",
        "logistics_objects:read ca:enrol",
        "unknown",
        "Logistics_objects:read",
        "admin:read",
        "admin:write",
    ] {
        refused(&iap.token_of(&client, &[("scope", scope)]).await, 400, "invalid_scope");
    }
}

#[tokio::test]
async fn a_malformed_scope_is_invalid() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    for scope in ["a\"b", "a\\b", "caf\u{e9}", " "] {
        refused(&iap.token_of(&client, &[("scope", scope)]).await, 400, "invalid_scope");
    }
}

#[tokio::test]
async fn administration_scopes_beside_others_are_invalid() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    let credentials = iap.credentials();
    let scope = ("scope", "admin:read logistics_objects:read");
    let header = basic(&credentials.client_id, &credentials.client_secret);
    refused(&iap.token(&[GRANT, scope], &[("authorization", &header)]).await, 400, "invalid_scope");
    refused(&iap.token_of(&client, &[scope]).await, 400, "invalid_scope");
}

#[tokio::test]
async fn a_resource_that_is_unknown_or_not_allowed_is_an_invalid_target() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    let server = json!({"identifier": "https://1r.other.example", "name": "other"});
    let _ = iap.admin("POST", "/resource-servers", Some(server)).await.expect(201);
    let slash = format!("{DEFAULT_AUDIENCE}/");
    for resource in ["https://1r.other.example", "https://nowhere.example", &slash, ISSUER, "no uri"] {
        refused(&iap.token_of(&client, &[("resource", resource)]).await, 400, "invalid_target");
        let beside = [("resource", DEFAULT_AUDIENCE), ("resource", resource)];
        refused(&iap.token_of(&client, &beside).await, 400, "invalid_target");
    }
}

#[tokio::test]
async fn a_resource_for_an_administration_token_is_an_invalid_target() {
    let iap = TestIap::start().await;
    let credentials = iap.credentials();
    let header = basic(&credentials.client_id, &credentials.client_secret);
    let parameters = [GRANT, ("resource", DEFAULT_AUDIENCE)];
    refused(&iap.token(&parameters, &[("authorization", &header)]).await, 400, "invalid_target");
}

#[tokio::test]
async fn the_network_audience_is_an_invalid_target_for_an_unbound_token() {
    let network = "https://network.example";
    let iap = TestIap::start_with(&format!("[tokens]\nnetwork_audience = \"{network}\"")).await;
    let client = iap.acme().await;
    let description = refused(&iap.token_of(&client, &[("resource", network)]).await, 400, "invalid_target");
    assert!(description.contains("bound"), "{description}");
    let mixed = [("resource", network), ("resource", DEFAULT_AUDIENCE)];
    refused(&iap.token_of(&client, &mixed).await, 400, "invalid_target");
    let _ = iap.token_of(&client, &[("resource", DEFAULT_AUDIENCE)]).await.expect(200);
}

#[tokio::test]
async fn a_stale_image_is_temporarily_unavailable() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    iap.clock.advance(Duration::from_millis(2001));
    let answer = iap.token_of(&client, &[]).await;
    refused(&answer, 503, "temporarily_unavailable");
    assert!(!answer.header("retry-after").is_empty());
}

// What is written down

/// What the subscriber of one test wrote.
#[derive(Clone, Default)]
struct Log(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn the_log_names_tokens_and_refusals_and_holds_no_secret() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .json()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);
    let issued = iap.token_of(&client, &[]).await.expect(200).json();
    let wrong = format!("{}x", client.client_secret);
    challenged(&iap.token(&[GRANT], &[("authorization", &basic(&client.client_id, &wrong))]).await);
    challenged(&iap.token(&[GRANT], &[("authorization", &basic("evil\u{1b}[31m\n", "x"))]).await);
    let administration = iap.administration_token("admin:read").await;
    drop(guard);

    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let token = issued["access_token"].as_str().unwrap();
    let (header, claims) = decode(token);
    for said in [&header["kid"], &claims["jti"], &json!(client.client_id)] {
        assert!(log.contains(said.as_str().unwrap()), "{said} is not in {log}");
    }
    assert!(log.contains("\"reason\":\"malformed_secret\""), "{log}");
    assert!(log.contains("\"alg\":\"RS256\"") && log.contains(DEFAULT_AUDIENCE), "{log}");
    let credentials = iap.credentials();
    for secret in
        [token, &client.client_secret, &wrong, &administration, &credentials.client_secret, "\u{1b}"]
    {
        assert!(!log.contains(secret), "{secret:?} is in the log");
    }
}
