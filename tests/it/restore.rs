//! When a restore stops, and what it says about itself when it does not.

use std::fs;
use std::path::{Path, PathBuf};

use carnet::anchoring::Anchoring;
use carnet::backup::{self, BackupError, Opening, Restoring};
use carnet::data_dir::{DataDir, INSTALLATION};
use carnet::registry::{OneRecordIdStatus, Status};
use carnet::tombstones::{self, Decision, Line, Tombstones};
use carnet::{audit, db};
use carnet_ambient::Entropy;
use carnet_db::testing::TestDatabase;
use serde_json::json;

use crate::backup::{Keys, SEED, back_up, restore, tombstones_of};
use crate::harness::{NOW, TestIap};

/// What a restore says when it stops; nothing may be left behind then.
async fn stops(iap: &TestIap, backup: &Path, opening: &Opening, tombstones: &[PathBuf]) -> String {
    let (folder, database) = (tempfile::tempdir().unwrap(), TestDatabase::create().await);
    let stopped = restore(iap, backup, opening, tombstones, folder.path(), database.url()).await;
    let error = stopped.unwrap_err().to_string();
    assert!(!folder.path().join("data/keys/master.jwk").exists(), "{error}");
    assert!(!folder.path().join("data").join(audit::HEADS_FILE).exists(), "{error}");
    assert!(!folder.path().join("data").join(INSTALLATION).exists(), "{error}");
    let again = database.connect().await;
    db::migrate(&again).await.unwrap();
    assert!(db::installation::find(again.reader().pool()).await.unwrap().is_none(), "{error}");
    again.close().await;
    error
}

#[tokio::test]
async fn tombstones_that_do_not_go_with_the_backup_stop_it() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    let anchoring = Anchoring::open(&iap.app).await.unwrap();
    let _ = iap.admin("POST", &format!("/clients/{}/disable", client.client_id), None).await.expect(200);
    anchoring.look().await.unwrap();
    let keys = Keys::new();
    let early = keys.path("early");
    fs::copy(tombstones_of(&iap), &early).unwrap();
    let _ = iap.participant("beta").await;
    anchoring.look().await.unwrap();
    let file = keys.path("iap.backup");
    let summary =
        back_up(iap.database().url(), iap.app.data_dir.path(), &file, &keys.sealing()).await.unwrap();
    let (installation, last) = (summary.manifest.installation, summary.manifest.sequence);
    let opening = keys.opening();
    let stopped = async |files: &[PathBuf]| stops(&iap, &file, &opening, files).await;

    assert!(stopped(&[]).await.contains("give --tombstones FILE"));
    assert!(stopped(&[keys.path("missing")]).await.contains("No such file"));
    assert!(stopped(&[early]).await.contains("before the backup's last record"));

    let own = fs::read_to_string(tombstones_of(&iap)).unwrap();
    let changed = keys.path("changed");
    fs::write(&changed, own.replace("\"client\"", "\"clienT\"")).unwrap();
    assert!(stopped(&[changed]).await.contains("was changed"));
    let without = keys.path("without");
    let lines: Vec<&str> = own.lines().collect();
    assert!(lines.len() >= 2, "{own}");
    fs::write(&without, format!("{}\n", lines[1..].join("\n"))).unwrap();
    assert!(stopped(&[without]).await.contains("missing"));

    let decision = |sequence: i64, kind: &str| Decision {
        sequence,
        kind: kind.to_owned(),
        value: "x".to_owned(),
        at: 1,
        feed: None,
    };
    let Tombstones { decisions, .. } = tombstones::read(&tombstones_of(&iap), &installation).unwrap();
    let forged = |from: i64, decisions: Vec<Decision>| {
        let (installation, previous) = (installation.clone(), String::new());
        let (line, _) = Line { installation, from, to: last + 2, decisions, previous }.write();
        let path = keys.path("forged");
        fs::write(&path, format!("{line}\n")).unwrap();
        path
    };
    let gap = forged(last + 1, Vec::new());
    assert!(stopped(&[gap]).await.contains("after the backup's last record"));
    let unknown = forged(1, [decisions.clone(), vec![decision(last + 1, "spaceship")]].concat());
    assert!(stopped(&[unknown]).await.contains("spaceship"));
    let other_past = forged(1, [decisions.clone(), vec![decision(last, "client")]].concat());
    assert!(stopped(&[other_past]).await.contains("different pasts"));
    let left_out = forged(1, Vec::new());
    assert!(stopped(&[left_out]).await.contains("different pasts"));

    // Its own with its end cut off, which the heads that were saved with it show.
    let _ = iap.participant("gamma").await;
    anchoring.settle().await.unwrap();
    let saved = keys.path("saved");
    fs::create_dir(&saved).unwrap();
    fs::write(saved.join(tombstones::FILE), &own).unwrap();
    fs::copy(iap.app.data_dir.path().join(audit::HEADS_FILE), saved.join(audit::HEADS_FILE)).unwrap();
    let cut = stopped(&[saved.join(tombstones::FILE)]).await;
    assert!(cut.contains("lines may have been cut off"), "{cut}");
    // The whole of it, or another node's beside it, goes.
    let whole = keys.path("whole");
    fs::copy(tombstones_of(&iap), &whole).unwrap();
    let (folder, database) = (tempfile::tempdir().unwrap(), TestDatabase::create().await);
    let files = [saved.join(tombstones::FILE), whole];
    restore(&iap, &file, &opening, &files, folder.path(), database.url()).await.unwrap();

    // Its own, even with a line that a crash has torn, goes with it.
    let torn = keys.path("torn");
    fs::write(&torn, format!("{own}abcdef {{\"inst")).unwrap();
    let (folder, database) = (tempfile::tempdir().unwrap(), TestDatabase::create().await);
    let restored = restore(&iap, &file, &opening, &[torn], folder.path(), database.url()).await.unwrap();
    assert_eq!((restored.decisions, restored.tombstones_to), (0, Some(last)));
}

