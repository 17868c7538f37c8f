//! Where a client may ask from.

use carnet_testkit::ClientKeyPair;
use serde_json::json;

use super::{GRANT, ask_from, fields, text};
use crate::harness::{ISSUER, NOW, Registered, TestIap};

const ASSERTION_TYPE: (&str, &str) =
    ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");

async fn listed(iap: &TestIap) -> Registered {
    let participant = iap.participant("acme").await;
    iap.client(&participant, json!({"allowed_addresses": ["198.51.100.0/24", "2001:db8::/32"]})).await
}

#[tokio::test]
async fn a_client_gets_tokens_where_its_list_says_and_nowhere_else() {
    let iap = TestIap::start().await;
    let client = listed(&iap).await;
    for (peer, status) in [
        ("198.51.100.0", 200),
        ("198.51.100.255", 200),
        // As a socket for both families shows it.
        ("::ffff:198.51.100.7", 200),
        ("2001:db8:ffff::1", 200),
        ("198.51.101.0", 401),
        ("::ffff:198.51.101.0", 401),
        ("2001:db9::1", 401),
        // The same bits in the other family are another address.
        ("::198.51.100.7", 401),
    ] {
        let answer = ask_from(&iap, peer, &client.client_id, &client.client_secret).await;
        assert_eq!(answer.status.as_u16(), status, "{peer}: {}", answer.text());
    }
}

#[tokio::test]
async fn only_who_holds_the_secret_hears_of_the_list() {
    let iap = TestIap::start().await;
    let client = listed(&iap).await;
    let description = async |secret: &str| {
        let answer = ask_from(&iap, "192.0.2.9", &client.client_id, secret).await.expect(401);
        text(&answer.json()["error_description"])
    };
    assert!(description(&client.client_secret).await.contains("address"));
    assert!(!description("wrong").await.contains("address"));
}

#[tokio::test]
async fn who_has_a_list_gets_nothing_while_addresses_cannot_be_known() {
    let iap = TestIap::start().await;
    let client = listed(&iap).await;
    let _ = ask_from(&iap, "127.0.0.1", &client.client_id, &client.client_secret).await.expect(401);
    let anywhere = iap.client(&client.participant_id, json!({})).await;
    let _ = ask_from(&iap, "127.0.0.1", &anywhere.client_id, &anywhere.client_secret).await.expect(200);
}

#[tokio::test]
async fn an_assertion_from_the_wrong_place_is_not_used_up() {
    let iap = TestIap::start().await;
    let participant = iap.participant("acme").await;
    let key = ClientKeyPair::es256("k");
    let further = json!({
        "token_endpoint_auth_method": "private_key_jwt", "jwks": key.jwks(),
        "allowed_addresses": ["198.51.100.7"],
    });
    let client = iap.client(&participant, further).await;
    let assertion = key.assertion(&client.client_id, ISSUER, NOW);
    let parameters = [GRANT, ASSERTION_TYPE, ("client_assertion", assertion.as_str())];
    let _ = iap.token_from("198.51.100.8", &parameters, &[]).await.expect(401);
    let _ = iap.token_from("198.51.100.7", &parameters, &[]).await.expect(200);
}

#[tokio::test]
async fn the_list_is_checked_and_shown_as_it_is_kept() {
    let iap = TestIap::start().await;
    let participant = iap.participant("acme").await;
    let body = |list: serde_json::Value| {
        Some(json!({ "participant_id": participant, "name": "machine", "allowed_addresses": list }))
    };
    let wrong = json!([
        "198.51.100.7",
        "198.51.100.7/32",
        "198.51.100.7/24",
        "::ffff:198.51.100.0/120",
        "x",
        "1.2.3.4/33"
    ]);
    let answer = iap.admin("POST", "/clients", body(wrong)).await;
    assert_eq!(fields(&answer, 400), [1, 2, 3, 4, 5].map(|at| format!("allowed_addresses[{at}]")));
    assert!(answer.text().contains("198.51.100.0/24"), "says what would be right: {}", answer.text());
    let many: Vec<String> = (0..51).map(|at| format!("198.51.100.{at}")).collect();
    assert_eq!(fields(&iap.admin("POST", "/clients", body(json!(many))).await, 400), ["allowed_addresses"]);

    let list = json!(["198.51.100.7", "2001:DB8::/32"]);
    let made = iap.admin("POST", "/clients", body(list)).await.expect(201).json();
    assert_eq!(made["allowed_addresses"], json!(["198.51.100.7/32", "2001:db8::/32"]));
    let path = format!("/clients/{}", text(&made["client_id"]));
    let shown = iap.admin("GET", &path, None).await.expect(200).json();
    assert_eq!(shown["allowed_addresses"], made["allowed_addresses"]);
    let none = iap.client(&participant, json!({})).await;
    let shown = iap.admin("GET", &format!("/clients/{}", none.client_id), None).await.expect(200).json();
    assert_eq!(shown["allowed_addresses"], json!([]));
}
