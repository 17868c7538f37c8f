//! `Content-Digest` (RFC 9530): the digest of the content as it is on the wire.

use sfv::{Dictionary, ListEntry, Parser};

use super::super::request::trimmed;
use super::super::{Body, BodyDigest, ProofError, RequestView};
use super::base::base64;

/// The value of `Content-Digest` for a body.
#[must_use]
pub fn content_digest(body: &BodyDigest) -> String {
    format!("sha-256=:{}:", base64(body.sha256()))
}

/// Compares the field with the body: every digest that is known here must be right, and there must be one.
pub(super) fn check(request: &RequestView<'_>, body: Body<'_>) -> Result<(), ProofError> {
    check_fields(request.headers, body)
}

pub(super) fn check_fields(headers: &[(&str, &[u8])], body: Body<'_>) -> Result<(), ProofError> {
    let lines = headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("content-digest"));
    let lines: Vec<&[u8]> = lines.map(|(_, value)| trimmed(value)).collect();
    let digests: Dictionary =
        Parser::new(&lines.join(&b", "[..])).parse().map_err(|_| ProofError::ContentDigest)?;
    let mut known = 0;
    for (name, entry) in &digests {
        let right = match name.as_str() {
            "sha-256" => body.sha256().ok_or(ProofError::BodyUnread)?.to_vec(),
            // Not computed means that nobody looked: that is no agreement.
            "sha-512" => body.sha512().ok_or(ProofError::ContentDigest)?.to_vec(),
            // The others that are registered are broken, or not known here.
            _ => continue,
        };
        let ListEntry::Item(item) = entry else { return Err(ProofError::ContentDigest) };
        if item.bare_item.as_byte_sequence() != Some(&right) {
            return Err(ProofError::ContentDigest);
        }
        known += 1;
    }
    if known > 0 { Ok(()) } else { Err(ProofError::ContentDigest) }
}