#[tokio::test]
async fn what_cannot_be_written_whole_leaves_a_folder_and_a_database_for_the_next_attempt() {
    let iap = TestIap::start().await;
    let keys = Keys::new();
    let file = keys.path("iap.backup");
    back_up(iap.database().url(), iap.app.data_dir.path(), &file, &keys.sealing()).await.unwrap();
    let (folder, database) = (tempfile::tempdir().unwrap(), TestDatabase::create().await);
    let data_dir = DataDir::open(&folder.path().join("data")).unwrap();
    let (missing, there) =
        (folder.path().join("missing/master.jwk"), data_dir.path().join("keys/master.jwk"));
    let restoring = Restoring {
        backup: &file,
        opening: &keys.opening(),
        tombstones: &[],
        without_tombstones: true,
        data_dir: &data_dir,
        database: database.url(),
        master_key_file: &missing,
        key_life: iap.app.config.key_life(),
        actor: "local/test",
    };
    backup::restore(restoring, &iap.clock, &Entropy::seeded(SEED)).await.unwrap_err();
    assert!(!data_dir.path().join(INSTALLATION).exists());
    let restoring = Restoring { master_key_file: &there, ..restoring };
    backup::restore(restoring, &iap.clock, &Entropy::seeded(SEED)).await.unwrap();
    assert!(data_dir.installation().unwrap().is_some() && there.exists());
}

#[tokio::test]
async fn without_tombstones_the_journal_says_so() {
    let iap = TestIap::start().await;
    let _ = iap.acme().await;
    let keys = Keys::new();
    let file = keys.path("iap.backup");
    back_up(iap.database().url(), iap.app.data_dir.path(), &file, &keys.sealing()).await.unwrap();
    let (folder, database) = (tempfile::tempdir().unwrap(), TestDatabase::create().await);
    let data_dir = DataDir::open(&folder.path().join("data")).unwrap();
    let restoring = Restoring {
        backup: &file,
        opening: &keys.opening(),
        tombstones: &[],
        without_tombstones: true,
        data_dir: &data_dir,
        database: database.url(),
        master_key_file: &data_dir.path().join("keys/master.jwk"),
        key_life: iap.app.config.key_life(),
        actor: "local/test",
    };
    let restored = backup::restore(restoring, &iap.clock, &Entropy::seeded(SEED)).await.unwrap();
    assert_eq!(restored.tombstones_to, None);
    let opened = database.connect().await;
    let records = db::journal::after(opened.reader().pool(), restored.manifest.sequence, 10).await.unwrap();
    assert_eq!((records.len(), records[0].action.as_str()), (1, "journal.restore"));
    assert!(records[0].reason.contains("WITHOUT TOMBSTONES"), "{}", records[0].reason);
    opened.close().await;

    // Neither this folder nor this database takes another one.
    let again = backup::restore(restoring, &iap.clock, &Entropy::seeded(SEED)).await.unwrap_err();
    assert!(matches!(again, BackupError::NotEmpty(_)), "{again}");
    let fresh = tempfile::tempdir().unwrap();
    let fresh = DataDir::open(&fresh.path().join("data")).unwrap();
    let master_key_file = fresh.path().join("keys/master.jwk");
    let elsewhere = Restoring { data_dir: &fresh, master_key_file: &master_key_file, ..restoring };
    let again = backup::restore(elsewhere, &iap.clock, &Entropy::seeded(SEED)).await.unwrap_err();
    assert!(matches!(again, BackupError::NotEmpty(_)), "{again}");
    assert!(!master_key_file.exists());
}

#[tokio::test]
async fn an_end_that_was_set_for_a_secret_and_what_was_suspended_or_disabled_still_hold() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    let anchoring = Anchoring::open(&iap.app).await.unwrap();
    let keys = Keys::new();
    let file = keys.path("iap.backup");
    back_up(iap.database().url(), iap.app.data_dir.path(), &file, &keys.sealing()).await.unwrap();

    let rotate = format!("/clients/{}/secrets/rotate", client.client_id);
    let _ = iap.admin("POST", &rotate, Some(json!({ "keep": 60 }))).await.expect(201);
    let suspend = format!("/participants/{}/identifiers/suspend", client.participant_id);
    let uri = json!({ "uri": "https://acme.example/acme" });
    let _ = iap.admin("POST", &suspend, Some(uri)).await.expect(200);
    let servers = iap.admin("GET", "/resource-servers", None).await.expect(200).json();
    let server = servers["items"][0]["id"].as_str().unwrap();
    let _ = iap.admin("POST", &format!("/resource-servers/{server}/disable"), None).await.expect(200);
    anchoring.look().await.unwrap();

    let (folder, database) = (tempfile::tempdir().unwrap(), TestDatabase::create().await);
    let files = [tombstones_of(&iap)];
    restore(&iap, &file, &keys.opening(), &files, folder.path(), database.url()).await.unwrap();
    let restored = database.connect().await;
    let pool = restored.reader().pool();
    let secrets = db::client_secret::of_client(pool, &client.client_id).await.unwrap();
    assert_eq!(secrets.iter().map(|secret| secret.expires_at).collect::<Vec<_>>(), [Some((NOW + 60) * 1000)]);
    let identifier = db::one_record_id::find(pool, "https://acme.example/acme").await.unwrap().unwrap();
    assert_eq!(identifier.status, OneRecordIdStatus::Suspended);
    assert_eq!(db::resource_server::find(pool, server).await.unwrap().unwrap().status, Status::Disabled);
    restored.close().await;
}
