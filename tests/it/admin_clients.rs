//! Clients in the administration API: registration, secrets, keys, and what disabling does at once.

use axum::body::Body;
use carnet_testkit::{Answer, ClientKeyPair};
use http::Request;
use serde_json::{Value, json};

use crate::harness::{DEFAULT_AUDIENCE, Registered, TestIap};

#[track_caller]
fn fields(answer: &Answer, status: u16) -> Vec<String> {
    assert_eq!(answer.status.as_u16(), status, "{}", answer.text());
    let problem = answer.json();
    let errors = problem["errors"].as_array().unwrap_or_else(|| panic!("{problem}"));
    errors.iter().map(|error| error["field"].as_str().unwrap().to_owned()).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

#[tokio::test]
async fn a_new_client_has_the_defaults_and_its_secret_is_shown_once() {
    let iap = TestIap::start().await;
    let participant = iap.participant("acme").await;
    let body = json!({ "participant_id": participant, "name": "machine" });
    let made = iap.admin("POST", "/clients", Some(body)).await.expect(201);
    let mut client = made.json();
    let id = text(&client["client_id"]);
    assert_eq!(made.header("location"), format!("/admin/v1/clients/{id}"));
    assert!(text(&client["client_secret"]).starts_with("carnetsecret"));
    assert_eq!(client["client_secret_expires_at"], Value::Null);
    for (member, value) in [
        ("kind", json!("machine")),
        ("token_endpoint_auth_method", json!("client_secret_basic")),
        ("require_bound_tokens", json!(true)),
        ("scopes", json!(["logistics_objects:read", "logistics_objects:write", "events:write"])),
        ("audiences", json!([])),
        ("status", json!("active")),
    ] {
        assert_eq!(client[member], value, "{member}");
    }
    let members = client.as_object_mut().unwrap();
    members.remove("client_secret");
    members.remove("client_secret_expires_at");
    assert_eq!(iap.admin("GET", &format!("/clients/{id}"), None).await.expect(200).json(), client);
    let list = iap.admin("GET", &format!("/clients?participant_id={participant}"), None).await.expect(200);
    assert_eq!(list.json()["items"], json!([client]));
    assert!(!list.text().contains("carnetsecret"));
}

#[tokio::test]
async fn a_clients_broken_rule_names_its_member() {
    let iap = TestIap::start_with("[tokens]\nnetwork_audience = \"https://network.example\"\n").await;
    let other = iap.participant("other").await;
    let participant = iap.participant("acme").await;
    let key = ClientKeyPair::es256("k");
    let private = json!({ "keys": [{ "kty": "EC", "crv": "P-256", "x": key.jwk()["x"], "y": key.jwk()["y"], "d": "AAAA" }] });
    let good = json!({ "participant_id": participant, "name": "machine" });
    let _ = other;
    for (member, value, field) in [
        ("name", json!("\u{7}"), "name"),
        ("participant_id", json!("01ARZ3NDEKTSV4RRFFQ69G5FAV"), "participant_id"),
        ("participant_id", json!("\u{0}"), "participant_id"),
        ("token_endpoint_auth_method", json!("none"), "token_endpoint_auth_method"),
        ("token_endpoint_auth_method", json!("private_key_jwt"), "jwks"),
        ("require_bound_tokens", json!("false"), "require_bound_tokens"),
        ("scopes", json!(["admin:write"]), "scopes[0]"),
        ("scopes", json!(["openid"]), "scopes[0]"),
        ("audiences", json!(["https://stranger.example"]), "audiences[0]"),
        ("audiences", json!(["https://network.example"]), "audiences[0]"),
        ("audiences", json!([DEFAULT_AUDIENCE, DEFAULT_AUDIENCE]), "audiences[1]"),
        ("audiences", json!(["\u{0}"]), "audiences[0]"),
        ("access_token_lifetime", json!(59), "access_token_lifetime"),
        ("access_token_lifetime", json!(3601), "access_token_lifetime"),
        ("access_token_lifetime", json!(60.5), "access_token_lifetime"),
        ("signing_alg", json!("HS256"), "signing_alg"),
        ("one_record_id", json!("https://other.example/other"), "one_record_id"),
        ("one_record_id", json!("\u{0}"), "one_record_id"),
        ("jwks", json!("x"), "jwks"),
        ("jwks", json!({ "keys": [] }), "jwks.keys"),
        ("jwks", json!({ "keys": [{ "kty": "oct", "k": "AAAA" }] }), "jwks.keys[0]"),
        ("jwks", private, "jwks.keys[0]"),
        ("grant_types", json!(["client_credentials"]), "grant_types"),
    ] {
        let mut body = good.clone();
        body[member] = value.clone();
        assert_eq!(
            fields(&iap.admin("POST", "/clients", Some(body)).await, 400),
            [field],
            "{member} = {value}"
        );
    }
}

#[tokio::test]
async fn private_key_material_is_named_and_not_repeated() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    let mut jwk = ClientKeyPair::es256("k").jwk();
    jwk["d"] = json!("c2VjcmV0LXNlY3JldA");
    let path = format!("/clients/{}/keys", client.client_id);
    let answer = iap.admin("POST", &path, Some(json!({ "jwk": jwk }))).await;
    assert_eq!(fields(&answer, 400), ["jwk"]);
    assert!(answer.text().contains("private key material") && !answer.text().contains("c2VjcmV0"));
}

