use std::fs::{self, Permissions};
use std::io::Write as _;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use carnet::anchoring::{Anchoring, AnchoringError};
use carnet::doctor::{self, Level, Line};
use carnet::keys::MasterKey;
use carnet::{audit, tombstones};
use carnet_ambient::Entropy;
use carnet_db::sqlx;
use serde_json::json;

use crate::harness::{NOW, TestIap};

const LISTENERS: [&str; 2] = ["public listener", "administration listener"];

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// An installation in which everything is in order.
async fn sound() -> TestIap {
    let iap = TestIap::start().await;
    let _ = iap.acme().await;
    Anchoring::open(&iap.app).await.unwrap().settle().await.unwrap();
    // The program sets its umask; a test cannot do so for all others.
    if let Some(file) = iap.database().url().file() {
        chmod(&file, 0o600);
    }
    iap
}

/// What is not in order, apart from what this machine and its other programs do.
async fn faults(iap: &TestIap) -> Vec<(&'static str, Level, String)> {
    let lines = doctor::examine(&iap.app.config, &iap.clock, None).await;
    assert!(lines.iter().all(|line| (line.level == Level::Ok) == line.advice.is_none()), "{lines:?}");
    lines
        .into_iter()
        .filter(|line| line.level != Level::Ok && line.check != "disk" && !LISTENERS.contains(&line.check))
        .map(|Line { check, level, message, .. }| (check, level, message))
        .collect()
}

async fn only_fault(iap: &TestIap, check: &str, level: Level, says: &str) {
    let found = faults(iap).await;
    let [(one, how, message)] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((*one, *how), (check, level), "{message}");
    assert!(message.contains(says), "{message}");
}

#[tokio::test]
async fn a_sound_installation_has_nothing_to_tell() {
    let iap = sound().await;
    let found = faults(&iap).await;
    assert!(found.is_empty(), "{found:?}");
    let lines = doctor::examine(&iap.app.config, &iap.clock, Some(NOW)).await;
    for check in
        ["configuration", "data folder", "disk", "clock", "database", "keys", "journal", "tombstones"]
    {
        assert!(lines.iter().any(|line| line.check == check), "{check} was not looked at");
    }
}

#[tokio::test]
async fn files_and_folders_that_are_open_to_others_are_failures() {
    let iap = sound().await;
    chmod(&iap.app.data_dir.credentials_path(), 0o644);
    only_fault(&iap, "data folder", Level::Fail, "admin-credentials.json is open").await;
    chmod(&iap.app.data_dir.credentials_path(), 0o600);
    chmod(iap.app.data_dir.path(), 0o755);
    only_fault(&iap, "data folder", Level::Fail, "can be entered by other users").await;
}

#[tokio::test]
async fn a_foreign_and_a_missing_master_key_are_failures() {
    let iap = sound().await;
    let path = iap.app.config.master_key_file();
    fs::remove_file(path).unwrap();
    only_fault(&iap, "keys", Level::Fail, "No such file").await;
    MasterKey::generate(&Entropy::seeded(99)).write_new(path).unwrap();
    only_fault(&iap, "keys", Level::Fail, "another installation's master key").await;
}

#[tokio::test]
async fn another_issuer_than_that_of_the_first_start_is_a_failure() {
    let iap = sound().await;
    let pool = iap.app.database.writer().pool();
    sqlx::query("UPDATE installation SET issuer = 'https://other.example'").execute(pool).await.unwrap();
    only_fault(&iap, "configuration", Level::Fail, "issuer is https://other.example, not").await;
}

#[tokio::test]
async fn a_new_algorithm_that_waits_for_its_lead_is_a_warning() {
    let iap = sound().await;
    let pool = iap.app.database.writer().pool();
    let announced = "UPDATE sealed_key SET state = 'announced', activated_at = NULL \
         WHERE purpose = 'access-token' AND alg = 'ES256'";
    sqlx::query(announced).execute(pool).await.unwrap();
    only_fault(&iap, "keys", Level::Warn, "ES256 access tokens is announced").await;
}

#[tokio::test]
async fn a_sealed_key_that_was_changed_is_a_failure() {
    let iap = sound().await;
    let pool = iap.app.database.writer().pool();
    sqlx::query("UPDATE sealed_key SET alg = 'EdDSA' WHERE purpose = 'audit'").execute(pool).await.unwrap();
    only_fault(&iap, "keys", Level::Fail, "does not belong to its row").await;
}

