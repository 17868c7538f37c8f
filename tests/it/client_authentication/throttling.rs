//! Failures are counted by address, and by client and address; never by client alone.

use std::net::SocketAddr;
use std::time::Duration;

use carnet::http::{Limits, Listener};
use carnet::registry::GeneratedSecret;
use carnet::router;
use carnet_ambient::Entropy;
use carnet_testkit::{Answer, ClientKeyPair};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket};
use tokio_util::sync::CancellationToken;

use super::{GRANT, ask_from, pass};
use crate::harness::{ISSUER, NOW, PEER, TestIap, basic};

const ATTACKER: &str = "198.51.100.7";
const ASSERTION_TYPE: (&str, &str) =
    ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");

#[track_caller]
fn throttled(answer: &Answer) -> u64 {
    assert_eq!(answer.status.as_u16(), 429, "{}", answer.text());
    assert_eq!(answer.json()["error"], "invalid_request");
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!((answer.header("cache-control"), answer.header("pragma")), ("no-store", "no-cache"));
    answer.header("retry-after").parse().unwrap()
}

/// Lets an address fail so many times, each with a 401.
async fn fail(iap: &TestIap, peer: &str, client_id: &str, times: usize) {
    for _ in 0..times {
        let _ = ask_from(iap, peer, client_id, "wrong").await.expect(401);
    }
}

#[tokio::test]
async fn after_twenty_failures_in_a_minute_even_the_right_secret_has_to_wait_there() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    fail(&iap, ATTACKER, &client.client_id, 20).await;
    let answer = ask_from(&iap, ATTACKER, &client.client_id, &client.client_secret).await;
    assert_eq!(throttled(&answer), 60);
    pass(&iap, Duration::from_secs(45)).await;
    assert_eq!(throttled(&ask_from(&iap, ATTACKER, &client.client_id, "wrong").await), 15);
    pass(&iap, Duration::from_secs(15)).await;
    let _ = ask_from(&iap, ATTACKER, &client.client_id, &client.client_secret).await.expect(200);
}

#[tokio::test]
async fn the_owner_elsewhere_is_not_locked_out_by_a_thousand_failures() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    let mut refused = [0, 0];
    for _ in 0..1_000 {
        match ask_from(&iap, ATTACKER, &client.client_id, "wrong").await.status.as_u16() {
            401 => refused[0] += 1,
            429 => refused[1] += 1,
            other => panic!("{other}"),
        }
        let _ = ask_from(&iap, PEER, &client.client_id, &client.client_secret).await.expect(200);
    }
    assert_eq!(refused, [20, 980]);
}

#[tokio::test]
async fn an_address_that_fails_for_many_clients_is_refused_for_all_of_them() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    for name in 0..100 {
        fail(&iap, ATTACKER, &format!("nobody{name}"), 1).await;
    }
    for client_id in ["nobody100", client.client_id.as_str()] {
        throttled(&ask_from(&iap, ATTACKER, client_id, &client.client_secret).await);
    }
    let _ = ask_from(&iap, "198.51.100.8", &client.client_id, &client.client_secret).await.expect(200);
}

#[tokio::test]
async fn a_network_of_64_bits_is_one_address() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    for host in 1..=20 {
        fail(&iap, &format!("2001:db8::{host:x}"), &client.client_id, 1).await;
    }
    let right = |peer: &'static str| ask_from(&iap, peer, &client.client_id, &client.client_secret);
    throttled(&right("2001:db8::ffff:1").await);
    let _ = right("2001:db8:0:1::1").await.expect(200);
}

#[tokio::test]
async fn failed_assertions_are_counted_too() {
    let iap = TestIap::start().await;
    let key = ClientKeyPair::es256("k");
    let participant = iap.participant("acme").await;
    let further = json!({"token_endpoint_auth_method": "private_key_jwt", "jwks": key.jwks()});
    let client = iap.client(&participant, further).await;
    let stranger = ClientKeyPair::es256("k");
    let ask = async |peer: &str, key: &ClientKeyPair| {
        let assertion = key.assertion(&client.client_id, ISSUER, NOW);
        iap.token_from(peer, &[GRANT, ASSERTION_TYPE, ("client_assertion", &assertion)], &[]).await
    };
    for _ in 0..20 {
        let _ = ask(ATTACKER, &stranger).await.expect(401);
    }
    throttled(&ask(ATTACKER, &key).await);
    let _ = ask(PEER, &key).await.expect(200);
}

#[tokio::test]
async fn the_limits_are_configured() {
    let limits = "[throttle]\nclient_failures_per_minute = 2\naddress_failures_per_minute = 3";
    let iap = TestIap::start_with(limits).await;
    fail(&iap, ATTACKER, "one", 2).await;
    throttled(&ask_from(&iap, ATTACKER, "one", "wrong").await);
    fail(&iap, ATTACKER, "two", 1).await;
    throttled(&ask_from(&iap, ATTACKER, "three", "wrong").await);
}

