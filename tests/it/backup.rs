use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use carnet::anchoring::Anchoring;
use carnet::audit::{self, Entry};
use carnet::backup::{self, BackupError, Opening, Restored, Restoring, Sealing, Source, Summary};
use carnet::data_dir::DataDir;
use carnet::db;
use carnet::db::negative_decision::{FeedEntry, NegativeDecision};
use carnet::registry::SigningAlgorithm;
use carnet::tombstones::{self, Decision, Line};
use carnet_ambient::{Clock, Entropy};
use carnet_db::testing::TestDatabase;
use carnet_db::{DatabaseUrl, Onlooker};
use carnet_testkit::ClientKeyPair;
use serde_json::json;

use crate::harness::{NOW, TestIap};

pub const SEED: u64 = 77;

/// A key pair for backups in files.
pub struct Keys {
    folder: tempfile::TempDir,
}

impl Keys {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (private, public) = backup::generate_recipient().unwrap();
        write_private(&folder.path().join("key"), &private);
        fs::write(folder.path().join("key.pub"), public).unwrap();
        Self { folder }
    }

    pub fn sealing(&self) -> Sealing {
        Sealing::recipient(&self.folder.path().join("key.pub")).unwrap()
    }

    pub fn opening(&self) -> Opening {
        Opening::identity(&self.folder.path().join("key")).unwrap()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

fn write_private(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt;
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

pub async fn back_up(
    database: &DatabaseUrl,
    data_dir: &Path,
    file: &Path,
    sealing: &Sealing,
) -> Result<Summary, BackupError> {
    let onlooker = Onlooker::connect(database).await.unwrap();
    let mut snapshot = onlooker.snapshot().await.unwrap();
    let master_key_file = data_dir.join("keys/master.jwk");
    let source = Source {
        snapshot: &mut snapshot,
        engine: onlooker.engine(),
        master_key_file: &master_key_file,
        data_dir,
    };
    let clock = Clock::manual(NOW * 1000);
    let written = backup::write(source, file, sealing, &clock, &Entropy::seeded(SEED)).await;
    drop(snapshot);
    onlooker.close().await;
    written
}

/// Restores into `folder`/data and a database.
pub async fn restore(
    iap: &TestIap,
    backup: &Path,
    opening: &Opening,
    tombstones: &[PathBuf],
    folder: &Path,
    database: &DatabaseUrl,
) -> Result<Restored, BackupError> {
    let data_dir = DataDir::open(&folder.join("data")).unwrap();
    let restoring = Restoring {
        backup,
        opening,
        tombstones,
        without_tombstones: false,
        data_dir: &data_dir,
        database,
        master_key_file: &data_dir.path().join("keys/master.jwk"),
        key_life: iap.app.config.key_life(),
        actor: "local/test",
    };
    backup::restore(restoring, &iap.clock, &Entropy::seeded(SEED)).await
}

pub fn tombstones_of(iap: &TestIap) -> PathBuf {
    iap.app.data_dir.path().join(tombstones::FILE)
}

/// Writes a decision down that no operation of this program takes yet.
async fn decide(iap: &TestIap, kind: &str, value: &str, member: &str) -> i64 {
    let mut tx = iap.app.database.writer().begin().await.unwrap();
    let nothing: Option<&()> = None;
    let subject = format!("{kind}/{value}");
    let entry = Entry {
        actor: "local/test",
        action: "test.decide",
        subject: &subject,
        before: nothing,
        after: nothing,
        reason: "",
    };
    let sequence = audit::append(&mut tx, &iap.clock, &iap.app.entropy, entry).await.unwrap();
    let until = NOW * 1000 + 3_600_000;
    let feed =
        Some(FeedEntry { member: member.to_owned(), value: value.to_owned(), until, iat_before: None });
    let (kind, value) = (kind.to_owned(), value.to_owned());
    db::negative_decision::insert(&mut tx, &NegativeDecision { sequence, kind, value, at: NOW * 1000, feed })
        .await
        .unwrap();
    tx.commit().await.unwrap();
    sequence
}

#[tokio::test]
async fn everything_that_was_decided_since_the_backup_holds_after_the_restore() {
    let iap = TestIap::start().await;
    let anchoring = Anchoring::open(&iap.app).await.unwrap();
    let (acme, beta) = (iap.participant("acme").await, iap.participant("beta").await);
    let disabled = iap.client(&acme, json!({})).await;
    let rotated = iap.client(&acme, json!({})).await;
    let untouched = iap.client(&acme, json!({})).await;
    let of_beta = iap.client(&beta, json!({})).await;
    let pair = ClientKeyPair::es256("k1");
    let keyed = json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks": pair.jwks() });
    let keyed = iap.client(&acme, keyed).await;
    let administrator = iap.administration_token("admin:read").await;
    anchoring.settle().await.unwrap();
    let keys = Keys::new();
    let file = keys.path("iap.backup");
    let summary =
        back_up(iap.database().url(), iap.app.data_dir.path(), &file, &keys.sealing()).await.unwrap();
    assert!(!fs::read_to_string(&file).unwrap().contains("acme"));

    // All kinds of decisions since.
    let secrets = format!("/clients/{}/secrets", rotated.client_id);
    let secret = iap.admin("GET", &secrets, None).await.expect(200).json()["items"][0]["id"].clone();
    for (method, path) in [
        ("POST", format!("/clients/{}/disable", disabled.client_id)),
        ("POST", format!("/participants/{beta}/disable")),
        ("DELETE", format!("{secrets}/{}", secret.as_str().unwrap())),
        ("DELETE", format!("/clients/{}/keys/k1", keyed.client_id)),
    ] {
        let answer = iap.admin(method, &path, None).await;
        assert!(answer.status.is_success(), "{path}: {}", answer.text());
    }
    let dropped = iap.app.keys.current().access_token_key(SigningAlgorithm::Rs256).unwrap().kid().to_owned();
    decide(&iap, "signing_key", &dropped, "kid").await;
    decide(&iap, "token", "jti-1", "jti").await;
    decide(&iap, "client", "01ARZ3NDEKTSV4RRFFQ69G5FAV", "client_id").await;
    anchoring.look().await.unwrap();
    let seen = audit::verify(&iap.app.database).await.unwrap();

    let (folder, database) = (Arc::new(tempfile::tempdir().unwrap()), Arc::new(TestDatabase::create().await));
    let files = [tombstones_of(&iap)];
    let restored =
        restore(&iap, &file, &keys.opening(), &files, folder.path(), database.url()).await.unwrap();
    assert_eq!((restored.manifest.sequence, restored.tombstones_to), (summary.manifest.sequence, Some(seen)));
    assert_eq!((restored.decisions, restored.new_keys.len()), (7, 1));
    assert!(restored.sequence > seen);

    let credentials = iap.app.data_dir.credentials_path();
    fs::copy(credentials, folder.path().join("data/admin-credentials.json")).unwrap();
    let again = TestIap::open("", database, folder, Clock::manual(NOW * 1000), 3).await;
    for client in [&disabled, &rotated, &of_beta] {
        let _ = again.token_of(client, &[]).await.expect(401);
    }
    let token = again.token_of(&untouched, &[]).await.expect(200).json();
    let (header, _) = crate::harness::decode(token["access_token"].as_str().unwrap());
    assert_eq!(header["kid"], restored.new_keys[0].as_str());
    let list = again.admin("GET", &format!("/clients/{}/keys", keyed.client_id), None).await.expect(200);
    assert_eq!(list.json()["items"][0]["status"], "revoked");
    let row = db::sealed_key::find(again.app.database.reader().pool(), &dropped).await.unwrap().unwrap();
    assert_eq!((row.state.as_str(), row.jwe.as_str()), ("revoked", ""));

    // The feed says it again, under a number above every one that was published.
    let feed = db::negative_decision::in_feed(again.app.database.reader().pool(), NOW * 1000).await.unwrap();
    let jti = feed.iter().find(|decision| decision.kind == "token").unwrap();
    assert_eq!(jti.value, "jti-1");
    assert!(feed.iter().all(|decision| decision.sequence > seen), "{feed:?}");
    assert_eq!(feed.len(), 6, "two clients, a participant, a client's key, a signing key, a token: {feed:?}");

    // Tokens of administrators have ended.
    let request = http::Request::get("/admin/v1/participants")
        .header("authorization", format!("Bearer {administrator}"))
        .body(axum::body::Body::empty())
        .unwrap();
    let _ = again.administration(request).await.expect(401);

    // The journal goes on, anchored, and explains itself.
    let anchoring = Anchoring::open(&again.app).await.unwrap();
    anchoring.settle().await.unwrap();
    let heads = again.app.data_dir.path().join(audit::HEADS_FILE);
    let mut tx = again.app.database.snapshot().await.unwrap();
    let (report, findings) = audit::check(&mut tx, Some(&heads), &[]).await.unwrap();
    assert!(findings.is_empty(), "{findings:?}");
    assert_eq!(report.restores.len(), 1);
    assert!(report.anchor.unwrap().0.sequence >= restored.sequence);
    assert!(report.heads >= 2);

    // The file of another node, which knows nothing of the restore, does not take it for granted.
    let old = iap.app.data_dir.path().join(audit::HEADS_FILE);
    let (_, findings) = audit::check(&mut tx, Some(&old), &[]).await.unwrap();
    assert!(matches!(findings.as_slice(), [audit::Finding::Restored(_)]), "{findings:?}");
    let (report, findings) = audit::check(&mut tx, Some(&old), &[restored.sequence]).await.unwrap();
    assert!(findings.is_empty(), "{findings:?}");
    assert!(
        (1..1000).contains(&report.newer),
        "{}: numbers that a restore left out are no records",
        report.newer
    );
    drop(tx);

    // And a node that begins now knows every decision.
    let installation = restored.manifest.installation;
    let tombstones = tombstones::read(&tombstones_of(&again), &installation).unwrap();
    assert_eq!(tombstones.decisions.len(), 8, "and the restore's own mark");
    assert_eq!(tombstones.decisions[7].sequence, restored.sequence);
}

#[tokio::test]
async fn a_journal_whose_beginning_was_removed_comes_back_without_it_and_verifies() {
    let iap = TestIap::start_with("[journal]\nkeep_days = 1\n").await;
    let client = iap.acme().await;
    let anchoring = Anchoring::open(&iap.app).await.unwrap();
    let later = NOW * 1000 + 2 * 86_400_000;
    iap.clock.set_millis(later);
    anchoring.look().await.unwrap();
    anchoring.trim().await.unwrap();
    anchoring.settle().await.unwrap();
    let keys = Keys::new();
    let file = keys.path("iap.backup");
    let _ = back_up(iap.database().url(), iap.app.data_dir.path(), &file, &keys.sealing()).await.unwrap();

    let (folder, database) = (Arc::new(tempfile::tempdir().unwrap()), Arc::new(TestDatabase::create().await));
    let files = [tombstones_of(&iap)];
    let restored =
        restore(&iap, &file, &keys.opening(), &files, folder.path(), database.url()).await.unwrap();
    let credentials = iap.app.data_dir.credentials_path();
    fs::copy(credentials, folder.path().join("data/admin-credentials.json")).unwrap();
    let again = TestIap::open("", database, folder, Clock::manual(later), 3).await;
    let _ = again.token_of(&client, &[]).await.expect(200);
    let anchoring = Anchoring::open(&again.app).await.unwrap();
    anchoring.settle().await.unwrap();
    let heads = again.app.data_dir.path().join(audit::HEADS_FILE);
    let mut tx = again.app.database.snapshot().await.unwrap();
    let (report, findings) = audit::check(&mut tx, Some(&heads), &[]).await.unwrap();
    assert!(findings.is_empty(), "{findings:?}");
    assert!(report.removed > 0 && report.anchor.unwrap().0.sequence >= restored.sequence);
}

#[tokio::test]
async fn a_backup_crosses_between_engines() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    let keys = Keys::new();
    let anchoring = Anchoring::open(&iap.app).await.unwrap();
    anchoring.settle().await.unwrap();
    let first = keys.path("first");
    back_up(iap.database().url(), iap.app.data_dir.path(), &first, &keys.sealing()).await.unwrap();

    // Into a file, whatever this suite runs on, and from there back.
    let between = tempfile::tempdir().unwrap();
    let sqlite = DatabaseUrl::sqlite(&between.path().join("data/carnet.db"));
    let files = [tombstones_of(&iap)];
    let there = restore(&iap, &first, &keys.opening(), &files, between.path(), &sqlite).await.unwrap();
    let second = keys.path("second");
    let data = between.path().join("data");
    let summary = back_up(&sqlite, &data, &second, &keys.sealing()).await.unwrap();
    assert_eq!(summary.manifest.sequence, there.sequence);

    // Nothing has started there, so that nobody wrote tombstones; what that node would have written:
    let onlooker = Onlooker::connect(&sqlite).await.unwrap();
    let decided = db::negative_decision::after(onlooker.reader().pool(), 0, 100).await.unwrap();
    onlooker.close().await;
    assert_eq!(decided.len(), 1, "the mark of the first restore");
    let (line, _) = Line {
        installation: summary.manifest.installation.clone(),
        from: 1,
        to: there.sequence,
        decisions: decided.into_iter().map(Decision::from).collect(),
        previous: String::new(),
    }
    .write();
    let file = keys.path("tombstones");
    fs::write(&file, format!("{line}\n")).unwrap();
    let (folder, database) = (Arc::new(tempfile::tempdir().unwrap()), Arc::new(TestDatabase::create().await));
    let back = restore(&iap, &second, &keys.opening(), &[file], folder.path(), database.url()).await.unwrap();
    assert_eq!(back.manifest.installation, there.manifest.installation);
    let again = TestIap::open("", database, folder, Clock::manual(NOW * 1000), 4).await;
    let _ = again.token_of(&client, &[]).await.expect(200);
    let mut tx = again.app.database.snapshot().await.unwrap();
    let heads = again.app.data_dir.path().join(audit::HEADS_FILE);
    let (report, findings) = audit::check(&mut tx, Some(&heads), &[]).await.unwrap();
    assert!(findings.is_empty(), "{findings:?}");
    assert_eq!(report.restores.len(), 2);
}

#[tokio::test]
async fn only_the_right_key_or_passphrase_opens_a_backup() {
    let iap = TestIap::start().await;
    let keys = Keys::new();
    let (url, data) = (iap.database().url(), iap.app.data_dir.path());
    let (right, wrong, short) = (keys.path("right"), keys.path("wrong"), keys.path("short"));
    write_private(&right, "correct horse battery staple\n");
    write_private(&wrong, "correct horse battery stable\n");
    write_private(&short, "swordfish\n");
    assert!(matches!(Sealing::passphrase(&short), Err(BackupError::Key(_))));
    let file = keys.path("by-passphrase");
    back_up(url, data, &file, &Sealing::passphrase(&right).unwrap()).await.unwrap();
    let summary = backup::verify(&file, &Opening::passphrase(&right).unwrap()).unwrap();
    assert!(summary.rows["journal"] > 0 && !summary.rows.contains_key("administration_token"));
    let refused = backup::verify(&file, &Opening::passphrase(&wrong).unwrap()).unwrap_err();
    assert!(matches!(refused, BackupError::DoesNotOpen), "{refused}");
    assert!(matches!(backup::verify(&file, &keys.opening()), Err(BackupError::Key(_))));

    let other = keys.path("by-recipient");
    back_up(url, data, &other, &keys.sealing()).await.unwrap();
    assert!(backup::verify(&other, &keys.opening()).is_ok());
    assert!(matches!(backup::verify(&other, &Keys::new().opening()), Err(BackupError::Key(_))));
    assert!(Sealing::recipient(&keys.path("key")).is_err(), "a private key is no recipient");
    assert!(Opening::identity(&keys.path("key.pub")).is_err(), "a public key opens nothing");
    // What a crash left half-written stands in nobody's way, and is not left there.
    let (third, part) = (keys.path("third"), keys.path("third.part"));
    fs::write(&part, "half of a backup").unwrap();
    back_up(url, data, &third, &keys.sealing()).await.unwrap();
    assert!(backup::verify(&third, &keys.opening()).is_ok() && !part.exists());
    // What is there is never written over.
    assert!(matches!(back_up(url, data, &other, &keys.sealing()).await, Err(BackupError::Io { .. })));
    assert!(backup::verify(&other, &keys.opening()).is_ok());

    // Cut, or with one character changed anywhere.
    let text = fs::read_to_string(&other).unwrap();
    let broken = keys.path("broken");
    for cut in [text.len() - 1, text.len() / 2, text.find('\n').unwrap() + 1, 0] {
        fs::write(&broken, &text[..cut]).unwrap();
        assert!(backup::verify(&broken, &keys.opening()).is_err(), "cut at {cut}");
    }
    let step = text.len() / 40;
    for at in (0..text.len() - 1).step_by(step) {
        let mut bytes = text.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        fs::write(&broken, bytes).unwrap();
        assert!(backup::verify(&broken, &keys.opening()).is_err(), "changed at {at}");
    }
}
