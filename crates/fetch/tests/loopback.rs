//! The fetcher against servers that misbehave, on loopback.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use carnet_ambient::Clock;
use carnet_fetch::{FetchError, FetchPolicy, Fetcher, Limits, Request};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use url::Url;

/// A server that gives every connection the same bytes; it counts them and keeps the last request.
struct Server {
    address: SocketAddr,
    hits: Arc<AtomicUsize>,
    last: Arc<std::sync::Mutex<String>>,
}

impl Server {
    async fn start(answer: impl Into<Vec<u8>>) -> Self {
        Self::start_slow(answer, Duration::ZERO).await
    }

    async fn start_slow(answer: impl Into<Vec<u8>>, pause: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (hits, last) = (Arc::new(AtomicUsize::new(0)), Arc::new(std::sync::Mutex::new(String::new())));
        let answer = Arc::new(answer.into());
        let (count, kept) = (Arc::clone(&hits), Arc::clone(&last));
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                count.fetch_add(1, Ordering::SeqCst);
                let (answer, kept) = (Arc::clone(&answer), Arc::clone(&kept));
                tokio::spawn(async move {
                    let mut request = vec![0; 16 * 1024];
                    let read = stream.read(&mut request).await.unwrap_or(0);
                    *kept.lock().unwrap() = String::from_utf8_lossy(&request[..read]).into_owned();
                    if pause.is_zero() {
                        let _ = stream.write_all(&answer).await;
                    } else {
                        for byte in answer.iter() {
                            let _ = stream.write_all(&[*byte]).await;
                            tokio::time::sleep(pause).await;
                        }
                    }
                });
            }
        });
        Self { address, hits, last }
    }

    fn url(&self) -> Url {
        format!("http://{}/keys", self.address).parse().unwrap()
    }
}

fn fetcher() -> Fetcher {
    let policy = FetchPolicy { allow_insecure_loopback: true, ..FetchPolicy::default() };
    Fetcher::new(policy, Clock::system()).unwrap()
}

fn answer(status: &str, fields: &str, body: &[u8]) -> Vec<u8> {
    let head =
        format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n{fields}\r\n", body.len());
    [head.as_bytes(), body].concat()
}

async fn refusal(server: &Server) -> FetchError {
    fetcher().get(&server.url(), Limits::key_set()).await.unwrap_err()
}

#[tokio::test]
async fn a_document_is_fetched_with_its_validators() {
    let fields =
        "etag: \"one\"\r\ncontent-type: Application/JSON; charset=utf-8\r\ncache-control: max-age=60\r\n";
    let server = Server::start(answer("200 OK", fields, b"{}")).await;
    let fetched = fetcher().get(&server.url(), Limits::key_set()).await.unwrap();
    assert_eq!((fetched.status.as_u16(), &fetched.bytes[..]), (200, &b"{}"[..]));
    assert_eq!(fetched.etag(), Some("\"one\""));
    assert_eq!(fetched.media_type().as_deref(), Some("application/json"));
    assert_eq!(fetched.freshness(&carnet_fetch::Clamps::own()).lifetime().as_secs(), 60);
    let request = server.last.lock().unwrap().to_ascii_lowercase();
    assert!(request.contains("user-agent: carnet/"), "{request}");
    assert!(!request.contains("cookie") && !request.contains("referer"), "{request}");
}

#[tokio::test]
async fn a_conditional_request_gets_its_304() {
    let server = Server::start(b"HTTP/1.1 304 Not Modified\r\netag: \"one\"\r\n\r\n".to_vec()).await;
    let request = Request::get(&server.url(), Limits::key_set()).if_changed(Some("\"one\""), None);
    assert_eq!(fetcher().send(request).await.unwrap().status.as_u16(), 304);
    assert!(server.last.lock().unwrap().to_ascii_lowercase().contains("if-none-match: \"one\""));
}

#[tokio::test]
async fn a_redirect_is_refused_and_its_target_is_never_asked() {
    let target = Server::start(answer("200 OK", "", b"{}")).await;
    for status in ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"] {
        let server = Server::start(answer(status, &format!("location: {}\r\n", target.url()), b"")).await;
        assert!(matches!(refusal(&server).await, FetchError::Redirect(_)), "{status}");
    }
    assert_eq!(target.hits.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn cookies_are_not_kept() {
    let server = Server::start(answer("200 OK", "set-cookie: a=b\r\n", b"{}")).await;
    let fetcher = fetcher();
    for _ in 0..2 {
        fetcher.get(&server.url(), Limits::key_set()).await.unwrap();
    }
    assert!(!server.last.lock().unwrap().to_ascii_lowercase().contains("cookie"));
}

#[tokio::test]
async fn an_announced_oversize_is_refused() {
    let server = Server::start(answer("200 OK", "", &vec![b' '; 300 * 1024])).await;
    assert_eq!(refusal(&server).await, FetchError::TooLarge(256 * 1024));
}

#[tokio::test]
async fn an_unannounced_oversize_is_refused() {
    let mut endless = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n".to_vec();
    endless.extend(vec![b' '; 2 << 20]);
    let server = Server::start(endless).await;
    assert_eq!(refusal(&server).await, FetchError::TooLarge(256 * 1024));
}

#[tokio::test]
async fn a_gzip_bomb_is_refused() {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(&vec![0; 64 << 20]).unwrap();
    let server =
        Server::start(answer("200 OK", "content-encoding: gzip\r\n", &encoder.finish().unwrap())).await;
    assert_eq!(refusal(&server).await, FetchError::TooLarge(256 * 1024));
}

#[tokio::test]
async fn gzip_is_read() {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(b"{\"keys\":[]}").unwrap();
    let server =
        Server::start(answer("200 OK", "content-encoding: gzip\r\n", &encoder.finish().unwrap())).await;
    let fetched = fetcher().get(&server.url(), Limits::key_set()).await.unwrap();
    assert_eq!(&fetched.bytes[..], b"{\"keys\":[]}");
}

#[tokio::test]
async fn a_slow_body_ends_at_the_total_time() {
    let server = Server::start_slow(answer("200 OK", "", &[b' '; 4000]), Duration::from_millis(20)).await;
    let limits = Limits { total: Duration::from_millis(300), ..Limits::key_set() };
    assert_eq!(fetcher().get(&server.url(), limits).await.unwrap_err(), FetchError::Timeout);
}

#[tokio::test]
async fn a_silent_server_ends_at_the_total_time() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url: Url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
    let limits = Limits { total: Duration::from_millis(300), ..Limits::key_set() };
    assert_eq!(fetcher().get(&url, limits).await.unwrap_err(), FetchError::Timeout);
}

