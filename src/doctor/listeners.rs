use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use carnet_ambient::Clock;

use super::Line;
use crate::config::Config;
use crate::http::{acceptor, certificate_expiry};

/// How long a listener may take to answer.
const WAIT: Duration = Duration::from_secs(3);
/// A certificate that ends sooner than this is worth a look, seconds.
const SOON: i64 = 14 * 86_400;

pub(super) async fn examine(config: &Config, clock: &Clock) -> Vec<Line> {
    let mut lines = Vec::new();
    let public = (config.listen(), config.tls().is_some(), config.issuer().to_owned());
    let host = config.issuer().split_once("://").map_or("", |(_, host)| host).to_owned();
    let administration = config.admin_listen();
    // Sockets that wait: not on a thread that others wait for.
    let asked = tokio::task::spawn_blocking(move || {
        let (address, tls, issuer) = public;
        [
            listener("public listener", address, |stream| {
                if tls {
                    return Line::ok(
                        "public listener",
                        format!("{address} is taken; it speaks TLS and was not asked"),
                    );
                }
                let answer = ask(stream, "/.well-known/openid-configuration", &host);
                recognise("public listener", address, &answer, &format!("\"issuer\":\"{issuer}\""))
            }),
            listener("administration listener", administration, |stream| {
                let answer = ask(stream, "/readyz", "localhost");
                recognise("administration listener", administration, &answer, "\r\n\r\nready\n")
            }),
        ]
    });
    lines.extend(asked.await.into_iter().flatten());
    if let Some(files) = config.tls() {
        let host = config.issuer().split_once("://").map_or("", |(_, host)| host);
        lines.push(match acceptor(files, host, clock).and_then(|_| certificate_expiry(files)) {
            Err(error) => Line::fail("certificate", error.to_string(), "put a certificate and its key there"),
            Ok(until) if until - clock.now() < SOON => {
                let days = (until - clock.now()) / 86_400;
                Line::warn(
                    "certificate",
                    format!("expires in {days} days"),
                    "renew it, then restart the server",
                )
            }
            Ok(_) => Line::ok("certificate", format!("is valid and names {host}")),
        });
    }
    lines
}

/// Free, or taken by somebody who is asked who they are.
fn listener(check: &'static str, address: SocketAddr, taken: impl FnOnce(TcpStream) -> Line) -> Line {
    match TcpListener::bind(address) {
        Ok(_) => Line::ok(check, format!("{address} is free: no server is running here")),
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            match TcpStream::connect_timeout(&reachable(address), WAIT) {
                Ok(stream) => taken(stream),
                Err(error) => Line::fail(
                    check,
                    format!("{address} is taken, but does not answer: {error}"),
                    "see which process has it (ss -ltnp), and stop it or choose another address",
                ),
            }
        }
        Err(error) => Line::fail(
            check,
            format!("{address} cannot be used: {error}"),
            "choose an address of this machine, and a port above 1023 unless carnet may use lower ones",
        ),
    }
}

/// An address that stands for all of the machine is asked on loopback.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    address
}

fn ask(mut stream: TcpStream, path: &str, host: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    let mut answer = Vec::new();
    let asked = stream
        .set_read_timeout(Some(WAIT))
        .and_then(|()| stream.write_all(request.as_bytes()))
        .and_then(|()| stream.take(64 * 1024).read_to_end(&mut answer));
    // Whatever else listens there may say anything, or nothing.
    if asked.is_err() {
        answer.clear();
    }
    String::from_utf8_lossy(&answer).into_owned()
}

fn recognise(check: &'static str, address: SocketAddr, answer: &str, sign: &str) -> Line {
    if answer.starts_with("HTTP/1.1 200") && answer.contains(sign) {
        Line::ok(check, format!("{address} answers as this server"))
    } else if answer.starts_with("HTTP/1.1 503") {
        Line::warn(check, format!("{address} answers, but is not ready"), "see the log of the server")
    } else {
        Line::fail(
            check,
            format!("{address} is taken by something that is not this server"),
            "see which process has it (ss -ltnp), and stop it or choose another address",
        )
    }
}
