//! A node that was paused, or cannot reach the database, issues nothing: it cannot know what was decided meanwhile.

use std::net::SocketAddr;
use std::time::Duration;

use carnet_ambient::Clock;
use carnet_db::Database;

use serde_json::json;

use super::{address, ask, token_request};
use crate::harness::http::{Request, Wire};
use crate::harness::iap::{Iap, Node};
use crate::harness::postgres;
use crate::harness::relay::Relay;
use crate::harness::{full_size, within};

#[test]
fn a_paused_node_does_not_issue_as_its_first_answer_after_waking() {
    let iap = Iap::start();
    let second = iap.node("second", &iap.database_url());
    let client = iap.client(&iap.participant("shipper", "SHP"), json!({}));
    let (node, request) = (address(&second.base), token_request(&iap, &client));
    within(Duration::from_secs(5), "the client is known", || {
        ask(node, &request).filter(|answer| answer.status == 200)
    });
    for _ in 0..if full_size() { 10 } else { 3 } {
        second.process().pause();
        // Asked while it sleeps: the kernel takes the connections, and the node finds them when it wakes.
        let mut wires: Vec<Wire> = (0..20).map(|_| Wire::open(node).unwrap()).collect();
        assert!(wires.iter_mut().all(|wire| wire.send(&request)));
        iap.admin("POST", &format!("/clients/{}/disable", client.client_id), None).expect(200);
        std::thread::sleep(Duration::from_millis(3200));
        second.process().signal("CONT");
        for wire in wires {
            let answer = wire.answer().unwrap();
            // Stale, or fresh and the decision known; a token never.
            assert!(matches!(answer.status, 401 | 503), "{answer:?}");
        }
        iap.admin("POST", &format!("/clients/{}/enable", client.client_id), None).expect(200);
        within(Duration::from_secs(5), "it issues again", || {
            ask(node, &request).filter(|answer| answer.status == 200)
        });
    }
}

/// A relay before the database's server, and the database's URL through it.
fn relayed(database_url: &str) -> (Relay, url::Url) {
    let mut url = url::Url::parse(database_url).unwrap();
    let servers = url.socket_addrs(|| Some(5432)).unwrap();
    let relay = Relay::start(vec![servers.into_iter().find(SocketAddr::is_ipv4).unwrap()]);
    url.set_port(Some(relay.address().port())).unwrap();
    (relay, url)
}

/// A node that reaches the database through a relay, and a request of a client that it knows.
fn behind_a_relay(iap: &Iap) -> (Relay, Node, Vec<u8>) {
    let (relay, url) = relayed(&iap.database_url());
    let second = iap.node("second", url.as_str());
    let client = iap.client(&iap.participant("shipper", "SHP"), json!({}));
    let request = token_request(iap, &client);
    issues(address(&second.base), &request);
    (relay, second, request)
}

/// Waits until the node issues.
fn issues(node: SocketAddr, request: &[u8]) {
    within(Duration::from_secs(20), "it issues", || ask(node, request).filter(|answer| answer.status == 200));
}

#[test]
fn a_node_finds_the_database_again_when_its_host_has_died_without_a_word() {
    let iap = Iap::start();
    let (relay, second, request) = behind_a_relay(&iap);
    let node = address(&second.base);
    relay.freeze();
    std::thread::sleep(Duration::from_secs(5));
    assert_eq!(ask(node, &request).unwrap().status, 503);
    relay.replace();
    issues(node, &request);
}

#[tokio::test]
async fn connections_that_were_in_use_when_the_host_died_leave_room_for_others() {
    let test = postgres::Database::fresh().unwrap();
    let (relay, url) = relayed(test.url());
    let database = Database::connect(&url.as_str().parse().unwrap()).await.unwrap();
    for pool in [database.reader().pool(), database.writer().pool()] {
        let mut used = Vec::new();
        for _ in 0..pool.options().get_max_connections() {
            used.push(pool.acquire().await.unwrap());
        }
        relay.freeze();
        drop(used);
        relay.replace();
        pool.acquire().await.unwrap();
    }
}

#[test]
fn a_node_that_is_cut_from_the_database_issues_nothing_from_3_s_on() {
    let iap = Iap::start();
    let (relay, second, request) = behind_a_relay(&iap);
    let node = address(&second.base);
    let clock = Clock::system();
    relay.freeze();
    let cut = clock.monotonic();
    std::thread::sleep(Duration::from_secs(3));
    let mut refused = 0;
    while clock.monotonic().checked_sub(cut).unwrap() < Duration::from_secs(8) {
        let answer = ask(node, &request).unwrap();
        assert_eq!(answer.status, 503, "{answer:?}");
        assert!(answer.header("retry-after").is_some(), "{answer:?}");
        assert_eq!(answer.json()["error"], "temporarily_unavailable");
        refused += 1;
    }
    assert!(refused > 10, "only {refused} requests were answered");
    let ready = Request::get(&format!("{}/readyz", second.base)).send();
    assert_eq!(ready.status, 503, "a balancer is told");
    // The other node is not concerned.
    assert_eq!(ask(address(iap.issuer()), &request).unwrap().status, 200);

    relay.thaw();
    issues(node, &request);
}
