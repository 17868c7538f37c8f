use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::body::Body;
use carnet::db;
use carnet::registry::{Follower, Stale};
use carnet_ambient::Clock;
use carnet_db::testing::TestDatabase;
use carnet_db::{Engine, sqlx};
use carnet_testkit::ClientKeyPair;
use serde_json::json;

use crate::harness::{DEFAULT_AUDIENCE, TestIap};

#[tokio::test]
async fn an_image_that_was_not_polled_for_two_seconds_is_not_answered_from() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    iap.clock.advance(Duration::from_millis(1900));
    let _ = iap.token_of(&client, &[]).await.expect(200);
    iap.clock.advance(Duration::from_millis(200));
    assert_eq!(iap.app.registry.current().unwrap_err(), Stale::Database);
    let answer = iap.token_of(&client, &[]).await.expect(503);
    assert_eq!(answer.json()["error"], "temporarily_unavailable");
    let _ = iap.get("/readyz").await.expect(503);
    iap.app.registry.refresh().await.unwrap();
    let _ = iap.token_of(&client, &[]).await.expect(200);
    let _ = iap.get("/readyz").await.expect(200);
}

#[tokio::test]
async fn a_node_that_cannot_follow_the_keys_goes_stale_whatever_is_changed_there() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    // A row that this node cannot open, as after a change of the master key.
    sqlx::query(
        "UPDATE sealed_key SET id = '01ARZ3NDEKTSV4RRFFQ69G5FAV' WHERE purpose = 'audit' AND state = 'active'",
    )
    .execute(iap.app.database.writer().pool())
    .await
    .unwrap();
    assert!(iap.app.keys.refresh(&iap.app.database).await.is_err());
    let token = iap.access_token(&client, &[]).await;
    iap.clock.advance(Duration::from_millis(1900));
    let _ = iap.about_token("/revoke", &client, &token).await.expect(200);
    let _ = iap.token_of(&client, &[]).await.expect(200);
    iap.clock.advance(Duration::from_millis(200));
    let _ = iap.token_of(&client, &[]).await.expect(503);
}

#[tokio::test]
async fn a_node_whose_clock_is_not_the_databases_does_not_issue() {
    for (off, fits) in [(-7_000, false), (7_000, false), (3_000, true)] {
        let database = Arc::new(TestDatabase::create().await);
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let iap = TestIap::open("", database, folder, Clock::system_off_by(off), 1).await;
        // SQLite has no clock of its own.
        let issues = fits || iap.app.database.engine() == Engine::Sqlite;
        let ready = iap.get("/readyz").await;
        let request = http::Request::post("/token")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::from("grant_type=client_credentials&client_id=nobody&client_secret=nothing"))
            .unwrap();
        let token = iap.public(request).await;
        if issues {
            assert_eq!((ready.status.as_u16(), token.status.as_u16()), (200, 401), "{off}");
        } else {
            assert_eq!((ready.status.as_u16(), token.status.as_u16()), (503, 503), "{off}");
            assert_eq!(iap.app.registry.current().unwrap_err(), Stale::Clock);
            assert_eq!(token.json()["error"], "temporarily_unavailable");
        }
    }
}

#[tokio::test]
async fn a_change_by_another_node_is_seen_at_the_next_poll() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    let mut tx = iap.app.database.writer().begin().await.unwrap();
    let at = iap.clock.now_millis();
    assert!(
        carnet::db::client::set_status(&mut tx, &client.client_id, carnet::registry::Status::Disabled, at)
            .await
            .unwrap()
    );
    let entry = carnet::audit::Entry::<(), ()> {
        actor: "local/test",
        action: "client.disable",
        subject: &format!("client/{}", client.client_id),
        before: None,
        after: None,
        reason: "",
    };
    carnet::audit::append(&mut tx, &iap.clock, &iap.app.entropy, entry).await.unwrap();
    tx.commit().await.unwrap();
    let _ = iap.token_of(&client, &[]).await.expect(200);
    iap.app.registry.refresh().await.unwrap();
    let answer = iap.token_of(&client, &[]).await.expect(401);
    assert_eq!(answer.json()["error"], "invalid_client");
}

#[tokio::test]
async fn a_node_that_is_far_behind_reads_all_anew() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    // Another node has done more than this one would follow one by one, and among it …
    let mut tx = iap.app.database.writer().begin().await.unwrap();
    for number in 0..300 {
        let entry = carnet::audit::Entry::<(), ()> {
            actor: "local/test",
            action: "client.update",
            subject: &format!("client/other-{number}"),
            before: None,
            after: None,
            reason: "",
        };
        carnet::audit::append(&mut tx, &iap.clock, &iap.app.entropy, entry).await.unwrap();
    }
    // … something of which its journal would not tell.
    let (status, at) = (carnet::registry::Status::Disabled, iap.clock.now_millis());
    assert!(carnet::db::client::set_status(&mut tx, &client.client_id, status, at).await.unwrap());
    tx.commit().await.unwrap();
    let _ = iap.token_of(&client, &[]).await.expect(200);
    iap.app.registry.refresh().await.unwrap();
    let _ = iap.token_of(&client, &[]).await.expect(401);
    let head = db::journal::head_with_hash(iap.app.database.reader().pool()).await.unwrap();
    assert_eq!(iap.app.registry.current().unwrap().change(), head.0);
}

