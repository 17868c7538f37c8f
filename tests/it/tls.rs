use std::time::Duration;

use carnet::config::TlsFiles;
use carnet::http::{Limits, Listener, acceptor};
use carnet::telemetry::Metrics;
use carnet_ambient::Clock;
use carnet_fetch::{FetchPolicy, Fetcher, Limits as FetchLimits};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

/// A listener with its own certificate authority's certificate; the address, the CA and the stop switch.
async fn tls_listener() -> (std::net::SocketAddr, Vec<u8>, CancellationToken) {
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let files =
        TlsFiles { certificate: folder.path().join("chain.pem"), private_key: folder.path().join("key.pem") };
    std::fs::write(&files.certificate, made.cert.pem()).unwrap();
    std::fs::write(&files.private_key, made.signing_key.serialize_pem()).unwrap();
    let tls = Some(acceptor(&files, "127.0.0.1", &Clock::system()).unwrap());
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let stop = CancellationToken::new();
    let router = axum::Router::new().route("/", axum::routing::get(|| async { "over TLS" }));
    let limits = Limits { handshake: Duration::from_millis(300), ..Limits::default() };
    let traffic = Metrics::new(&Clock::system()).traffic("public");
    tokio::spawn(Listener { socket, tls, router, limits, traffic }.serve(stop.clone()));
    (address, made.cert.pem().into_bytes(), stop)
}

#[tokio::test]
async fn a_tls_listener_answers_who_trusts_its_certificate_and_nobody_else() {
    let (address, ca, stop) = tls_listener().await;
    let url: url::Url = format!("https://{address}/").parse().unwrap();
    let limits = || FetchLimits::service().with_port(Some(address.port()));
    let trusting =
        FetchPolicy { allow_insecure_loopback: true, ca_bundle_pem: Some(ca), ..FetchPolicy::default() };
    let fetcher = Fetcher::new(trusting, Clock::system()).unwrap();
    assert_eq!(&fetcher.get(&url, limits()).await.unwrap().bytes[..], b"over TLS");
    let other = FetchPolicy { allow_insecure_loopback: true, ..FetchPolicy::default() };
    let fetcher = Fetcher::new(other, Clock::system()).unwrap();
    assert!(fetcher.get(&url, limits()).await.is_err());
    stop.cancel();
}

#[tokio::test]
async fn a_handshake_that_does_not_come_and_plain_http_are_cut_off() {
    let (address, _, stop) = tls_listener().await;
    let mut silent = TcpStream::connect(address).await.unwrap();
    let mut plain = TcpStream::connect(address).await.unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    for stream in [&mut silent, &mut plain] {
        let mut rest = Vec::new();
        // Reset or end, but not an answer, and soon.
        let read = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut rest)).await;
        assert!(read.is_ok() && !rest.starts_with(b"HTTP"), "{rest:?}");
    }
    stop.cancel();
}
