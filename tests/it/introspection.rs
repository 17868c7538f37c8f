//! Introspection (RFC 7662; identity-provider §5): who may ask, about what, and each reason why a token counts for
//! nothing.

use std::time::Duration;

use axum::body::Body;
use carnet::db::negative_decision::{self, FeedEntry, NegativeDecision};
use carnet::keys::Purpose;
use carnet::registry::SigningAlgorithm;
use carnet_db::sqlx;
use carnet_testkit::{Answer, ClientKeyPair};
use carnet_token::SigningKey;
use http::Request;
use serde_json::{Value, json};

use crate::harness::{DEFAULT_AUDIENCE, ISSUER, NOW, Registered, TestIap, basic, decode};

const TYPE: (&str, &str) =
    ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");

fn inactive() -> Value {
    json!({"active": false})
}

/// A token with other claims or another header than a real one, signed with this key.
fn forge(real: &str, key: &SigningKey, change: impl FnOnce(&mut Value, &mut Value)) -> String {
    let (mut header, mut claims) = decode(real);
    header["alg"] = json!(key.algorithm().as_str());
    header["kid"] = json!(key.kid());
    change(&mut header, &mut claims);
    key.sign_compact(&header, &claims).unwrap()
}

/// The same, signed with the IAP's own key.
fn by_own_key(iap: &TestIap, real: &str, change: impl FnOnce(&mut Value, &mut Value)) -> String {
    let keys = iap.app.keys.current();
    forge(real, keys.access_token_key(SigningAlgorithm::Es256).unwrap(), change)
}

#[track_caller]
fn refused(answer: &Answer, status: u16, error: &str) {
    let body = answer.json();
    assert_eq!((answer.status.as_u16(), &body["error"]), (status, &json!(error)), "{}", answer.text());
    assert_eq!((answer.header("cache-control"), answer.header("pragma")), ("no-store", "no-cache"));
    assert!(body.get("active").is_none());
}