#[tokio::test]
async fn large_headers_are_refused() {
    let fields = format!("x-large: {}\r\n", "a".repeat(9 * 1024));
    let server = Server::start(answer("200 OK", &fields, b"{}")).await;
    assert_eq!(refusal(&server).await, FetchError::Headers);
    let many = (0..100).fold(String::new(), |many, n| many + &format!("x-{n}: a\r\n"));
    let server = Server::start(answer("200 OK", &many, b"{}")).await;
    assert_eq!(refusal(&server).await.code(), "transport");
}

#[tokio::test]
async fn without_the_switch_a_loopback_server_is_never_asked() {
    let server = Server::start(answer("200 OK", "", b"{}")).await;
    let strict = Fetcher::new(FetchPolicy::default(), Clock::system()).unwrap();
    let port = server.address.port();
    for url in [
        format!("http://127.0.0.1:{port}/"),
        format!("https://127.0.0.1:{port}/"),
        format!("https://localhost:{port}/"),
        format!("https://[::ffff:127.0.0.1]:{port}/"),
    ] {
        let limits = Limits::key_set().with_port(Some(port));
        assert!(strict.get(&url.parse().unwrap(), limits).await.is_err(), "{url}");
    }
    assert_eq!(server.hits.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_name_that_resolves_to_loopback_is_never_connected_to() {
    let server = Server::start(answer("200 OK", "", b"{}")).await;
    let mut policy = FetchPolicy {
        allow_insecure_loopback: true,
        allow_private_networks: true,
        ports: vec![server.address.port()],
        ..FetchPolicy::default()
    };
    policy.hosts.insert("rebind.example".into(), vec!["127.0.0.1".parse().unwrap()]);
    let fetcher = Fetcher::new(policy, Clock::system()).unwrap();
    let url: Url = format!("https://rebind.example:{}/", server.address.port()).parse().unwrap();
    assert_eq!(fetcher.get(&url, Limits::key_set()).await.unwrap_err().code(), "address");
    assert_eq!(server.hits.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn localhost_is_reached_with_the_switch() {
    let server = Server::start(answer("200 OK", "", b"{}")).await;
    let url: Url = format!("http://localhost:{}/", server.address.port()).parse().unwrap();
    assert!(fetcher().get(&url, Limits::key_set()).await.is_ok());
}

#[tokio::test]
async fn a_form_is_posted_and_not_shown_by_debug() {
    let server = Server::start(answer("200 OK", "", b"{}")).await;
    let request =
        Request::post_form(&server.url(), &[("client_secret", "s3cret/+"), ("a", "b c")], Limits::service());
    assert!(!format!("{request:?}").contains("s3cret"));
    fetcher().send(request).await.unwrap();
    let sent = server.last.lock().unwrap().clone();
    assert!(sent.ends_with("client_secret=s3cret%2F%2B&a=b+c"), "{sent}");
}

#[tokio::test]
async fn https_needs_a_known_root_and_the_right_name() {
    let (bundle, address) = tls_server("localhost").await;
    let url: Url = format!("https://localhost:{}/", address.port()).parse().unwrap();
    let wrong_name: Url = format!("https://127.0.0.1:{}/", address.port()).parse().unwrap();

    let stranger = fetcher().get(&url, Limits::key_set()).await.unwrap_err();
    assert_eq!(stranger.code(), "connect");

    let policy = FetchPolicy {
        allow_insecure_loopback: true,
        ca_bundle_pem: Some(bundle.into_bytes()),
        ..FetchPolicy::default()
    };
    let configured = Fetcher::new(policy, Clock::system()).unwrap();
    assert_eq!(&configured.get(&url, Limits::key_set()).await.unwrap().bytes[..], b"{}");
    assert_eq!(configured.get(&wrong_name, Limits::key_set()).await.unwrap_err().code(), "connect");
}

#[test]
fn a_bundle_without_a_certificate_is_refused() {
    for pem in [&b"not pem"[..], b""] {
        let policy = FetchPolicy { ca_bundle_pem: Some(pem.to_vec()), ..FetchPolicy::default() };
        assert_eq!(Fetcher::new(policy, Clock::system()).unwrap_err().code(), "ca_bundle");
    }
}

async fn tls_server(name: &str) -> (String, SocketAddr) {
    use tokio_rustls::rustls;
    let certified = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let key = rustls::pki_types::PrivateKeyDer::try_from(certified.signing_key.serialize_der()).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                let _ = stream.read(&mut [0; 4096]).await;
                let _ = stream.write_all(&answer("200 OK", "", b"{}")).await;
                let _ = stream.shutdown().await;
            });
        }
    });
    (certified.cert.pem(), address)
}
