use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use carnet::anchoring::{Anchoring, AnchoringError};
use carnet::audit::{self, Broken, Finding, Report};
use carnet::registry::Follower;
use carnet::{db, tombstones};
use carnet_ambient::Clock;
use carnet_db::testing::TestDatabase;
use carnet_db::{Engine, sqlx};

use crate::harness::{NOW, TestIap};

const MINUTE: i64 = 60_000;
const DAY: i64 = 86_400_000;

fn heads_file(iap: &TestIap) -> PathBuf {
    iap.app.data_dir.path().join(audit::HEADS_FILE)
}

async fn check_against(iap: &TestIap, file: Option<&Path>) -> (Report, Vec<Finding>) {
    let mut tx = iap.app.database.snapshot().await.unwrap();
    audit::check(&mut tx, file, &[]).await.unwrap()
}

async fn check(iap: &TestIap) -> (Report, Vec<Finding>) {
    check_against(iap, Some(&heads_file(iap))).await
}

/// An installation with some records, a signed head over all of them, and two more records after it.
async fn anchored() -> (TestIap, Anchoring, i64) {
    let iap = TestIap::start().await;
    let _ = iap.participant("acme").await;
    let anchoring = Anchoring::open(&iap.app).await.unwrap();
    anchoring.look().await.unwrap();
    let anchor = audit::verify(&iap.app.database).await.unwrap();
    let _ = (iap.participant("beta").await, iap.participant("gamma").await);
    (iap, anchoring, anchor)
}

async fn records(iap: &TestIap) -> Vec<db::journal::Record> {
    db::journal::after(iap.app.database.reader().pool(), 0, 1000).await.unwrap()
}

/// Ends the journal at `sequence`, as somebody would who does not want the cut to show.
async fn cut_after(iap: &TestIap, sequence: i64) {
    let pool = iap.app.database.writer().pool();
    sqlx::query("DELETE FROM journal WHERE sequence > $1").bind(sequence).execute(pool).await.unwrap();
    sqlx::query(
        "UPDATE journal_head SET sequence = $1, hash = (SELECT hash FROM journal WHERE sequence = $2)",
    )
    .bind(sequence)
    .bind(sequence)
    .execute(pool)
    .await
    .unwrap();
}

/// Changes a record and makes the whole chain after it fit again.
async fn rebuild_from(iap: &TestIap, sequence: i64) {
    let pool = iap.app.database.writer().pool();
    let mut previous = String::new();
    for mut record in records(iap).await {
        if record.sequence == sequence {
            "client/nobody".clone_into(&mut record.actor);
        }
        if record.sequence >= sequence {
            record.previous_hash = previous;
            record.hash = audit::hash(&record);
            sqlx::query("UPDATE journal SET actor = $1, previous_hash = $2, hash = $3 WHERE sequence = $4")
                .bind(&record.actor)
                .bind(&record.previous_hash)
                .bind(&record.hash)
                .bind(record.sequence)
                .execute(pool)
                .await
                .unwrap();
        }
        previous = record.hash;
    }
    sqlx::query("UPDATE journal_head SET hash = $1").bind(previous).execute(pool).await.unwrap();
}

#[tokio::test]
async fn a_head_is_signed_after_a_minute_in_which_something_changed() {
    let (iap, anchoring, first) = anchored().await;
    let signed =
        async || db::signed_head::newest(iap.app.database.reader().pool()).await.unwrap().unwrap().sequence;
    anchoring.look().await.unwrap();
    assert_eq!(signed().await, first);
    iap.clock.set_millis(NOW * 1000 + MINUTE);
    anchoring.look().await.unwrap();
    let last = audit::verify(&iap.app.database).await.unwrap();
    assert_eq!(signed().await, last);
    iap.clock.set_millis(NOW * 1000 + 3 * MINUTE);
    anchoring.look().await.unwrap();
    let (report, findings) = check(&iap).await;
    assert!(findings.is_empty(), "{findings:?}");
    assert_eq!((report.records, report.heads, report.pinned), (last, 2, true));
    assert_eq!(report.anchor.unwrap().0.sequence, last);
}

