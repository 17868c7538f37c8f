use std::collections::HashMap;
use std::sync::Arc;

use carnet_db::Database;
use carnet_db::sqlx::Connection;
use carnet_token::PublicKey;

use super::{
    Client, ClientKey, ClientSecret, CredentialStatus, OneRecordId, OneRecordIdStatus, Participant,
    ResourceServer, Status,
};
use crate::db;

/// The registry as the token endpoint sees it: everything in memory, as of one change number.
#[derive(Debug, Default, Clone)]
pub struct Image {
    change: i64,
    // Of the journal's record `change`: a number alone may come again after the database was set back.
    hash: String,
    clients: HashMap<Arc<str>, Arc<ClientEntry>>,
    resource_servers: HashMap<String, Arc<ResourceServer>>,
    by_identifier: HashMap<String, Arc<ResourceServer>>,
    default_resource_server: Option<Arc<ResourceServer>>,
}

/// A client with all that a token request needs to know of it.
#[derive(Debug)]
pub struct ClientEntry {
    /// The client.
    pub client: Client,
    /// Whose it is; none for an administrator.
    pub participant: Option<Arc<Participant>>,
    /// The ONE Record ID for its tokens: the one it is registered for, else the participant's main one;
    /// none when that one or the logistics agent URI is suspended, and for an administrator.
    pub iol_identifier: Option<String>,
    /// Active secrets; expiry is for the reader to check.
    pub secrets: Vec<ClientSecret>,
    /// Active keys; expiry is for the reader to check.
    pub keys: Vec<UsableKey>,
}

/// A registered key, prepared for checking signatures.
#[derive(Debug)]
pub struct UsableKey {
    /// The registration.
    pub key: ClientKey,
    /// The same, checked and parsed.
    pub public: PublicKey,
}

impl ClientEntry {
    /// Whether the client and everything above it are enabled.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.client.status == Status::Active
            && self.participant.as_ref().is_none_or(|participant| participant.status == Status::Active)
    }
}

/// An image that has more to catch up with than this is read anew as a whole.
const CATCH_UP: usize = 200;

impl Image {
    /// Reads the whole registry in one transaction, so that it is of one moment.
    pub(crate) async fn load(database: &Database) -> Result<Self, db::Error> {
        let mut connection = database.reader().pool().acquire().await?;
        let mut tx = connection.begin().await?;
        // Read first: under READ COMMITTED what follows may be newer than this number, never older, and the
        // next poll then reads again.
        let (change, hash) = db::journal::head_with_hash(&mut *tx).await?;
        let participants: HashMap<String, Arc<Participant>> = db::participant::all(&mut *tx)
            .await?
            .into_iter()
            .map(|participant| (participant.id.clone(), Arc::new(participant)))
            .collect();
        let identifiers: HashMap<String, OneRecordId> =
            db::one_record_id::all(&mut *tx).await?.into_iter().map(|id| (id.uri.clone(), id)).collect();
        let mut secrets: HashMap<String, Vec<ClientSecret>> = HashMap::new();
        for secret in db::client_secret::all_active(&mut *tx).await? {
            secrets.entry(secret.client_id.clone()).or_default().push(secret);
        }
        let mut keys: HashMap<String, Vec<ClientKey>> = HashMap::new();
        for key in db::client_key::all_active(&mut *tx).await? {
            keys.entry(key.client_id.clone()).or_default().push(key);
        }
        let mut image = Self { change, hash, ..Self::default() };
        image.set_resource_servers(db::resource_server::all(&mut *tx).await?);
        for client in db::client::all(&mut *tx).await? {
            let participant = client.participant_id.as_ref().and_then(|id| participants.get(id)).cloned();
            image.set_client(ClientEntry {
                iol_identifier: iol_identifier(&client, participant.as_deref(), |uri| identifiers.get(uri)),
                participant,
                secrets: secrets.remove(&client.id).unwrap_or_default(),
                keys: usable(keys.remove(&client.id).unwrap_or_default()),
                client,
            });
        }
        tx.rollback().await?;
        Ok(image)
    }

    /// This image with what the journal says has changed since, so that a change costs what it touches and
    /// not what is registered.
    ///
    /// A database that was set back under a running node, such as by a failover to a replica that lagged, is not
    /// followed: what was revoked in the lost records would be valid again.
    pub(crate) async fn catch_up(&self, database: &Database) -> Result<Self, db::Error> {
        if !db::journal::holds(database.reader().pool(), self.change, &self.hash).await? {
            return Err(db::Error::SetBack { seen: self.change });
        }
        let mut connection = database.reader().pool().acquire().await?;
        let mut tx = connection.begin().await?;
        let (change, hash) = db::journal::head_with_hash(&mut *tx).await?;
        // Retention may have removed what a node that was away for long would need.
        let start = db::journal::start(&mut *tx).await?;
        let subjects = db::journal::subjects_between(&mut *tx, self.change, change).await?;
        let mut clients = Vec::new();
        let mut resource_servers = None;
        let mut whole = subjects.len() > CATCH_UP || start.sequence > self.change;
        for subject in subjects.iter().take(CATCH_UP) {
            match subject.split_once('/') {
                Some(("client", id)) => clients.extend(db::client::find(&mut *tx, id).await?),
                Some(("participant", id)) => {
                    clients.extend(db::client::of_participant(&mut *tx, id).await?);
                }
                Some(("resource_server", _)) => {
                    resource_servers = Some(db::resource_server::all(&mut *tx).await?);
                }
                // Keys are followed by their own room, revoked tokens are looked up, and no token depends on who approves
                // what or on what is done with the journal.
                Some(("signing_key" | "token" | "approval" | "journal", _)) => {}
                // A subject of a later version: what it touches is not known here.
                _ => whole = true,
            }
        }
        if whole {
            tx.rollback().await?;
            drop(connection);
            return Self::load(database).await;
        }
        let mut image = Self { change, hash, ..self.clone() };
        if let Some(servers) = resource_servers {
            image.set_resource_servers(servers);
        }
        for client in clients {
            let (participant, identifiers) = match &client.participant_id {
                Some(id) => (
                    db::participant::find(&mut *tx, id).await?.map(Arc::new),
                    db::one_record_id::of_participant(&mut *tx, id).await?,
                ),
                None => (None, Vec::new()),
            };
            let find = |uri: &str| identifiers.iter().find(|id| id.uri == uri);
            let mut secrets = db::client_secret::of_client(&mut *tx, &client.id).await?;
            secrets.retain(|secret| secret.status == CredentialStatus::Active);
            let mut keys = db::client_key::of_client(&mut *tx, &client.id).await?;
            keys.retain(|key| key.status == CredentialStatus::Active);
            image.set_client(ClientEntry {
                iol_identifier: iol_identifier(&client, participant.as_deref(), find),
                participant,
                secrets,
                keys: usable(keys),
                client,
            });
        }
        tx.rollback().await?;
        Ok(image)
    }

