//! Signing keys and the master key, by command.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json as value};

use super::commands::{command, json, table, text};
use crate::harness::http::Request;
use crate::harness::iap::{Client, Iap};
use crate::harness::process::{carnet, run_to_end};
use crate::harness::{port, token, tools, within};

const LIMIT: Duration = Duration::from_mins(1);

/// A machine that gets tokens, and one that may ask about them.
struct Machines {
    client: Client,
    server: Client,
}

impl Machines {
    fn new(iap: &Iap) -> Self {
        let airline = iap.participant("airline", "CAR");
        let introspects = value!({ "introspects": [iap.default_audience()] });
        Self { client: iap.client(&airline, value!({})), server: iap.client(&airline, introspects) }
    }

    /// What the IAP says about a token, once it knows the machine that asks.
    #[track_caller]
    fn is_active(&self, iap: &Iap, token: &str) -> bool {
        let ask = || {
            Request::post(&format!("{}/introspect", iap.issuer()))
                .basic(&self.server.client_id, self.server.secret())
                .form(&[("token", token)])
                .send()
        };
        let answer = within(LIMIT, "the asking machine is known", || {
            Some(ask()).filter(|answer| answer.status == 200)
        });
        answer.json()["active"] == true
    }
}

fn kid(token: &str) -> String {
    token::read(token).0["kid"].as_str().unwrap().to_owned()
}

/// `carnet keys rewrap` on the folder of this IAP; who it is, the folder itself says.
fn rewrap(iap: &Iap, data_dir: &Path) -> Command {
    let mut command = carnet();
    command.args(["keys", "rewrap", "--database", &iap.database_url(), "--data-dir"]).arg(data_dir);
    command
}

#[test]
fn keys_are_listed_and_do_not_rotate_before_verifiers_know_the_successor() {
    let iap = Iap::start();
    let listed = json(&iap, &["keys", "list"]);
    let items = listed["items"].as_array().unwrap();
    for alg in ["RS256", "PS256", "ES256", "EdDSA"] {
        let active = |item: &&Value| {
            item["alg"] == alg && item["purpose"] == "access-token" && item["state"] == "active"
        };
        assert_eq!(items.iter().filter(active).count(), 1, "{alg}: {listed}");
    }
    let shown = table(&iap, &["keys", "list"]);
    assert!(items.iter().all(|item| shown.contains(text(item, "kid"))), "{shown}");
    // Successors are announced right after the start.
    within(LIMIT, "the successor is announced", || {
        let listed = json(&iap, &["keys", "list"]);
        let is_next = |item: &Value| {
            item["alg"] == "RS256" && item["purpose"] == "access-token" && item["state"] == "announced"
        };
        listed["items"].as_array().unwrap().iter().any(is_next).then_some(())
    });
    let early = command(&iap, &["keys", "rotate", "RS256"]);
    assert_eq!((early.code, early.stdout.as_str()), (Some(1), ""));
    for word in ["refused (409): ALG: ", "announced too short a time ago", "wait, or"] {
        assert!(early.stderr.contains(word), "no {word}: {}", early.stderr);
    }
    let early = command(&iap, &["keys", "rotate", "RS256", "--json"]);
    let problem: Value = serde_json::from_str(&early.stderr).unwrap();
    assert_eq!((early.code, &problem["status"]), (Some(1), &value!(409)));
    let wrong = command(&iap, &["keys", "rotate", "HS256"]);
    assert_eq!(wrong.code, Some(2), "{}", wrong.stderr);
}