#[tokio::test]
async fn a_head_is_signed_at_once_when_a_thousand_records_have_come() {
    let (iap, anchoring, first) = anchored().await;
    let signed =
        async || db::signed_head::newest(iap.app.database.reader().pool()).await.unwrap().unwrap().sequence;
    let mut last = audit::verify(&iap.app.database).await.unwrap();
    for step in [first + 999 - last, 1] {
        assert_eq!(signed().await, first);
        let mut tx = iap.app.database.writer().begin().await.unwrap();
        for _ in 0..step {
            let entry = audit::Entry::<(), ()> {
                actor: "local/test",
                action: "token.revoke",
                subject: "token/other",
                before: None,
                after: None,
                reason: "",
            };
            last = audit::append(&mut tx, &iap.clock, &iap.app.entropy, entry).await.unwrap();
        }
        tx.commit().await.unwrap();
        anchoring.look().await.unwrap();
    }
    assert_eq!((last, signed().await), (first + 1000, last));
}

#[tokio::test]
async fn without_a_file_nothing_is_anchored() {
    let (iap, _, _) = anchored().await;
    let (report, findings) = check_against(&iap, None).await;
    assert!(report.anchor.is_none() && findings.is_empty());
}

#[tokio::test]
async fn a_cut_tail_shows_and_its_end_is_named() {
    let (iap, _, anchor) = anchored().await;
    cut_after(&iap, anchor - 1).await;
    assert_eq!(audit::verify(&iap.app.database).await.unwrap(), anchor - 1);
    let (_, findings) = check(&iap).await;
    let [Finding::CutTail { head, last }] = findings.as_slice() else { panic!("{findings:?}") };
    assert_eq!((*head, *last), (anchor, anchor - 1));
}

#[tokio::test]
async fn a_tail_that_was_cut_and_written_anew_shows() {
    let (iap, anchoring, anchor) = anchored().await;
    cut_after(&iap, anchor - 1).await;
    let _ = iap.participant("delta").await;
    let (_, findings) = check(&iap).await;
    assert!(matches!(findings.as_slice(), [Finding::Rebuilt { sequence, agreed: 0 }] if *sequence == anchor));
    // And nobody signs over it.
    iap.clock.set_millis(NOW * 1000 + MINUTE);
    let _ = iap.participant("epsilon").await;
    let refused = anchoring.look().await.unwrap_err();
    assert!(matches!(refused, AnchoringError::OtherPast(record) if record == anchor), "{refused}");
    // Nor does a node start that has seen the other past, although the database has come to a higher number since.
    assert!(audit::verify(&iap.app.database).await.unwrap() > anchor);
    drop(anchoring);
    let refused = Anchoring::open(&iap.app).await.err().unwrap();
    assert!(matches!(refused, AnchoringError::OtherPast(record) if record == anchor), "{refused}");
}

#[tokio::test]
async fn nobody_signs_over_a_changed_record() {
    let (iap, anchoring, anchor) = anchored().await;
    let pool = iap.app.database.writer().pool();
    sqlx::query("UPDATE journal SET reason = 'x' WHERE sequence = $1")
        .bind(anchor + 1)
        .execute(pool)
        .await
        .unwrap();
    iap.clock.set_millis(NOW * 1000 + MINUTE);
    let refused = anchoring.look().await.unwrap_err();
    assert!(matches!(refused, AnchoringError::Journal { after, .. } if after == anchor), "{refused}");
}

#[tokio::test]
async fn a_head_of_the_future_does_not_keep_the_next_one_back() {
    let (iap, anchoring, anchor) = anchored().await;
    let newest =
        async || db::signed_head::newest(iap.app.database.reader().pool()).await.unwrap().unwrap().sequence;
    iap.clock.set_millis(NOW * 1000 + 365 * DAY);
    anchoring.look().await.unwrap();
    let ahead = newest().await;
    assert!(ahead > anchor);
    iap.clock.set_millis(NOW * 1000);
    let _ = iap.participant("delta").await;
    anchoring.look().await.unwrap();
    assert!(newest().await > ahead);
}

