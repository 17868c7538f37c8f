//! Nodes are restarted one after the other behind a plain TCP balancer, and nobody notices.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::json;

use super::{address, ask, token_request};
use crate::harness::iap::Iap;
use crate::harness::relay::Relay;
use crate::harness::{full_size, within};

#[test]
fn a_rolling_restart_under_load_loses_no_request() {
    let mut iap = Iap::start();
    let mut second = iap.node("second", &iap.database_url());
    let client = iap.client(&iap.participant("shipper", "SHP"), json!({}));
    let (one, two) = (address(iap.issuer()), address(&second.base));
    let request = token_request(&iap, &client);
    within(Duration::from_secs(5), "both nodes know the client", || {
        [one, two].into_iter().all(|node| ask(node, &request).is_some_and(|a| a.status == 200)).then_some(())
    });
    let relay = Relay::start(vec![one, two]);
    let (stop, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let lost: Vec<_> = (0..4)
        .map(|_| {
            let (stop, answered, request) = (Arc::clone(&stop), Arc::clone(&answered), request.clone());
            let balancer = relay.address();
            thread::spawn(move || {
                let mut lost = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    match ask(balancer, &request) {
                        Some(answer) if answer.status == 200 => {
                            answered.fetch_add(1, Ordering::Relaxed);
                        }
                        other => lost.push(format!("{other:?}")),
                    }
                }
                lost
            })
        })
        .collect();
    let under_load = || {
        let before = answered.load(Ordering::Relaxed);
        within(Duration::from_secs(20), "there is load", || {
            (answered.load(Ordering::Relaxed) > before + 100).then_some(())
        });
    };
    let rounds = if full_size() { 20 } else { 3 };
    for _ in 0..rounds {
        under_load();
        iap.stop();
        iap.start_again();
        under_load();
        second.stop();
        second.start_again();
    }
    under_load();
    stop.store(true, Ordering::Relaxed);
    let lost: Vec<String> = lost.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
    let answered = answered.load(Ordering::Relaxed);
    println!(
        "rolling restart: {answered} requests answered over {} restarts, {} lost",
        2 * rounds,
        lost.len()
    );
    assert!(lost.is_empty(), "{} of {answered} were lost: {:?}", lost.len(), &lost[..lost.len().min(3)]);
}