#[tokio::test]
async fn a_change_to_a_participant_reaches_all_its_clients() {
    let iap = TestIap::start().await;
    let acme = iap.acme().await;
    let mut clients = vec![acme.clone()];
    for _ in 0..5 {
        clients.push(iap.client(&acme.participant_id, json!({})).await);
    }
    let other = iap.participant("other").await;
    let other = iap.client(&other, json!({})).await;
    let behind = Follower::start(iap.app.database.clone(), iap.clock.clone()).await.unwrap();
    let path = |what: &str| format!("/participants/{}/{what}", acme.participant_id);
    for (what, body, active, identified) in [
        ("disable", None, false, true),
        ("enable", None, true, true),
        ("identifiers/suspend", Some(json!({"uri": "https://acme.example/acme"})), true, false),
        ("identifiers/resume", Some(json!({"uri": "https://acme.example/acme"})), true, true),
    ] {
        let answer = iap.admin("POST", &path(what), body).await;
        assert!(answer.status.is_success(), "{what}: {}", answer.text());
        behind.refresh().await.unwrap();
        let image = behind.current().unwrap();
        for client in &clients {
            let entry = image.client(&client.client_id).unwrap();
            assert_eq!((entry.is_active(), entry.iol_identifier().is_some()), (active, identified), "{what}");
            assert_eq!(entry.secrets().len(), 1);
        }
        let entry = image.client(&other.client_id).unwrap();
        assert!(entry.is_active() && entry.iol_identifier().is_some());
    }
}

#[tokio::test]
async fn a_client_whose_participant_cannot_be_found_gets_nothing() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    // As if its main identifier had been lost, without which no participant is read.
    let pool = iap.app.database.writer().pool();
    sqlx::query("UPDATE one_record_id SET main = 0").execute(pool).await.unwrap();
    let image =
        Follower::start(iap.app.database.clone(), iap.clock.clone()).await.unwrap().current().unwrap();
    let entry = image.client(&client.client_id).unwrap();
    assert!(entry.participant().is_none() && !entry.is_active() && entry.iol_identifier().is_none());
}

/// Appends a record of something that was done to the journal itself.
async fn journal(iap: &TestIap, action: &'static str) {
    let mut tx = iap.app.database.writer().begin().await.unwrap();
    let (subject, nothing) = ("journal/7", None::<&()>);
    let (before, after, reason) = (nothing, nothing, "");
    let entry = carnet::audit::Entry { actor: "local/test", action, subject, before, after, reason };
    carnet::audit::append(&mut tx, &iap.clock, &iap.app.entropy, entry).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn what_a_restore_withdrew_again_reaches_a_node_that_runs_through_it() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    // Which a restore does for every tombstone, with one record for all of them.
    let pool = iap.app.database.writer().pool();
    let revoked = "UPDATE client_secret SET status = 'revoked' WHERE client_id = $1";
    sqlx::query(revoked).bind(&client.client_id).execute(pool).await.unwrap();
    // What retention removes touches nobody, and nothing is read for it …
    journal(&iap, "journal.trim").await;
    iap.app.registry.refresh().await.unwrap();
    let _ = iap.token_of(&client, &[]).await.expect(200);
    // … but after a restore everything is.
    journal(&iap, "journal.restore").await;
    iap.app.registry.refresh().await.unwrap();
    let _ = iap.token_of(&client, &[]).await.expect(401);
}

#[tokio::test]
async fn a_database_that_was_set_back_under_a_running_node_is_not_followed() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    let seen = iap.app.registry.current().unwrap().change();
    // A failover to a replica that had not got the last record, …
    let pool = iap.app.database.writer().pool();
    sqlx::query("DELETE FROM journal WHERE sequence = $1").bind(seen).execute(pool).await.unwrap();
    sqlx::query(
        "UPDATE journal_head SET sequence = $1, hash = (SELECT hash FROM journal WHERE sequence = $2)",
    )
    .bind(seen - 1)
    .bind(seen - 1)
    .execute(pool)
    .await
    .unwrap();
    let set_back = async || iap.app.registry.refresh().await.unwrap_err();
    assert!(matches!(set_back().await, db::Error::SetBack { seen: record } if record == seen));
    // … and which has gone on to the same number, and beyond.
    for _ in 0..2 {
        let mut tx = iap.app.database.writer().begin().await.unwrap();
        let entry = carnet::audit::Entry::<(), ()> {
            actor: "local/test",
            action: "token.revoke",
            subject: "token/other",
            before: None,
            after: None,
            reason: "",
        };
        carnet::audit::append(&mut tx, &iap.clock, &iap.app.entropy, entry).await.unwrap();
        tx.commit().await.unwrap();
        assert!(matches!(set_back().await, db::Error::SetBack { seen: record } if record == seen));
    }
    iap.clock.advance(Duration::from_millis(2100));
    let _ = iap.token_of(&client, &[]).await.expect(503);
}

