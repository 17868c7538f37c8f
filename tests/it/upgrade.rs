//! What the release before this one left behind: a database that knows the first migration only, with data in it.

use std::sync::Arc;

use carnet::anchoring::Anchoring;
use carnet::app::Start;
use carnet::audit;
use carnet::db::table::{self, Cell, Table};
use carnet::keys::Purpose;
use carnet_ambient::Clock;
use carnet_db::sqlx::{self, migrate::Migrator};
use carnet_db::testing::TestDatabase;
use carnet_testkit::ClientKeyPair;
use serde_json::json;

use crate::harness::{NOW, TestIap};

/// The same installation in a database as that release would have it: its tables, its columns, and of the keys those
/// that it made.
async fn as_the_release_before(iap: &TestIap) -> TestDatabase {
    let older = TestDatabase::create().await;
    let database = older.connect().await;
    let all = sqlx::migrate!("./migrations/iap");
    let first = all.iter().filter(|migration| migration.version == 1).cloned().collect();
    database.migrate(Migrator::with_migrations(first), "carnet_iap_migrations").await.unwrap();
    let mut from = iap.app.database.snapshot().await.unwrap();
    let mut to = database.writer().begin().await.unwrap();
    sqlx::query("DELETE FROM journal_head").execute(&mut *to).await.unwrap();
    for known in table::all(&mut to, database.engine()).await.unwrap() {
        if known.columns.is_empty() {
            continue;
        }
        for row in rows(&mut from, &known).await {
            if known.name != "sealed_key" || was_made_then(&known, &row) {
                table::insert(&mut to, &known, row).await.unwrap();
            }
        }
    }
    to.commit().await.unwrap();
    from.rollback().await.unwrap();
    database.close().await;
    older
}

async fn rows(tx: &mut carnet_db::Transaction, table: &Table) -> Vec<Vec<Cell>> {
    let mut all = Vec::new();
    let keep = |row| {
        all.push(row);
        Ok::<_, carnet::db::Error>(())
    };
    table::rows(tx, table, keep).await.unwrap();
    all
}

/// It knew neither lists nor heads, and announced no successors.
fn was_made_then(table: &Table, row: &[Cell]) -> bool {
    let cell = |name: &str| &row[table.columns.iter().position(|column| column.name == name).unwrap()];
    let is = |name: &str, value: &str| *cell(name) == Cell::Text(value.to_owned());
    is("state", "active") && (is("purpose", "access-token") || is("purpose", "secret-mac"))
}

#[tokio::test]
async fn a_database_of_the_release_before_goes_on_with_its_clients_and_gets_its_missing_keys() {
    let iap = TestIap::start().await;
    let acme = iap.acme().await;
    let disabled = iap.client(&acme.participant_id, json!({})).await;
    let _ = iap.admin("POST", &format!("/clients/{}/disable", disabled.client_id), None).await.expect(200);
    let body = json!({"jwk": ClientKeyPair::es256("k1").jwk()});
    let _ = iap.admin("POST", &format!("/clients/{}/keys", acme.client_id), Some(body)).await.expect(201);
    let published = iap.published().await;
    let database = Arc::new(as_the_release_before(&iap).await);
    iap.app.database.close().await;
    let (_newer, folder) = iap.into_storage();

    let iap = TestIap::open("", database, folder, Clock::manual(NOW * 1000), 5).await;
    assert_eq!(iap.start, Start::Again);
    let usable = async |iap: &TestIap| {
        let _ = iap.token_of(&acme, &[]).await.expect(200);
        let _ = iap.token_of(&disabled, &[]).await.expect(401);
        let keys = format!("/clients/{}/keys", acme.client_id);
        let keys = iap.admin("GET", &keys, None).await.expect(200).json();
        assert_eq!(keys["items"][0]["status"], "active");
    };
    // Before its missing keys are there, too.
    usable(&iap).await;
    let before = iap.published().await;
    assert!(!before.is_empty() && before.iter().all(|kid| published.contains(kid)), "{before:?}");

    iap.tend_keys().await;
    let keys = iap.app.keys.current();
    for purpose in [Purpose::TrustList, Purpose::Audit] {
        assert!(keys.signing_key(purpose).is_some(), "{purpose}");
    }
    let after = iap.published().await;
    assert!(before.iter().all(|kid| after.contains(kid)), "{before:?} {after:?}");
    iap.app.feed.refresh().await.unwrap();
    let _ = iap.get("/revocations").await.expect(200);
    usable(&iap).await;
    let anchoring = Anchoring::open(&iap.app).await.unwrap();
    anchoring.settle().await.unwrap();
    drop(anchoring);

    let iap = iap.restart().await;
    usable(&iap).await;
    iap.tend_keys().await;
    assert_eq!(iap.published().await.len(), after.len());
    let heads = iap.app.data_dir.path().join(audit::HEADS_FILE);
    let mut tx = iap.app.database.snapshot().await.unwrap();
    let (report, findings) = audit::check(&mut tx, Some(&heads), &[]).await.unwrap();
    assert!(findings.is_empty() && report.anchor.is_some(), "{findings:?}");
}
