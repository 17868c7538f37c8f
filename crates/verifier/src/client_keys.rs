//! The registered keys of clients: for proofs that do not carry their key, where the token has only its name.
//!
//! A name means something only together with issuer and client. Keys are asked of the issuer itself, at an address on its
//! own host that its metadata gives, never of anything in a token or proof.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use carnet_fetch::{Clamps, Limits, Request, SingleFlight, same_place};
use carnet_token::proof::ProofError;
use carnet_token::{AccessToken, Confirmation, KeySet, PublicKey};
use http::StatusCode;
use url::Url;

use crate::Reason;
use crate::discovery::{self, Directory, KeyTrouble};
use crate::keys::budget::Bucket;
use crate::keys::{Shared, lock};

/// Where the registered keys of an issuer's clients come from.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum ClientKeySource {
    /// Nowhere: a proof carries its key, and the token its thumbprint.
    #[default]
    Off,
    /// From the address that the issuer's metadata gives for each client (`client_jwks_uri_template`), on its own host.
    Issuer,
    /// From here, by client: for closed networks and tests.
    Static(HashMap<String, KeySet>),
}

/// The place of the client's name in a template.
const PLACE: &str = "{client_id}";
/// How many clients are remembered.
const MAX_CLIENTS: usize = 4096;
/// How long nobody asks again for a client whose keys could not be had, or lacked the one that was wanted.
const COOLDOWN: Duration = Duration::from_secs(30);
/// How many questions a minute the tokens of one issuer can cause: they are signed by it, so that this is its own say.
const PER_MINUTE: u32 = 600;
const CLAMPS: Clamps = Clamps {
    min: Duration::from_secs(30),
    max: Duration::from_mins(15),
    default: Duration::from_mins(5),
    max_stale: Duration::ZERO,
};

#[derive(Debug)]
pub(crate) struct ClientKeys {
    directory: Arc<Directory>,
    source: ClientKeySource,
    shared: Arc<Shared>,
    clients: Mutex<HashMap<String, Held>>,
    bucket: Mutex<Bucket>,
    flight: SingleFlight<String, ()>,
}

#[derive(Clone, Debug)]
struct Held {
    /// `None` when they could not be had.
    keys: Option<Arc<KeySet>>,
    asked_at: Duration,
    good_for: Duration,
}

impl ClientKeys {
    pub(crate) fn new(source: ClientKeySource, directory: Arc<Directory>, shared: Arc<Shared>) -> Self {
        let (clients, flight) = (Mutex::default(), SingleFlight::new());
        let bucket = Mutex::new(Bucket::full(PER_MINUTE));
        Self { directory, source, shared, clients, bucket, flight }
    }

    /// The registered key that a validated token names.
    pub(crate) async fn find(self: &Arc<Self>, token: &AccessToken) -> Result<Arc<PublicKey>, Reason> {
        let unknown = Reason::Proof(ProofError::UnknownPopKid);
        let wanted = token.confirmation().and_then(Confirmation::key_ref).ok_or(unknown)?;
        let client = token.client_id().ok_or(unknown)?;
        let pick = |keys: &KeySet| {
            let fits = |key: &&Arc<PublicKey>| match wanted.jkt() {
                Some(jkt) => key.thumbprint() == jkt,
                None => wanted.kid() == Some(key.kid()),
            };
            keys.iter().find(fits).cloned()
        };
        match &self.source {
            ClientKeySource::Off => Err(unknown),
            ClientKeySource::Static(clients) => clients.get(client).and_then(pick).ok_or(unknown),
            ClientKeySource::Issuer => {
                let now = self.shared.clock.monotonic();
                let held = lock(&self.clients).get(client).cloned();
                if let Some(held) = &held {
                    let age = now.saturating_sub(held.asked_at);
                    let key = held.keys.as_deref().and_then(pick);
                    match key {
                        Some(key) if age < held.good_for => return Ok(key),
                        // A new key, perhaps; or a token that was made with one that is gone.
                        _ if age < COOLDOWN => return Err(held.trouble(unknown)),
                        _ => {}
                    }
                }
                self.refresh(client).await;
                let clients = lock(&self.clients);
                let held = clients.get(client).ok_or(Reason::KeysUnavailable { retry_after: 30 })?;
                held.keys.as_deref().and_then(pick).ok_or(held.trouble(unknown))
            }
        }
    }

