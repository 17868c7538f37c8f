//! The drill of docs/operations-backup.md: back up beside the running server, revoke, lose everything, restore.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::http::Request;
use crate::harness::iap::{Client, Iap};
use crate::harness::postgres::Database;
use crate::harness::process::{Ended, Process, carnet, run_to_end};
use crate::harness::{port, within};

const LIMIT: Duration = Duration::from_mins(1);

/// A command on the data folder of a running server.
fn local(iap: &Iap, arguments: &[&str]) -> Command {
    let mut command = carnet();
    command.args(arguments).arg("--data-dir").arg(iap.data_dir());
    command.args(["--issuer", iap.issuer(), "--database", &iap.database_url()]);
    command
}

#[track_caller]
fn succeeds(command: Command) -> Ended {
    let ended = run_to_end(command, LIMIT);
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    ended
}

fn ask(base: &str, client: &Client) -> u16 {
    Request::post(&format!("{base}/token"))
        .basic(&client.client_id, client.secret())
        .form(&[("grant_type", "client_credentials")])
        .send()
        .status
}

/// Waits until the server has written down what contains `text`.
#[track_caller]
fn written(file: &Path, text: &str) {
    within(Duration::from_secs(10), text, || {
        std::fs::read_to_string(file).ok().filter(|found| found.contains(text)).map(drop)
    });
}

#[test]
fn what_was_revoked_after_the_backup_is_revoked_after_the_restore() {
    let iap = Iap::start();
    let shipper = iap.participant("shipper", "SHP");
    let (lost, kept) = (iap.client(&shipper, json!({})), iap.client(&shipper, json!({})));
    let (key, backup) = (iap.folder().join("backup-key"), iap.folder().join("iap.backup"));
    let mut keygen = carnet();
    keygen.args(["backup", "keygen"]).arg(&key);
    succeeds(keygen);
    let sealed = || {
        let mut command = local(&iap, &["backup"]);
        command.arg(&backup).arg("--recipient").arg(iap.folder().join("backup-key.pub"));
        command
    };
    assert!(succeeds(sealed()).stdout.contains("opened again and verified"));
    let before = std::fs::read(&backup).unwrap();
    let ended = run_to_end(sealed(), LIMIT);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("iap.backup exists already"), "{}", ended.stderr);
    assert_eq!(std::fs::read(&backup).unwrap(), before);

    iap.admin("POST", &format!("/clients/{}/disable", lost.client_id), None).expect(200);
    let tombstones = iap.data_dir().join("tombstones.log");
    written(&tombstones, &lost.client_id);

    let (folder, database) = (iap.folder().join("restored"), Database::fresh());
    let restore = || {
        let mut restore = carnet();
        restore.arg("restore").arg(&backup).arg("--identity").arg(&key).arg("--data-dir").arg(&folder);
        restore.args(["--issuer", iap.issuer()]);
        if let Some(database) = &database {
            restore.args(["--database", database.url()]);
        }
        restore
    };
    // A name that was mistyped leaves nothing behind.
    let mut mistyped = carnet();
    mistyped.args(["restore", "none.backup", "--without-tombstones", "--identity"]).arg(&key);
    mistyped.arg("--data-dir").arg(&folder).args(["--issuer", iap.issuer()]);
    let refused = run_to_end(mistyped, LIMIT);
    assert!(refused.code == Some(1) && refused.stderr.contains("none.backup"), "{}", refused.stderr);
    assert!(!folder.exists());
    // Without tombstones nothing is restored, and the next attempt finds everything as it was.
    let refused = run_to_end(restore(), LIMIT);
    assert_eq!(refused.code, Some(1), "{}", refused.stdout);
    assert!(refused.stderr.contains("--tombstones FILE"), "{}", refused.stderr);
    let mut restore = restore();
    restore.arg("--tombstones").arg(&tombstones);
    assert!(succeeds(restore).stdout.contains("1 decisions"));

    let base = format!("http://127.0.0.1:{}", port::free());
    let mut serve = carnet();
    serve.arg("serve").arg("--data-dir").arg(&folder).args(["--issuer", iap.issuer()]);
    serve.args(["--listen", base.trim_start_matches("http://")]);
    serve.args(["--admin-listen", &format!("127.0.0.1:{}", port::free())]);
    if let Some(database) = &database {
        serve.args(["--database", database.url()]);
    }
    let mut process = Process::start("restored", serve, iap.folder());
    within(LIMIT, "the restored server is ready", || {
        assert!(process.ended().is_none(), "{}", process.stderr());
        Request::get(&format!("{base}/readyz")).try_send().filter(|answer| answer.status == 200)
    });
    assert_eq!((ask(&base, &lost), ask(&base, &kept)), (401, 200));
    process.signal("TERM");
    assert!(process.wait(LIMIT).success());

    // It has anchored the journal before it ended, with the restore in it.
    let mut verify = carnet();
    verify.args(["audit", "verify", "--issuer", iap.issuer(), "--data-dir"]).arg(&folder);
    if let Some(database) = &database {
        verify.args(["--database", database.url()]);
    }
    let verified = succeeds(verify).stdout;
    assert!(verified.contains("anchored at") && verified.contains("is a restore"), "{verified}");
}