#[tokio::test]
async fn a_client_is_registered_for_an_audience_and_an_identifier() {
    let iap = TestIap::start().await;
    let participant = iap.participant("acme").await;
    let server = json!({ "identifier": "https://record.example", "name": "Record" });
    let server = iap.admin("POST", "/resource-servers", Some(server)).await.expect(201).json();
    let uri = json!({ "uri": "https://acme.example/cargo" });
    let _ =
        iap.admin("POST", &format!("/participants/{participant}/identifiers"), Some(uri)).await.expect(201);
    let body = json!({
        "participant_id": participant, "name": "machine", "require_bound_tokens": false,
        "audiences": [server["id"], DEFAULT_AUDIENCE], "one_record_id": "https://acme.example/cargo",
        "scopes": ["ca:enrol", "events:write"], "access_token_lifetime": 3600, "signing_alg": "ES256",
    });
    let made = iap.admin("POST", "/clients", Some(body)).await.expect(201).json();
    assert_eq!(made["audiences"], json!(["https://record.example", DEFAULT_AUDIENCE]));
    let image = iap.app.registry.current().unwrap();
    let entry = image.client(made["client_id"].as_str().unwrap()).unwrap();
    assert_eq!(entry.iol_identifier(), Some("https://acme.example/cargo"));
    let audiences = image.audiences_of(entry.client());
    assert_eq!(audiences[0].identifier, "https://record.example");
}

#[tokio::test]
async fn secrets_live_side_by_side_until_one_is_revoked() {
    let iap = TestIap::start().await;
    let first = iap.acme().await;
    let path = format!("/clients/{}/secrets", first.client_id);
    let made = iap.admin("POST", &path, Some(json!({ "expires_in": 3600 }))).await.expect(201).json();
    assert_eq!(made["expires_at"], "2027-01-15T09:00:00.000Z");
    let second = Registered { client_secret: text(&made["client_secret"]), ..first.clone() };
    let _ = iap.token_of(&first, &[]).await.expect(200);
    let _ = iap.token_of(&second, &[]).await.expect(200);

    let list = iap.admin("GET", &path, None).await.expect(200);
    assert!(!list.text().contains("carnetsecret"), "a secret is shown once");
    let items = list.json()["items"].as_array().unwrap().clone();
    let of_first = items.iter().find(|item| item["id"] != made["id"]).unwrap();
    let one = format!("{path}/{}", text(&of_first["id"]));
    assert!(iap.admin("DELETE", &one, None).await.expect(204).body.is_empty());
    let _ = iap.admin("DELETE", &one, None).await.expect(204);
    let _ = iap.token_of(&first, &[]).await.expect(401);
    let _ = iap.token_of(&second, &[]).await.expect(200);

    iap.clock.advance(std::time::Duration::from_hours(1));
    iap.app.registry.refresh().await.unwrap();
    let _ = iap.token_of(&second, &[]).await.expect(401);
}