#[tokio::test]
async fn a_rebuilt_chain_shows_although_it_is_whole() {
    let (iap, _, anchor) = anchored().await;
    rebuild_from(&iap, 1).await;
    let _ = audit::verify(&iap.app.database).await.unwrap();
    let (_, findings) = check(&iap).await;
    assert!(
        matches!(findings.as_slice(), [Finding::Rebuilt { sequence, agreed: 0 }] if *sequence == anchor),
        "{findings:?}"
    );
}

#[tokio::test]
async fn what_was_rebuilt_after_the_newest_head_is_said_to_be_unanchored() {
    let (iap, _, anchor) = anchored().await;
    rebuild_from(&iap, anchor + 1).await;
    let (report, findings) = check(&iap).await;
    assert!(findings.is_empty());
    assert_eq!((report.last - report.anchor.unwrap().0.sequence, report.newer), (2, 2));
}

#[tokio::test]
async fn a_changed_record_is_named() {
    let (iap, _, _) = anchored().await;
    let pool = iap.app.database.writer().pool();
    sqlx::query("UPDATE journal SET reason = 'x' WHERE sequence = 2").execute(pool).await.unwrap();
    let (report, findings) = check(&iap).await;
    assert!(matches!(findings.as_slice(), [Finding::Broken(Broken::Hash(2))]), "{findings:?}");
    assert_eq!(report.records, 1);
}

#[tokio::test]
async fn a_forged_head_is_told_from_a_foreign_one() {
    let (iap, _, _) = anchored().await;
    let own = fs::read_to_string(heads_file(&iap)).unwrap();
    let lines: Vec<&str> = own.lines().collect();
    assert!(lines[0].starts_with("{\"key\":") && lines[1].starts_with("{\"head\":"), "{own}");
    let file = iap.folder().join("heads");

    // Another signature.
    let at = lines[1].rfind('.').unwrap() + 1;
    let other = if lines[1].as_bytes()[at] == b'A' { "B" } else { "A" };
    let mut forged = lines[1].to_owned();
    forged.replace_range(at..=at, other);
    fs::write(&file, format!("{}\n{forged}\n", lines[0])).unwrap();
    let (report, findings) = check_against(&iap, Some(&file)).await;
    assert!(matches!(findings.as_slice(), [Finding::Forged { line: 2, .. }]), "{findings:?}");
    assert!(report.anchor.is_none());

    // A head of another installation, whose key is not pinned here.
    let (stranger, _, _) = anchored().await;
    let foreign = fs::read_to_string(heads_file(&stranger)).unwrap();
    let foreign: Vec<&str> = foreign.lines().collect();
    fs::write(&file, format!("{}\n{}\n", lines[0], foreign[1])).unwrap();
    let (_, findings) = check_against(&iap, Some(&file)).await;
    assert!(matches!(findings.as_slice(), [Finding::ForeignKey { line: 2, .. }]), "{findings:?}");

    // Its whole file: this database does not know the key.
    let (_, findings) = check_against(&iap, Some(&heads_file(&stranger))).await;
    assert!(matches!(findings.first(), Some(Finding::RebuiltDatabase(_))), "{findings:?}");

    // Its own file after the installation became another one.
    let pool = iap.app.database.writer().pool();
    sqlx::query("UPDATE installation SET id = 'OTHER'").execute(pool).await.unwrap();
    let (_, findings) = check(&iap).await;
    assert!(matches!(findings.as_slice(), [Finding::OtherInstallation { line: 2, .. }]), "{findings:?}");
}

