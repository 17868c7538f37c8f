use aws_lc_rs::digest::{Context, SHA256, SHA512};

use super::ProofError;

/// A request as proofs see it: raw text, nothing decoded, nothing tidied up.
///
/// A framework that decodes paths or sorts queries shows another request than the one that was signed. `scheme` and
/// `authority` are those under which the *client* reached the server: behind a proxy they are configured, never taken
/// from a field that a client can send.
#[derive(Debug, Clone, Copy)]
pub struct RequestView<'a> {
    /// The method, case and all.
    pub method: &'a str,
    /// `https` or `http`.
    pub scheme: &'a str,
    /// Host and, unless it is the default one, port.
    pub authority: &'a str,
    /// The path as sent.
    pub path: &'a str,
    /// What follows the `?` as sent; `None` when there is no `?`.
    pub query: Option<&'a str>,
    /// Every header field line in the order of the wire.
    pub headers: &'a [(&'a str, &'a [u8])],
    /// The body, by its digest.
    pub body: Body<'a>,
    /// The client certificate of the connection.
    pub certificate: Certificate<'a>,
}

/// The content of a request after removal of the transfer coding, still in its content coding.
#[derive(Debug, Clone, Copy)]
pub enum Body<'a> {
    /// None, or nothing in it.
    Empty,
    /// By its digest.
    Digest(&'a BodyDigest),
    /// There may be one, and nobody has read it: what must be compared with it is refused.
    Unread,
}

/// The client certificate of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Certificate<'a> {
    /// None.
    None,
    /// The end-entity certificate in DER, whose private key the peer has proven to hold: on this connection, or on the
    /// one to a proxy that is trusted to tell.
    Presented(&'a [u8]),
    /// A field says so, but not of a proxy that is trusted to tell.
    Untrusted,
}

/// Length and digests of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BodyDigest {
    length: u64,
    sha256: [u8; 32],
    sha512: Option<Box<[u8; 64]>>,
}

/// Digests a body while it is read.
#[derive(Clone)]
pub struct BodyDigester {
    length: u64,
    sha256: Context,
    sha512: Option<Context>,
}

impl<'a> RequestView<'a> {
    /// The values of all field lines of this name (lower case), in the order of the wire, outer whitespace removed.
    pub fn fields(&self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        let named = self.headers.iter().filter(move |(field, _)| field.eq_ignore_ascii_case(name));
        named.map(|(_, value)| trimmed(value))
    }

    /// The value of the one field line of this name; `None` without any.
    ///
    /// # Errors
    /// [`ProofError::Malformed`] for two of them: two readers could each look at another one.
    pub(super) fn only_field(&self, name: &str) -> Result<Option<&'a [u8]>, ProofError> {
        let mut fields = self.fields(name);
        let first = fields.next();
        if fields.next().is_some() { Err(ProofError::Malformed) } else { Ok(first) }
    }

    /// Whether something follows the `?`.
    pub(super) fn has_query(&self) -> bool {
        self.query.is_some_and(|query| !query.is_empty())
    }
}

impl Body<'_> {
    /// Whether there is nothing in it.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        match self {
            Self::Empty => true,
            Self::Digest(digest) => digest.length == 0,
            Self::Unread => false,
        }
    }

    pub(super) fn sha256(self) -> Option<[u8; 32]> {
        match self {
            Self::Empty => Some(BodyDigest::of(b"").sha256),
            Self::Digest(digest) => Some(digest.sha256),
            Self::Unread => None,
        }
    }

    pub(super) fn sha512(self) -> Option<[u8; 64]> {
        match self {
            Self::Empty => BodyDigester::both().finish().sha512.map(|digest| *digest),
            Self::Digest(digest) => digest.sha512.as_deref().copied(),
            Self::Unread => None,
        }
    }
}

impl BodyDigest {
    /// The SHA-256 digest of a body that is there as a whole.
    #[must_use]
    pub fn of(body: &[u8]) -> Self {
        let mut digester = BodyDigester::sha256();
        digester.update(body);
        digester.finish()
    }

    /// How many bytes the body has.
    #[must_use]
    pub const fn length(&self) -> u64 {
        self.length
    }

    /// Its SHA-256 digest.
    #[must_use]
    pub const fn sha256(&self) -> &[u8; 32] {
        &self.sha256
    }
}

impl BodyDigester {
    /// For SHA-256 alone.
    #[must_use]
    pub fn sha256() -> Self {
        Self { length: 0, sha256: Context::new(&SHA256), sha512: None }
    }

    /// For SHA-256 and SHA-512.
    #[must_use]
    pub fn both() -> Self {
        Self { sha512: Some(Context::new(&SHA512)), ..Self::sha256() }
    }

    /// For what a request with these header fields may be compared with: SHA-512 is computed for whoever sends it
    /// in `Content-Digest` (RFC 9530 §2).
    #[must_use]
    pub fn for_request(headers: &[(&str, &[u8])]) -> Self {
        let names_sha512 = |(name, value): &(&str, &[u8])| {
            name.eq_ignore_ascii_case("content-digest") && value.windows(7).any(|word| word == b"sha-512")
        };
        if headers.iter().any(names_sha512) { Self::both() } else { Self::sha256() }
    }

    /// The next piece of the body.
    pub fn update(&mut self, piece: &[u8]) {
        self.length = self.length.saturating_add(piece.len() as u64);
        self.sha256.update(piece);
        if let Some(sha512) = &mut self.sha512 {
            sha512.update(piece);
        }
    }

    /// The digest of all that was read.
    #[must_use]
    pub fn finish(self) -> BodyDigest {
        let mut sha256 = [0; 32];
        sha256.copy_from_slice(self.sha256.finish().as_ref());
        let sha512 = self.sha512.map(|context| {
            let mut sha512 = Box::new([0; 64]);
            sha512.copy_from_slice(context.finish().as_ref());
            sha512
        });
        BodyDigest { length: self.length, sha256, sha512 }
    }
}

impl std::fmt::Debug for BodyDigester {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BodyDigester").field("length", &self.length).finish_non_exhaustive()
    }
}

/// A field value without the whitespace around it (RFC 9110 §5.5).
pub(super) fn trimmed(value: &[u8]) -> &[u8] {
    let is_white = |byte: &u8| matches!(byte, b' ' | b'\t');
    let start = value.iter().position(|byte| !is_white(byte)).unwrap_or(value.len());
    let end = value.iter().rposition(|byte| !is_white(byte)).map_or(start, |last| last + 1);
    &value[start..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_read_in_pieces_has_the_digest_of_the_whole() {
        let mut pieces = BodyDigester::both();
        for piece in [&b"{\"@type\""[..], b"", b":1}"] {
            pieces.update(piece);
        }
        let pieces = pieces.finish();
        let whole = BodyDigest::of(b"{\"@type\":1}");
        assert_eq!((pieces.length, pieces.sha256), (whole.length, whole.sha256));
        assert!(whole.sha512.is_none() && pieces.sha512.is_some());
        assert!(Body::Digest(&BodyDigest::of(b"")).is_empty() && !Body::Digest(&whole).is_empty());
    }

    #[test]
    fn whitespace_around_a_value_is_not_part_of_it() {
        for (value, bare) in [(&b" \t a b\t"[..], &b"a b"[..]), (b"", b""), (b"  ", b""), (b"\xe9 ", b"\xe9")]
        {
            assert_eq!(trimmed(value), bare);
        }
    }
}
