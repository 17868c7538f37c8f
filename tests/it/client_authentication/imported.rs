//! Secrets that partners bring along.

use std::time::Duration;

use carnet::registry::{HashMemory, ImportedHash};
use carnet_ambient::Entropy;
use carnet_testkit::ClientKeyPair;
use serde_json::{Value, json};

use super::{GRANT, ask_from, fields, pass, secrets_of, text, with_secret};
use crate::harness::{PEER, Registered, TestIap, basic};

const SECRET: &str = "8f14e45f-ceea-467f-a8d6-1f1c0b0b2c2d";

/// Imports a secret for a client; the record of it.
async fn import(iap: &TestIap, client: &Registered, body: Value) -> Value {
    iap.admin("POST", &secrets_of(client), Some(body)).await.expect(201).json()
}

/// Imports a hash that nothing fits and that takes as long as one may, so that a request is surely still at it when
/// the next one comes.
async fn import_slow(iap: &TestIap, client: &Registered) {
    let slow = hashed("nobody knows this one").replace("m=19456,t=2", "m=65536,t=4");
    let _ = import(iap, client, json!({ "phc": slow })).await;
}

fn hashed(secret: &str) -> String {
    ImportedHash::make(&Entropy::seeded(5), secret, &mut HashMemory::new()).to_string()
}

#[tokio::test]
async fn an_imported_secret_works_beside_the_others_and_a_wrong_one_does_not() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    let made = import(&iap, &client, json!({ "secret": SECRET })).await;
    assert_eq!((&made["imported"], made.get("client_secret")), (&json!(true), None));
    let moved = with_secret(&client, SECRET);
    for _ in 0..3 {
        let _ = iap.token_of(&moved, &[]).await.expect(200);
    }
    let _ = iap.token_of(&client, &[]).await.expect(200);
    let unknown = ask_from(&iap, PEER, "nobody", "8f14e45f-ceea-467f-a8d6-1f1c0b0b2c2e").await;
    for wrong in ["8f14e45f-ceea-467f-a8d6-1f1c0b0b2c2e", "x", &SECRET.to_uppercase(), &SECRET.repeat(20)] {
        let answer = ask_from(&iap, PEER, &client.client_id, wrong).await.expect(401);
        assert_eq!((&answer.headers, &answer.body), (&unknown.headers, &unknown.body), "{wrong}");
    }
    // The wrong ones did not spoil the memory of the right one, nor the other way round.
    let _ = iap.token_of(&moved, &[]).await.expect(200);
    let _ = ask_from(&iap, PEER, &client.client_id, "8f14e45f-ceea-467f-a8d6-1f1c0b0b2c2e").await.expect(401);
}

#[tokio::test]
async fn a_hash_from_elsewhere_is_taken_over_with_its_parameters() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    let _ = import(&iap, &client, json!({ "phc": hashed(SECRET) })).await;
    let _ = iap.token_of(&with_secret(&client, SECRET), &[]).await.expect(200);
    let _ = ask_from(&iap, PEER, &client.client_id, &hashed(SECRET)).await.expect(401);
}

#[tokio::test]
async fn an_imported_secret_is_one_clients_only() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    let other = iap.client(&client.participant_id, json!({})).await;
    let _ = import(&iap, &client, json!({ "secret": SECRET })).await;
    let _ = iap.token_of(&with_secret(&client, SECRET), &[]).await.expect(200);
    let _ = iap.token_of(&with_secret(&other, SECRET), &[]).await.expect(401);
}

#[tokio::test]
async fn special_characters_are_understood_in_both_spellings() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    let secret = "z/tZ9+VwFZqApm%41IQ+ZH1I:5pLk=";
    let _ = import(&iap, &client, json!({ "secret": secret })).await;
    let _ = iap.token_of(&with_secret(&client, secret), &[]).await.expect(200);
    let encode = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<Vec<_>>().concat();
    let _ = ask_from(&iap, PEER, &client.client_id, &encode(secret)).await.expect(200);
}

