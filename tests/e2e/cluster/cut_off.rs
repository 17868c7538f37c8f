//! A node that was paused, or cannot reach the database, issues nothing: it cannot know what was decided meanwhile.

use std::time::Duration;

use carnet_ambient::Clock;
use serde_json::json;

use super::{address, ask, token_request};
use crate::harness::http::{Request, Wire};
use crate::harness::iap::Iap;
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

#[test]
fn a_node_that_is_cut_from_the_database_issues_nothing_from_3_s_on() {
    let iap = Iap::start();
    let mut url = url::Url::parse(&iap.database_url()).unwrap();
    let server =
        url.socket_addrs(|| Some(5432)).unwrap().into_iter().find(std::net::SocketAddr::is_ipv4).unwrap();
    let relay = Relay::start(vec![server]);
    url.set_port(Some(relay.address().port())).unwrap();
    let second = iap.node("second", url.as_str());
    let client = iap.client(&iap.participant("shipper", "SHP"), json!({}));
    let (node, request) = (address(&second.base), token_request(&iap, &client));
    within(Duration::from_secs(5), "the client is known", || {
        ask(node, &request).filter(|answer| answer.status == 200)
    });

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
    within(Duration::from_secs(20), "it issues again", || {
        ask(node, &request).filter(|answer| answer.status == 200)
    });
}
