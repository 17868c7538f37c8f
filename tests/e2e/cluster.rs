//! Two nodes on one PostgreSQL, as an operator runs them: one decision for both, and no answer from a node that
//! cannot know what was decided.
//!
//! These tests need a database that several nodes can share; the step on SQLite leaves this module out by its name.

mod cut_off;
mod rolling_restart;
mod together;

use std::net::SocketAddr;

use crate::harness::http::{Answer, Request, exchange};
use crate::harness::iap::{Client, Iap, authority};

/// A token request of this client, as its bytes go over the wire.
fn token_request(iap: &Iap, client: &Client) -> Vec<u8> {
    Request::post(&format!("{}/token", iap.issuer()))
        .basic(&client.client_id, client.secret())
        .form(&[("grant_type", "client_credentials")])
        .bytes()
}

/// Sends it to a node, whatever its address.
fn ask(node: SocketAddr, request: &[u8]) -> Option<Answer> {
    exchange(node, request)
}

fn address(base: &str) -> SocketAddr {
    authority(base).parse().unwrap()
}