#[tokio::test]
async fn an_audit_key_that_is_gone_from_the_database_stops_the_signing() {
    let (iap, anchoring, _) = anchored().await;
    let pool = iap.app.database.writer().pool();
    sqlx::query("UPDATE sealed_key SET public_jwk = NULL WHERE purpose = 'audit'")
        .execute(pool)
        .await
        .unwrap();
    iap.clock.set_millis(NOW * 1000 + MINUTE);
    assert!(matches!(anchoring.look().await, Err(AnchoringError::KeyGone(_))));
    let (_, findings) = check(&iap).await;
    assert!(matches!(findings.as_slice(), [Finding::RebuiltDatabase(_)]), "{findings:?}");
}

#[tokio::test]
async fn retention_removes_only_before_a_head_and_the_rest_verifies() {
    let iap = TestIap::start_with("[journal]\nkeep_days = 1\n").await;
    let _ = iap.acme().await;
    let anchoring = Anchoring::open(&iap.app).await.unwrap();
    let behind = Follower::start(iap.app.database.clone(), iap.clock.clone()).await.unwrap();
    iap.clock.set_millis(NOW * 1000 + 2 * DAY);
    // No head yet: nothing may go.
    anchoring.trim().await.unwrap();
    let last = audit::verify(&iap.app.database).await.unwrap();
    assert_eq!(records(&iap).await.len(), usize::try_from(last).unwrap());
    anchoring.look().await.unwrap();
    anchoring.trim().await.unwrap();
    let left: Vec<i64> = records(&iap).await.iter().map(|record| record.sequence).collect();
    assert_eq!(left, [last, last + 1]);
    let (report, findings) = check(&iap).await;
    assert!(findings.is_empty(), "{findings:?}");
    assert_eq!((report.removed, report.records, report.heads), (last - 1, 2, 1));
    // The memory image goes on without them.
    iap.app.registry.refresh().await.unwrap();
    assert_eq!(iap.app.registry.current().unwrap().change(), last + 1);
    // Nor does it need them on a node that was away all the time.
    behind.refresh().await.unwrap();
    assert_eq!(behind.current().unwrap().change(), last + 1);
    // Once a day.
    iap.clock.set_millis(NOW * 1000 + 2 * DAY + MINUTE);
    anchoring.look().await.unwrap();
    anchoring.trim().await.unwrap();
    assert_eq!(records(&iap).await.len(), 2);

    // Whoever removes a beginning by hand has no record that says so.
    let pool = iap.app.database.writer().pool();
    sqlx::query("DELETE FROM journal WHERE sequence = $1").bind(last).execute(pool).await.unwrap();
    sqlx::query("UPDATE journal_start SET sequence = $1, hash = (SELECT previous_hash FROM journal)")
        .bind(last)
        .execute(pool)
        .await
        .unwrap();
    let (_, findings) = check(&iap).await;
    assert!(
        matches!(findings.as_slice(), [Finding::Broken(Broken::Start(start))] if *start == last),
        "{findings:?}"
    );
}

#[tokio::test]
async fn a_node_whose_clock_runs_ahead_removes_nothing_that_must_stay() {
    let database = Arc::new(TestDatabase::create().await);
    let folder = Arc::new(tempfile::tempdir().unwrap());
    let iap = TestIap::open("", database, folder, Clock::system(), 1).await;
    let last = audit::verify(&iap.app.database).await.unwrap();
    let trim = async |ahead: i64| {
        let clock = Clock::system_off_by(ahead);
        audit::trim(&iap.app.database, &clock, &iap.app.entropy, 1, last + 1).await.unwrap()
    };
    assert_eq!(trim(0).await, None);
    // SQLite has no clock of its own to tell a wrong one.
    let alone = iap.app.database.engine() == Engine::Sqlite;
    assert_eq!(trim(3 * DAY).await, alone.then_some(last));
}

