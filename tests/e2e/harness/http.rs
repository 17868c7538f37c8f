//! HTTP/1.1 by hand over plain sockets, so that a test can also send what no polite client would.

use std::fmt::Write as _;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use url::Url;

const PATIENCE: Duration = Duration::from_mins(1);

/// What a server answered.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    /// The first field of that name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(field, _)| field.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("not JSON ({error}): {self:?}"))
    }

    /// Itself when the status is the expected one.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{:?} {}", self.headers, self.text());
        self
    }

    fn parse(raw: &[u8]) -> Option<Self> {
        let end = raw.windows(4).position(|window| window == b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(&raw[..end]).into_owned();
        let mut lines = head.split("\r\n");
        let status: u16 = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
            .collect();
        let mut answer = Self { status, headers, body: raw[end + 4..].to_vec() };
        if status == 100 {
            return Self::parse(&answer.body);
        }
        if answer.header("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
            answer.body = dechunk(&answer.body)?;
        } else if let Some(length) =
            answer.header("content-length").and_then(|text| text.parse::<usize>().ok())
        {
            answer.body.truncate(length);
        }
        Some(answer)
    }
}

fn dechunk(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|window| window == b"\r\n")?;
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..end]).ok()?.trim(), 16).ok()?;
        rest = &rest[end + 2..];
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(rest.get(..size)?);
        rest = rest.get(size + 2..)?;
    }
}

/// A request in the making.
#[derive(Debug, Clone)]
pub struct Request {
    method: String,
    url: Url,
    host: Option<String>,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
}

impl Request {
    pub fn new(method: &str, url: &str) -> Self {
        let url = Url::parse(url).unwrap_or_else(|error| panic!("{url}: {error}"));
        Self { method: method.to_owned(), url, host: None, headers: Vec::new(), body: None }
    }

    pub fn get(url: &str) -> Self {
        Self::new("GET", url)
    }

    pub fn post(url: &str) -> Self {
        Self::new("POST", url)
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Another `Host` than the address that is connected to.
    pub fn host(mut self, host: &str) -> Self {
        self.host = Some(host.to_owned());
        self
    }

    pub fn bearer(self, token: &str) -> Self {
        self.header("Authorization", &format!("Bearer {token}"))
    }

    pub fn basic(self, id: &str, secret: &str) -> Self {
        self.header("Authorization", &format!("Basic {}", STANDARD.encode(format!("{id}:{secret}"))))
    }

    pub fn form(self, parameters: &[(&str, &str)]) -> Self {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
        self.body("application/x-www-form-urlencoded", body.as_bytes())
    }

    pub fn json(self, value: &Value) -> Self {
        self.body("application/json", value.to_string().as_bytes())
    }

    pub fn body(mut self, media_type: &str, bytes: &[u8]) -> Self {
        self.body = Some(bytes.to_vec());
        self.header("Content-Type", media_type)
    }

    /// Where the server listens.
    pub fn address(&self) -> SocketAddr {
        self.url.socket_addrs(|| None).unwrap().into_iter().find(SocketAddr::is_ipv4).unwrap()
    }

    /// The request as it goes over the wire.
    pub fn bytes(&self) -> Vec<u8> {
        let query = self.url.query().map(|query| format!("?{query}")).unwrap_or_default();
        let own = self.url[url::Position::BeforeHost..url::Position::AfterPort].to_owned();
        let host = self.host.as_deref().unwrap_or(&own);
        let mut head = format!("{} {}{query} HTTP/1.1\r\nHost: {host}\r\n", self.method, self.url.path());
        for (name, value) in &self.headers {
            write!(head, "{name}: {value}\r\n").unwrap();
        }
        if let Some(body) = &self.body {
            write!(head, "Content-Length: {}\r\n", body.len()).unwrap();
        }
        head.push_str("Connection: close\r\n\r\n");
        let mut bytes = head.into_bytes();
        bytes.extend_from_slice(self.body.as_deref().unwrap_or_default());
        bytes
    }

    /// The same on a connection that is to stay open.
    pub fn bytes_to_go_on(&self) -> Vec<u8> {
        let bytes = String::from_utf8(self.bytes()).unwrap();
        bytes.replacen("Connection: close\r\n", "", 1).into_bytes()
    }

    /// Sends it on a connection of its own.
    pub fn try_send(&self) -> Option<Answer> {
        exchange(self.address(), &self.bytes())
    }

    #[track_caller]
    pub fn send(&self) -> Answer {
        let Some(answer) = self.try_send() else { panic!("no answer to {} {}", self.method, self.url) };
        answer
    }
}

/// Sends these very bytes and reads the answer until the server closes.
pub fn exchange(address: SocketAddr, bytes: &[u8]) -> Option<Answer> {
    let mut wire = Wire::open(address)?;
    wire.send(bytes);
    wire.answer()
}

/// One connection, to be used in pieces.
pub struct Wire(TcpStream);

impl Wire {
    pub fn open(address: SocketAddr) -> Option<Self> {
        let stream = TcpStream::connect_timeout(&address, PATIENCE).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        stream.set_write_timeout(Some(PATIENCE)).ok()?;
        Some(Self(stream))
    }

    /// Sends; whether the other side still took it. (A server may answer 413 and close before the body's end.)
    pub fn send(&mut self, bytes: &[u8]) -> bool {
        self.0.write_all(bytes).and_then(|()| self.0.flush()).is_ok()
    }

    /// Whether the other side has closed; waits at most `wait`.
    pub fn is_closed(&mut self, wait: Duration) -> bool {
        self.0.set_read_timeout(Some(wait)).unwrap();
        let mut byte = [0; 512];
        loop {
            match self.0.read(&mut byte) {
                Ok(0) => return true,
                Ok(_) => {}
                Err(error) => return !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
            }
        }
    }

    /// One answer with a length, after which the connection may go on; `None` when it broke off.
    pub fn next_answer(&mut self) -> Option<Answer> {
        let mut raw = Vec::new();
        let mut piece = [0; 16 * 1024];
        loop {
            if let Some(answer) = Answer::parse(&raw) {
                let length: usize = answer.header("content-length")?.parse().unwrap();
                if answer.body.len() == length {
                    return Some(answer);
                }
            }
            match self.0.read(&mut piece) {
                Ok(0) | Err(_) => return None,
                Ok(length) => raw.extend_from_slice(&piece[..length]),
            }
        }
    }

    /// Everything until the other side closes, as an answer; `None` when it closed without one.
    pub fn answer(mut self) -> Option<Answer> {
        let mut raw = Vec::new();
        let mut piece = [0; 16 * 1024];
        loop {
            match self.0.read(&mut piece) {
                // A reset after the answer is the answer all the same.
                Ok(0) | Err(_) => return Answer::parse(&raw),
                Ok(length) => raw.extend_from_slice(&piece[..length]),
            }
        }
    }
}
