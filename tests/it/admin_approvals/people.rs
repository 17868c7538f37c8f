//! Two people: who may approve what whom asked for.

use std::time::Duration;

use carnet_testkit::ClientKeyPair;
use serde_json::json;

use super::{ALL, REQUIRED, Two, conflict};
use crate::harness::{Registered, TestIap};

#[tokio::test]
async fn nobody_approves_what_they_asked_for() {
    let two = Two::start().await;
    let path = two.ask().await;
    assert_eq!(conflict(&two.as_ada("POST", &format!("{path}/approve"), None).await), "approver");
    assert_eq!(two.state(&path).await, "pending");
    let _ = two.iap.token_of(&two.machine, &[]).await.expect(401);
}

#[tokio::test]
async fn a_requester_withdraws_what_they_asked_for_and_nobody_elses() {
    let iap = TestIap::start().await;
    let ada = iap.administrator("Ada", &["admin:registry:write"]).await;
    let bob = iap.administrator("Bob", &ALL).await;
    let machine = iap.acme().await;
    let _ = iap.admin("POST", &format!("/clients/{}/disable", machine.client_id), None).await.expect(200);
    let iap = iap.restart_with(REQUIRED).await;
    let ask = async |who: &Registered| {
        let enable = format!("/clients/{}/enable", machine.client_id);
        let waits = iap.admin_as(who, "POST", &enable, None).await.expect(202);
        format!("/approvals/{}/reject", waits.json()["id"].as_str().unwrap())
    };
    let (own, of_bob) = (ask(&ada).await, ask(&bob).await);
    let rejected = iap.admin_as(&ada, "POST", &own, None).await.expect(200).json();
    assert_eq!((&rejected["state"], &rejected["decided_by"]), (&json!("rejected"), &json!(ada.client_id)));
    let refused = iap.admin_as(&ada, "POST", &of_bob, None).await.expect(403);
    assert!(refused.header("www-authenticate").contains("admin:approve"));
}

#[tokio::test]
async fn whom_one_made_or_changed_is_no_second_person_for_seven_days_nor_the_other_way_round() {
    let iap = TestIap::start().await;
    let ada = iap.administrator("Ada", &ALL).await;
    let bob = iap.administrator("Bob", &ALL).await;
    let body = json!({ "name": "Cyd", "scopes": ALL });
    let made = iap.admin_as(&ada, "POST", "/administrators", Some(body)).await.expect(201).json();
    let cyd = Registered {
        participant_id: String::new(),
        client_id: made["client_id"].as_str().unwrap().to_owned(),
        client_secret: made["client_secret"].as_str().unwrap().to_owned(),
    };
    let machine = iap.acme().await;
    let _ = iap.admin("POST", &format!("/clients/{}/disable", machine.client_id), None).await.expect(200);
    iap.clock.advance(Duration::from_secs(1));
    let iap = iap.restart_with(REQUIRED).await;
    let enable = format!("/clients/{}/enable", machine.client_id);
    let ask = async |who: &Registered| {
        let waits = iap.admin_as(who, "POST", &enable, None).await.expect(202);
        format!("/approvals/{}/approve", waits.json()["id"].as_str().unwrap())
    };
    let (of_ada, of_cyd) = (ask(&ada).await, ask(&cyd).await);
    assert_eq!(conflict(&iap.admin_as(&cyd, "POST", &of_ada, None).await), "approver");
    assert_eq!(conflict(&iap.admin_as(&ada, "POST", &of_cyd, None).await), "approver");

    // A change counts as well: the key that Ada adds and Bob approves ties both of them to Cyd.
    iap.clock.advance(Duration::from_hours(24 * 7) - Duration::from_secs(2));
    iap.app.registry.refresh().await.unwrap();
    let key = json!({ "jwk": ClientKeyPair::es256("cyd").jwk() });
    let waits = iap.admin_as(&ada, "POST", &format!("/clients/{}/keys", cyd.client_id), Some(key)).await;
    let changes = format!("/approvals/{}/approve", waits.expect(202).json()["id"].as_str().unwrap());
    let _ = iap.admin_as(&bob, "POST", &changes, None).await.expect(200);
    iap.clock.advance(Duration::from_secs(2));
    iap.app.registry.refresh().await.unwrap();
    let of_bob = ask(&bob).await;
    for (who, what) in [(&cyd, &of_ada), (&ada, &of_cyd), (&cyd, &of_bob), (&bob, &of_cyd)] {
        assert_eq!(conflict(&iap.admin_as(who, "POST", what, None).await), "approver");
    }

    iap.clock.advance(Duration::from_hours(24 * 7) - Duration::from_secs(2));
    iap.app.registry.refresh().await.unwrap();
    let _ = iap.admin_as(&cyd, "POST", &of_bob, None).await.expect(200);
    let _ = iap.token_of(&machine, &[]).await.expect(200);
}

