//! What the first start makes, and that a second one finds it again.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::http::Request;
use crate::harness::iap::{Iap, Setup};
use crate::harness::{token, tools, within};

const STOP: Duration = Duration::from_secs(30);

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// The names of the published keys: for each of four algorithms the one that signs, and its successor, which is
/// announced soon after the first start.
fn kids(iap: &Iap) -> BTreeSet<String> {
    within(Duration::from_secs(20), "every successor is announced", || {
        let keys = Request::get(&format!("{}/.well-known/jwks.json", iap.issuer())).send().expect(200).json();
        let kids: BTreeSet<String> = keys["keys"]
            .as_array()
            .unwrap()
            .iter()
            .map(|key| key["kid"].as_str().unwrap().to_owned())
            .collect();
        (kids.len() == 8).then_some(kids)
    })
}

#[test]
fn the_first_start_makes_a_private_data_directory() {
    let iap = Iap::start();
    assert_eq!(mode(iap.data_dir()), 0o700);
    assert_eq!(mode(&iap.data_dir().join("admin-credentials.json")), 0o600);
    assert_eq!(mode(&iap.data_dir().join("keys/master.jwk")), 0o600);
    let credentials = iap.credentials();
    assert_eq!(credentials["issuer"], iap.issuer());
    assert_eq!(credentials["token_endpoint"], format!("{}/token", iap.issuer()));
    assert_eq!(credentials["admin_url"], format!("{}/admin/v1", iap.admin_listener()));
    let scope = credentials["scope"].as_str().unwrap();
    assert!(scope.contains("admin:read") && scope.contains("admin:write"), "{scope}");
    let members: BTreeSet<&str> = credentials.as_object().unwrap().keys().map(String::as_str).collect();
    let expected = ["admin_url", "client_id", "client_secret", "issuer", "scope", "token_endpoint"];
    assert_eq!(members, BTreeSet::from(expected));
}

#[test]
fn no_secret_is_written_to_the_output() {
    let iap = Iap::start();
    let shipper = iap.participant("shipper", "SHP");
    let client = iap.client(&shipper, json!({}));
    let access_token = iap.token(&client, &[]);
    let output = iap.process().stdout() + &iap.process().stderr();
    let admin_secret = iap.credentials()["client_secret"].as_str().unwrap().to_owned();
    for secret in [admin_secret.as_str(), client.secret(), &access_token, &iap.admin_token()] {
        assert!(!output.contains(secret), "a secret is in the log:\n{output}");
    }
}

#[test]
fn a_person_is_told_the_addresses_and_what_comes_next() {
    let iap = Setup::default().environment("CARNET_LOG__FORMAT", "human").start();
    let credentials = iap.data_dir().join("admin-credentials.json");
    let expected = [iap.issuer(), iap.admin_listener(), credentials.to_str().unwrap()];
    within(STOP, "the banner", || {
        let banner = iap.process().stdout();
        expected.iter().all(|word| banner.contains(word)).then_some(())
    });
    assert!(!iap.process().stdout().contains('\u{1b}'), "colour off a terminal");
}

#[test]
fn a_second_start_finds_keys_clients_and_credentials() {
    let mut iap = Iap::start();
    let shipper = iap.participant("shipper", "SHP");
    let client = iap.client(&shipper, json!({}));
    let before = (kids(&iap), iap.credentials());
    let access_token = iap.token(&client, &[]);
    iap.stop();
    iap.start_again();
    assert_eq!((kids(&iap), iap.credentials()), before);
    iap.token(&client, &[]);
    iap.admin("GET", &format!("/participants/{}", shipper.id), None).expect(200);
    let job = json!({ "issuer": iap.issuer(), "audience": iap.default_audience(), "token": access_token });
    tools::python("pyjwt_verify.py", &job);
}