#[tokio::test]
async fn a_secret_is_made_without_a_body_and_not_without_bounds() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    let path = format!("/clients/{}/secrets", client.client_id);
    for wrong in
        [json!({ "expires_in": 59 }), json!({ "expires_in": "1d" }), json!({ "expires_in": i64::MAX })]
    {
        assert_eq!(fields(&iap.admin("POST", &path, Some(wrong)).await, 400), ["expires_in"]);
    }
    assert_eq!(fields(&iap.admin("POST", &path, Some(json!({ "expire_in": 60 }))).await, 400), ["expire_in"]);
    for _ in 0..9 {
        let _ = iap.admin("POST", &path, None).await.expect(201);
    }
    assert_eq!(fields(&iap.admin("POST", &path, None).await, 409), ["client_secret"]);
}

#[tokio::test]
async fn a_client_that_signs_gets_no_secret() {
    let iap = TestIap::start().await;
    let participant = iap.participant("acme").await;
    let body = json!({
        "participant_id": participant, "name": "signer", "token_endpoint_auth_method": "private_key_jwt",
        "jwks": ClientKeyPair::es256("k").jwks(),
    });
    let made = iap.admin("POST", "/clients", Some(body)).await.expect(201).json();
    assert!(made.get("client_secret").is_none());
    let path = format!("/clients/{}/secrets", text(&made["client_id"]));
    assert_eq!(fields(&iap.admin("POST", &path, None).await, 409), ["token_endpoint_auth_method"]);
    assert_eq!(iap.admin("GET", &path, None).await.expect(200).json()["items"], json!([]));
}

#[tokio::test]
async fn keys_are_added_listed_and_revoked_for_ever() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    let path = format!("/clients/{}/keys", client.client_id);
    let (one, two) = (ClientKeyPair::es256("one/1"), ClientKeyPair::rs256("two"));
    let jwks = json!({ "keys": [one.jwk(), two.jwk()] });
    let added = iap.admin("POST", &path, Some(json!({ "jwks": jwks }))).await.expect(201).json();
    let kids: Vec<String> = added["items"].as_array().unwrap().iter().map(|key| text(&key["kid"])).collect();
    assert_eq!(kids, ["one/1", "two"]);
    assert_eq!(added["items"][1]["alg"], "RS256");
    assert_eq!(iap.app.registry.current().unwrap().client(&client.client_id).unwrap().keys().len(), 2);

    let _ = iap.admin("DELETE", &format!("{path}/one%2F1"), None).await.expect(204);
    let list = iap.admin("GET", &path, None).await.expect(200).json();
    // Registered in one millisecond, they may stand in either order.
    let revoked = list["items"].as_array().unwrap().iter().find(|key| key["kid"] == "one/1").unwrap();
    assert_eq!(revoked["status"], "revoked");
    assert_eq!(iap.app.registry.current().unwrap().client(&client.client_id).unwrap().keys().len(), 1);

    let mut renamed = one.jwk();
    renamed["kid"] = json!("again");
    assert_eq!(fields(&iap.admin("POST", &path, Some(json!({ "jwk": renamed }))).await, 409), ["jwk"]);
    let namesake = ClientKeyPair::es256("two").jwk();
    assert_eq!(fields(&iap.admin("POST", &path, Some(json!({ "jwk": namesake }))).await, 409), ["jwk.kid"]);
    for wrong in [json!({}), json!({ "jwk": two.jwk(), "jwks": two.jwks() })] {
        assert_eq!(fields(&iap.admin("POST", &path, Some(wrong)).await, 400), ["jwk"]);
    }
}

#[tokio::test]
async fn one_key_is_one_clients() {
    let iap = TestIap::start().await;
    let participant = iap.participant("acme").await;
    let key = ClientKeyPair::es256("k");
    let body = json!({
        "participant_id": participant, "name": "signer", "token_endpoint_auth_method": "private_key_jwt", "jwks": key.jwks(),
    });
    let _ = iap.admin("POST", "/clients", Some(body.clone())).await.expect(201);
    assert_eq!(fields(&iap.admin("POST", "/clients", Some(body)).await, 409), ["jwks.keys[0]"]);
    let other = iap.client(&participant, json!({})).await;
    let path = format!("/clients/{}/keys", other.client_id);
    assert_eq!(fields(&iap.admin("POST", &path, Some(json!({ "jwk": key.jwk() }))).await, 409), ["jwk"]);

    let published: Value = iap.get("/.well-known/jwks.json").await.expect(200).json();
    let mut ours = published["keys"][0].clone();
    ours["kid"] = json!("mine");
    let answer = iap.admin("POST", &path, Some(json!({ "jwk": ours }))).await;
    assert_eq!(fields(&answer, 409), ["jwk"], "the IAP's own key is nobody's client key");
}