    fn set_client(&mut self, mut entry: ClientEntry) {
        // In the order in which they were made, however they were read.
        entry.secrets.sort_unstable_by(|a, b| a.id.cmp(&b.id));
        entry.keys.sort_unstable_by(|a, b| a.key.id.cmp(&b.key.id));
        self.clients.insert(entry.client.id.as_str().into(), Arc::new(entry));
    }

    fn set_resource_servers(&mut self, servers: Vec<ResourceServer>) {
        let servers: Vec<Arc<ResourceServer>> = servers.into_iter().map(Arc::new).collect();
        self.default_resource_server = servers.iter().find(|server| server.is_default).cloned();
        self.by_identifier = servers.iter().map(|s| (s.identifier.clone(), Arc::clone(s))).collect();
        self.resource_servers = servers.into_iter().map(|s| (s.id.clone(), s)).collect();
    }

    /// The change number that this image is of.
    #[must_use]
    pub fn change(&self) -> i64 {
        self.change
    }

    /// Whether it is of this last record of the journal, by number and hash.
    pub(crate) fn is_of(&self, head: &(i64, String)) -> bool {
        (self.change, &self.hash) == (head.0, &head.1)
    }

    /// A client by its id, enabled or not.
    #[must_use]
    pub fn client(&self, client_id: &str) -> Option<&Arc<ClientEntry>> {
        self.clients.get(client_id)
    }

    /// All clients, in no order.
    pub fn clients(&self) -> impl Iterator<Item = &Arc<ClientEntry>> {
        self.clients.values()
    }

    /// How many resource servers there are.
    #[must_use]
    pub fn resource_server_count(&self) -> usize {
        self.resource_servers.len()
    }

    /// How many clients there are.
    #[must_use]
    pub fn client_count(&self) -> usize {
        self.clients.len()
    }

    /// A resource server by what stands in `aud`.
    #[must_use]
    pub fn resource_server(&self, identifier: &str) -> Option<&Arc<ResourceServer>> {
        self.by_identifier.get(identifier)
    }

    /// The resource servers that a client speaks for.
    #[must_use]
    pub fn introspected_by(&self, client: &Client) -> Vec<Arc<ResourceServer>> {
        client.introspects.iter().filter_map(|id| self.resource_servers.get(id)).cloned().collect()
    }

    /// The resource servers that a client may ask for; the first one is its default.
    #[must_use]
    pub fn audiences_of(&self, client: &Client) -> Vec<Arc<ResourceServer>> {
        if client.audiences.is_empty() {
            return self.default_resource_server.iter().cloned().collect();
        }
        client.audiences.iter().filter_map(|id| self.resource_servers.get(id)).cloned().collect()
    }
}

/// What stands in a client's tokens: the identifier it is registered for, else its participant's main one, if
/// that is approved and still the participant's. None also when the logistics agent URI beside it is an identifier
/// that is not approved: suspended, it would go on to stand in tokens under its other name.
fn iol_identifier<'a>(
    client: &Client,
    participant: Option<&Participant>,
    find: impl Fn(&str) -> Option<&'a OneRecordId>,
) -> Option<String> {
    let participant = participant?;
    if find(&participant.logistics_agent_uri).is_some_and(|held| held.status != OneRecordIdStatus::Approved) {
        return None;
    }
    let id = find(client.one_record_id.as_ref().unwrap_or(&participant.iol_identifier))?;
    (id.status == OneRecordIdStatus::Approved && id.participant_id == participant.id).then(|| id.uri.clone())
}

/// Keys prepared for checking signatures. One that was registered under older rules may no longer be used,
/// and nobody else suffers for it.
fn usable(keys: Vec<ClientKey>) -> Vec<UsableKey> {
    let prepare = |key: ClientKey| match PublicKey::from_jwk(&key.jwk) {
        Ok(public) => Some(UsableKey { key, public }),
        Err(reason) => {
            tracing::warn!(
                client_id = key.client_id,
                kid = key.kid,
                %reason,
                "a registered client key is not acceptable any more and is ignored; register a new one"
            );
            None
        }
    };
    keys.into_iter().filter_map(prepare).collect()
}