#[tokio::test]
async fn what_is_no_failed_guess_is_not_counted() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    let path = |verb: &str| format!("/clients/{}/{verb}", client.client_id);
    let _ = iap.admin("POST", &path("disable"), None).await.expect(200);
    let ask = || ask_from(&iap, ATTACKER, &client.client_id, &client.client_secret);
    for _ in 0..25 {
        let _ = ask().await.expect(401);
    }
    let _ = iap.admin("POST", &path("enable"), None).await.expect(200);
    // Nor is a request that asks for too much, or one while the server cannot answer.
    let header = basic(&client.client_id, &client.client_secret);
    for _ in 0..25 {
        let parameters = [GRANT, ("scope", "ca:enrol")];
        let _ = iap.token_from(ATTACKER, &parameters, &[("authorization", &header)]).await.expect(400);
    }
    iap.clock.advance(Duration::from_secs(3));
    for _ in 0..25 {
        let _ = ask().await.expect(503);
    }
    iap.app.registry.refresh().await.unwrap();
    let _ = ask().await.expect(200);
}

#[tokio::test]
async fn an_unknown_client_and_a_known_one_answer_alike_to_the_byte() {
    let iap = TestIap::start().await;
    let known = iap.acme().await.client_id;
    let unknown = "01ARZ3NDEKTSV4RRFFQ69G5FAV".to_owned();
    let made = |client_id: &str| GeneratedSecret::new(&Entropy::seeded(99), client_id).expose().to_owned();
    let mut statuses = Vec::new();
    for round in 0..22 {
        let mut answers = Vec::new();
        for client_id in [&known, &unknown] {
            let secret = if round % 2 == 0 { made(client_id) } else { "mistyped".to_owned() };
            answers.push(ask_from(&iap, ATTACKER, client_id, &secret).await);
        }
        let [one, two] = [&answers[0], &answers[1]];
        assert_eq!((one.status, &one.headers, &one.body), (two.status, &two.headers, &two.body));
        statuses.push(one.status.as_u16());
    }
    assert_eq!(statuses, [[401; 20].as_slice(), &[429, 429]].concat());
}

#[tokio::test]
async fn behind_a_trusted_proxy_each_client_has_its_own_address() {
    let iap = TestIap::start_with("[server]\ntrusted_proxies = [\"10.0.0.1\"]").await;
    let client = iap.acme().await;
    let ask = async |peer: &str, forwarded: &str, secret: &str| {
        let authorization = basic(&client.client_id, secret);
        let headers = [("authorization", authorization.as_str()), ("x-forwarded-for", forwarded)];
        iap.token_from(peer, &[GRANT], &headers).await
    };
    for invented in 0..20 {
        // What the attacker writes itself stands left of what the proxy adds.
        let forwarded = format!("203.0.113.{invented}, {ATTACKER}");
        let _ = ask("10.0.0.1", &forwarded, "wrong").await.expect(401);
    }
    throttled(&ask("10.0.0.1", ATTACKER, &client.client_secret).await);
    let _ = ask("10.0.0.1", "203.0.113.1", &client.client_secret).await.expect(200);
    // Whoever is no proxy is not believed.
    throttled(&ask(ATTACKER, "203.0.113.1", &client.client_secret).await);
}

#[tokio::test]
async fn a_proxy_that_is_not_named_makes_nobody_wait_for_others() {
    // The issuer is https and the server does not speak TLS: what comes from this machine comes through a proxy.
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    fail(&iap, "127.0.0.1", &client.client_id, 150).await;
    let _ = ask_from(&iap, "127.0.0.1", &client.client_id, &client.client_secret).await.expect(200);
}

#[tokio::test]
async fn the_address_of_the_connection_is_the_one_that_counts() {
    let iap =
        TestIap::start_with("[server]\nissuer = \"http://127.0.0.1:8080\"\npublic_hosts = [\"iap.example\"]")
            .await;
    let client = iap.acme().await;
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = socket.local_addr().unwrap();
    let stop = CancellationToken::new();
    let router = router::public(&iap.app, iap.oauth.clone());
    let traffic = iap.app.metrics.traffic("public");
    let listener = Listener { socket, tls: None, router, limits: Limits::default(), traffic };
    tokio::spawn(listener.serve(stop.clone()));
    for _ in 0..20 {
        assert_eq!(status_over_tcp(server, "127.0.0.2", &client.client_id, "wrong").await, "401");
    }
    let right = |peer: &'static str| status_over_tcp(server, peer, &client.client_id, &client.client_secret);
    assert_eq!(right("127.0.0.2").await, "429");
    assert_eq!(right("127.0.0.3").await, "200");
    stop.cancel();
}

/// A token request over a connection from an address of this machine; the status of the answer.
async fn status_over_tcp(server: SocketAddr, peer: &str, client_id: &str, secret: &str) -> String {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new(peer.parse().unwrap(), 0)).unwrap();
    let mut stream = socket.connect(server).await.unwrap();
    let (authorization, body) = (basic(client_id, secret), "grant_type=client_credentials");
    let request = format!(
        "POST /token HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nConnection: close\r\nAuthorization: {authorization}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer.split(' ').nth(1).unwrap_or_default().to_owned()
}