#[tokio::test]
async fn whom_somebody_made_whom_one_made_is_no_second_person_either() {
    let two = Two::start_with("[approval]\nrequired = true\noperations = ['enable']\n").await;
    let make = async |maker: &Registered, name: &str| {
        let body = json!({ "name": name, "scopes": ALL });
        let made = two.iap.admin_as(maker, "POST", "/administrators", Some(body)).await.expect(201).json();
        Registered {
            participant_id: String::new(),
            client_id: made["client_id"].as_str().unwrap().to_owned(),
            client_secret: made["client_secret"].as_str().unwrap().to_owned(),
        }
    };
    let cyd = make(&two.ada, "Cyd").await;
    let dan = make(&cyd, "Dan").await;
    let approve = format!("{}/approve", two.ask().await);
    for puppet in [&cyd, &dan] {
        assert_eq!(conflict(&two.iap.admin_as(puppet, "POST", &approve, None).await), "approver");
    }
    let of_dan = two.iap.admin_as(&dan, "POST", &two.enable(), None).await.expect(202).json();
    let of_dan = format!("/approvals/{}/approve", of_dan["id"].as_str().unwrap());
    assert_eq!(conflict(&two.as_ada("POST", &of_dan, None).await), "approver");
    let _ = two.as_bob("POST", &approve, None).await.expect(200);
}

#[tokio::test]
async fn two_whom_one_made_are_not_two_people_for_seven_days() {
    let two =
        Two::start_with("[approval]\nrequired = true\noperations = ['enable']\nexpires_after = 1209600\n")
            .await;
    let make = async |name: &str| {
        let body = json!({ "name": name, "scopes": ALL });
        let made = two.as_ada("POST", "/administrators", Some(body)).await.expect(201).json();
        Registered {
            participant_id: String::new(),
            client_id: made["client_id"].as_str().unwrap().to_owned(),
            client_secret: made["client_secret"].as_str().unwrap().to_owned(),
        }
    };
    let (cyd, dan) = (make("Cyd").await, make("Dan").await);
    let ask = async || {
        let waits = two.iap.admin_as(&cyd, "POST", &two.enable(), None).await.expect(202);
        format!("/approvals/{}/approve", waits.json()["id"].as_str().unwrap())
    };
    let (now, later) = (ask().await, ask().await);
    assert_eq!(conflict(&two.iap.admin_as(&dan, "POST", &now, None).await), "approver");
    // Nor somebody for whom Ada made a secret; but whom the first administrator made is nobody's puppet.
    let _ = two.as_bob("POST", &now, None).await.expect(200);
    let secrets = format!("/clients/{}/secrets", two.bob.client_id);
    let _ = two.as_ada("POST", &secrets, None).await.expect(201);
    assert_eq!(conflict(&two.as_bob("POST", &later, None).await), "approver");

    two.advance(Duration::from_hours(24 * 7)).await;
    let _ = two.iap.admin_as(&dan, "POST", &later, None).await.expect(200);
}

#[tokio::test]
async fn nothing_is_done_for_whoever_is_no_administrator_any_more() {
    let two = Two::start().await;
    let approve = format!("{}/approve", two.ask().await);
    let ada = format!("/administrators/{}", two.ada.client_id);
    let _ = two.as_bob("POST", &format!("{ada}/disable"), None).await.expect(200);
    two.advance(Duration::from_hours(24 * 7 + 1)).await;
    assert_eq!(conflict(&two.as_bob("POST", &approve, None).await), "requested_by");
    let _ = two.iap.token_of(&two.machine, &[]).await.expect(401);
}

#[tokio::test]
async fn a_scope_that_the_requester_lost_is_missing_when_it_is_approved() {
    let iap = TestIap::start().await;
    let ada = iap.administrator("Ada", &ALL).await;
    let bob = iap.administrator("Bob", &ALL).await;
    let machine = iap.acme().await;
    let _ = iap.admin("POST", &format!("/clients/{}/disable", machine.client_id), None).await.expect(200);
    // Only enabling waits here, so that scopes can be taken without a second person.
    let iap = iap
        .restart_with("[approval]\nrequired = true\noperations = ['enable']\nexpires_after = 1209600\n")
        .await;
    let enable = format!("/clients/{}/enable", machine.client_id);
    let waits = iap.admin_as(&ada, "POST", &enable, None).await.expect(202).json();
    let approve = format!("/approvals/{}/approve", waits["id"].as_str().unwrap());
    let less = json!({ "scopes": ["admin:registry:read"] });
    let _ = iap
        .admin_as(&bob, "PATCH", &format!("/administrators/{}", ada.client_id), Some(less))
        .await
        .expect(200);
    iap.clock.advance(Duration::from_hours(24 * 7 + 1));
    iap.app.registry.refresh().await.unwrap();
    let answer = iap.admin_as(&bob, "POST", &approve, None).await.expect(403);
    assert!(answer.header("www-authenticate").contains("admin:registry:write"));
    let _ = iap.token_of(&machine, &[]).await.expect(401);
}
