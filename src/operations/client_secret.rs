//! Secrets of a client: several live at once, so that rotation never needs an outage.

mod add;
mod hashing;
mod import;
mod list;
mod revoke;
mod rotate;

pub use add::{Added, NewSecret, add};
pub use list::list;
pub use revoke::revoke;
pub use rotate::{RotateSecret, Rotated, rotate};

pub(super) use hashing::Hashing;

use serde::Serialize;

use super::context::Means;
use crate::operations::Refusal;
use crate::registry::{
    Client, ClientSecret, CredentialStatus, GeneratedSecret, SecretDigest, TokenEndpointAuthMethod,
};

/// What the journal may know of a secret.
#[derive(Serialize)]
struct Journaled<'a> {
    id: &'a str,
    expires_at: Option<i64>,
    imported: bool,
}

impl<'a> From<&'a ClientSecret> for Journaled<'a> {
    fn from(secret: &'a ClientSecret) -> Self {
        Self { id: &secret.id, expires_at: secret.expires_at, imported: secret.is_imported() }
    }
}

/// Makes a secret, and the record of it that is kept.
pub(super) fn make(
    means: Means<'_>,
    client_id: &str,
    expires_at: Option<i64>,
) -> (ClientSecret, GeneratedSecret) {
    let secret = GeneratedSecret::new(means.entropy, client_id);
    let digest = SecretDigest::Mac(means.keys.secret_mac(secret.expose()));
    (record(means, client_id, digest, expires_at), secret)
}

/// The record of a secret that is new today.
fn record(means: Means<'_>, client_id: &str, digest: SecretDigest, expires_at: Option<i64>) -> ClientSecret {
    ClientSecret {
        id: means.entropy.ulid(means.clock),
        client_id: client_id.to_owned(),
        digest,
        status: CredentialStatus::Active,
        created_at: means.clock.now_millis(),
        expires_at,
        last_used_at: None,
    }
}

/// How many secrets of a client may be usable at once. Rotation needs two; each one is tried at every token request.
const MAX_SECRETS: usize = 10;
/// How many of them may be imported: each costs a slow hash at a request with a wrong secret.
const MAX_IMPORTED: usize = 2;

/// Refuses a further secret that the client would never use, or that would be one too many. `held` are the usable
/// ones that stay.
fn check_room(client: &Client, held: &[ClientSecret], new: &ClientSecret) -> Result<(), Refusal> {
    if client.token_endpoint_auth_method == TokenEndpointAuthMethod::PrivateKeyJwt {
        return Err(Refusal::conflict(
            "token_endpoint_auth_method",
            "is private_key_jwt: this client would never use a secret",
            "add a key instead",
        ));
    }
    let full = |most: usize, what: &str| {
        Refusal::conflict(
            "client_secret",
            format!("cannot be added: the client has {most} usable ones{what}"),
            "revoke those that are not needed",
        )
    };
    if held.len() >= MAX_SECRETS {
        return Err(full(MAX_SECRETS, ""));
    }
    if new.is_imported() && held.iter().filter(|secret| secret.is_imported()).count() >= MAX_IMPORTED {
        return Err(full(MAX_IMPORTED, " that were imported"));
    }
    Ok(())
}
