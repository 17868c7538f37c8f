mod parts;
mod reading;

use std::collections::HashMap;
use std::sync::Arc;

use carnet_token::PublicKey;

use self::parts::{Keyed, Parts};
use super::{
    Client, ClientKey, ClientSecret, OneRecordId, OneRecordIdStatus, Participant, ResourceServer, Status,
};

/// The registry as the token endpoint sees it: everything in memory, as of one change number.
#[derive(Debug, Default, Clone)]
pub struct Image {
    change: i64,
    // Of the journal's record `change`: a number alone may come again after the database was set back.
    hash: String,
    clients: Parts<Arc<Registered>>,
    participants: Parts<Arc<Company>>,
    resource_servers: HashMap<String, Arc<ResourceServer>>,
    by_identifier: HashMap<String, Arc<ResourceServer>>,
    default_resource_server: Option<Arc<ResourceServer>>,
}

/// A client with all that a token request needs to know of it, as of one change number.
#[derive(Debug, Clone)]
pub struct ClientEntry {
    registered: Arc<Registered>,
    company: Option<Arc<Company>>,
}

/// A client and what belongs to it alone. Its participant is kept once for all of its clients, so that a change to it
/// costs the same however many they are.
#[derive(Debug)]
struct Registered {
    client: Client,
    secrets: Vec<ClientSecret>,
    keys: Vec<UsableKey>,
}

/// A participant and its ONE Record IDs.
#[derive(Debug)]
struct Company {
    participant: Participant,
    identifiers: Vec<OneRecordId>,
}

/// A registered key, prepared for checking signatures.
#[derive(Debug)]
pub struct UsableKey {
    /// The registration.
    pub key: ClientKey,
    /// The same, checked and parsed.
    pub public: PublicKey,
}

impl Keyed for Arc<Registered> {
    fn key(&self) -> &str {
        &self.client.id
    }
}

impl Keyed for Arc<Company> {
    fn key(&self) -> &str {
        &self.participant.id
    }
}

impl ClientEntry {
    /// The client.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.registered.client
    }

    /// Active secrets, oldest first; expiry is for the reader to check.
    #[must_use]
    pub fn secrets(&self) -> &[ClientSecret] {
        &self.registered.secrets
    }

    /// Active keys, oldest first; expiry is for the reader to check.
    #[must_use]
    pub fn keys(&self) -> &[UsableKey] {
        &self.registered.keys
    }

    /// Whose it is; none for an administrator.
    #[must_use]
    pub fn participant(&self) -> Option<&Participant> {
        self.company.as_ref().map(|company| &company.participant)
    }

    /// Whether the client and everything above it are enabled.
    #[must_use]
    pub fn is_active(&self) -> bool {
        let client = self.client();
        // Where the participant cannot be found, nobody knows that it is enabled.
        let above = client.participant_id.is_none()
            || self.participant().is_some_and(|participant| participant.status == Status::Active);
        client.status == Status::Active && above
    }

    /// The ONE Record ID for its tokens: the one it is registered for, else its participant's main one, if that is
    /// approved and still the participant's. None for an administrator, and when the logistics agent URI that would
    /// stand beside it is an identifier that is not approved: suspended, it would go on to stand in tokens under its
    /// other name.
    #[must_use]
    pub fn iol_identifier(&self) -> Option<&str> {
        let Company { participant, identifiers } = self.company.as_deref()?;
        let find = |uri: &str| identifiers.iter().find(|id| id.uri == uri);
        let approved = |id: &OneRecordId| id.status == OneRecordIdStatus::Approved;
        if find(&participant.logistics_agent_uri).is_some_and(|held| !approved(held)) {
            return None;
        }
        let id = find(self.client().one_record_id.as_ref().unwrap_or(&participant.iol_identifier))?;
        approved(id).then_some(&id.uri)
    }
}

impl Image {
    fn set_client(&mut self, mut registered: Registered) {
        // In the order in which they were made, however they were read.
        registered.secrets.sort_unstable_by(|a, b| a.id.cmp(&b.id));
        registered.keys.sort_unstable_by(|a, b| a.key.id.cmp(&b.key.id));
        self.clients.insert(Arc::new(registered));
    }

    fn set_participant(&mut self, mut company: Company) {
        company.identifiers.sort_unstable_by(|a, b| a.uri.cmp(&b.uri));
        self.participants.insert(Arc::new(company));
    }

    fn entry(&self, registered: &Arc<Registered>) -> ClientEntry {
        let id = registered.client.participant_id.as_deref();
        let company = id.and_then(|id| self.participants.get(id)).cloned();
        ClientEntry { registered: Arc::clone(registered), company }
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
    pub fn client(&self, client_id: &str) -> Option<ClientEntry> {
        self.clients.get(client_id).map(|registered| self.entry(registered))
    }

    /// All clients, in no order.
    pub fn clients(&self) -> impl Iterator<Item = ClientEntry> {
        self.clients.values().map(|registered| self.entry(registered))
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
