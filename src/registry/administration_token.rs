//! Tokens of the administration API: opaque, short-lived, ended at once when their client is disabled.
//!
//! They are no JWTs on purpose: whatever is signed with the token key, by whatever mistake, opens no administration
//! route. Of a token only a digest is kept; at 256 random bits it needs no salt and no slow hash.

use aws_lc_rs::digest;
use carnet_ambient::{Clock, Entropy};
use carnet_db::Database;
use carnet_token::base64url;
use zeroize::Zeroizing;

use crate::db;
pub use crate::db::administration_token::AdministrationToken;

/// What every token begins with, so that scanners of leaked secrets know it, and nobody takes it for a JWT.
const PREFIX: &str = "carnet_at_";
/// 43 letters and digits carry 256.03 bits.
const RANDOM_LEN: usize = 43;
/// The longest lifetime, seconds.
pub const MAX_LIFETIME: i64 = 300;

/// A token that was just made. It is handed out once; what is kept is its digest.
pub struct NewToken {
    text: Zeroizing<String>,
    /// Seconds until it expires.
    pub expires_in: i64,
}

impl NewToken {
    /// The token itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.text
    }
}

impl std::fmt::Debug for NewToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewToken").field("expires_in", &self.expires_in).finish_non_exhaustive()
    }
}

/// Makes a token for an administrator and keeps its digest. `lifetime` in seconds, cut at [`MAX_LIFETIME`].
///
/// # Errors
/// When the database refuses; no token was made then.
pub async fn issue(
    database: &Database,
    clock: &Clock,
    entropy: &Entropy,
    client_id: &str,
    scope: &str,
    lifetime: i64,
) -> Result<NewToken, db::Error> {
    let expires_in = lifetime.clamp(1, MAX_LIFETIME);
    let text = Zeroizing::new(format!("{PREFIX}{}", &*Zeroizing::new(entropy.alphanumeric(RANDOM_LEN))));
    let now = clock.now_millis();
    let pool = database.writer().pool();
    let record = AdministrationToken {
        digest: digest_of(&text),
        client_id: client_id.to_owned(),
        scope: scope.to_owned(),
        created_at: now,
        expires_at: now + expires_in * 1000,
    };
    db::administration_token::insert(pool, &record).await?;
    // Administrators are few and ask seldom: whoever comes tidies up.
    db::administration_token::forget_expired(pool, now).await?;
    Ok(NewToken { text, expires_in })
}

/// Finds the record of a token that was presented, if it is one and has not expired.
///
/// # Errors
/// When the database does not answer: the caller must then refuse.
pub async fn find(
    database: &Database,
    clock: &Clock,
    token: &str,
) -> Result<Option<AdministrationToken>, db::Error> {
    // Whatever cannot be a token, a JWT above all, costs no query.
    if !has_format(token) {
        return Ok(None);
    }
    db::administration_token::find(database.reader().pool(), &digest_of(token), clock.now_millis()).await
}

fn has_format(token: &str) -> bool {
    token.strip_prefix(PREFIX).is_some_and(|random| {
        random.len() == RANDOM_LEN && random.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}

fn digest_of(token: &str) -> String {
    base64url::encode(digest::digest(&digest::SHA256, token.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_form_that_is_issued_is_looked_up() {
        let random = Entropy::seeded(1).alphanumeric(RANDOM_LEN);
        assert!(has_format(&format!("{PREFIX}{random}")));
        for wrong in [
            String::new(),
            random.clone(),
            format!("{PREFIX}{random}a"),
            format!("{PREFIX}{}", &random[1..]),
            format!("{PREFIX}{}.", &random[1..]),
            format!("carnet_AT_{random}"),
            "eyJhbGciOiJSUzI1NiJ9.eyJzY29wZSI6ImFkbWluOndyaXRlIn0.AAAA".to_owned(),
        ] {
            assert!(!has_format(&wrong), "{wrong}");
        }
    }
}
