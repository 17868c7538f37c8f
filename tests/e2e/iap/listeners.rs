//! What a hostile or clumsy peer sends to the listeners.

use std::time::Duration;

use crate::harness::http::{Answer, Request, Wire, exchange};
use crate::harness::iap::{Iap, Setup, authority};

/// Both listeners of an IAP and the record server's.
fn listeners(iap: &Iap) -> [String; 3] {
    [iap.issuer().to_owned(), iap.admin_listener().to_owned(), iap.record_listener().to_owned()]
}

fn with_record() -> Iap {
    Setup::default().record().start()
}

#[test]
fn health_answers_any_host_and_tells_nothing() {
    let iap = with_record();
    for base in listeners(&iap) {
        for path in ["/healthz", "/readyz"] {
            let answer =
                Request::get(&format!("{base}{path}")).host("load-balancer.example").send().expect(200);
            match serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(&answer.body) {
                Ok(words) => {
                    assert!(words.values().all(|word| word == "ok" || word == "ready"), "{words:?}");
                }
                Err(_) => assert!(answer.body.len() < 64, "{}", answer.text()),
            }
        }
    }
}

#[test]
fn another_host_is_misdirected() {
    let iap = with_record();
    for (base, path) in [
        (iap.issuer(), "/.well-known/jwks.json"),
        (iap.issuer(), "/token"),
        (iap.admin_listener(), "/admin/v1/openapi.json"),
        (iap.admin_listener(), "/admin/v1/participants"),
        (iap.record_listener(), "/somebody"),
    ] {
        for host in ["evil.example", "127.0.0.1", "localhost:1", ""] {
            let answer = Request::get(&format!("{base}{path}")).host(host).send();
            // An empty Host may also be called malformed.
            assert!(
                answer.status == 421 || (host.is_empty() && answer.status == 400),
                "{base}{path} {host:?}: {answer:?}"
            );
        }
    }
}

/// Sends a GET of `target` with these header lines to the listener of `base`.
#[track_caller]
fn send(base: &str, target: &str, headers: &[&str]) -> Answer {
    let address = Request::get(base).address();
    let mut bytes = format!("GET {target} HTTP/1.1\r\n");
    for header in headers {
        bytes.push_str(header);
        bytes.push_str("\r\n");
    }
    bytes.push_str("Connection: close\r\n\r\n");
    exchange(address, bytes.as_bytes()).unwrap_or_else(|| panic!("no answer to {bytes:?}"))
}

#[test]
fn an_absolute_target_of_another_host_is_refused() {
    let iap = with_record();
    for base in listeners(&iap) {
        let own = format!("Host: {}", authority(&base));
        let answer = send(&base, "http://evil.example/.well-known/jwks.json", &[&own]);
        assert!(matches!(answer.status, 400 | 421), "{base}: {answer:?}");
        let answer = send(&base, &format!("{base}/healthz"), &[&own]);
        assert_eq!(answer.status, 200, "{base}: {answer:?}");
    }
}

#[test]
fn two_hosts_or_none_are_refused() {
    let iap = with_record();
    for base in listeners(&iap) {
        let own = format!("Host: {}", authority(&base));
        for headers in [&[own.as_str(), "Host: evil.example"][..], &[]] {
            let answer = send(&base, "/.well-known/jwks.json", headers);
            assert!(matches!(answer.status, 400 | 421), "{base} {headers:?}: {answer:?}");
        }
    }
}

#[test]
fn headers_that_change_what_a_request_means_are_refused() {
    let iap = with_record();
    for base in [iap.issuer(), iap.admin_listener()] {
        for (name, value, status) in [
            ("Early-Data", "1", 425),
            ("X-HTTP-Method-Override", "DELETE", 400),
            ("X-HTTP-Method", "DELETE", 400),
            ("X-Method-Override", "DELETE", 400),
            ("X-Forwarded-Client-Cert", "Hash=00", 400),
            ("X-SSL-Client-Cert", "MIIB", 400),
            ("Client-Cert", ":MIIB:", 400),
        ] {
            let path = if base == iap.issuer() { "/.well-known/jwks.json" } else { "/admin/v1/openapi.json" };
            let answer = Request::get(&format!("{base}{path}")).header(name, value).send();
            assert_eq!(answer.status, status, "{base} {name}: {answer:?}");
        }
    }
}

#[test]
fn the_admin_listener_refuses_a_foreign_origin() {
    let iap = Iap::start();
    let participants = format!("{}/admin/v1/participants", iap.admin_listener());
    let ask =
        |origin: &str| Request::get(&participants).bearer(&iap.admin_token()).header("Origin", origin).send();
    ask("https://evil.example").expect(403);
    ask("null").expect(403);
    ask(iap.admin_listener()).expect(200);
}

#[test]
fn the_admin_api_is_not_on_the_public_listener() {
    let iap = Iap::start();
    for path in ["/admin/v1/openapi.json", "/admin/v1/participants", "/metrics"] {
        Request::get(&format!("{}{path}", iap.issuer())).bearer(&iap.admin_token()).send().expect(404);
    }
    for path in ["/token", "/.well-known/jwks.json"] {
        Request::get(&format!("{}{path}", iap.admin_listener())).send().expect(404);
    }
}

