//! Read a body within its limits.

use std::io::Read as _;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http::header::CONTENT_ENCODING;

use crate::FetchError;

/// No honest JSON document shrinks more than this; the bytes below [`SMALL`] are free of the rule.
const RATIO: usize = 100;
const SMALL: usize = 64 * 1024;
/// Sum of names and values, and the largest single value.
const HEADERS: usize = 3 * 8 * 1024;
const HEADER: usize = 8 * 1024;

pub(crate) fn check_headers(headers: &HeaderMap) -> Result<(), FetchError> {
    let mut sum = 0;
    for (name, value) in headers {
        sum += name.as_str().len() + value.len();
        if value.len() > HEADER {
            return Err(FetchError::Headers);
        }
    }
    if sum > HEADERS { Err(FetchError::Headers) } else { Ok(()) }
}

/// Read the body as it comes and stop at the first byte too many, whatever `Content-Length` promised.
pub(crate) async fn read(mut response: reqwest::Response, limit: usize) -> Result<Bytes, FetchError> {
    let gzip = coding(response.headers())?;
    if response.content_length().is_some_and(|length| length > limit as u64) {
        return Err(FetchError::TooLarge(limit));
    }
    let mut wire = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(|e| FetchError::from_transport(&e))? {
        if wire.len() + chunk.len() > limit {
            return Err(FetchError::TooLarge(limit));
        }
        wire.extend_from_slice(&chunk);
    }
    if gzip { inflate(&wire, limit) } else { Ok(wire.freeze()) }
}

/// Only what was asked for: plain or gzip, once.
fn coding(headers: &HeaderMap) -> Result<bool, FetchError> {
    let mut gzip = false;
    for value in headers.get_all(CONTENT_ENCODING) {
        match value.to_str().unwrap_or("?").trim().to_ascii_lowercase().as_str() {
            "" | "identity" => {}
            "gzip" | "x-gzip" if !gzip => gzip = true,
            _ => return Err(FetchError::Encoding),
        }
    }
    Ok(gzip)
}

/// Decompress in pieces, so that a bomb costs one piece more than the limit and not its full size.
fn inflate(wire: &[u8], limit: usize) -> Result<Bytes, FetchError> {
    let ceiling = wire.len().saturating_mul(RATIO).max(SMALL);
    let mut decoder = flate2::read::GzDecoder::new(wire);
    let mut plain = Vec::new();
    let mut piece = [0_u8; 8 * 1024];
    loop {
        let read = decoder.read(&mut piece).map_err(|_| FetchError::Encoding)?;
        if read == 0 {
            return Ok(plain.into());
        }
        plain.extend_from_slice(&piece[..read]);
        if plain.len() > limit {
            return Err(FetchError::TooLarge(limit));
        }
        if plain.len() > ceiling {
            return Err(FetchError::Ratio(RATIO));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn gzip(plain: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn an_honest_document_is_read() {
        let plain = b"{\"keys\":[]}".repeat(1000);
        assert_eq!(inflate(&gzip(&plain), 1 << 20).unwrap(), plain);
    }

    #[test]
    fn a_bomb_ends_at_the_limit() {
        assert_eq!(inflate(&gzip(&vec![0; 8 << 20]), 256 << 10).unwrap_err().code(), "too_large");
    }

    #[test]
    fn a_bomb_below_the_limit_ends_at_the_ratio() {
        assert_eq!(inflate(&gzip(&vec![0; 1 << 20]), 4 << 20).unwrap_err(), FetchError::Ratio(RATIO));
    }

    #[test]
    fn a_damaged_body_is_refused() {
        let mut wire = gzip(b"hello");
        wire.truncate(12);
        assert_eq!(inflate(&wire, 100).unwrap_err(), FetchError::Encoding);
    }

    #[test]
    fn a_coding_that_was_not_asked_for_is_refused() {
        for value in ["br", "gzip, gzip", "deflate", "zstd"] {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_ENCODING, value.parse().unwrap());
            assert_eq!(coding(&headers), Err(FetchError::Encoding), "{value}");
        }
    }

    #[test]
    fn large_headers_are_refused() {
        let mut headers = HeaderMap::new();
        headers.insert("x-one", "a".repeat(HEADER + 1).parse().unwrap());
        assert_eq!(check_headers(&headers), Err(FetchError::Headers));
        let mut headers = HeaderMap::new();
        for n in 0..4 {
            headers.append("x-many", format!("{n}{}", "a".repeat(7000)).parse().unwrap());
        }
        assert_eq!(check_headers(&headers), Err(FetchError::Headers));
    }
}
