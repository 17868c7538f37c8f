//! `private_key_jwt` at the token endpoint (RFC 7523, draft-ietf-oauth-rfc7523bis; proof-of-possession §8).

use std::time::Duration;

use carnet_db::{Engine, sqlx};
use carnet_testkit::{Answer, ClientKeyPair};
use serde_json::{Value, json};

use crate::harness::{ISSUER, NOW, Registered, TestIap, basic};

const GRANT: (&str, &str) = ("grant_type", "client_credentials");
const TYPE: (&str, &str) =
    ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");

/// A client that authenticates by this key.
async fn client(iap: &TestIap, key: &ClientKeyPair) -> Registered {
    let participant = iap.participant("acme").await;
    let further = json!({"token_endpoint_auth_method": "private_key_jwt", "jwks": key.jwks()});
    iap.client(&participant, further).await
}

async fn ask(iap: &TestIap, assertion: &str) -> Answer {
    iap.token(&[GRANT, TYPE, ("client_assertion", assertion)], &[]).await
}

/// An assertion with other claims or another header than it should have.
fn with(key: &ClientKeyPair, client_id: &str, change: impl FnOnce(&mut Value, &mut Value)) -> String {
    let signing = key.signing_key();
    let mut header = json!({"alg": signing.algorithm().as_str(), "kid": signing.kid()});
    let mut claims =
        json!({"iss": client_id, "sub": client_id, "aud": ISSUER, "iat": NOW, "exp": NOW + 60, "jti": "j1"});
    change(&mut header, &mut claims);
    signing.sign_compact(&header, &claims).unwrap()
}

