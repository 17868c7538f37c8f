use std::collections::HashMap;
use std::sync::Arc;

use carnet_db::Database;
use carnet_db::sqlx::Connection;
use carnet_token::PublicKey;

use super::{
    Client, ClientKey, ClientSecret, OneRecordId, OneRecordIdStatus, Participant, ResourceServer, Status,
};
use crate::db;

/// The registry as the token endpoint sees it: everything in memory, as of one change number.
#[derive(Debug, Default)]
pub struct Image {
    change: i64,
    clients: HashMap<String, Arc<ClientEntry>>,
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
    /// none when that one is suspended, and for an administrator.
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

impl Image {
    /// Reads the whole registry in one transaction, so that it is of one moment.
    pub(crate) async fn load(database: &Database) -> Result<Self, db::Error> {
        let mut connection = database.reader().pool().acquire().await?;
        let mut tx = connection.begin().await?;
        // Read first: under READ COMMITTED what follows may be newer than this number, never older, and the
        // next poll then reads again.
        let change = db::journal::head(&mut *tx).await?;
        let participants: HashMap<String, Arc<Participant>> = db::participant::all(&mut *tx)
            .await?
            .into_iter()
            .map(|participant| (participant.id.clone(), Arc::new(participant)))
            .collect();
        let identifiers: HashMap<String, OneRecordId> =
            db::one_record_id::all(&mut *tx).await?.into_iter().map(|id| (id.uri.clone(), id)).collect();
        let servers = db::resource_server::all(&mut *tx).await?;
        let mut secrets: HashMap<String, Vec<ClientSecret>> = HashMap::new();
        for secret in db::client_secret::all_active(&mut *tx).await? {
            secrets.entry(secret.client_id.clone()).or_default().push(secret);
        }
        let mut keys: HashMap<String, Vec<UsableKey>> = HashMap::new();
        for key in db::client_key::all_active(&mut *tx).await? {
            match PublicKey::from_jwk(&key.jwk) {
                Ok(public) => {
                    keys.entry(key.client_id.clone()).or_default().push(UsableKey { key, public });
                }
                // Registered under older rules: it may no longer be used, and nobody else suffers for it.
                Err(reason) => tracing::warn!(
                    client_id = key.client_id,
                    kid = key.kid,
                    %reason,
                    "a registered client key is not acceptable any more and is ignored; register a new one"
                ),
            }
        }
        let mut clients = HashMap::new();
        for client in db::client::all(&mut *tx).await? {
            let participant = client.participant_id.as_ref().and_then(|id| participants.get(id)).cloned();
            let iol_identifier = participant.as_ref().and_then(|participant| {
                let uri = client.one_record_id.as_ref().unwrap_or(&participant.iol_identifier);
                let approved = identifiers.get(uri).filter(|id| id.status == OneRecordIdStatus::Approved);
                approved.filter(|id| id.participant_id == participant.id).map(|id| id.uri.clone())
            });
            let entry = ClientEntry {
                participant,
                iol_identifier,
                secrets: secrets.remove(&client.id).unwrap_or_default(),
                keys: keys.remove(&client.id).unwrap_or_default(),
                client,
            };
            clients.insert(entry.client.id.clone(), Arc::new(entry));
        }
        tx.rollback().await?;
        Ok(Self::assemble(change, clients, servers))
    }

    fn assemble(
        change: i64,
        clients: HashMap<String, Arc<ClientEntry>>,
        servers: Vec<ResourceServer>,
    ) -> Self {
        let servers: Vec<Arc<ResourceServer>> = servers.into_iter().map(Arc::new).collect();
        Self {
            change,
            clients,
            default_resource_server: servers.iter().find(|server| server.is_default).cloned(),
            by_identifier: servers.iter().map(|s| (s.identifier.clone(), Arc::clone(s))).collect(),
            resource_servers: servers.into_iter().map(|s| (s.id.clone(), s)).collect(),
        }
    }

    /// The change number that this image is of.
    #[must_use]
    pub fn change(&self) -> i64 {
        self.change
    }

    /// A client by its id, enabled or not.
    #[must_use]
    pub fn client(&self, client_id: &str) -> Option<&Arc<ClientEntry>> {
        self.clients.get(client_id)
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

    /// The resource servers that a client may ask for; the first one is its default.
    #[must_use]
    pub fn audiences_of(&self, client: &Client) -> Vec<Arc<ResourceServer>> {
        if client.audiences.is_empty() {
            return self.default_resource_server.iter().cloned().collect();
        }
        client.audiences.iter().filter_map(|id| self.resource_servers.get(id)).cloned().collect()
    }
}