    /// Asks once, whoever wants to know, in a task of its own: a sender that hangs up wastes nothing.
    async fn refresh(self: &Arc<Self>, client: &str) {
        if !lock(&self.bucket).take(self.shared.clock.monotonic()) {
            return;
        }
        let (this, client) = (Arc::clone(self), client.to_owned());
        let flight = async move {
            let (worker, name) = (Arc::clone(&this), client.clone());
            this.flight.run(client, move || async move { worker.attempt(&name).await }).await;
        };
        if tokio::spawn(flight).await.is_err() {
            tracing::error!("the task that fetches a client's keys ended");
        }
    }

    async fn attempt(&self, client: &str) {
        let loaded = self.load(client).await;
        let now = self.shared.clock.monotonic();
        let held = match loaded {
            Ok((keys, good_for)) => Held { keys: Some(Arc::new(keys)), asked_at: now, good_for },
            Err(trouble) => {
                tracing::warn!(issuer = self.directory.issuer(), client_id = client, %trouble, "keys of a client not fetched");
                // The server answered: it has no such client.
                let gone = matches!(trouble, KeyTrouble::Status(404));
                Held { keys: gone.then(Arc::default), asked_at: now, good_for: COOLDOWN }
            }
        };
        let mut clients = lock(&self.clients);
        if clients.len() >= MAX_CLIENTS && !clients.contains_key(client) {
            // Whatever is asked for least recently: it is asked for again when it is needed.
            let oldest = clients.iter().min_by_key(|(_, held)| held.asked_at).map(|(name, _)| name.clone());
            oldest.and_then(|oldest| clients.remove(&oldest));
        }
        clients.insert(client.to_owned(), held);
    }

    async fn address(&self, client: &str) -> Result<Url, KeyTrouble> {
        let issuer = self.directory.issuer();
        let issuer: Url = issuer.parse().map_err(|_| KeyTrouble::Metadata("the issuer is not a URL"))?;
        let template = self.directory.metadata().await?.client_keys;
        let template =
            template.ok_or(KeyTrouble::Metadata("the issuer does not publish keys of its clients"))?;
        filled(&template, client, &issuer)
            .ok_or(KeyTrouble::Metadata("client_jwks_uri_template is none, or on another host"))
    }

    async fn load(&self, client: &str) -> Result<(KeySet, Duration), KeyTrouble> {
        let url = self.address(client).await?;
        let limits = Limits::key_set().with_port(url.port());
        let answer = self.shared.fetcher.send(Request::get(&url, limits)).await?;
        if answer.status == StatusCode::NOT_FOUND {
            return Err(KeyTrouble::Status(404));
        }
        let good_for = answer.freshness(&CLAMPS).lifetime();
        let body = discovery::json_body(&answer)?.to_vec();
        let keys = tokio::task::spawn_blocking(move || KeySet::parse(&body))
            .await
            .map_err(|_| KeyTrouble::Task)??;
        Ok((keys, good_for))
    }
}

/// The address that a template gives for a client, if it is on the issuer's own host.
fn filled(template: &str, client: &str, issuer: &Url) -> Option<Url> {
    // Escaped, and no direction: a client's name is no way to another path.
    if matches!(client, "" | "." | "..") || template.matches(PLACE).count() != 1 {
        return None;
    }
    let name: String = client
        .bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect();
    let url: Url = template.replace(PLACE, &name).parse().ok()?;
    (same_place(issuer, &url) && url.fragment().is_none()).then_some(url)
}

impl Held {
    fn trouble(&self, unknown: Reason) -> Reason {
        match self.keys {
            Some(_) => unknown,
            None => Reason::KeysUnavailable { retry_after: COOLDOWN.as_secs() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_leads_to_the_issuers_own_host_and_nowhere_else() {
        let issuer: Url = "https://iap.example".parse().unwrap();
        let good = "https://iap.example/clients/{client_id}/jwks";
        for (template, client, url) in [
            (good, "widgetco", Some("https://iap.example/clients/widgetco/jwks")),
            (good, "a/../b", Some("https://iap.example/clients/a%2F..%2Fb/jwks")),
            (good, "a?b#c é", Some("https://iap.example/clients/a%3Fb%23c%20%C3%A9/jwks")),
            ("https://iap.example/keys?of={client_id}", "a&b", Some("https://iap.example/keys?of=a%26b")),
            (good, "..", None),
            (good, ".", None),
            (good, "", None),
            ("https://iap.example/clients/jwks", "widgetco", None),
            ("https://evil.example/{client_id}", "widgetco", None),
            ("https://{client_id}/jwks", "evil.example", None),
            ("https://iap.example:8443/{client_id}", "widgetco", None),
            ("http://iap.example/{client_id}", "widgetco", None),
            ("{client_id}", "https://evil.example", None),
        ] {
            assert_eq!(
                filled(template, client, &issuer).map(String::from).as_deref(),
                url,
                "{template} {client}"
            );
        }
    }
}
