//! What `client_secret_basic` and `client_secret_post` share (RFC 6749 §2.3.1): format check, HMAC, and a slow hash only
//! for a client that has imported secrets.

use super::OAuthError;
use super::client_authentication::{GENERIC, check_admitted, check_method, failed};
use super::imported_secret;
use super::state::State;
use super::throttle::Attempt;
use crate::keys::Keyring;
use crate::registry::{
    ClientEntry, ClientSecret, Image, SecretDigest, TokenEndpointAuthMethod, has_secret_format,
};

/// A client id with a secret, as one way of reading a request has them.
#[derive(Clone, Copy)]
pub(super) struct Reading<'r> {
    pub client_id: &'r str,
    pub secret: &'r str,
}

/// Authenticates the client whose secret is presented, in one of the readings.
pub(super) async fn authenticate(
    state: &State,
    image: &Image,
    method: TokenEndpointAuthMethod,
    readings: &[Reading<'_>],
    attempt: &Attempt<'_>,
) -> Result<ClientEntry, OAuthError> {
    let now = state.clock().now_millis();
    let reason = match by_mac(state, image, readings) {
        Ok((entry, place)) => {
            let secret = &entry.secrets()[place];
            if !secret.is_usable(now) {
                return Err(failed("expired_secret", "the client secret has expired"));
            }
            check_method(&entry, method)?;
            check_admitted(&entry, attempt)?;
            state.note_use(&secret.id, now);
            return Ok(entry);
        }
        Err(reason) => reason,
    };
    // Readings of one text name one client, unless the text is made to confuse: then the first one that exists.
    let Some(entry) = readings.iter().find_map(|reading| image.client(reading.client_id)) else {
        return Err(failed(reason, GENERIC));
    };
    let secrets: Vec<&str> = readings
        .iter()
        .filter(|reading| reading.client_id == entry.client().id)
        .map(|reading| reading.secret)
        .collect();
    match imported_secret::find(state, &entry, &secrets, attempt).await? {
        Some((entry, secret_id)) => {
            check_method(&entry, method)?;
            check_admitted(&entry, attempt)?;
            state.note_use(&secret_id, now);
            Ok(entry)
        }
        None if entry.secrets().iter().any(ClientSecret::is_imported) => Err(failed("wrong_secret", GENERIC)),
        None => Err(failed(reason, GENERIC)),
    }
}

/// Finds the secret that this server made, by its place among those of the client; else why there is none.
fn by_mac(
    state: &State,
    image: &Image,
    readings: &[Reading<'_>],
) -> Result<(ClientEntry, usize), &'static str> {
    let mut reason = "malformed_secret";
    for Reading { client_id, secret } in readings {
        // A mistyped secret is refused before any work, whether the client exists or not.
        if !has_secret_format(secret, client_id) {
            continue;
        }
        // Before the client is looked for: an unknown one costs the same.
        let mac = state.keys().secret_mac(secret);
        let Some(entry) = image.client(client_id) else {
            reason = "unknown_client";
            continue;
        };
        // All of them, without an early end.
        let secrets = entry.secrets().iter().enumerate();
        let found = secrets.fold(None, |found, (place, known)| match &known.digest {
            SecretDigest::Mac(kept) if Keyring::same_mac(kept, &mac) => Some(place),
            _ => found,
        });
        match found {
            Some(found) => return Ok((entry, found)),
            None => reason = "wrong_secret",
        }
    }
    Err(reason)
}
