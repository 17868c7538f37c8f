use aws_lc_rs::digest;
use carnet_token::base64url;
use serde::Serialize;

/// Names the state of something, for `ETag` and `If-Match`: 128 bits of a digest over all that is shown of it.
#[must_use]
pub fn version<T: Serialize>(of: &T) -> String {
    let text = serde_json::to_vec(of).unwrap_or_default();
    base64url::encode(&digest::digest(&digest::SHA256, &text).as_ref()[..16])
}