#[tokio::test]
async fn the_memory_of_a_success_does_not_outlive_the_secret() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    let made = import(&iap, &client, json!({ "secret": SECRET })).await;
    let moved = with_secret(&client, SECRET);
    let _ = iap.token_of(&moved, &[]).await.expect(200);
    let _ = iap.token_of(&moved, &[]).await.expect(200);
    let path = format!("{}/{}", secrets_of(&client), text(&made["id"]));
    let _ = iap.admin("DELETE", &path, None).await.expect(204);
    let _ = iap.token_of(&moved, &[]).await.expect(401);
    // The same secret anew, for a minute: what is remembered of the first one does not count for it, nor beyond it.
    let _ = import(&iap, &client, json!({ "secret": SECRET, "expires_in": 60 })).await;
    let _ = iap.token_of(&moved, &[]).await.expect(200);
    pass(&iap, Duration::from_secs(59)).await;
    let _ = iap.token_of(&moved, &[]).await.expect(200);
    pass(&iap, Duration::from_secs(1)).await;
    let _ = iap.token_of(&moved, &[]).await.expect(401);
}

#[tokio::test]
async fn a_restart_forgets_the_successes_and_keeps_the_secret() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    let _ = import(&iap, &client, json!({ "secret": SECRET })).await;
    let moved = with_secret(&client, SECRET);
    let _ = iap.token_of(&moved, &[]).await.expect(200);
    let iap = iap.restart().await;
    let _ = iap.token_of(&moved, &[]).await.expect(200);
    let _ =
        iap.token_of(&with_secret(&client, "8f14e45f-ceea-467f-a8d6-1f1c0b0b2c2e"), &[]).await.expect(401);
}

#[tokio::test]
async fn failures_are_throttled_before_anything_is_hashed() {
    let iap = TestIap::start_with("[throttle]\nclient_failures_per_minute = 2").await;
    let client = iap.acme().await;
    let _ = import(&iap, &client, json!({ "secret": SECRET })).await;
    for _ in 0..2 {
        let _ = ask_from(&iap, "198.51.100.7", &client.client_id, "wrong").await.expect(401);
    }
    let _ = ask_from(&iap, "198.51.100.7", &client.client_id, SECRET).await.expect(429);
    let _ = ask_from(&iap, PEER, &client.client_id, SECRET).await.expect(200);
}

#[tokio::test]
async fn a_request_that_is_given_up_while_it_is_hashed_counts_as_failed() {
    let iap = TestIap::start_with("[throttle]\nclient_failures_per_minute = 1").await;
    let client = iap.acme().await;
    import_slow(&iap, &client).await;
    let ask = ask_from(&iap, "198.51.100.7", &client.client_id, "wrong");
    assert!(tokio::time::timeout(Duration::ZERO, ask).await.is_err(), "hashing takes longer than nothing");
    let _ = ask_from(&iap, "198.51.100.7", &client.client_id, "wrong").await.expect(429);
}

#[tokio::test]
async fn what_finds_no_slot_and_no_place_in_the_queue_is_told_to_come_back() {
    let iap = TestIap::start_with("[throttle]\nhashing_slots = 2\nhashing_queue = 0").await;
    let client = iap.acme().await;
    let _ = import(&iap, &client, json!({ "secret": SECRET })).await;
    import_slow(&iap, &client).await;
    let moved = with_secret(&client, SECRET);
    // Known from here: this address has a slot of its own from now on.
    let _ = iap.token_of(&moved, &[]).await.expect(200);
    let wrong = |peer: &'static str| ask_from(&iap, peer, &client.client_id, "8f14e45f-ceea-467f-a8d6-wrong");
    let (one, two, three) = tokio::join!(wrong("198.51.100.7"), wrong("198.51.100.8"), wrong(PEER));
    assert_eq!(one.status.as_u16(), 401);
    assert_eq!(two.status.as_u16(), 503, "strangers have one slot of the two");
    assert!(!two.header("retry-after").is_empty());
    assert_eq!(three.status.as_u16(), 401, "{}", three.text());
    // Who is remembered needs no slot at all.
    let (busy, also_busy, remembered) =
        tokio::join!(wrong("198.51.100.7"), wrong(PEER), iap.token_of(&moved, &[]));
    assert_eq!((busy.status.as_u16(), also_busy.status.as_u16()), (401, 401));
    let _ = remembered.expect(200);
}

