//! An administration API that says what a test tells it: for answers that a real one gives only in rare moments.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tempfile::TempDir;

/// What happens to the next request of a kind.
#[derive(Debug, Clone)]
pub enum Reply {
    /// The connection is closed without a word.
    Hang,
    /// Status and body.
    Says(u16, Value),
    /// The same as status 200, with a version.
    Version(&'static str, Value),
}

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Method and path, without the query.
    pub what: String,
    pub headers: String,
    pub body: Value,
}

impl Seen {
    /// The first field of that name.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut fields = self.headers.lines().filter_map(|line| line.split_once(": "));
        fields.find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

pub struct Scripted {
    seen: Arc<Mutex<Vec<Seen>>>,
    folder: TempDir,
}

impl Scripted {
    /// Replies to each kind of request, such as `GET /clients/1`, in the order of the list; tokens are given to
    /// everybody.
    pub fn start(script: Vec<(&'static str, Reply)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let folder = tempfile::tempdir().unwrap();
        let credentials = json!({
            "issuer": base,
            "token_endpoint": format!("{base}/token"),
            "admin_url": format!("{base}/admin/v1"),
            "client_id": "administrator",
            "client_secret": "secret",
            "scope": "admin:read admin:write",
        });
        std::fs::write(folder.path().join("credentials.json"), credentials.to_string()).unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&seen);
        std::thread::spawn(move || {
            let mut script = script;
            for stream in listener.incoming().flatten() {
                serve(stream, &mut script, &log);
            }
        });
        Self { seen, folder }
    }

    pub fn credentials(&self) -> PathBuf {
        self.folder.path().join("credentials.json")
    }

    /// A folder for the files of the test itself.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// The requests to the API that came, in their order.
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// Those of one kind.
    pub fn seen_of(&self, what: &str) -> Vec<Seen> {
        self.seen().into_iter().filter(|seen| seen.what == what).collect()
    }
}

fn serve(mut stream: TcpStream, script: &mut Vec<(&'static str, Reply)>, log: &Mutex<Vec<Seen>>) {
    let Some((head, body)) = read(&mut stream) else { return };
    let line = head.lines().next().unwrap_or_default();
    let mut words = line.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let path = target.split('?').next().unwrap_or_default();
    if path == "/token" {
        let token = json!({"access_token": "t", "token_type": "Bearer", "expires_in": 300});
        return answer(&mut stream, 200, "", &token);
    }
    let what = format!("{method} {}", path.trim_start_matches("/admin/v1"));
    let at = script.iter().position(|(kind, _)| *kind == what);
    let body = serde_json::from_str(&body).unwrap_or_default();
    log.lock().unwrap().push(Seen { what: what.clone(), headers: head, body });
    match at.map(|at| script.remove(at).1) {
        Some(Reply::Hang) => {}
        Some(Reply::Says(status, body)) => answer(&mut stream, status, "", &body),
        Some(Reply::Version(tag, body)) => answer(&mut stream, 200, &format!("ETag: \"{tag}\"\r\n"), &body),
        None => answer(&mut stream, 500, "", &json!({"title": "not in the script", "detail": what})),
    }
}

/// Head and body of one request; nothing when the other side leaves before its end.
fn read(stream: &mut TcpStream) -> Option<(String, String)> {
    let (mut raw, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        let text = String::from_utf8_lossy(&raw).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length =
                |line: &str| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok();
            if body.len() >= head.lines().find_map(length).unwrap_or(0_usize) {
                return Some((head.to_owned(), body.to_owned()));
            }
        }
        match stream.read(&mut piece) {
            Ok(0) | Err(_) => return None,
            Ok(length) => raw.extend_from_slice(&piece[..length]),
        }
    }
}

fn answer(stream: &mut TcpStream, status: u16, fields: &str, body: &Value) {
    let kind = if status < 400 { "application/json" } else { "application/problem+json" };
    let body = body.to_string();
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status} -\r\nContent-Type: {kind}\r\nConnection: close\r\nContent-Length: {length}\r\n"
    );
    // Whoever has left does not want it any more.
    let _ = stream.write_all(format!("{head}{fields}\r\n{body}").as_bytes());
}
