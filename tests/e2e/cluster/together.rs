//! What two nodes do at the same moment happens once.

use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use carnet_ambient::Clock;
use serde_json::{Value, json};

use super::{address, ask, token_request};
use crate::harness::http::{Request, exchange};
use crate::harness::iap::{Iap, Setup};
use crate::harness::{tools, within};

#[test]
fn disabling_a_client_on_one_node_stops_its_tokens_on_the_other_within_a_second() {
    let iap = Iap::start();
    let second = iap.node("second", &iap.database_url());
    let client = iap.client(&iap.participant("shipper", "SHP"), json!({}));
    let (node, request) = (address(&second.base), token_request(&iap, &client));
    within(Duration::from_secs(5), "the client is known", || {
        ask(node, &request).filter(|answer| answer.status == 200)
    });
    let clock = Clock::system();
    iap.admin("POST", &format!("/clients/{}/disable", client.client_id), None).expect(200);
    let decided = clock.monotonic();
    let mut last_issued = Duration::ZERO;
    while clock.monotonic().checked_sub(decided).unwrap() < Duration::from_secs(2) {
        let asked = clock.monotonic().checked_sub(decided).unwrap();
        if ask(node, &request).unwrap().status == 200 {
            last_issued = asked;
        }
    }
    assert!(last_issued < Duration::from_secs(1), "still issued {last_issued:?} after the decision");
}

#[test]
fn one_assertion_sent_to_both_nodes_at_once_gives_one_token() {
    let iap = Iap::start();
    let second = iap.node("second", &iap.database_url());
    let pair = tools::key_pair("ES256");
    let settings =
        json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks": { "keys": [pair.public] } });
    let client = iap.client(&iap.participant("shipper", "SHP"), settings);
    let job = json!({
        "private_jwk": pair.private, "alg": "ES256", "client_id": client.client_id, "audience": iap.issuer(),
    });
    let fresh = || {
        let assertion = tools::python("make_assertion.py", &job)["assertion"].as_str().unwrap().to_owned();
        Request::post(&format!("{}/token", iap.issuer()))
            .form(&[
                ("grant_type", "client_credentials"),
                ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
                ("client_assertion", &assertion),
            ])
            .bytes()
    };
    let nodes = [address(iap.issuer()), address(&second.base)];
    within(Duration::from_secs(5), "the second node knows the client", || {
        exchange(nodes[1], &fresh()).filter(|answer| answer.status == 200)
    });
    for round in 0..5 {
        let request = fresh();
        let start = Arc::new(Barrier::new(8));
        let askers: Vec<_> = (0..8)
            .map(|number| {
                let (start, request, node) = (Arc::clone(&start), request.clone(), nodes[number % 2]);
                thread::spawn(move || {
                    start.wait();
                    exchange(node, &request).unwrap().status
                })
            })
            .collect();
        let mut statuses: Vec<u16> = askers.into_iter().map(|asker| asker.join().unwrap()).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 401, 401, 401, 401, 401, 401, 401], "round {round}");
    }
}

#[test]
fn two_nodes_rotate_once() {
    let iap = Setup::default()
        .environment("CARNET_KEY_SET__MAX_AGE", "1")
        .environment("CARNET_KEY_SET__STALE_WHILE_REVALIDATE", "0")
        .environment("CARNET_KEYS__MARGIN", "0")
        .environment("CARNET_KEYS__ANNOUNCE_LEAD", "2")
        .environment("CARNET_KEYS__ROTATION_PERIOD", "4")
        .environment("CARNET_KEYS__ALGORITHMS", "['RS256', 'ES256']")
        .start();
    let second = iap.node("second", &iap.database_url());
    let count = |state: &str| {
        let list = iap.admin("GET", "/signing-keys?ended=true", None).expect(200).json();
        let of =
            |key: &&Value| key["purpose"] == "access-token" && key["alg"] == "RS256" && key["state"] == state;
        list["items"].as_array().unwrap().iter().filter(of).count()
    };
    for rotations in 1..=2 {
        within(Duration::from_secs(20), "a rotation", || (count("retiring") == rotations).then_some(()));
        assert_eq!((count("active"), count("announced")), (1, 1));
    }
    let key_set = |base: &str| {
        let url = format!("{base}/.well-known/jwks.json");
        let host = iap.issuer().trim_start_matches("http://");
        Request::get(&url).host(host).send().expect(200).json()
    };
    within(Duration::from_secs(3), "both publish the same", || {
        (key_set(iap.issuer()) == key_set(&second.base)).then_some(())
    });
}
