//! The end: SIGTERM and SIGINT let a request in flight finish.

use std::process::{Child, Stdio};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::harness::http::{Request, Wire};
use crate::harness::iap::Iap;
use crate::harness::process::send_signal;
use crate::harness::within;

const STOP: Duration = Duration::from_secs(30);

/// The first and the second half of a token request whose body stops in the middle.
fn halves(iap: &Iap) -> (Wire, Vec<u8>, Vec<u8>) {
    let shipper = iap.participant("shipper", "SHP");
    let client = iap.client(&shipper, json!({}));
    let credentials = STANDARD.encode(format!("{}:{}", client.client_id, client.secret()));
    let request = Request::post(&format!("{}/token", iap.issuer()))
        .header("Authorization", &format!("Basic {credentials}"))
        .form(&[("grant_type", "client_credentials"), ("scope", "logistics_objects:read")]);
    let bytes = request.bytes();
    let (first, second) = bytes.split_at(bytes.len() - 20);
    (Wire::open(request.address()).unwrap(), first.to_vec(), second.to_vec())
}

#[test]
fn a_request_in_flight_is_answered_before_the_end() {
    for signal in ["TERM", "INT"] {
        let mut iap = Iap::start();
        let (mut wire, first, second) = halves(&iap);
        assert!(wire.send(&first));
        // Long enough for the server to be reading the body.
        std::thread::sleep(Duration::from_millis(300));
        iap.process().signal(signal);
        std::thread::sleep(Duration::from_millis(500));
        assert!(iap.process_mut().ended().is_none(), "{signal}: it did not wait for the request");
        let again = Request::get(&format!("{}/healthz", iap.issuer())).try_send();
        assert!(again.is_none(), "{signal}: still takes new connections");
        assert!(wire.send(&second));
        let answer = wire.answer().unwrap_or_else(|| panic!("{signal}: the request was dropped")).expect(200);
        assert!(answer.json()["access_token"].is_string());
        assert!(iap.process_mut().wait(STOP).success());
    }
}

#[test]
fn an_idle_connection_does_not_hold_up_the_end() {
    let mut iap = Iap::start();
    let address = Request::get(iap.issuer()).address();
    let mut idle = Wire::open(address).unwrap();
    let mut kept = Wire::open(address).unwrap();
    assert!(kept.send(format!("GET /healthz HTTP/1.1\r\nHost: {address}\r\n\r\n").as_bytes()));
    std::thread::sleep(Duration::from_millis(300));
    iap.process().signal("TERM");
    let status = iap.process_mut().wait(Duration::from_secs(5));
    assert!(status.success());
    assert!(idle.is_closed(Duration::from_secs(1)) && kept.is_closed(Duration::from_secs(1)));
}

#[test]
fn a_request_that_never_ends_holds_up_the_end_only_so_long() {
    let mut iap = Iap::start();
    let (mut wire, first, _) = halves(&iap);
    assert!(wire.send(&first));
    std::thread::sleep(Duration::from_millis(300));
    iap.process().signal("TERM");
    iap.process_mut().wait(Duration::from_secs(45));
}

#[test]
fn a_signal_at_the_moment_of_readiness_ends_it_cleanly() {
    for round in 0..5 {
        let mut iap = Iap::start();
        iap.process().signal("TERM");
        let status = iap.process_mut().wait(STOP);
        assert!(status.success(), "round {round}: {status}");
        assert!(iap.data_dir().join("installation").exists());
    }
}

#[test]
fn a_log_that_nobody_reads_any_more_takes_no_request_with_it() {
    let mut iap = Iap::start();
    let shipper = iap.participant("shipper", "SHP");
    let client = iap.client(&shipper, json!({}));
    iap.stop();
    let mut command = iap.command();
    let (reader, writer) = std::io::pipe().unwrap();
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(writer);
    let mut child = Killed(command.spawn().unwrap());
    drop(command);
    drop(reader);
    let ready = Request::get(&format!("{}/readyz", iap.issuer()));
    within(STOP, "the server is ready", || {
        ready.try_send().filter(|answer| answer.status == 200).map(|_| ())
    });
    for _ in 0..20 {
        assert_eq!(iap.ask(&client, &[]).status, 200);
    }
    send_signal("TERM", &child.0.id().to_string());
    let status = within(STOP, "the server ends", || child.0.try_wait().unwrap());
    assert!(status.success(), "{status}");
}

/// Ended with the test, however that ends.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
