//! Secrets of a client: several live at once, so that rotation never needs an outage.

mod add;
mod list;
mod revoke;

pub use add::{Added, NewSecret, add};
pub use list::list;
pub use revoke::revoke;

use serde::Serialize;

use super::context::Means;
use crate::registry::{ClientSecret, CredentialStatus, GeneratedSecret};

/// What the journal may know of a secret.
#[derive(Serialize)]
struct Journaled<'a> {
    id: &'a str,
    expires_at: Option<i64>,
}

impl<'a> From<&'a ClientSecret> for Journaled<'a> {
    fn from(secret: &'a ClientSecret) -> Self {
        Self { id: &secret.id, expires_at: secret.expires_at }
    }
}

/// Makes a secret, and the record of it that is kept.
pub(super) fn make(
    means: Means<'_>,
    client_id: &str,
    expires_at: Option<i64>,
) -> (ClientSecret, GeneratedSecret) {
    let secret = GeneratedSecret::new(means.entropy, client_id);
    let record = ClientSecret {
        id: means.entropy.ulid(means.clock),
        client_id: client_id.to_owned(),
        mac: means.keys.secret_mac(secret.expose()),
        status: CredentialStatus::Active,
        created_at: means.clock.now_millis(),
        expires_at,
        last_used_at: None,
    };
    (record, secret)
}