/// Writes a decision down as an operation would.
async fn decide(iap: &TestIap, sequence: i64, member: &str, value: &str, iat_before: Option<i64>) {
    let until = (NOW + 3600) * 1000;
    let feed = FeedEntry { member: member.to_owned(), value: value.to_owned(), until, iat_before };
    let (kind, at) = ("test".to_owned(), iap.clock.now_millis());
    let decision = NegativeDecision { sequence, kind, value: value.to_owned(), at, feed: Some(feed) };
    let mut tx = iap.app.database.writer().begin().await.unwrap();
    negative_decision::insert(&mut tx, &decision).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn a_resource_server_hears_what_a_good_token_for_it_says() {
    let iap = TestIap::start().await;
    let (client, server) = (iap.acme().await, iap.record_server().await);
    let token = iap.access_token(&client, &[]).await;
    let answer = iap.about_token("/introspect", &server, &token).await.expect(200);
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!((answer.header("cache-control"), answer.header("pragma")), ("no-store", "no-cache"));
    let (_, mut expected) = decode(&token);
    for name in ["iss", "sub", "aud", "exp", "iat", "nbf", "jti", "client_id", "scope", "roles"] {
        assert!(expected.get(name).is_some(), "{name}");
    }
    expected["active"] = json!(true);
    expected["token_type"] = json!("Bearer");
    assert_eq!(answer.json(), expected);
    // A hint is a hint, whatever it says.
    let authorization = basic(&server.client_id, &server.client_secret);
    for hint in ["access_token", "refresh_token", "nonsense", ""] {
        let parameters = [("token", token.as_str()), ("token_type_hint", hint)];
        let answer = iap.post_form("/introspect", &parameters, &[("authorization", &authorization)]).await;
        assert_eq!(answer.expect(200).json()["active"], true, "{hint}");
    }
}

#[tokio::test]
async fn what_this_iap_did_not_sign_for_the_one_who_asks_is_inactive() {
    let iap = TestIap::start().await;
    let (client, server) = (iap.acme().await, iap.record_server().await);
    let real = iap.access_token(&client, &[]).await;
    // What the forgeries are changed from is good.
    let same = by_own_key(&iap, &real, |_, _| ());
    assert_eq!(iap.introspect(&server, &same).await["active"], true);

    let keys = iap.app.keys.current();
    let stranger = ClientKeyPair::es256("stranger");
    let own_kid = keys.access_token_key(SigningAlgorithm::Es256).unwrap().kid().to_owned();
    let (signed, signature) = real.rsplit_once('.').unwrap();
    let mut flipped = signature.to_owned();
    flipped.replace_range(10..11, if &signature[10..11] == "A" { "B" } else { "A" });
    let none = |alg: &str| {
        let (mut header, claims) = decode(&real);
        header["alg"] = json!(alg);
        let part = |value: &Value| carnet_token::base64url::encode(value.to_string());
        format!("{}.{}.", part(&header), part(&claims))
    };
    let rs256 = keys.access_token_key(SigningAlgorithm::Rs256).unwrap();
    for (what, token) in [
        ("text", "x".to_owned()),
        ("three parts", "a.b.c".to_owned()),
        ("secret", client.client_secret.clone()),
        ("administration token", iap.administration_token("admin:read").await),
        ("signature of something else", format!("{signed}.{flipped}")),
        ("no signature", format!("{signed}.")),
        ("alg none", none("none")),
        ("alg HS256", none("HS256")),
        ("stranger's key", forge(&real, stranger.signing_key(), |_, _| ())),
        (
            "stranger's key under our name",
            forge(&real, stranger.signing_key(), |header, _| header["kid"] = json!(own_kid)),
        ),
        ("list key", forge(&real, keys.signing_key(Purpose::TrustList).unwrap(), |_, _| ())),
        ("journal key", forge(&real, keys.signing_key(Purpose::Audit).unwrap(), |_, _| ())),
        ("PS256 under an RS256 key", forge(&real, rs256, |header, _| header["alg"] = json!("PS256"))),
        ("other kind", by_own_key(&iap, &real, |header, _| header["typ"] = json!("pop"))),
        (
            "ID token",
            by_own_key(&iap, &real, |header, claims| {
                header["typ"] = json!("JWT");
                claims["nonce"] = json!("n");
            }),
        ),
        ("crit", by_own_key(&iap, &real, |header, _| header["crit"] = json!(["exp"]))),
        (
            "no kid",
            by_own_key(&iap, &real, |header, _| {
                header.as_object_mut().unwrap().remove("kid");
            }),
        ),
        ("other issuer", by_own_key(&iap, &real, |_, claims| claims["iss"] = json!("https://evil.example"))),
        (
            "issuer with slash",
            by_own_key(&iap, &real, |_, claims| claims["iss"] = json!(format!("{ISSUER}/"))),
        ),
        (
            "other audience",
            by_own_key(&iap, &real, |_, claims| claims["aud"] = json!(["https://other.example"])),
        ),
        ("this IAP as audience", by_own_key(&iap, &real, |_, claims| claims["aud"] = json!(ISSUER))),
        (
            "no audience",
            by_own_key(&iap, &real, |_, claims| {
                claims.as_object_mut().unwrap().remove("aud");
            }),
        ),
        ("expired this second", by_own_key(&iap, &real, |_, claims| claims["exp"] = json!(NOW))),
        ("not yet", by_own_key(&iap, &real, |_, claims| claims["nbf"] = json!(NOW + 31))),
        ("unknown client", by_own_key(&iap, &real, |_, claims| claims["client_id"] = json!("nobody"))),
        ("empty cnf", by_own_key(&iap, &real, |_, claims| claims["cnf"] = json!({}))),
    ] {
        assert_eq!(iap.introspect(&server, &token).await, inactive(), "{what}");
    }
}

#[tokio::test]
async fn who_asks_hears_of_tokens_for_their_own_servers_only() {
    let iap = TestIap::start().await;
    let other = "https://1r.other.example";
    let body = json!({ "identifier": other, "name": "other" });
    let other_id = iap.admin("POST", "/resource-servers", Some(body)).await.expect(201).json()["id"].clone();
    let participant = iap.participant("acme").await;
    let client = iap.client(&participant, json!({"audiences": [DEFAULT_AUDIENCE, other]})).await;
    let server = iap.record_server().await;
    let other_server = iap.client(&participant, json!({"introspects": [other_id]})).await;
    let for_default = iap.access_token(&client, &[("resource", DEFAULT_AUDIENCE)]).await;
    let for_other = iap.access_token(&client, &[("resource", other)]).await;
    let for_both = iap.access_token(&client, &[("resource", DEFAULT_AUDIENCE), ("resource", other)]).await;
    for (asks, token, active) in [
        (&server, &for_default, true),
        (&server, &for_other, false),
        (&server, &for_both, true),
        (&other_server, &for_default, false),
        (&other_server, &for_other, true),
        (&other_server, &for_both, true),
    ] {
        let answer = iap.introspect(asks, token).await;
        assert_eq!(answer["active"], active);
        assert!(active || answer == inactive());
    }
    // Whoever speaks for no server learns nothing, not even of their own tokens; and hears why.
    refused(&iap.about_token("/introspect", &client, &for_default).await, 400, "unauthorized_client");
    // What a client speaks for is shown to administrators.
    let path = format!("/clients/{}", other_server.client_id);
    assert_eq!(iap.admin("GET", &path, None).await.expect(200).json()["introspects"], json!([other]));
    let wrong =
        json!({"participant_id": participant, "name": "x", "introspects": ["https://stranger.example"]});
    let answer = iap.admin("POST", "/clients", Some(wrong)).await.expect(400);
    assert_eq!(answer.json()["errors"][0]["field"], "introspects[0]");
}

#[tokio::test]
async fn every_kind_of_decision_makes_the_tokens_that_it_is_against_inactive() {
    let iap = TestIap::start().await;
    let (client, server) = (iap.acme().await, iap.record_server().await);
    let real = iap.access_token(&client, &[]).await;
    let thumbprint = "8u1HNz5pSBBJLOW9h_RVxG_B3Ps5lfXd-6hD5dR8agw";
    let token = |jti: &str, cnf: Value| {
        by_own_key(&iap, &real, |_, claims| {
            claims["jti"] = json!(jti);
            if !cnf.is_null() {
                claims["cnf"] = cnf;
            }
        })
    };
    let bound = token("bound", json!({ "jkt": thumbprint }));
    let certified = token("certified", json!({ "x5t#S256": thumbprint }));
    let (one, two) = (token("one", Value::Null), token("two", Value::Null));
    let agent = decode(&real).1["logistics_agent_uri"].as_str().unwrap().to_owned();
    let all = [&bound, &certified, &one, &two];
    let states = async || {
        let mut states = Vec::new();
        for token in all {
            states.push(iap.introspect(&server, token).await["active"] == json!(true));
        }
        states
    };
    assert_eq!(states().await, [true; 4]);
    // A bound token is none for whoever bears it.
    assert!(iap.introspect(&server, &bound).await.get("token_type").is_none());
    // About others, about tokens of before, or in another member: nothing happens.
    decide(&iap, 1001, "jti", "three", None).await;
    decide(&iap, 1002, "client_id", &client.client_id, Some(NOW - 1)).await;
    decide(&iap, 1003, "client_id", "one", None).await;
    decide(&iap, 1004, "jti", thumbprint, None).await;
    assert_eq!(states().await, [true; 4]);

    decide(&iap, 1005, "jkt", thumbprint, None).await;
    assert_eq!(states().await, [false, true, true, true]);
    decide(&iap, 1006, "x5t#S256", thumbprint, None).await;
    assert_eq!(states().await, [false, false, true, true]);
    decide(&iap, 1007, "jti", "one", None).await;
    assert_eq!(states().await, [false, false, false, true]);
    let kid = decode(&two).0["kid"].as_str().unwrap().to_owned();
    for (member, value) in [
        ("kid", kid.as_str()),
        ("agent_uri", &agent),
        ("agent_uri", "https://acme.example/acme"),
        ("client_id", &client.client_id),
    ] {
        decide(&iap, 2000, member, value, Some(NOW)).await;
        assert_eq!(states().await, [false; 4], "{member}");
        let undo = "DELETE FROM negative_decision WHERE sequence = 2000";
        sqlx::query(undo).execute(iap.app.database.writer().pool()).await.unwrap();
        assert_eq!(states().await, [false, false, false, true], "{member}");
    }
}

#[tokio::test]
async fn a_suspended_one_record_id_makes_the_tokens_that_carry_it_inactive() {
    let iap = TestIap::start().await;
    let (client, server) = (iap.acme().await, iap.record_server().await);
    let token = iap.access_token(&client, &[]).await;
    assert_eq!(iap.introspect(&server, &token).await["active"], true);
    let path = format!("/participants/{}/identifiers/suspend", client.participant_id);
    let _ = iap.admin("POST", &path, Some(json!({"uri": "https://acme.example/acme"}))).await.expect(200);
    assert_eq!(iap.introspect(&server, &token).await, inactive());
}

#[tokio::test]
async fn disabling_ends_tokens_for_ever_and_enabling_gives_new_ones() {
    let iap = TestIap::start().await;
    let (client, server) = (iap.acme().await, iap.record_server().await);
    for path in [format!("/clients/{}", client.client_id), format!("/participants/{}", client.participant_id)]
    {
        let before = iap.access_token(&client, &[]).await;
        assert_eq!(iap.introspect(&server, &before).await["active"], true, "{path}");
        let _ = iap.admin("POST", &format!("{path}/disable"), None).await.expect(200);
        assert_eq!(iap.introspect(&server, &before).await, inactive(), "{path}");
        let _ = iap.admin("POST", &format!("{path}/enable"), None).await.expect(200);
        assert_eq!(iap.introspect(&server, &before).await, inactive(), "{path}");
        iap.pass(Duration::from_secs(9)).await;
        let after = iap.access_token(&client, &[]).await;
        assert_eq!(iap.introspect(&server, &after).await["active"], true, "{path}");
        assert_eq!(iap.introspect(&server, &before).await, inactive(), "{path}");
    }
}

#[tokio::test]
async fn a_token_of_a_retiring_key_is_good_and_one_of_a_dropped_key_is_not() {
    let iap = TestIap::start().await;
    let (client, server) = (iap.acme().await, iap.record_server().await);
    let token = iap.access_token(&client, &[]).await;
    for (state, active) in [("retiring", true), ("retired", false), ("active", true), ("revoked", false)] {
        sqlx::query("UPDATE sealed_key SET state = $1 WHERE kid = $2")
            .bind(state)
            .bind(decode(&token).0["kid"].as_str().unwrap())
            .execute(iap.app.database.writer().pool())
            .await
            .unwrap();
        iap.app.keys.refresh(&iap.app.database).await.unwrap();
        assert_eq!(iap.introspect(&server, &token).await["active"], active, "{state}");
    }
}

#[tokio::test]
async fn who_asks_authenticates_as_at_the_token_endpoint() {
    let iap = TestIap::start().await;
    let (client, server) = (iap.acme().await, iap.record_server().await);
    let token = iap.access_token(&client, &[]).await;
    let about = ("token", token.as_str());
    let ask = async |parameters: &[(&str, &str)], headers: &[(&str, &str)]| {
        iap.post_form("/introspect", parameters, headers).await
    };
    refused(&ask(&[about], &[]).await, 401, "invalid_client");
    let wrong = basic(&server.client_id, &client.client_secret);
    let answer = ask(&[about], &[("authorization", &wrong)]).await;
    refused(&answer, 401, "invalid_client");
    assert!(answer.header("www-authenticate").starts_with("Basic "));
    refused(&ask(&[about], &[("authorization", &format!("Bearer {token}"))]).await, 401, "invalid_client");
    let right = basic(&server.client_id, &server.client_secret);
    let secret = ("client_secret", server.client_secret.as_str());
    refused(&ask(&[about, secret], &[("authorization", &right)]).await, 400, "invalid_request");
    refused(&ask(&[], &[("authorization", &right)]).await, 400, "invalid_request");
    refused(&ask(&[("token", "")], &[("authorization", &right)]).await, 400, "invalid_request");
    refused(&ask(&[about, about], &[("authorization", &right)]).await, 400, "invalid_request");
    let long = "a".repeat(8193);
    refused(&ask(&[("token", &long)], &[("authorization", &right)]).await, 400, "invalid_request");

    let key = ClientKeyPair::es256("k1");
    let further = json!({
        "token_endpoint_auth_method": "private_key_jwt", "jwks": key.jwks(), "introspects": [DEFAULT_AUDIENCE],
    });
    let by_key = iap.client(&server.participant_id, further).await;
    let with = |audience: &str| key.assertion(&by_key.client_id, audience, NOW);
    let assertion = with(ISSUER);
    let good = [about, TYPE, ("client_assertion", assertion.as_str())];
    assert_eq!(ask(&good, &[]).await.expect(200).json()["active"], true);
    // Once, here and at every other endpoint.
    refused(&ask(&good, &[]).await, 401, "invalid_client");
    let grant = [("grant_type", "client_credentials"), TYPE, ("client_assertion", assertion.as_str())];
    refused(&iap.token(&grant, &[]).await, 401, "invalid_client");
    for audience in [format!("{ISSUER}/introspect"), "https://evil.example".to_owned()] {
        let assertion = with(&audience);
        refused(&ask(&[about, TYPE, ("client_assertion", &assertion)], &[]).await, 401, "invalid_client");
    }
    let path = format!("/clients/{}/disable", server.client_id);
    let _ = iap.admin("POST", &path, None).await.expect(200);
    refused(&ask(&[about], &[("authorization", &right)]).await, 401, "invalid_client");
}

#[tokio::test]
async fn only_a_posted_form_is_understood() {
    let iap = TestIap::start().await;
    let server = iap.record_server().await;
    let authorization = basic(&server.client_id, &server.client_secret);
    for path in ["/introspect", "/revoke"] {
        let send = async |method: &str, target: &str, content_type: &str, body: &str| {
            let request = Request::builder().method(method).uri(target).header("content-type", content_type);
            let request = request.header("authorization", &authorization);
            iap.public(request.body(Body::from(body.to_owned())).unwrap()).await
        };
        let form = "application/x-www-form-urlencoded";
        let answer = send("GET", &format!("{path}?token=x"), form, "").await;
        refused(&answer, 405, "invalid_request");
        assert_eq!(answer.header("allow"), "POST");
        refused(&send("PUT", path, form, "token=x").await, 405, "invalid_request");
        refused(&send("POST", path, "application/json", r#"{"token":"x"}"#).await, 415, "invalid_request");
        refused(&send("POST", &format!("{path}?token=x"), form, "token=x").await, 400, "invalid_request");
        let large = format!("x={}", "a".repeat(40_000));
        refused(&send("POST", path, form, &large).await, 413, "invalid_request");
    }
}

#[tokio::test]
async fn a_stale_image_answers_nothing() {
    let iap = TestIap::start().await;
    let (client, server) = (iap.acme().await, iap.record_server().await);
    let token = iap.access_token(&client, &[]).await;
    iap.clock.advance(Duration::from_secs(3));
    refused(&iap.about_token("/introspect", &server, &token).await, 503, "temporarily_unavailable");
    iap.app.registry.refresh().await.unwrap();
    assert_eq!(iap.introspect(&server, &token).await["active"], true);
}

#[tokio::test]
async fn a_client_that_speaks_for_a_server_survives_a_restart() {
    let iap = TestIap::start().await;
    let (client, server): (Registered, Registered) = (iap.acme().await, iap.record_server().await);
    let iap = iap.restart().await;
    let token = iap.access_token(&client, &[]).await;
    assert_eq!(iap.introspect(&server, &token).await["active"], true);
}