#[test]
fn the_journal_is_verified_listed_and_exported_beside_the_running_server() {
    let iap = Iap::start();
    let shipper = iap.participant("shipper", "SHP");
    let client = iap.client(&shipper, json!({}));
    written(&iap.data_dir().join("audit-heads.log"), "{\"head\":");
    let verified = succeeds(local(&iap, &["audit", "verify"])).stdout;
    // The four of the first start and the registrations, and what was done on the signing keys meanwhile.
    let count = verified.strip_prefix("verified ").and_then(|rest| rest.split_once(" records, anchored at "));
    assert!(count.is_some_and(|(count, _)| count.parse::<u32>().unwrap() >= 4), "{verified}");

    let remote = |arguments: &[&str]| {
        let mut command = carnet();
        command.args(arguments).arg("--credentials").arg(iap.data_dir().join("admin-credentials.json"));
        succeeds(command).stdout
    };
    let list = remote(&["audit", "list", "--subject", &format!("client/{}", client.client_id)]);
    assert!(list.contains("client.create") && !list.contains("participant.create"), "{list}");
    let export = remote(&["audit", "export", "--from", "2"]);
    let records: Vec<Value> = export.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(records.len() >= 3, "{export}");
    assert_eq!(records[0]["sequence"], 2);
    for pair in records.windows(2) {
        assert_eq!(pair[1]["previous_hash"], pair[0]["hash"]);
    }

    // A file of another server proves nothing here, and says so.
    let stranger = Iap::start();
    let foreign = stranger.data_dir().join("audit-heads.log");
    written(&foreign, "{\"head\":");
    let verify = local(&iap, &["audit", "verify", "--heads", foreign.to_str().unwrap()]);
    let refused = run_to_end(verify, LIMIT);
    assert_eq!(refused.code, Some(1), "{}", refused.stdout);
    assert!(refused.stderr.contains("is not in the database"), "{}", refused.stderr);
}

#[test]
fn the_doctor_recognises_the_running_server() {
    let iap = Iap::start();
    written(&iap.data_dir().join("audit-heads.log"), "{\"head\":");
    let mut command = local(&iap, &["doctor", "--json"]);
    command.args(["--listen", iap.issuer().trim_start_matches("http://")]);
    command.args(["--admin-listen", iap.admin_listener().trim_start_matches("http://")]);
    let found = succeeds(command).stdout;
    let found: Value = serde_json::from_str(&found).unwrap();
    let checks = found["checks"].as_array().unwrap();
    let of = |name: &str| checks.iter().find(|check| check["check"] == name).unwrap();
    for listener in ["public listener", "administration listener"] {
        assert!(of(listener)["message"].as_str().unwrap().contains("answers as this server"), "{found}");
    }
    assert_eq!((&of("keys")["level"], &of("journal")["level"]), (&json!("ok"), &json!("ok")));

    let mut wrong = local(&iap, &["doctor", "--http-date", "Fri, 15 Jan 2027 08:00:00 GMT"]);
    wrong.args(["--listen", iap.issuer().trim_start_matches("http://")]);
    wrong.args(["--admin-listen", iap.admin_listener().trim_start_matches("http://")]);
    let ended = run_to_end(wrong, LIMIT);
    assert_eq!(ended.code, Some(1), "{}", ended.stdout);
    assert!(ended.stdout.contains("FAIL  clock"), "{}", ended.stdout);
}