#[test]
fn an_oversize_body_is_refused() {
    let iap = with_record();
    let address = |base: &str| Request::get(base).address();
    for (base, path, media_type, status) in [
        (iap.issuer(), "/token", "application/x-www-form-urlencoded", 413),
        (iap.admin_listener(), "/admin/v1/participants", "application/json", 413),
        // The record server asks who it is first.
        (iap.record_listener(), "/somebody", "application/ld+json", 401),
    ] {
        let huge = vec![b' '; 2 << 20];
        let request =
            Request::post(&format!("{base}{path}")).bearer(&iap.admin_token()).body(media_type, &huge);
        // It may close before it has read everything: then the answer can be lost on the way.
        if let Some(answer) = request.try_send() {
            assert_eq!(answer.status, status, "{base}{path}: {}", answer.text());
        }
    }
    // Announced only: the answer comes before a single byte of it.
    let head = format!(
        "POST /token HTTP/1.1\r\nHost: {}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: 999999999\r\n\r\n",
        authority(iap.issuer())
    );
    let answer = exchange(address(iap.issuer()), head.as_bytes()).expect("an answer");
    assert_eq!(answer.status, 413, "{}", answer.text());
    // Not announced: in chunks, until the server has had enough.
    let mut wire = Wire::open(address(iap.issuer())).unwrap();
    let head = format!(
        "POST /token HTTP/1.1\r\nHost: {}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Transfer-Encoding: chunked\r\n\r\n",
        authority(iap.issuer())
    );
    assert!(wire.send(head.as_bytes()));
    let chunk = format!("10000\r\n{}\r\n", "a".repeat(0x10000));
    let taken = (0..1000).take_while(|_| wire.send(chunk.as_bytes())).count();
    assert!(taken < 1000, "64 MB were taken");
    assert!(wire.answer().is_none_or(|answer| answer.status == 413));
}

#[test]
fn an_oversize_head_is_refused() {
    let iap = with_record();
    for base in listeners(&iap) {
        let huge = "a".repeat(1 << 20);
        let request = Request::get(&format!("{base}/.well-known/jwks.json")).header("X-Filler", &huge);
        if let Some(answer) = request.try_send() {
            assert!(matches!(answer.status, 400 | 431), "{base}: {}", answer.status);
        }
    }
}

#[test]
fn slow_headers_are_cut_off() {
    let iap = with_record();
    let wires: Vec<(String, Wire)> = listeners(&iap)
        .into_iter()
        .map(|base| {
            let mut wire = Wire::open(Request::get(&base).address()).unwrap();
            assert!(wire.send(format!("GET /healthz HTTP/1.1\r\nHost: {}\r\n", authority(&base)).as_bytes()));
            (base, wire)
        })
        .collect();
    let drip = |(base, mut wire): (String, Wire)| {
        std::thread::spawn(move || {
            let seconds = (0..60)
                .take_while(|second| {
                    !wire.is_closed(Duration::from_secs(1))
                        && wire.send(format!("X-Drop-{second}: 1\r\n").as_bytes())
                })
                .count();
            (base, seconds)
        })
    };
    let drips: Vec<_> = wires.into_iter().map(drip).collect();
    for (base, seconds) in drips.into_iter().map(|drip| drip.join().unwrap()) {
        assert!(seconds < 30, "{base}: a head may take {seconds} s");
    }
    Request::get(&format!("{}/healthz", iap.issuer())).send().expect(200);
}

/// Before the first request nothing tells HTTP/1.1 from HTTP/2 yet: a peer must not be able to rest there.
#[test]
fn silent_peers_are_cut_off() {
    let iap = with_record();
    let mut peers = Vec::new();
    for base in listeners(&iap) {
        let whole = format!("GET /healthz HTTP/1.1\r\nHost: {}\r\n\r\n", authority(&base));
        for said in ["", "P", whole.as_str(), "PRI * HTTP/2.0\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"] {
            let mut wire = Wire::open(Request::get(&base).address()).unwrap();
            assert!(wire.send(said.as_bytes()));
            let (base, said) = (base.clone(), said.to_owned());
            peers.push(std::thread::spawn(move || (base, said, wire.is_closed(Duration::from_secs(40)))));
        }
    }
    let stayed: Vec<_> =
        peers.into_iter().map(|peer| peer.join().unwrap()).filter(|(_, _, closed)| !closed).collect();
    assert!(stayed.is_empty(), "these may stay: {stayed:?}");
}

#[test]
fn many_slow_peers_do_not_keep_others_out() {
    let iap = Iap::start();
    let address = Request::get(iap.issuer()).address();
    let slow: Vec<Wire> = (0..200)
        .map(|_| {
            let mut wire = Wire::open(address).unwrap();
            wire.send(b"GET /");
            wire
        })
        .collect();
    Request::get(&format!("{}/.well-known/jwks.json", iap.issuer())).send().expect(200);
    drop(slow);
}

#[test]
fn a_wrong_method_names_the_right_ones() {
    let iap = Iap::start();
    let answer = Request::get(&format!("{}/token", iap.issuer())).send().expect(405);
    assert_eq!(answer.header("allow"), Some("POST"));
    let answer = Request::post(&format!("{}/.well-known/jwks.json", iap.issuer())).send().expect(405);
    assert!(answer.header("allow").is_some_and(|allow| allow.contains("GET")));
}

#[test]
fn the_key_set_is_cacheable_and_has_a_validator() {
    let iap = Iap::start();
    let url = format!("{}/.well-known/jwks.json", iap.issuer());
    let answer = Request::get(&url).send().expect(200);
    let etag = answer.header("etag").unwrap();
    assert!(etag.starts_with('"'), "a strong one: {etag}");
    assert!(answer.header("cache-control").unwrap().contains("max-age="));
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    let again = Request::get(&url).header("If-None-Match", etag).send().expect(304);
    assert!(again.body.is_empty());
    let head = Request::new("HEAD", &url).send().expect(200);
    assert!(head.body.is_empty());
    assert_eq!(head.header("etag"), Some(etag));
    let alias =
        Request::get(&format!("{}/.well-known/openid-configuration/jwks", iap.issuer())).send().expect(200);
    assert_eq!(alias.body, answer.body);
}