#[tokio::test]
async fn a_schema_that_is_newer_is_a_failure() {
    let iap = sound().await;
    let pool = iap.app.database.writer().pool();
    sqlx::query(
        "UPDATE carnet_iap_migrations SET version = 9999 \
         WHERE version = (SELECT MAX(version) FROM carnet_iap_migrations)",
    )
    .execute(pool)
    .await
    .unwrap();
    only_fault(&iap, "database", Level::Fail, "newer than this program").await;
}

#[tokio::test]
async fn a_journal_that_was_cut_and_tombstones_that_know_better_are_failures() {
    let iap = sound().await;
    let last = audit::verify(&iap.app.database).await.unwrap();
    let pool = iap.app.database.writer().pool();
    sqlx::query("DELETE FROM journal WHERE sequence = $1").bind(last).execute(pool).await.unwrap();
    sqlx::query(
        "UPDATE journal_head SET sequence = $1, hash = (SELECT hash FROM journal WHERE sequence = $2)",
    )
    .bind(last - 1)
    .bind(last - 1)
    .execute(pool)
    .await
    .unwrap();
    let found = faults(&iap).await;
    let checks: Vec<_> = found.iter().map(|(check, level, _)| (*check, *level)).collect();
    assert_eq!(checks, [("journal", Level::Fail), ("tombstones", Level::Fail)], "{found:?}");
    assert!(found[0].2.contains("tail was cut") && found[1].2.contains("set back"), "{found:?}");
}

#[tokio::test]
async fn a_node_that_joins_after_a_restore_signs_and_finds_it_in_order() {
    let iap = sound().await;
    let last = audit::verify(&iap.app.database).await.unwrap();
    let mut tx = iap.app.database.writer().begin().await.unwrap();
    audit::resume(&mut tx, &iap.clock, &iap.app.entropy, last + 1000, "local/test", "").await.unwrap();
    tx.commit().await.unwrap();
    for file in [tombstones::FILE, audit::HEADS_FILE] {
        fs::remove_file(iap.app.data_dir.path().join(file)).unwrap();
    }
    assert!(faults(&iap).await.iter().all(|(_, level, _)| *level == Level::Warn));
    let anchoring = Anchoring::open(&iap.app).await.unwrap();
    anchoring.settle().await.unwrap();
    let found = faults(&iap).await;
    assert!(found.is_empty(), "{found:?}");
    // One that comes later, when there is something to hold it against, is not taken over.
    let mut tx = iap.app.database.writer().begin().await.unwrap();
    audit::resume(&mut tx, &iap.clock, &iap.app.entropy, last + 2000, "local/test", "").await.unwrap();
    tx.commit().await.unwrap();
    assert!(matches!(anchoring.settle().await, Err(AnchoringError::Journal { .. })));
    only_fault(&iap, "journal", Level::Fail, "says that a restore lost the records after").await;
}

#[tokio::test]
async fn an_algorithm_whose_first_key_waits_for_its_lead_is_a_warning() {
    let iap = sound().await.restart_with("[keys]\nalgorithms = ['RS256', 'ES256', 'EdDSA']\n").await;
    only_fault(&iap, "keys", Level::Fail, "no active key for EdDSA").await;
    iap.tend_keys().await;
    Anchoring::open(&iap.app).await.unwrap().settle().await.unwrap();
    only_fault(&iap, "keys", Level::Warn, "EdDSA access tokens is announced").await;
}

#[tokio::test]
async fn a_decision_that_somebody_took_out_of_the_database_is_a_failure() {
    let iap = sound().await;
    let _ = iap.admin("POST", "/tokens/revoke", Some(json!({"jti": "some-token"}))).await.expect(200);
    let record = audit::verify(&iap.app.database).await.unwrap();
    Anchoring::open(&iap.app).await.unwrap().settle().await.unwrap();
    assert!(faults(&iap).await.is_empty());
    let pool = iap.app.database.writer().pool();
    sqlx::query("DELETE FROM negative_decision").execute(pool).await.unwrap();
    let says = format!("the decision of record {record} against a token is not in the database");
    only_fault(&iap, "tombstones", Level::Fail, &says).await;
}

#[tokio::test]
async fn a_change_of_the_master_key_that_was_cut_off_is_told_as_such() {
    let iap = sound().await;
    let path = iap.app.config.master_key_file();
    let coming = path.with_file_name("master.jwk.next");
    fs::rename(path, &coming).unwrap();
    MasterKey::generate(&Entropy::seeded(99)).write_new(path).unwrap();
    only_fault(&iap, "keys", Level::Warn, "cut off").await;
}

