//! The load: one thread on its own core, a few connections that stay open, each with one request in flight.
//!
//! It writes to all of them and then reads them in turn, so that the server always finds work and never waits for
//! this thread, which has less to do for each request than the server has.

use std::net::SocketAddr;
use std::time::Duration;

use super::http::Connection;
use super::measurement::{Outcome, Setup};

/// Connections at once.
const CONNECTIONS: usize = 8;

/// When a sample is complete.
#[derive(Clone, Copy)]
pub enum Until {
    /// The requests are sent again and again until this has passed.
    Passed(Duration),
    /// Each request was sent once: for those that no server takes twice.
    Spent,
}

/// Sends requests and returns how many were answered each second. All must succeed.
pub fn drive(setup: &Setup, address: SocketAddr, requests: &[Vec<u8>], until: Until) -> Outcome<f64> {
    if requests.is_empty() {
        return Err("no request to send".into());
    }
    let _pinned = setup.cores.on_load();
    let mut connections = Vec::new();
    let most = match until {
        Until::Passed(_) => CONNECTIONS,
        Until::Spent => CONNECTIONS.min(requests.len()),
    };
    for _ in 0..most {
        connections.push(Connection::open(address)?);
    }
    let start = setup.clock.monotonic();
    let passed = || setup.clock.monotonic().saturating_sub(start);
    let mut sent = 0;
    for connection in &mut connections {
        connection.send(&requests[sent % requests.len()])?;
        sent += 1;
    }
    let (count, mut answered, mut turn) = (connections.len(), 0_u32, 0);
    loop {
        // Until the end each connection has one request in flight; at the end they are answered in their order.
        let connection = &mut connections[turn];
        connection.success()?;
        answered += 1;
        turn = (turn + 1) % count;
        let go_on = match until {
            Until::Passed(time) => passed() < time,
            Until::Spent => sent < requests.len(),
        };
        if go_on {
            connection.send(&requests[sent % requests.len()])?;
            sent += 1;
        } else if usize::try_from(answered)? == sent {
            return Ok(f64::from(answered) / passed().as_secs_f64());
        }
    }
}
