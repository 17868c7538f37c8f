//! Requests as bytes, and connections that send them and read whole answers.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::measurement::Outcome;

/// Longer than any answer takes, unless something is broken.
const PATIENCE: Duration = Duration::from_secs(20);

/// A client's credentials.
#[derive(Debug, Clone)]
pub struct Credentials {
    pub client_id: String,
    pub client_secret: String,
}

/// A token request with `client_secret_basic`.
pub fn by_secret(address: SocketAddr, credentials: &Credentials) -> Vec<u8> {
    let basic = STANDARD.encode(format!("{}:{}", credentials.client_id, credentials.client_secret));
    post(address, &format!("Authorization: Basic {basic}\r\n"), "grant_type=client_credentials")
}

/// A token request with `private_key_jwt`.
pub fn by_assertion(address: SocketAddr, assertion: &str) -> Vec<u8> {
    let body = format!(
        "grant_type=client_credentials&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3A\
         client-assertion-type%3Ajwt-bearer&client_assertion={assertion}"
    );
    post(address, "", &body)
}

fn post(address: SocketAddr, headers: &str, body: &str) -> Vec<u8> {
    format!(
        "POST /token HTTP/1.1\r\nHost: {address}\r\n{headers}Content-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// A request without a body.
pub fn get(address: SocketAddr, path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n").into_bytes()
}

/// A connection that stays open, with one request in flight at most.
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    filled: usize,
}

impl Connection {
    pub fn open(address: SocketAddr) -> Outcome<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { stream, buffer: vec![0; 16 * 1024], filled: 0 })
    }

    pub fn send(&mut self, request: &[u8]) -> Outcome<()> {
        Ok(self.stream.write_all(request)?)
    }

    /// Reads one whole answer; returns its status.
    pub fn answer(&mut self) -> Outcome<u16> {
        self.filled = 0;
        loop {
            let read = self.stream.read(&mut self.buffer[self.filled..])?;
            if read == 0 {
                return Err("the server closed the connection".into());
            }
            self.filled += read;
            if let Some(whole) = whole(&self.buffer[..self.filled])? {
                return Ok(whole);
            }
            if self.filled == self.buffer.len() {
                return Err("an answer larger than 16 KiB".into());
            }
        }
    }

    /// Reads one whole answer, which must be a success.
    pub fn success(&mut self) -> Outcome<()> {
        match self.answer()? {
            200 => Ok(()),
            _ => Err(format!("unexpected answer: {}", self.text()).into()),
        }
    }

    /// The last answer.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.buffer[..self.filled]).into_owned()
    }
}

/// The status of an answer that is there as a whole; `None` while some of it is missing.
pub fn whole(bytes: &[u8]) -> Outcome<Option<u16>> {
    let Some(head) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(None) };
    let head_text = std::str::from_utf8(&bytes[..head])?;
    let mut lines = head_text.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).ok_or("no status line")?;
    let length = lines
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .map_or(Ok(0), |(_, value)| value.trim().parse::<usize>())?;
    if bytes.len() < head + 4 + length { Ok(None) } else { Ok(Some(status.parse()?)) }
}