#[tokio::test]
async fn what_is_not_fit_to_be_imported_is_refused_and_not_repeated() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    let hash = hashed(SECRET);
    for (body, field) in [
        (json!({ "secret": "short" }), "secret"),
        (json!({ "secret": "aaaaaaaaaaaaaaaaaaaaaaaa" }), "secret"),
        (json!({ "secret": client.client_secret }), "secret"),
        (json!({ "secret": format!("x-{}", client.client_id) }), "secret"),
        (json!({ "secret": "8f14e45f ceea 467f a8d6" }), "secret"),
        (json!({ "secret": 1 }), "secret"),
        (json!({ "phc": hash.replace("m=19456", "m=1048576") }), "phc"),
        (json!({ "phc": hash.replace("t=2", "t=1000000") }), "phc"),
        (json!({ "phc": hash.replace("t=2", "t=1") }), "phc"),
        (json!({ "phc": hash.replace("argon2id", "argon2d") }), "phc"),
        (json!({ "phc": "$2b$12$abcdefghijklmnopqrstuv" }), "phc"),
        (json!({ "phc": hash, "secret": SECRET }), "phc"),
        (json!({ "secret": SECRET, "expires_in": 5 }), "expires_in"),
    ] {
        let answer = iap.admin("POST", &secrets_of(&client), Some(body.clone())).await;
        assert_eq!(fields(&answer, 400), [field], "{body}");
        for given in [&body["secret"], &body["phc"]].into_iter().filter_map(Value::as_str) {
            assert!(!answer.text().contains(given), "{}", answer.text());
        }
    }
    let nobody = iap.admin("POST", "/clients/nobody/secrets", Some(json!({ "secret": SECRET }))).await;
    assert_eq!(nobody.status.as_u16(), 404);
}

#[tokio::test]
async fn imports_are_few_and_for_machines_that_use_secrets() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    let body = || Some(json!({ "phc": hashed(SECRET) }));
    for _ in 0..2 {
        let _ = iap.admin("POST", &secrets_of(&client), body()).await.expect(201);
    }
    assert_eq!(fields(&iap.admin("POST", &secrets_of(&client), body()).await, 409), ["client_secret"]);
    let _ = iap.admin("POST", &secrets_of(&client), None).await.expect(201);

    let key = ClientKeyPair::es256("k");
    let further = json!({"token_endpoint_auth_method": "private_key_jwt", "jwks": key.jwks()});
    let signer = iap.client(&client.participant_id, further).await;
    let answer = iap.admin("POST", &secrets_of(&signer), body()).await;
    assert_eq!(fields(&answer, 409), ["token_endpoint_auth_method"]);

    let administrator = iap.credentials().client_id;
    let answer = iap.admin("POST", &format!("/clients/{administrator}/secrets"), body()).await;
    assert_eq!(fields(&answer, 409), ["client_id"]);
}

#[tokio::test]
async fn an_imported_secret_is_for_the_registered_method_only() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    let _ = import(&iap, &client, json!({ "secret": SECRET })).await;
    let post = [GRANT, ("client_id", client.client_id.as_str()), ("client_secret", SECRET)];
    let answer = iap.token(&post, &[]).await.expect(401);
    assert!(answer.json()["error_description"].as_str().unwrap().contains("client_secret_basic"));
    let _ = iap.admin("POST", &format!("/clients/{}/disable", client.client_id), None).await.expect(200);
    let header = basic(&client.client_id, SECRET);
    let _ = iap.token(&[GRANT], &[("authorization", &header)]).await.expect(401);
}

#[tokio::test]
async fn the_use_of_an_imported_secret_is_noted() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    let made = import(&iap, &client, json!({ "secret": SECRET })).await;
    let _ = iap.token_of(&with_secret(&client, SECRET), &[]).await.expect(200);
    let iap = iap.restart().await;
    let list = iap.admin("GET", &secrets_of(&client), None).await.expect(200).json();
    let item = list["items"].as_array().unwrap().iter().find(|item| item["id"] == made["id"]).unwrap();
    assert_eq!(item["last_used_at"], "2027-01-15T08:00:00.000Z");
}
