//! Two-person approval: what waits, who may approve it, and that it is done once, as things stand then.

mod people;
mod secrets;
mod waiting;

use std::time::Duration;

use carnet::db::journal::Record;
use carnet_testkit::Answer;
use serde_json::{Value, json};

use crate::harness::{Registered, TestIap};

const REQUIRED: &str = "[approval]\nrequired = true\nexpires_after = 1209600\n";
const ALL: [&str; 2] = ["admin:read", "admin:write"];

/// An installation that was set up by its first administrator, and then asked for two people.
struct Two {
    iap: TestIap,
    ada: Registered,
    bob: Registered,
    /// A disabled machine with a token endpoint secret.
    machine: Registered,
}

impl Two {
    async fn start() -> Self {
        Self::start_with(REQUIRED).await
    }

    async fn start_with(toml: &str) -> Self {
        let iap = TestIap::start().await;
        let ada = iap.administrator("Ada", &ALL).await;
        let bob = iap.administrator("Bob", &ALL).await;
        let machine = iap.acme().await;
        let _ = iap.admin("POST", &format!("/clients/{}/disable", machine.client_id), None).await.expect(200);
        let iap = iap.restart_with(toml).await;
        Self { iap, ada, bob, machine }
    }

    async fn as_ada(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        self.iap.admin_as(&self.ada, method, path, body).await
    }

    async fn as_bob(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        self.iap.admin_as(&self.bob, method, path, body).await
    }

    fn enable(&self) -> String {
        format!("/clients/{}/enable", self.machine.client_id)
    }

    /// Ada asks for the machine to be enabled; the path of what waits.
    async fn ask(&self) -> String {
        let waits = self.as_ada("POST", &self.enable(), None).await.expect(202);
        format!("/approvals/{}", waits.json()["id"].as_str().unwrap())
    }

    async fn state(&self, approval: &str) -> String {
        let shown = self.as_ada("GET", approval, None).await.expect(200).json();
        shown["state"].as_str().unwrap().to_owned()
    }

    async fn advance(&self, by: Duration) {
        self.iap.clock.advance(by);
        self.iap.app.registry.refresh().await.unwrap();
    }

    async fn journal(&self) -> Vec<Record> {
        carnet::db::journal::after(self.iap.app.database.reader().pool(), 0, 1000).await.unwrap()
    }
}