#[tokio::test]
async fn a_disabled_client_or_participant_gets_no_token_at_once() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    for path in [format!("/clients/{}", client.client_id), format!("/participants/{}", client.participant_id)]
    {
        let _ = iap.token_of(&client, &[]).await.expect(200);
        for _ in 0..2 {
            let disabled = iap.admin("POST", &format!("{path}/disable"), None).await.expect(200).json();
            assert_eq!(disabled["status"], "disabled");
            let _ = iap.token_of(&client, &[]).await.expect(401);
        }
        let enabled = iap.admin("POST", &format!("{path}/enable"), None).await.expect(200).json();
        assert_eq!(enabled["status"], "active");
    }
    let _ = iap.token_of(&client, &[]).await.expect(200);
}

#[tokio::test]
async fn the_first_administrator_cannot_be_disabled_and_rotates_its_secret() {
    let iap = TestIap::start().await;
    let id = iap.credentials().client_id;
    let answer = iap.admin("POST", &format!("/clients/{id}/disable"), None).await;
    assert_eq!(fields(&answer, 409), ["client_id"]);
    let secrets = iap.admin("GET", &format!("/clients/{id}/secrets"), None).await.expect(200).json();
    assert_eq!(secrets["items"][0]["expires_at"], "2027-01-16T08:00:00.000Z");
    let made = iap.admin("POST", &format!("/clients/{id}/secrets"), None).await.expect(201).json();
    let administrator = Registered {
        participant_id: String::new(),
        client_id: id,
        client_secret: text(&made["client_secret"]),
    };
    let _ = iap.token_of(&administrator, &[("scope", "admin:read")]).await.expect(200);
}

#[tokio::test]
async fn a_reset_gives_the_administrator_a_secret_and_ends_everything_older() {
    let iap = TestIap::start().await;
    let token = iap.administration_token("admin:read").await;
    let credentials = iap.credentials();
    let old = Registered {
        participant_id: String::new(),
        client_id: credentials.client_id.clone(),
        client_secret: credentials.client_secret.to_string(),
    };
    let context = carnet::operations::Context::new(&iap.app);
    let actor = carnet::operations::Actor::local();
    let made = carnet::operations::reset_administrator(&context, &actor, "lost").await.unwrap();
    assert_eq!(made.client_id, credentials.client_id);
    assert_eq!(made.expires_at, iap.clock.now_millis() + 86_400_000);
    let new = Registered { client_secret: made.secret.expose().to_owned(), ..old.clone() };
    let _ = iap.token_of(&old, &[("scope", "admin:read")]).await.expect(401);
    let _ = iap.token_of(&new, &[("scope", "admin:read")]).await.expect(200);
    let request = Request::get("/admin/v1/clients").header("authorization", format!("Bearer {token}"));
    let _ = iap.administration(request.body(Body::empty()).unwrap()).await.expect(401);
}

#[tokio::test]
async fn with_an_administrators_secret_its_tokens_end() {
    let iap = TestIap::start().await;
    let administrator = iap.credentials().client_id;
    let token = iap.administration_token("admin:read admin:write").await;
    let secrets = format!("/clients/{administrator}/secrets");
    let listed = iap.admin("GET", &secrets, None).await.expect(200).json();
    let secret = text(&listed["items"][0]["id"]);
    let _ = iap.admin("DELETE", &format!("{secrets}/{secret}"), None).await.expect(204);
    let request = http::Request::post(format!("/admin/v1{secrets}"))
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", "application/json")
        .body("{}".into())
        .unwrap();
    let _ = iap.administration(request).await.expect(401);
}

#[tokio::test]
async fn a_secret_in_the_place_of_its_id_is_not_repeated() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    let path = format!("/clients/{}/secrets/{}", client.client_id, client.client_secret);
    let refused = iap.admin("DELETE", &path, None).await.expect(404);
    assert!(!refused.text().contains("carnetsecret"), "{}", refused.text());
}
