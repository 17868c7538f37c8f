mod parts;
mod reading;

use std::collections::HashMap;
use std::sync::Arc;

use carnet_token::PublicKey;

use self::parts::{Keyed, Parts};
use super::{Client, ClientKey, ClientSecret, Participant, ResourceServer, Status};

/// The registry as the token endpoint sees it: everything in memory, as of one change number.
#[derive(Debug, Default, Clone)]
pub struct Image {
    change: i64,
    // Of the journal's record `change`: a number alone may come again after the database was set back.
    hash: String,
    clients: Parts<Arc<ClientEntry>>,
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

impl Keyed for Arc<ClientEntry> {
    fn key(&self) -> &str {
        &self.client.id
    }
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
    fn set_client(&mut self, mut entry: ClientEntry) {
        // In the order in which they were made, however they were read.
        entry.secrets.sort_unstable_by(|a, b| a.id.cmp(&b.id));
        entry.keys.sort_unstable_by(|a, b| a.key.id.cmp(&b.key.id));
        self.clients.insert(Arc::new(entry));
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