#[track_caller]
fn conflict(answer: &Answer) -> String {
    assert_eq!(answer.status.as_u16(), 409, "{}", answer.text());
    answer.json()["errors"][0]["field"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn what_is_sensitive_waits_for_a_second_administrator_and_is_then_done() {
    let two = Two::start().await;
    let waits = two.as_ada("POST", &two.enable(), None).await.expect(202);
    let approval = waits.json();
    let path = format!("/approvals/{}", approval["id"].as_str().unwrap());
    assert_eq!(waits.header("location"), format!("/admin/v1{path}"));
    let expected = json!({
        "id": approval["id"], "operation": "enable", "subject": format!("client/{}", two.machine.client_id),
        "summary": "enable the client test client",
        "request": { "method": "POST", "path": format!("/admin/v1{}", two.enable()), "if_match": null, "body": null },
        "digest": approval["digest"], "makes_secret": false, "requested_by": two.ada.client_id,
        "state": "pending", "decided_by": null, "decided_at": null, "reason": "", "executed_at": null,
        "created_at": "2027-01-15T08:00:00.000Z", "expires_at": "2027-01-29T08:00:00.000Z",
    });
    assert_eq!(approval, expected);
    let shown = two.as_bob("GET", &path, None).await.expect(200);
    assert_eq!((shown.json(), shown.header("etag")), (expected, waits.header("etag")));
    let _ = two.iap.token_of(&two.machine, &[]).await.expect(401);

    let approved = two.as_bob("POST", &format!("{path}/approve"), None).await.expect(200).json();
    assert_eq!(
        (&approved["state"], &approved["decided_by"]),
        (&json!("executed"), &json!(two.bob.client_id))
    );
    assert_eq!(approved["executed_at"], "2027-01-15T08:00:00.000Z");
    let _ = two.iap.token_of(&two.machine, &[]).await.expect(200);
    assert_eq!(conflict(&two.as_bob("POST", &format!("{path}/approve"), None).await), "state");
    assert_eq!(conflict(&two.as_bob("POST", &format!("{path}/reject"), None).await), "state");

    let (ada, bob) = (format!("client/{}", two.ada.client_id), format!("client/{}", two.bob.client_id));
    let journal = two.journal().await;
    let last: Vec<_> = journal[journal.len() - 3..]
        .iter()
        .map(|record| (record.action.as_str(), record.actor.as_str(), record.reason.as_str()))
        .collect();
    let reason = format!("approved by {bob} in approval {}", approval["id"].as_str().unwrap());
    assert_eq!(
        last,
        [
            ("approval.request", ada.as_str(), "enable the client test client"),
            ("client.enable", ada.as_str(), reason.as_str()),
            ("approval.approve", bob.as_str(), ""),
        ]
    );
}

#[tokio::test]
async fn of_two_who_approve_at_once_one_does_it() {
    let two = Two::start().await;
    let made = json!({ "uri": "https://acme.example/cargo", "main": true });
    let identifiers = format!("/participants/{}/identifiers", two.machine.participant_id);
    let waits = two.as_ada("POST", &identifiers, Some(made)).await.expect(202).json();
    let approve = format!("/approvals/{}/approve", waits["id"].as_str().unwrap());
    let token = two.iap.token_for(&two.bob).await;
    let ask = || two.iap.admin_with(&token, "POST", &approve, &[], None);
    let (a, b, c) = tokio::join!(ask(), ask(), ask());
    let mut statuses = [a.status.as_u16(), b.status.as_u16(), c.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409, 409]);
    let journal = two.journal().await;
    let count = |action: &str| journal.iter().filter(|record| record.action == action).count();
    assert_eq!((count("identifier.add"), count("approval.approve")), (1, 1));
    carnet::audit::verify(&two.iap.app.database).await.unwrap();
}

#[tokio::test]
async fn what_changes_nothing_any_more_is_executed_once_too() {
    let two = Two::start().await;
    let (first, second) = (two.ask().await, two.ask().await);
    let _ = two.as_bob("POST", &format!("{first}/approve"), None).await.expect(200);
    let again = two.as_bob("POST", &format!("{second}/approve"), None).await.expect(200);
    assert_eq!(again.json()["state"], "executed");
    assert_eq!(conflict(&two.as_bob("POST", &format!("{second}/approve"), None).await), "state");
    let journal = two.journal().await;
    let enabled = journal.iter().filter(|record| record.action == "client.enable").count();
    assert_eq!(enabled, 1);
}

#[tokio::test]
async fn what_stands_against_a_request_when_it_is_approved_is_the_answer_and_it_waits_on() {
    let two = Two::start().await;
    let participant = format!("/participants/{}", two.machine.participant_id);
    let change = json!({ "logistics_agent_uri": "https://contested.example/x" });
    let waits = two.as_ada("PATCH", &participant, Some(change.clone())).await.expect(202).json();
    assert_eq!(waits["request"]["body"], change);
    let path = format!("/approvals/{}", waits["id"].as_str().unwrap());
    // Meanwhile somebody else has it.
    let other = json!({
        "name": "faster", "roles": ["SHP"], "iol_identifier": "https://faster.example/x",
        "logistics_agent_uri": "https://contested.example/x",
    });
    let _ = two.as_bob("POST", "/participants", Some(other)).await.expect(201);
    let answer = two.as_bob("POST", &format!("{path}/approve"), None).await;
    assert_eq!(conflict(&answer), "logistics_agent_uri");
    assert_eq!(two.state(&path).await, "pending");

    let reason = json!({ "reason": "somebody else has it" });
    let rejected = two.as_bob("POST", &format!("{path}/reject"), Some(reason)).await.expect(200).json();
    assert_eq!(
        (&rejected["state"], &rejected["reason"]),
        (&json!("rejected"), &json!("somebody else has it"))
    );
    assert_eq!(conflict(&two.as_bob("POST", &format!("{path}/approve"), None).await), "state");
}

#[tokio::test]
async fn the_version_that_the_requester_saw_is_the_one_that_is_changed() {
    let two = Two::start().await;
    let client = format!("/clients/{}", two.machine.client_id);
    let tag = two.as_ada("GET", &client, None).await.expect(200).header("etag").to_owned();
    let token = two.iap.token_for(&two.ada).await;
    let waits =
        two.iap.admin_with(&token, "POST", &two.enable(), &[("if-match", &tag)], None).await.expect(202);
    assert_eq!(waits.json()["request"]["if_match"], tag);
    let path = format!("/approvals/{}", waits.json()["id"].as_str().unwrap());
    let _ = two.as_bob("PATCH", &client, Some(json!({ "name": "renamed" }))).await.expect(200);
    let _ = two.as_bob("POST", &format!("{path}/approve"), None).await.expect(412);
    assert_eq!(two.state(&path).await, "pending");
    // And the approval itself has a version.
    let stale = [("if-match", "\"older\"")];
    let bob = two.iap.token_for(&two.bob).await;
    let _ = two.iap.admin_with(&bob, "POST", &format!("{path}/reject"), &stale, None).await.expect(412);
    let shown = two.as_bob("GET", &path, None).await.expect(200);
    let current = [("if-match", shown.header("etag"))];
    let _ = two.iap.admin_with(&bob, "POST", &format!("{path}/reject"), &current, None).await.expect(200);
}

#[tokio::test]
async fn what_waited_too_long_is_void() {
    let two = Two::start_with("[approval]\nrequired = true\nexpires_after = 60\n").await;
    let (path, late) = (two.ask().await, two.ask().await);
    two.advance(Duration::from_millis(59_999)).await;
    let _ = two.as_bob("POST", &format!("{path}/approve"), None).await.expect(200);
    two.advance(Duration::from_millis(1)).await;
    assert_eq!(conflict(&two.as_bob("POST", &format!("{late}/approve"), None).await), "state");
    assert_eq!(conflict(&two.as_bob("POST", &format!("{late}/reject"), None).await), "state");
}

#[tokio::test]
async fn what_waited_when_a_backup_was_made_is_not_executed_from_it() {
    let two = Two::start().await;
    let token = two.iap.token_for(&two.ada).await;
    let key = [("idempotency-key", "k")];
    let waits = two.iap.admin_with(&token, "POST", &two.enable(), &key, None).await.expect(202).json();
    let path = format!("/approvals/{}", waits["id"].as_str().unwrap());
    let mut tx = two.iap.app.database.writer().begin().await.unwrap();
    let now = two.iap.clock.now_millis();
    assert_eq!(carnet::db::approval::reject_all(&mut tx, "restored", now).await.unwrap(), 1);
    assert_eq!(carnet::db::idempotency_record::forget_all(&mut tx).await.unwrap(), 1);
    tx.commit().await.unwrap();
    assert_eq!(conflict(&two.as_bob("POST", &format!("{path}/approve"), None).await), "state");
    let shown = two.as_ada("GET", &path, None).await.expect(200).json();
    assert_eq!((&shown["state"], &shown["reason"]), (&json!("rejected"), &json!("restored")));
    let again = two.iap.admin_with(&token, "POST", &two.enable(), &key, None).await.expect(202);
    assert_ne!(again.json()["id"], waits["id"]);
}