#[test]
fn a_revoked_key_says_what_it_brings_about_and_its_tokens_are_refused() {
    let iap = Iap::start();
    let machines = Machines::new(&iap);
    let stolen = iap.token(&machines.client, &[]);
    assert!(machines.is_active(&iap, &stolen));
    let said = table(&iap, &["keys", "revoke", &kid(&stolen), "--reason", "stolen"]);
    for word in ["is refused from now on", "Clients must get new tokens", "signs from now on"] {
        assert!(said.contains(word), "no {word}: {said}");
    }
    within(LIMIT, "the old token is refused", || (!machines.is_active(&iap, &stolen)).then_some(()));
    let fresh = within(LIMIT, "another key signs", || {
        Some(iap.token(&machines.client, &[])).filter(|fresh| kid(fresh) != kid(&stolen))
    });
    assert!(machines.is_active(&iap, &fresh));
    assert!(!table(&iap, &["keys", "list"]).contains(&kid(&stolen)));
    let ended = json(&iap, &["keys", "list", "--ended"]);
    let old = ended["items"].as_array().unwrap().iter().find(|item| item["kid"] == kid(&stolen)).unwrap();
    assert_eq!(text(old, "state"), "revoked");
    let again = command(&iap, &["keys", "revoke", &kid(&stolen)]);
    assert_eq!(again.code, Some(1));
    assert!(again.stderr.contains("revoked already"), "{}", again.stderr);
    let records = json(&iap, &["audit", "list", "--action", "signing_key.revoke"]);
    assert_eq!(text(&records["items"][0], "reason"), "stolen");
}

#[test]
fn a_new_master_key_seals_everything_and_the_old_one_opens_nothing() {
    let mut iap = Iap::start();
    let machines = Machines::new(&iap);
    let before = iap.token(&machines.client, &[]);
    let master = iap.data_dir().join("keys/master.jwk");
    let first = std::fs::read(&master).unwrap();

    // Not beside a running server, and not where nothing is.
    let mut busy = rewrap(&iap, iap.data_dir());
    busy.arg("--json");
    let ended = run_to_end(busy, LIMIT);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
    let problem: Value = serde_json::from_str(&ended.stderr).unwrap();
    assert!(text(&problem, "detail").contains("stop that one first"), "{problem}");
    let nowhere = iap.folder().join("nowhere");
    let ended = run_to_end(rewrap(&iap, &nowhere), LIMIT);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("--data-dir") && !nowhere.exists(), "{}", ended.stderr);
    assert_eq!(std::fs::read(&master).unwrap(), first);

    iap.stop();
    let ended = run_to_end(rewrap(&iap, iap.data_dir()), LIMIT);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{}", ended.stdout);
    assert!(ended.stdout.contains("are sealed with the new master key"), "{}", ended.stdout);
    let second = std::fs::read(&master).unwrap();
    let mut again = rewrap(&iap, iap.data_dir());
    again.arg("--json");
    let ended = run_to_end(again, LIMIT);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{}", ended.stdout);
    let document: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(text(&document, "master_key_file"), master.to_str().unwrap());
    // Backups from before open with the key of their time, so that each is kept.
    let old = master.with_file_name("master.jwk.old");
    assert_eq!(std::fs::read(&old).unwrap(), first);
    assert_eq!(std::fs::read(text(&document, "old_master_key_file")).unwrap(), second);
    let mut same = rewrap(&iap, iap.data_dir());
    same.arg("--to").arg(&master);
    let ended = run_to_end(same, LIMIT);
    assert_eq!(ended.code, Some(1), "{}", ended.stdout);
    assert!(ended.stderr.contains("already"), "{}", ended.stderr);

    let mut node = carnet();
    node.args(["serve", "--issuer", iap.issuer(), "--database", &iap.database_url()]);
    node.args(["--listen", &format!("127.0.0.1:{}", port::free())]);
    node.args(["--admin-listen", &format!("127.0.0.1:{}", port::free()), "--data-dir"]);
    node.arg(iap.folder().join("second")).env("CARNET_KEYS__MASTER_KEY_FILE", &old);
    let ended = run_to_end(node, LIMIT);
    assert!(ended.code.is_some_and(|code| code != 0), "{}", ended.stdout);
    assert!(ended.stderr.contains("master"), "{}", ended.stderr);

    iap.start_again();
    assert!(machines.is_active(&iap, &before));
    let after = iap.token(&machines.client, &[]);
    assert_eq!(kid(&after), kid(&before), "the keys stay what they are");
    for token in [&before, &after] {
        let job = value!({ "issuer": iap.issuer(), "audience": iap.default_audience(), "token": token });
        assert_eq!(tools::python("pyjwt_verify.py", &job)["claims"], token::read(token).1);
    }
    let mut verify = carnet();
    verify.args(["audit", "verify", "--json", "--database", &iap.database_url(), "--data-dir"]);
    verify.arg(iap.data_dir());
    let ended = run_to_end(verify, LIMIT);
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    let document: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(document["findings"], value!([]));
}
