//! Reading the registry out of the database: as a whole, or what has changed.

use std::collections::HashMap;
use std::sync::Arc;

use carnet_db::Database;
use carnet_db::sqlx::{AnyConnection, Connection};
use carnet_token::PublicKey;

use super::{ClientEntry, Image, UsableKey};
use crate::db::{self, soon};
use crate::registry::{
    Client, ClientKey, CredentialStatus, OneRecordId, OneRecordIdStatus, Participant, ResourceServer,
};

/// More changes than this, and than a hundredth of all clients, are not followed one by one: the image is read anew as a
/// whole, which costs as much as following that many.
const CHANGES: usize = 200;
/// How many clients of one participant are read together. Beyond that they are read with all others, in pieces: an answer
/// as long as that could take longer than is waited for, again and again.
const OF_ONE: u16 = 2000;

/// What has changed since an image was made.
#[derive(Default)]
struct Changed {
    clients: Vec<ClientEntry>,
    // All of them, if one has changed.
    resource_servers: Option<Vec<ResourceServer>>,
}

impl Image {
    /// Reads the whole registry in one transaction, so that it is of one moment.
    pub(crate) async fn load(database: &Database) -> Result<Self, db::Error> {
        let mut connection = soon(database.reader().pool().acquire()).await?;
        let mut tx = soon(connection.begin()).await?;
        // Read first: under READ COMMITTED what follows may be newer than this number, never older, and the
        // next poll then reads again.
        let (change, hash) = db::journal::head_with_hash(&mut *tx).await?;
        let participants: HashMap<String, Arc<Participant>> = db::participant::all(&mut tx)
            .await?
            .into_iter()
            .map(|participant| (participant.id.clone(), Arc::new(participant)))
            .collect();
        let identifiers: HashMap<String, OneRecordId> =
            db::one_record_id::all(&mut tx).await?.into_iter().map(|id| (id.uri.clone(), id)).collect();
        let mut secrets = ByClient::new(db::client_secret::all_active(&mut tx).await?, |s| &s.client_id);
        let mut keys = ByClient::new(db::client_key::all_active(&mut tx).await?, |key| &key.client_id);
        let mut clients = db::client::all(&mut tx).await?;
        clients.sort_unstable_by(|a, b| a.id.cmp(&b.id));
        let mut image = Self { change, hash, ..Self::default() };
        image.set_resource_servers(db::resource_server::all(&mut *tx).await?);
        for client in clients {
            // There may be a million of them, and others want to go on.
            tokio::task::consume_budget().await;
            let participant = client.participant_id.as_ref().and_then(|id| participants.get(id)).cloned();
            image.set_client(ClientEntry {
                iol_identifier: iol_identifier(&client, participant.as_deref(), |uri| identifiers.get(uri)),
                participant,
                secrets: secrets.take(&client.id),
                keys: usable(keys.take(&client.id)),
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
        if !soon(db::journal::holds(database.reader().pool(), self.change, &self.hash)).await? {
            return Err(db::Error::SetBack { seen: self.change });
        }
        let mut connection = soon(database.reader().pool().acquire()).await?;
        let mut tx = soon(connection.begin()).await?;
        let (change, hash) = soon(db::journal::head_with_hash(&mut *tx)).await?;
        let Some(changed) = self.changed_until(&mut tx, change).await? else {
            tx.rollback().await?;
            drop(connection);
            return Self::load(database).await;
        };
        let mut image = Self { change, hash, ..self.clone() };
        if let Some(servers) = changed.resource_servers {
            image.set_resource_servers(servers);
        }
        for client in changed.clients {
            image.set_client(client);
        }
        tx.rollback().await?;
        Ok(image)
    }

    /// None if too much has changed, or something of which nobody knows here what it touches.
    async fn changed_until(&self, tx: &mut AnyConnection, change: i64) -> Result<Option<Changed>, db::Error> {
        let subjects = soon(db::journal::subjects_between(&mut *tx, self.change, change)).await?;
        // Retention may have removed what a node that was away for long would need. Read afterwards: it may do so now.
        if soon(db::journal::start(&mut *tx)).await?.sequence > self.change {
            return Ok(None);
        }
        if subjects.len() > CHANGES.max(self.client_count() / 100) {
            return Ok(None);
        }
        let mut changed = Changed::default();
        for subject in &subjects {
            match subject.split_once('/') {
                Some(("client", id)) => {
                    if let Some(client) = soon(db::client::find(&mut *tx, id)).await? {
                        changed.clients.push(soon(entry(&mut *tx, client)).await?);
                    }
                }
                Some(("participant", id)) => match entries_of_participant(&mut *tx, id).await? {
                    Some(clients) => changed.clients.extend(clients),
                    None => return Ok(None),
                },
                Some(("resource_server", _)) if changed.resource_servers.is_none() => {
                    changed.resource_servers = Some(soon(db::resource_server::all(&mut *tx)).await?);
                }
                // Keys are followed by their own room, revoked tokens are looked up, and no token depends on who approves
                // what or on what is done with the journal.
                Some(("resource_server" | "signing_key" | "token" | "approval" | "journal", _)) => {}
                // A subject of a later version.
                _ => return Ok(None),
            }
        }
        Ok(Some(changed))
    }
}

/// What belongs to clients, in their order: to be taken out client by client, in that order. A map of lists would be
/// several times as large as what is in it.
struct ByClient<T> {
    left: std::vec::IntoIter<T>,
    client_id: fn(&T) -> &str,
}

impl<T> ByClient<T> {
    fn new(mut all: Vec<T>, client_id: fn(&T) -> &str) -> Self {
        all.sort_by(|a, b| client_id(a).cmp(client_id(b)));
        Self { left: all.into_iter(), client_id }
    }

    /// What this client has, in a list without spare room.
    fn take(&mut self, client_id: &str) -> Vec<T> {
        let client_of = self.client_id;
        // Of clients that were registered while the tables were read.
        let others = self.left.as_slice().iter().take_while(|one| client_of(one) < client_id).count();
        self.left.by_ref().take(others).for_each(drop);
        let own = self.left.as_slice().iter().take_while(|one| client_of(one) == client_id).count();
        self.left.by_ref().take(own).collect()
    }
}

/// A client with everything that belongs to it, as it is now.
async fn entry(tx: &mut AnyConnection, client: Client) -> Result<ClientEntry, db::Error> {
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
    Ok(ClientEntry {
        iol_identifier: iol_identifier(&client, participant.as_deref(), find),
        participant,
        secrets,
        keys: usable(keys),
        client,
    })
}

/// All clients of a participant as they are now, in as many questions as one client takes; none if there are too many.
async fn entries_of_participant(
    tx: &mut AnyConnection,
    id: &str,
) -> Result<Option<Vec<ClientEntry>>, db::Error> {
    let mut clients = soon(db::client::some_of_participant(&mut *tx, id, i64::from(OF_ONE) + 1)).await?;
    if clients.len() > usize::from(OF_ONE) {
        return Ok(None);
    }
    let participant = soon(db::participant::find(&mut *tx, id)).await?.map(Arc::new);
    let identifiers = soon(db::one_record_id::of_participant(&mut *tx, id)).await?;
    let secrets = soon(db::client_secret::active_of_participant(&mut *tx, id)).await?;
    let keys = soon(db::client_key::active_of_participant(&mut *tx, id)).await?;
    let mut secrets = ByClient::new(secrets, |secret| &secret.client_id);
    let mut keys = ByClient::new(keys, |key| &key.client_id);
    clients.sort_unstable_by(|a, b| a.id.cmp(&b.id));
    let find = |uri: &str| identifiers.iter().find(|id| id.uri == uri);
    let entries = clients.into_iter().map(|client| ClientEntry {
        iol_identifier: iol_identifier(&client, participant.as_deref(), find),
        participant: participant.clone(),
        secrets: secrets.take(&client.id),
        keys: usable(keys.take(&client.id)),
        client,
    });
    Ok(Some(entries.collect()))
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
    let mut usable: Vec<UsableKey> = keys.into_iter().filter_map(prepare).collect();
    usable.shrink_to_fit();
    usable
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_client_gets_what_is_its_own() {
        let all = [("b", 1), ("d", 2), ("a", 3), ("b", 4), ("c", 5)].map(|(id, n)| (id.to_owned(), n));
        let mut by_client = ByClient::new(all.to_vec(), |(id, _)| id);
        let mut take = |id: &str| by_client.take(id).into_iter().map(|(_, n)| n).collect::<Vec<_>>();
        assert_eq!((take("0"), take("b"), take("bb")), (vec![], vec![1, 4], vec![]));
        assert_eq!((take("d"), take("e")), (vec![2], vec![]));
    }
}
