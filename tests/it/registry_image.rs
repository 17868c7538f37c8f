use std::time::Duration;

use carnet::registry::Stale;

use crate::harness::TestIap;

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
        subject: "client/x",
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
