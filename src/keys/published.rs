use aws_lc_rs::digest;
use bytes::Bytes;
use carnet_token::{Jwk, base64url};

/// The public keys as they are served: made once, at start.
#[derive(Debug, Clone)]
pub struct PublishedKeySet {
    /// The JWK Set (RFC 7517 §5).
    pub bytes: Bytes,
    /// Its strong entity tag, quotes included (RFC 9110 §8.8.3).
    pub etag: String,
    /// When the youngest of its keys came into being, seconds since 1970-01-01 UTC.
    pub last_modified: i64,
}

impl PublishedKeySet {
    /// A set of public keys with their common members `use` and `key_ops`.
    #[must_use]
    pub fn new<'a>(keys: impl IntoIterator<Item = &'a Jwk>, last_modified: i64) -> Self {
        let keys: Vec<_> = keys.into_iter().map(Jwk::to_value).collect();
        let bytes = Bytes::from(serde_json::json!({ "keys": keys }).to_string());
        let hash = digest::digest(&digest::SHA256, &bytes);
        let etag = format!("\"{}\"", base64url::encode(&hash.as_ref()[..16]));
        Self { bytes, etag, last_modified }
    }
}