#[tokio::test]
async fn every_decision_against_something_is_in_the_tombstones() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    let anchoring = Anchoring::open(&iap.app).await.unwrap();
    anchoring.look().await.unwrap();
    let _ = iap.admin("POST", &format!("/clients/{}/disable", client.client_id), None).await.expect(200);
    let _ = iap
        .admin("POST", &format!("/participants/{}/disable", client.participant_id), None)
        .await
        .expect(200);
    anchoring.look().await.unwrap();
    let _ = iap.participant("beta").await;
    anchoring.look().await.unwrap();
    let file = iap.app.data_dir.path().join(tombstones::FILE);
    let installation = db::installation::find(iap.app.database.reader().pool()).await.unwrap().unwrap().id;
    let read = tombstones::read(&file, &installation).unwrap();
    assert_eq!((read.first, read.last), (1, audit::verify(&iap.app.database).await.unwrap()));
    let decided: Vec<(&str, &str)> =
        read.decisions.iter().map(|decision| (decision.kind.as_str(), decision.value.as_str())).collect();
    assert_eq!(decided, [("client", client.client_id.as_str()), ("participant", &client.participant_id)]);

    // A node that comes later writes all of it.
    drop(anchoring);
    fs::remove_file(&file).unwrap();
    let late = Anchoring::open(&iap.app).await.unwrap();
    late.look().await.unwrap();
    assert_eq!(tombstones::read(&file, &installation).unwrap().decisions, read.decisions);
}

#[tokio::test]
async fn a_database_that_was_set_back_is_refused() {
    let (iap, anchoring, anchor) = anchored().await;
    anchoring.look().await.unwrap();
    drop(anchoring);
    let last = audit::verify(&iap.app.database).await.unwrap();
    cut_after(&iap, anchor).await;
    let refused = Anchoring::open(&iap.app).await.err().unwrap();
    assert!(
        matches!(refused, AnchoringError::SetBack { database, seen } if (database, seen) == (anchor, last)),
        "{refused}"
    );
}

#[tokio::test]
async fn a_key_and_a_head_that_somebody_put_into_the_database_are_not_taken_over() {
    let (iap, anchoring, _) = anchored().await;
    let pair = carnet_testkit::ClientKeyPair::es256("stranger");
    let pool = iap.app.database.writer().pool();
    sqlx::query(
        "INSERT INTO sealed_key (id, kid, purpose, alg, state, public_jwk, jwe, created_at) \
         VALUES ('STRANGER', 'stranger', 'audit', 'ES256', 'retired', $1, '', 0)",
    )
    .bind(pair.jwk().to_string())
    .execute(pool)
    .await
    .unwrap();
    iap.clock.set_millis(NOW * 1000 + MINUTE);
    anchoring.look().await.unwrap();
    let keys = |text: &str| text.lines().filter(|line| line.starts_with("{\"key\":")).count();
    let written = fs::read_to_string(heads_file(&iap)).unwrap();
    assert_eq!(keys(&written), 1, "{written}");

    let _ = iap.participant("delta").await;
    let last = audit::verify(&iap.app.database).await.unwrap();
    let hash = records(&iap).await.last().unwrap().hash.clone();
    let head = audit::Head {
        iss: crate::harness::ISSUER.to_owned(),
        iat: NOW,
        installation: db::installation::find(pool).await.unwrap().unwrap().id,
        sequence: last,
        hash: hash.clone(),
        at: NOW * 1000,
    };
    let row = db::signed_head::SignedHead {
        sequence: last,
        hash,
        signed_at: NOW * 1000,
        kid: "stranger".to_owned(),
        jws: head.sign(pair.signing_key()).unwrap(),
    };
    let mut tx = iap.app.database.writer().begin().await.unwrap();
    db::signed_head::insert(&mut tx, &row).await.unwrap();
    tx.commit().await.unwrap();
    let refused = anchoring.look().await.unwrap_err();
    assert!(matches!(refused, AnchoringError::Head { sequence, .. } if sequence == last), "{refused}");
    assert_eq!(fs::read_to_string(heads_file(&iap)).unwrap(), written);
}