#[tokio::test]
async fn anchors_and_tombstones_that_are_missing_or_late_are_warnings() {
    let iap = sound().await;
    let _ = iap.participant("beta").await;
    only_fault(&iap, "tombstones", Level::Warn, "1 records behind").await;
    iap.clock.set_millis(NOW * 1000 + 6 * 60_000);
    let found = faults(&iap).await;
    assert!(found.iter().any(|(check, level, _)| (*check, *level) == ("journal", Level::Warn)), "{found:?}");
    fs::remove_file(iap.app.data_dir.path().join(tombstones::FILE)).unwrap();
    fs::remove_file(iap.app.data_dir.path().join(audit::HEADS_FILE)).unwrap();
    let found = faults(&iap).await;
    assert!(found.iter().any(|(_, level, says)| *level == Level::Warn && says.contains("not anchored")));
    assert!(found.iter().any(|(check, level, _)| (*check, *level) == ("tombstones", Level::Warn)));
}

#[tokio::test]
async fn a_clock_that_disagrees_is_a_failure() {
    let iap = sound().await;
    let lines = doctor::examine(&iap.app.config, &iap.clock, Some(NOW - 60)).await;
    let wrong: Vec<_> =
        lines.iter().filter(|line| line.check == "clock" && line.level == Level::Fail).collect();
    assert_eq!(wrong.len(), 1, "{lines:?}");
    assert!(wrong[0].message.contains("60 s ahead"));
}

#[tokio::test]
async fn a_port_that_somebody_else_has_is_a_failure_and_a_free_one_is_not() {
    let stranger = TcpListener::bind("127.0.0.1:0").unwrap();
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let (taken, unused) = (stranger.local_addr().unwrap(), free.local_addr().unwrap());
    drop(free);
    std::thread::spawn(move || {
        for stream in stranger.incoming().flatten() {
            let mut stream = stream;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nhi\n");
        }
    });
    let toml = format!("[server]\nlisten = '{taken}'\nadmin_listen = '{unused}'\n");
    let iap = TestIap::start_with(&toml).await;
    let lines = doctor::examine(&iap.app.config, &iap.clock, None).await;
    let of = |check: &str| lines.iter().find(|line| line.check == check).unwrap();
    assert_eq!(of(LISTENERS[0]).level, Level::Fail, "{lines:?}");
    assert!(of(LISTENERS[0]).message.contains("not this server"));
    assert_eq!(of(LISTENERS[1]).level, Level::Ok, "{lines:?}");
    assert!(of(LISTENERS[1]).message.contains("free"));
}

#[tokio::test]
async fn a_certificate_that_ends_or_names_another_host_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = (folder.path().join("chain.pem"), folder.path().join("key.pem"));
    let toml = format!(
        "[server.tls]\ncertificate = '{}'\nprivate_key = '{}'\n",
        certificate.display(),
        key.display()
    );
    let iap = TestIap::start_with(&toml).await;
    for (name, not_after, level, says) in [
        ("iap.example", (2028, 1, 1), Level::Ok, "is valid and names iap.example"),
        ("iap.example", (2027, 1, 20), Level::Warn, "expires in 4 days"),
        ("iap.example", (2027, 1, 1), Level::Fail, "not valid now"),
        ("other.example", (2028, 1, 1), Level::Fail, "does not name iap.example"),
    ] {
        let pair = rcgen::KeyPair::generate().unwrap();
        let mut parameters = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
        parameters.not_after = rcgen::date_time_ymd(not_after.0, not_after.1, not_after.2);
        fs::write(&certificate, parameters.self_signed(&pair).unwrap().pem()).unwrap();
        fs::write(&key, pair.serialize_pem()).unwrap();
        let lines = doctor::examine(&iap.app.config, &iap.clock, None).await;
        let line = lines.iter().find(|line| line.check == "certificate").unwrap();
        assert_eq!(line.level, level, "{}", line.message);
        assert!(line.message.contains(says), "{}", line.message);
    }
}

#[tokio::test]
async fn a_database_that_is_not_there_is_a_failure() {
    let iap = sound().await;
    let mut config = (*iap.app.config).clone();
    config.set_database(format!("sqlite:{}", iap.folder().join("missing.db").display()).parse().unwrap());
    let lines = doctor::examine(&config, &iap.clock, None).await;
    let line = lines.iter().find(|line| line.check == "database").unwrap();
    assert_eq!(line.level, Level::Fail);
    assert!(line.message.contains("is not there"), "{}", line.message);
    assert!(!iap.folder().join("missing.db").exists(), "a look must not make one");
}
