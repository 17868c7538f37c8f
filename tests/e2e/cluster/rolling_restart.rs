//! Nodes are restarted one after the other behind a plain TCP balancer, and nobody notices.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::json;

use super::{address, ask, token_request};
use crate::harness::http::{Answer, Request, Wire};
use crate::harness::iap::Iap;
use crate::harness::relay::Relay;
use crate::harness::{full_size, within};

/// A connection that is used again and again.
struct Kept(Option<Wire>);

impl Kept {
    fn ask(&mut self, server: SocketAddr, request: &[u8]) -> Option<Answer> {
        let mut wire = self.0.take().or_else(|| Wire::open(server))?;
        wire.send(request);
        let answer = wire.next_answer()?;
        let ends = answer.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
        self.0 = Some(wire).filter(|_| !ends);
        Some(answer)
    }
}

#[test]
fn a_rolling_restart_under_load_loses_no_request() {
    let mut iap = Iap::start();
    let mut second = iap.node("second", &iap.database_url());
    let client = iap.client(&iap.participant("shipper", "SHP"), json!({}));
    let (one, two) = (address(iap.issuer()), address(&second.base));
    let request = token_request(&iap, &client);
    let going_on = Request::post(&format!("{}/token", iap.issuer()))
        .basic(&client.client_id, client.secret())
        .form(&[("grant_type", "client_credentials")])
        .bytes_to_go_on();
    within(Duration::from_secs(5), "both nodes know the client", || {
        [one, two].into_iter().all(|node| ask(node, &request).is_some_and(|a| a.status == 200)).then_some(())
    });
    let relay = Relay::start(vec![one, two]);
    let (stop, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let lost: Vec<_> = (0..6)
        .map(|number| {
            let (stop, answered) = (Arc::clone(&stop), Arc::clone(&answered));
            // Some come once, some keep their connection until they are told that it ends.
            let keeps = number % 3 == 0;
            let request = if keeps { going_on.clone() } else { request.clone() };
            let balancer = relay.address();
            thread::spawn(move || {
                let (mut lost, mut kept) = (Vec::new(), Kept(None));
                while !stop.load(Ordering::Relaxed) {
                    let answer = if keeps { kept.ask(balancer, &request) } else { ask(balancer, &request) };
                    match answer {
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
