use carnet::audit;
use carnet_db::sqlx;

use crate::harness::TestIap;

#[tokio::test]
async fn every_change_stands_in_the_journal_and_the_chain_holds() {
    let iap = TestIap::start().await;
    let before = audit::verify(&iap.app.database).await.unwrap();
    let client = iap.acme().await;
    let _ = iap.admin("POST", &format!("/clients/{}/disable", client.client_id), None).await.expect(200);
    let after = audit::verify(&iap.app.database).await.unwrap();
    assert_eq!(after - before, 3);
}

#[tokio::test]
async fn a_refused_change_leaves_no_trace() {
    let iap = TestIap::start().await;
    let _ = iap.acme().await;
    let before = audit::verify(&iap.app.database).await.unwrap();
    let again = serde_json::json!({
        "name": "other", "iol_identifier": "https://acme.example/acme",
        "logistics_agent_uri": "https://1r.other.example/x", "roles": ["FWD"],
    });
    let _ = iap.admin("POST", "/participants", Some(again)).await.expect(409);
    assert_eq!(audit::verify(&iap.app.database).await.unwrap(), before);
}

#[tokio::test]
async fn a_changed_a_removed_and_a_cut_record_are_noticed() {
    let iap = TestIap::start().await;
    let _ = iap.acme().await;
    let pool = iap.app.database.writer().pool();
    let last = audit::verify(&iap.app.database).await.unwrap();

    sqlx::query("UPDATE journal SET actor = 'client/nobody' WHERE sequence = 1").execute(pool).await.unwrap();
    assert!(matches!(audit::verify(&iap.app.database).await, Err(audit::Broken::Hash(1))));

    sqlx::query("DELETE FROM journal WHERE sequence = 1").execute(pool).await.unwrap();
    assert!(matches!(
        audit::verify(&iap.app.database).await,
        Err(audit::Broken::Gap { expected: 1, found: 2 })
    ));

    let iap = TestIap::start().await;
    let _ = iap.acme().await;
    let pool = iap.app.database.writer().pool();
    sqlx::query("DELETE FROM journal WHERE sequence = $1").bind(last).execute(pool).await.unwrap();
    assert!(matches!(audit::verify(&iap.app.database).await, Err(audit::Broken::Head { .. })));
}
