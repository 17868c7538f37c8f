use std::os::unix::fs::PermissionsExt;

use carnet::app::{App, Start, StartError};
use carnet::config::{Config, RawConfig};
use carnet::data_dir::DataDirError;
use carnet_ambient::{Clock, Entropy};
use carnet_db::Engine;
use carnet_db::testing::TestDatabase;

use crate::harness::{ISSUER, NOW, TestIap};

fn config(folder: &std::path::Path, issuer: &str, database: &TestDatabase) -> Config {
    let mut raw = RawConfig::default();
    raw.server.issuer = Some(issuer.to_owned());
    raw.server.data_dir = Some(folder.to_owned());
    let mut config = Config::try_from(raw).unwrap();
    config.set_database(database.url().clone());
    config
}

async fn open(config: Config) -> Result<(App, Start), StartError> {
    App::open(config, Clock::manual(NOW * 1000), Entropy::system()).await
}

#[tokio::test]
async fn the_first_start_makes_everything_private_and_the_second_nothing() {
    let iap = TestIap::start().await;
    assert_eq!(iap.start, Start::First(iap.app.data_dir.credentials_path()));
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let data = iap.folder().join("data");
    assert_eq!(mode(&data), 0o700);
    assert_eq!(mode(&data.join("keys")), 0o700);
    assert_eq!(mode(&data.join("keys/master.jwk")), 0o600);
    assert_eq!(mode(&data.join("admin-credentials.json")), 0o600);
    let before = iap.get("/.well-known/jwks.json").await.expect(200).body;
    let credentials = std::fs::read(data.join("admin-credentials.json")).unwrap();

    let iap = iap.restart().await;
    assert_eq!(iap.start, Start::Again);
    assert_eq!(iap.get("/.well-known/jwks.json").await.expect(200).body, before);
    assert_eq!(std::fs::read(data.join("admin-credentials.json")).unwrap(), credentials);
}

#[tokio::test]
async fn a_missing_or_foreign_master_key_is_never_replaced() {
    let iap = TestIap::start().await;
    iap.app.database.close().await;
    let (database, folder) = iap.into_storage();
    let (folder, database) = (folder.path().join("data"), &*database);
    let other = tempfile::tempdir().unwrap();
    let data = other.path().join("data");
    let missing = open(config(&data, ISSUER, database)).await.err().unwrap();
    assert!(matches!(missing, StartError::MasterKeyMissing { .. }), "{missing}");
    assert!(!data.join("keys/master.jwk").exists());

    let elsewhere = tempfile::tempdir().unwrap();
    let second = TestDatabase::create().await;
    let (app, _) = open(config(&elsewhere.path().join("data"), ISSUER, &second)).await.unwrap();
    app.database.close().await;
    drop(app);
    std::fs::copy(elsewhere.path().join("data/keys/master.jwk"), data.join("keys/master.jwk")).unwrap();
    let foreign = open(config(&data, ISSUER, database)).await.err().unwrap();
    assert!(matches!(foreign, StartError::MasterKeyForeign { .. }), "{foreign}");

    let mixed = open(config(&elsewhere.path().join("data"), ISSUER, database)).await.err().unwrap();
    assert!(matches!(mixed, StartError::Mixed { .. }), "{mixed}");
    let empty = TestDatabase::create().await;
    let emptied = open(config(&folder, ISSUER, &empty)).await.err().unwrap();
    assert!(matches!(emptied, StartError::Mixed { .. }), "{emptied}");
}

#[tokio::test]
async fn a_torn_installation_file_does_not_keep_the_next_start_out() {
    let iap = TestIap::start().await;
    let file = iap.folder().join("data/installation");
    let before = std::fs::read(&file).unwrap();
    std::fs::write(&file, "").unwrap();
    let iap = iap.restart().await;
    assert_eq!(iap.start, Start::Again);
    assert_eq!(std::fs::read(&file).unwrap(), before);
}

#[tokio::test]
async fn the_issuer_cannot_change() {
    let iap = TestIap::start().await;
    let (folder, database) = (iap.folder().join("data"), TestDatabase::url(iap.database()).clone());
    let mut changed = config(&folder, "https://other.example", iap.database());
    changed.set_database(database);
    let locked = open(changed.clone()).await.err().unwrap();
    assert!(matches!(locked, StartError::DataDir(_)), "{locked}");
    iap.app.database.close().await;
    let (database, _folder) = iap.into_storage();
    let refused = open(changed).await.err().unwrap();
    assert!(matches!(refused, StartError::Issuer { .. }), "{refused}");
    drop(database);
}

#[tokio::test]
async fn two_nodes_that_start_first_make_one_installation() {
    let database = TestDatabase::create().await;
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let key = one.path().join("master.jwk");
    let master = carnet::keys::MasterKey::generate(&Entropy::system());
    master.write_new(&key).unwrap();
    let node = |folder: &std::path::Path| {
        let mut raw = RawConfig::default();
        raw.server.issuer = Some(ISSUER.to_owned());
        raw.server.data_dir = Some(folder.join("data"));
        raw.keys.master_key_file = Some(key.clone());
        let mut config = Config::try_from(raw).unwrap();
        config.set_database(database.url().clone());
        config
    };
    let (first, second) = tokio::join!(open(node(one.path())), open(node(two.path())));
    if database.url().engine() == Engine::Sqlite {
        // An embedded database belongs to one process, wherever its file lies.
        let refused = first.err().or(second.err()).unwrap();
        assert!(matches!(refused, StartError::DataDir(DataDirError::Locked(_))), "{refused}");
        return;
    }
    let starts = [first.unwrap().1, second.unwrap().1];
    let firsts = starts.iter().filter(|start| matches!(start, Start::First(_))).count();
    assert_eq!(firsts, 1, "{starts:?}");
}