#[track_caller]
fn refused(answer: &Answer) -> String {
    let body = answer.json();
    assert_eq!(
        (answer.status.as_u16(), &body["error"]),
        (401, &json!("invalid_client")),
        "{}",
        answer.text()
    );
    assert_eq!((answer.header("cache-control"), answer.header("pragma")), ("no-store", "no-cache"));
    assert!(answer.headers.get("www-authenticate").is_none());
    body["error_description"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_client_that_is_disabled_while_its_assertion_waits_for_the_database_gets_nothing() {
    let iap = TestIap::start().await;
    if iap.app.database.engine() == Engine::Sqlite {
        // There they are kept in memory: nothing waits.
        return;
    }
    let key = ClientKeyPair::es256("k1");
    let client = client(&iap, &key).await;
    let mut lock = iap.app.database.writer().begin().await.unwrap();
    sqlx::query("LOCK TABLE consumed_identifier IN ACCESS EXCLUSIVE MODE").execute(&mut *lock).await.unwrap();
    let assertion = key.assertion(&client.client_id, ISSUER, NOW);
    let mut asked = std::pin::pin!(ask(&iap, &assertion));
    assert!(tokio::time::timeout(Duration::from_millis(200), &mut asked).await.is_err(), "it did not wait");
    let path = format!("/clients/{}/disable", client.client_id);
    let _ = iap.admin("POST", &path, None).await.expect(200);
    lock.rollback().await.unwrap();
    assert!(refused(&asked.await).contains("disabled"));
}

#[tokio::test]
async fn a_client_gets_an_access_token_by_private_key_jwt() {
    let iap = TestIap::start().await;
    let participant = iap.participant("acme").await;
    for key in [ClientKeyPair::es256("e1"), ClientKeyPair::rs256("r1")] {
        let further = json!({"token_endpoint_auth_method": "private_key_jwt", "jwks": key.jwks()});
        let client = iap.client(&participant, further).await;
        let _ = ask(&iap, &key.assertion(&client.client_id, ISSUER, NOW)).await.expect(200);
        // The parameter may repeat who it is, and the audience may be an array of one.
        let assertion = with(&key, &client.client_id, |_, claims| claims["aud"] = json!([ISSUER]));
        let id = ("client_id", client.client_id.as_str());
        let _ = iap.token(&[GRANT, TYPE, id, ("client_assertion", &assertion)], &[]).await.expect(200);
        // Without `kid` the only key for the algorithm is meant.
        let assertion = with(&key, &client.client_id, |header, claims| {
            header.as_object_mut().unwrap().remove("kid");
            claims["jti"] = "j2".into();
        });
        let _ = ask(&iap, &assertion).await.expect(200);
    }
}

#[tokio::test]
async fn a_replayed_assertion_is_refused() {
    let iap = TestIap::start().await;
    let key = ClientKeyPair::es256("k1");
    let client = client(&iap, &key).await;
    let assertion = key.assertion(&client.client_id, ISSUER, NOW);
    let _ = ask(&iap, &assertion).await.expect(200);
    assert!(refused(&ask(&iap, &assertion).await).contains("used before"));
    // Another signature over the same `jti` is the same identifier.
    let again = with(&key, &client.client_id, |_, _| ());
    let _ = ask(&iap, &again).await.expect(200);
    refused(&ask(&iap, &with(&key, &client.client_id, |_, claims| claims["exp"] = (NOW + 61).into())).await);
}

#[tokio::test]
async fn a_replayed_assertion_is_refused_after_a_restart() {
    let iap = TestIap::start().await;
    let key = ClientKeyPair::es256("k1");
    let client = client(&iap, &key).await;
    let assertion = key.assertion(&client.client_id, ISSUER, NOW);
    let _ = ask(&iap, &assertion).await.expect(200);
    let iap = iap.restart().await;
    refused(&ask(&iap, &assertion).await);
    let _ = ask(&iap, &key.assertion(&client.client_id, ISSUER, NOW)).await.expect(200);
}

#[tokio::test]
async fn an_assertion_that_is_refused_is_not_used_up() {
    let iap = TestIap::start().await;
    let key = ClientKeyPair::es256("k1");
    let client = client(&iap, &key).await;
    let wrong = with(&key, &client.client_id, |_, claims| claims["aud"] = "https://other.example".into());
    refused(&ask(&iap, &wrong).await);
    let _ = ask(&iap, &with(&key, &client.client_id, |_, _| ())).await.expect(200);
}

#[tokio::test]
async fn audience_injection_is_refused() {
    let iap = TestIap::start().await;
    let key = ClientKeyPair::es256("k1");
    let client = client(&iap, &key).await;
    let token_endpoint = format!("{ISSUER}/token");
    for aud in [
        json!(token_endpoint),
        json!([ISSUER, "https://evil.example"]),
        json!([ISSUER, ISSUER]),
        json!([]),
        json!(format!("{ISSUER}/")),
        json!("https://evil.example"),
        json!(null),
    ] {
        refused(&ask(&iap, &with(&key, &client.client_id, |_, claims| claims["aud"] = aud)).await);
    }
}

#[tokio::test]
async fn the_token_endpoint_is_an_audience_by_a_switch_only() {
    let iap = TestIap::start_with("[tokens]\naccept_token_endpoint_aud = true").await;
    let key = ClientKeyPair::es256("k1");
    let client = client(&iap, &key).await;
    let endpoint = format!("{ISSUER}/token");
    let assertion = with(&key, &client.client_id, |_, claims| claims["aud"] = json!(endpoint));
    let _ = ask(&iap, &assertion).await.expect(200);
    let both = with(&key, &client.client_id, |_, claims| claims["aud"] = json!([endpoint, ISSUER]));
    refused(&ask(&iap, &both).await);
}

#[tokio::test]
async fn times_that_do_not_fit_are_refused() {
    let iap = TestIap::start().await;
    let key = ClientKeyPair::es256("k1");
    let client = client(&iap, &key).await;
    for (name, value) in [
        ("exp", json!(NOW - 30)),
        ("exp", json!(NOW + 331)),
        ("exp", json!("soon")),
        ("exp", Value::Null),
        ("iat", json!(NOW + 31)),
        ("nbf", json!(NOW + 31)),
    ] {
        refused(&ask(&iap, &with(&key, &client.client_id, |_, claims| claims[name] = value)).await);
    }
}

#[tokio::test]
async fn missing_claims_are_refused() {
    let iap = TestIap::start().await;
    let key = ClientKeyPair::es256("k1");
    let client = client(&iap, &key).await;
    for name in ["iss", "sub", "aud", "exp", "jti"] {
        let assertion = with(&key, &client.client_id, |_, claims| {
            claims.as_object_mut().unwrap().remove(name);
        });
        refused(&ask(&iap, &assertion).await);
    }
}

#[tokio::test]
async fn another_kind_of_token_is_refused() {
    let iap = TestIap::start().await;
    let key = ClientKeyPair::es256("k1");
    let client = client(&iap, &key).await;
    for typ in ["at+jwt", "dpop+jwt", "application/at+jwt"] {
        refused(&ask(&iap, &with(&key, &client.client_id, |header, _| header["typ"] = typ.into())).await);
    }
}

#[tokio::test]
async fn a_key_that_is_not_registered_is_refused() {
    let iap = TestIap::start().await;
    let key = ClientKeyPair::es256("k1");
    let client = client(&iap, &key).await;
    let stranger = ClientKeyPair::es256("k1");
    refused(&ask(&iap, &stranger.assertion(&client.client_id, ISSUER, NOW)).await);
    let other_name = with(&key, &client.client_id, |header, _| header["kid"] = "k2".into());
    refused(&ask(&iap, &other_name).await);
    for alg in ["none", "HS256", "RS256", "PS256"] {
        refused(&ask(&iap, &with(&key, &client.client_id, |header, _| header["alg"] = alg.into())).await);
    }
}

#[tokio::test]
async fn the_key_of_another_client_is_refused() {
    let iap = TestIap::start().await;
    let (key, other) = (ClientKeyPair::es256("k1"), ClientKeyPair::es256("k2"));
    let client = client(&iap, &key).await;
    let further = json!({"token_endpoint_auth_method": "private_key_jwt", "jwks": other.jwks()});
    let _ = iap.client(&client.participant_id, further).await;
    refused(&ask(&iap, &other.assertion(&client.client_id, ISSUER, NOW)).await);
}

#[tokio::test]
async fn a_revoked_key_is_refused() {
    let iap = TestIap::start().await;
    let key = ClientKeyPair::es256("k1");
    let client = client(&iap, &key).await;
    let answer = iap.admin("DELETE", &format!("/clients/{}/keys/k1", client.client_id), None).await;
    assert!(answer.status.is_success(), "{}", answer.text());
    refused(&ask(&iap, &key.assertion(&client.client_id, ISSUER, NOW)).await);
}

#[tokio::test]
async fn an_unknown_client_is_refused_like_an_unknown_key() {
    let iap = TestIap::start().await;
    let key = ClientKeyPair::es256("k1");
    let client = client(&iap, &key).await;
    let unknown = refused(&ask(&iap, &key.assertion("nobody", ISSUER, NOW)).await);
    let other = with(&key, &client.client_id, |header, _| header["kid"] = "k2".into());
    assert_eq!(unknown, refused(&ask(&iap, &other).await));
}

#[tokio::test]
async fn what_is_no_jwt_is_refused() {
    let iap = TestIap::start().await;
    for assertion in ["x", "a.b.c", "e30.e30.", "....", "e30.e30.AA=="] {
        refused(&ask(&iap, assertion).await);
    }
}

#[tokio::test]
async fn another_client_id_beside_an_assertion_is_refused() {
    let iap = TestIap::start().await;
    let key = ClientKeyPair::es256("k1");
    let client = client(&iap, &key).await;
    let assertion = key.assertion(&client.client_id, ISSUER, NOW);
    let parameters = [GRANT, TYPE, ("client_id", "another"), ("client_assertion", &assertion)];
    refused(&iap.token(&parameters, &[]).await);
}

#[tokio::test]
async fn another_assertion_type_is_refused() {
    let iap = TestIap::start().await;
    let key = ClientKeyPair::es256("k1");
    let client = client(&iap, &key).await;
    let assertion = key.assertion(&client.client_id, ISSUER, NOW);
    let saml = ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer");
    refused(&iap.token(&[GRANT, saml, ("client_assertion", &assertion)], &[]).await);
}

#[tokio::test]
async fn half_an_assertion_is_an_invalid_request() {
    let iap = TestIap::start().await;
    for half in [TYPE, ("client_assertion", "a.b.c")] {
        let answer = iap.token(&[GRANT, half], &[]).await.expect(400);
        assert_eq!(answer.json()["error"], "invalid_request");
    }
}

#[tokio::test]
async fn an_assertion_beside_a_secret_is_an_invalid_request() {
    let iap = TestIap::start().await;
    let key = ClientKeyPair::es256("k1");
    let client = client(&iap, &key).await;
    let assertion = key.assertion(&client.client_id, ISSUER, NOW);
    let parameters = [GRANT, TYPE, ("client_assertion", assertion.as_str())];
    let answer =
        iap.token(&parameters, &[("authorization", &basic(&client.client_id, "x"))]).await.expect(400);
    assert_eq!(answer.json()["error"], "invalid_request");
    let with_secret = [&parameters[..], &[("client_secret", "x")]].concat();
    assert_eq!(iap.token(&with_secret, &[]).await.expect(400).json()["error"], "invalid_request");
}

#[tokio::test]
async fn a_client_that_is_registered_for_a_secret_cannot_use_an_assertion() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    let key = ClientKeyPair::es256("k1");
    let body = json!({"jwk": key.jwk()});
    let _ = iap.admin("POST", &format!("/clients/{}/keys", client.client_id), Some(body)).await;
    refused(&ask(&iap, &key.assertion(&client.client_id, ISSUER, NOW)).await);
}

#[tokio::test]
async fn an_assertion_of_a_disabled_client_is_refused() {
    let iap = TestIap::start().await;
    let key = ClientKeyPair::es256("k1");
    let client = client(&iap, &key).await;
    let _ = iap.admin("POST", &format!("/clients/{}/disable", client.client_id), None).await.expect(200);
    refused(&ask(&iap, &key.assertion(&client.client_id, ISSUER, NOW)).await);
}