#[test]
fn a_copied_data_directory_still_works() {
    let mut iap = Setup::default().sqlite().start();
    let shipper = iap.participant("shipper", "SHP");
    let client = iap.client(&shipper, json!({}));
    let before = kids(&iap);
    iap.stop();
    let copy = iap.folder().join("copy");
    assert!(Command::new("cp").arg("-a").arg(iap.data_dir()).arg(&copy).status().unwrap().success());
    std::fs::remove_dir_all(iap.data_dir()).unwrap();
    iap.move_to(copy);
    iap.start_again();
    assert_eq!(kids(&iap), before);
    iap.token(&client, &[]);
}

#[test]
fn a_killed_server_starts_again_with_what_it_had_acknowledged() {
    let mut iap = Iap::start();
    let shipper = iap.participant("shipper", "SHP");
    let client = iap.client(&shipper, json!({}));
    iap.process().signal("KILL");
    iap.forget_process();
    iap.start_again();
    iap.token(&client, &[]);
}

/// The listening sockets of a process, from the kernel's tables.
fn listening_ports(process: u32) -> BTreeSet<u16> {
    let descriptors = std::fs::read_dir(format!("/proc/{process}/fd")).unwrap();
    let sockets: BTreeSet<String> = descriptors
        .filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok())
        .filter_map(|link| Some(link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned()))
        .collect();
    let mut ports = BTreeSet::new();
    for table in ["tcp", "tcp6", "udp", "udp6"] {
        let Ok(text) = std::fs::read_to_string(format!("/proc/{process}/net/{table}")) else { continue };
        for line in text.lines().skip(1) {
            let fields: Vec<&str> = line.split_whitespace().collect();
            // 0A is LISTEN; a bound UDP socket has state 07.
            if matches!(fields[3], "0A" | "07") && sockets.contains(fields[9]) {
                let (_, port) = fields[1].rsplit_once(':').unwrap();
                ports.insert(u16::from_str_radix(port, 16).unwrap());
            }
        }
    }
    ports
}

fn port(url: &str) -> u16 {
    url.rsplit_once(':').unwrap().1.parse().unwrap()
}

#[test]
fn no_other_port_is_taken() {
    let iap = Iap::start();
    let expected = BTreeSet::from([port(iap.issuer()), port(iap.admin_listener())]);
    assert_eq!(listening_ports(iap.process().id()), expected);
    let iap = Setup::default().record().start();
    let expected =
        BTreeSet::from([port(iap.issuer()), port(iap.admin_listener()), port(iap.record_listener())]);
    assert_eq!(listening_ports(iap.process().id()), expected);
}

#[test]
fn the_default_audience_is_the_record_server_when_it_listens() {
    let iap = Setup::default().record().start();
    let shipper = iap.participant("shipper", "SHP");
    let client = iap.client(&shipper, json!({}));
    let (_, claims) = token::read(&iap.token(&client, &[]));
    assert_eq!(claims["aud"], json!([iap.record_listener()]));
}

#[test]
fn off_a_terminal_the_log_is_json_lines() {
    let mut iap = Iap::start();
    let shipper = iap.participant("shipper", "SHP");
    let client = iap.client(&shipper, json!({}));
    iap.token(&client, &[]);
    iap.process().signal("TERM");
    iap.process_mut().wait(STOP);
    let log = iap.process().stderr();
    let mut lines = 0;
    for line in log.lines() {
        let record: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(record["timestamp"].is_string() && record["level"].is_string(), "{line}");
        lines += 1;
    }
    assert!(lines >= 3, "{log}");
    assert!(log.contains(&client.client_id), "the issued token is logged with its client:\n{log}");
}

#[test]
fn the_log_is_for_people_when_asked_for() {
    let mut iap = Setup::default().environment("CARNET_LOG__FORMAT", "human").start();
    iap.process().signal("TERM");
    iap.process_mut().wait(STOP);
    let log = iap.process().stderr();
    assert!(log.lines().count() >= 2 && !log.starts_with('{'), "{log}");
    assert!(!log.contains('\u{1b}'), "colour off a terminal");
}