#[tokio::test]
async fn catching_up_gives_the_image_that_reading_all_gives() {
    let iap = TestIap::start().await;
    let (acme, other) = (iap.acme().await, iap.participant("other").await);
    let second =
        iap.client(&acme.participant_id, json!({"token_endpoint_auth_method": "client_secret_post"})).await;
    let third = iap.client(&other, json!({})).await;
    let key = ClientKeyPair::es256("first");
    let path = |client: &str, what: &str| format!("/clients/{client}/{what}");
    let steps = [
        ("POST", path(&acme.client_id, "secrets"), json!({})),
        ("POST", path(&acme.client_id, "keys"), json!({"jwk": key.jwk()})),
        ("POST", path(&second.client_id, "disable"), json!({})),
        ("POST", format!("/participants/{other}/disable"), json!({})),
        ("POST", format!("/participants/{other}/enable"), json!({})),
        ("POST", format!("/participants/{}/disable", acme.participant_id), json!({})),
        (
            "POST",
            format!("/participants/{}/identifiers", acme.participant_id),
            json!({"uri": "https://acme.example/cargo", "main": true}),
        ),
        ("POST", "/resource-servers".to_owned(), json!({"identifier": "https://rs.example", "name": "RS"})),
        ("DELETE", format!("/clients/{}/keys/first", acme.client_id), json!(null)),
        ("PATCH", format!("/clients/{}", acme.client_id), json!({"audiences": ["https://rs.example"]})),
        ("PATCH", format!("/participants/{other}"), json!({"name": "Other Ltd", "roles": ["CAR"]})),
        (
            "POST",
            format!("/participants/{}/identifiers/suspend", acme.participant_id),
            json!({"uri": "https://acme.example/cargo"}),
        ),
        (
            "PATCH",
            format!("/participants/{}", acme.participant_id),
            json!({"iol_identifier": "https://acme.example/acme"}),
        ),
        (
            "POST",
            format!("/participants/{}/identifiers/resume", acme.participant_id),
            json!({"uri": "https://acme.example/cargo"}),
        ),
        ("POST", "/administrators".to_owned(), json!({"name": "Ada", "scopes": ["admin:approve"]})),
        ("POST", format!("/participants/{}/initial-access-tokens", acme.participant_id), json!({})),
        ("POST", "/tokens/revoke".to_owned(), json!({"jti": "some-token"})),
        ("POST", "/tokens/revoke".to_owned(), json!({"client_id": third.client_id})),
    ];
    let servers = iap.admin("GET", "/resource-servers", None).await.expect(200).json();
    let default = servers["items"][0]["id"].as_str().unwrap();
    let steps = steps.into_iter().chain([
        ("POST", format!("/resource-servers/{default}/disable"), json!({})),
        ("POST", format!("/resource-servers/{default}/enable"), json!({})),
    ]);
    for (method, path, body) in steps {
        let answer = iap.admin(method, &path, (method != "DELETE").then_some(body)).await;
        assert!(answer.status.is_success(), "{method} {path}: {}", answer.text());
        let followed = iap.app.registry.current().unwrap();
        let read =
            Follower::start(iap.app.database.clone(), iap.clock.clone()).await.unwrap().current().unwrap();
        assert_eq!(followed.change(), read.change());
        assert_eq!(followed.client_count(), read.client_count());
        for client in [&acme, &second, &third] {
            let [one, two] = [&followed, &read].map(|image| format!("{:?}", image.client(&client.client_id)));
            assert_eq!(one, two, "after {method} {path}");
        }
        for identifier in ["https://rs.example", DEFAULT_AUDIENCE] {
            let [one, two] =
                [&followed, &read].map(|image| format!("{:?}", image.resource_server(identifier)));
            assert_eq!(one, two, "after {method} {path}");
        }
    }
}

#[tokio::test]
async fn a_transaction_whose_caller_has_gone_swallows_no_later_change() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    let (writer, reader) = (iap.app.database.writer(), iap.app.database.reader());
    for round in 0..400_i64 {
        let mut begin = Box::pin(writer.begin());
        // Gone while the transaction begins, at a different moment each time.
        for _ in 0..round {
            let done = std::future::poll_fn(|cx| Poll::Ready(begin.as_mut().poll(cx).is_ready())).await;
            if done {
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(begin);
        sqlx::query("UPDATE client SET updated_at = $1 WHERE id = $2")
            .bind(round)
            .bind(&client.client_id)
            .execute(writer.pool())
            .await
            .unwrap();
        let seen: i64 = sqlx::query_scalar("SELECT updated_at FROM client WHERE id = $1")
            .bind(&client.client_id)
            .fetch_one(reader.pool())
            .await
            .unwrap();
        assert_eq!(seen, round, "an acknowledged change is not there");
    }
}
