//! Conditions, idempotency keys and broken connections of the JSON client, against a server that does as it is told.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use carnet_client::{Api, ApiError, Call, ClientAuthentication, FetchPolicy, Method, TokenSource, Url};
use serde_json::json;

/// What the server does with the requests below `/admin`, one after the other; the last one stays.
#[derive(Clone)]
enum Deed {
    /// It closes the connection without a word.
    Hang,
    /// It answers `{"ok": true}` with a version.
    Answer,
}

struct Server {
    base: String,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn start(deeds: Vec<Deed>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&seen);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let request = read(&mut stream);
                if request.starts_with("POST /token ") {
                    let body = r#"{"access_token":"t","token_type":"Bearer","expires_in":300}"#;
                    answer(&mut stream, "", body);
                    continue;
                }
                let mut log = log.lock().unwrap();
                let deed = deeds.get(log.len()).or(deeds.last()).unwrap().clone();
                log.push(request);
                if matches!(deed, Deed::Answer) {
                    answer(&mut stream, "ETag: \"v1\"\r\n", r#"{"ok":true}"#);
                }
            }
        });
        Self { base, seen }
    }

    fn api(&self) -> Api {
        let policy = FetchPolicy { allow_insecure_loopback: true, ..FetchPolicy::default() };
        let tokens = TokenSource::builder(&self.base, ClientAuthentication::secret_basic("a", "b"))
            .fetch_policy(policy.clone())
            .token_endpoint(format!("{}/token", self.base).parse::<Url>().unwrap())
            .build()
            .unwrap();
        Api::new(format!("{}/admin", self.base).parse().unwrap(), tokens, policy).unwrap()
    }

    /// The values of a header field in the requests that came, in lower case.
    fn field(&self, name: &str) -> Vec<Option<String>> {
        let value = |request: &String| {
            let line =
                request.lines().find(|line| line.to_ascii_lowercase().starts_with(&format!("{name}: ")))?;
            Some(line.split_once(": ")?.1.to_owned())
        };
        self.seen.lock().unwrap().iter().map(value).collect()
    }
}

/// One request as it came, its body included.
fn read(stream: &mut TcpStream) -> String {
    let (mut raw, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        let text = String::from_utf8_lossy(&raw).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse::<usize>().ok()
            });
            if body.len() >= length.unwrap_or(0) {
                return text;
            }
        }
        match stream.read(&mut piece).unwrap() {
            0 => return text,
            length => raw.extend_from_slice(&piece[..length]),
        }
    }
}

fn answer(stream: &mut TcpStream, fields: &str, body: &str) {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n";
    write!(stream, "{head}{fields}Content-Length: {}\r\n\r\n{body}", body.len()).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_connection_is_repeated_once_with_the_same_key() {
    let server = Server::start(vec![Deed::Hang, Deed::Answer]);
    let body = json!({"name": "a"});
    let call = Call::new(Method::POST, &["clients"]).body(Some(&body)).idempotency_key(Some("key-1"));
    let answer = server.api().send(&call).await.unwrap();
    assert_eq!(answer.body, json!({"ok": true}));
    assert_eq!(server.field("idempotency-key"), [Some("key-1".to_owned()), Some("key-1".to_owned())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_always_hangs_up_is_asked_twice_and_no_more() {
    let server = Server::start(vec![Deed::Hang]);
    let call = Call::new(Method::POST, &["clients"]).idempotency_key(Some("key-1"));
    assert!(matches!(server.api().send(&call).await, Err(ApiError::Fetch(_))));
    assert_eq!(server.seen.lock().unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_key_nothing_is_repeated() {
    let server = Server::start(vec![Deed::Hang, Deed::Answer]);
    assert!(server.api().post(&["clients"], &json!({})).await.is_err());
    assert_eq!(server.field("idempotency-key"), [None]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_version_of_an_answer_is_the_condition_of_the_next_change() {
    let server = Server::start(vec![Deed::Answer]);
    let api = server.api();
    let read = api.get(&["clients", "01ARZ"], &[]).await.unwrap();
    assert_eq!(read.etag.as_deref(), Some("\"v1\""));
    let change = json!({"name": "b"});
    let call =
        Call::new(Method::PATCH, &["clients", "01ARZ"]).body(Some(&change)).if_match(read.etag.as_deref());
    api.send(&call).await.unwrap();
    assert_eq!(server.field("if-match"), [None, Some("\"v1\"".to_owned())]);
}
