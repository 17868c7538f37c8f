//! A secret that a request makes is for its requester alone.

use serde_json::json;

use super::{ALL, Two, conflict};
use crate::harness::Registered;

#[tokio::test]
async fn a_secret_is_made_when_its_requester_fetches_it_and_nobody_else_sees_it() {
    let two = Two::start().await;
    let new = json!({ "name": "Cyd", "scopes": ALL });
    let waits = two.as_ada("POST", "/administrators", Some(new)).await.expect(202).json();
    assert_eq!((&waits["makes_secret"], &waits["subject"]), (&json!(true), &json!("administrator")));
    let path = format!("/approvals/{}", waits["id"].as_str().unwrap());
    assert_eq!(conflict(&two.as_ada("POST", &format!("{path}/execute"), None).await), "state");

    let approved = two.as_bob("POST", &format!("{path}/approve"), None).await.expect(200);
    assert_eq!(approved.json()["state"], "approved");
    assert!(!approved.text().contains("carnetsecret"));
    let count = async || {
        let list = two.as_bob("GET", "/administrators", None).await.expect(200).json();
        list["items"].as_array().unwrap().len()
    };
    assert_eq!(count().await, 3, "nobody was made yet");
    assert_eq!(conflict(&two.as_bob("POST", &format!("{path}/execute"), None).await), "requested_by");

    let token = two.iap.token_for(&two.ada).await;
    let key = [("idempotency-key", "k")];
    let execute = format!("{path}/execute");
    let made = two.iap.admin_with(&token, "POST", &execute, &key, None).await.expect(201).json();
    let cyd = Registered {
        participant_id: String::new(),
        client_id: made["client_id"].as_str().unwrap().to_owned(),
        client_secret: made["client_secret"].as_str().unwrap().to_owned(),
    };
    assert_eq!((count().await, two.state(&path).await), (4, "executed".to_owned()));
    let _ = two.iap.token_of(&cyd, &[]).await.expect(200);
    assert_eq!(conflict(&two.as_ada("POST", &execute, None).await), "state");
    let replayed = two.iap.admin_with(&token, "POST", &execute, &key, None).await.expect(201);
    assert_eq!(replayed.json().get("client_secret"), None);
    assert_eq!(replayed.header("idempotent-secret-withheld"), "true");

    // Ada asked for Cyd, and Bob approved: Cyd is no second person to either of them.
    let of_ada = format!("{}/approve", two.ask().await);
    let of_bob = two.as_bob("POST", &two.enable(), None).await.expect(202).json();
    let of_bob = format!("/approvals/{}/approve", of_bob["id"].as_str().unwrap());
    for approve in [of_ada, of_bob] {
        assert_eq!(conflict(&two.iap.admin_as(&cyd, "POST", &approve, None).await), "approver");
    }
}

#[tokio::test]
async fn a_narrow_token_of_the_requester_fetches_no_secret() {
    let two = Two::start().await;
    let new = json!({ "name": "Cyd", "scopes": ALL });
    let waits = two.as_ada("POST", "/administrators", Some(new)).await.expect(202).json();
    let path = format!("/approvals/{}", waits["id"].as_str().unwrap());
    let _ = two.as_bob("POST", &format!("{path}/approve"), None).await.expect(200);
    let narrow = two.iap.token_of(&two.ada, &[("scope", "admin:registry:write")]).await.expect(200).json();
    let narrow = narrow["access_token"].as_str().unwrap();
    let execute = format!("{path}/execute");
    let refused = two.iap.admin_with(narrow, "POST", &execute, &[], None).await.expect(403);
    assert!(refused.header("www-authenticate").contains("admin:administrators:write"));
    assert_eq!(two.state(&path).await, "approved");
    let _ = two.as_ada("POST", &execute, None).await.expect(201);
}

#[tokio::test]
async fn of_one_who_executes_twice_at_once_one_secret_is_made() {
    let two = Two::start().await;
    let secrets = format!("/clients/{}/secrets", two.bob.client_id);
    let waits = two.as_ada("POST", &secrets, None).await.expect(202).json();
    let path = format!("/approvals/{}", waits["id"].as_str().unwrap());
    let _ = two.as_bob("POST", &format!("{path}/approve"), None).await.expect(200);
    let (token, execute) = (two.iap.token_for(&two.ada).await, format!("{path}/execute"));
    let ask = || two.iap.admin_with(&token, "POST", &execute, &[], None);
    let (a, b) = tokio::join!(ask(), ask());
    let mut statuses = [a.status.as_u16(), b.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409]);
    let list = two.as_ada("GET", &secrets, None).await.expect(200).json();
    assert_eq!(list["items"].as_array().unwrap().len(), 2);
}
