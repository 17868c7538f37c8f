//! Reading the registry out of the database: as a whole, or what has changed.

use carnet_db::sqlx::AnyConnection;
use carnet_db::{Database, Transaction};
use carnet_token::PublicKey;

use super::{Company, Image, Registered, UsableKey};
use crate::db::{self, soon};
use crate::registry::{Client, ClientKey, CredentialStatus, ResourceServer};

/// More changes than this, and than a hundredth of all clients, are not followed one by one: the image is read anew as a
/// whole, which costs as much as following that many.
const CHANGES: usize = 200;
/// A journal that has gone on by more records than this is not searched for what it touches.
const RECORDS: i64 = 100_000;

/// What has changed since an image was made.
#[derive(Default)]
struct Changed {
    clients: Vec<Registered>,
    participants: Vec<Company>,
    // All of them, if one has changed.
    resource_servers: Option<Vec<ResourceServer>>,
}

impl Image {
    /// Reads the whole registry, at least as new as the change number that it says.
    pub(crate) async fn load(database: &Database) -> Result<Self, db::Error> {
        let mut tx = soon(database.reader().begin()).await?;
        // Read first: under READ COMMITTED what follows may be newer than this number, never older, and the
        // next poll then reads again.
        let head = soon(db::journal::head_with_hash(&mut *tx)).await?;
        Self::load_as_of(head, &mut tx).await
    }

    /// Reads the whole registry, whose last record was `head` before.
    async fn load_as_of((change, hash): (i64, String), tx: &mut Transaction) -> Result<Self, db::Error> {
        let mut image = Self { change, hash, ..Self::default() };
        let mut identifiers =
            Owned::new(db::one_record_id::all(&mut *tx).await?, |identifier| &identifier.participant_id);
        let mut participants = db::participant::all(&mut *tx).await?;
        participants.sort_unstable_by(|a, b| a.id.cmp(&b.id));
        for participant in participants {
            let identifiers = identifiers.take(&participant.id);
            image.set_participant(Company { participant, identifiers });
        }
        let mut secrets =
            Owned::new(db::client_secret::all_active(&mut *tx).await?, |secret| &secret.client_id);
        let mut keys = Owned::new(db::client_key::all_active(&mut *tx).await?, |key| &key.client_id);
        let mut clients = db::client::all(&mut *tx).await?;
        clients.sort_unstable_by(|a, b| a.id.cmp(&b.id));
        image.set_resource_servers(soon(db::resource_server::all(&mut **tx)).await?);
        for client in clients {
            // There may be a million of them, and others want to go on.
            tokio::task::consume_budget().await;
            let (secrets, keys) = (secrets.take(&client.id), usable(keys.take(&client.id)));
            image.set_client(Registered { client, secrets, keys });
        }
        Ok(image)
    }

    /// This image with what the journal says has changed since, so that a change costs what it touches and
    /// not what is registered.
    ///
    /// A database that was set back under a running node, such as by a failover to a replica that lagged, is not
    /// followed: what was revoked in the lost records would be valid again.
    pub(crate) async fn catch_up(&self, database: &Database) -> Result<Self, db::Error> {
        // All of it on one connection: another one may be to a database that was set back in between.
        let mut tx = soon(database.reader().begin()).await?;
        let head = soon(db::journal::head_with_hash(&mut *tx)).await?;
        if !soon(db::journal::holds(&mut tx, self.change, &self.hash)).await? {
            return Err(db::Error::SetBack { seen: self.change });
        }
        let Some(changed) = self.changed_until(&mut tx, head.0).await? else {
            return Self::load_as_of(head, &mut tx).await;
        };
        let mut image = Self { change: head.0, hash: head.1, ..self.clone() };
        if let Some(servers) = changed.resource_servers {
            image.set_resource_servers(servers);
        }
        for participant in changed.participants {
            image.set_participant(participant);
        }
        for client in changed.clients {
            image.set_client(client);
        }
        Ok(image)
    }

    /// None if too much has changed, or something of which nobody knows here what it touches.
    async fn changed_until(&self, tx: &mut AnyConnection, change: i64) -> Result<Option<Changed>, db::Error> {
        if change - self.change > RECORDS {
            return Ok(None);
        }
        let most = CHANGES.max(self.client_count() / 100);
        let Some(subjects) = soon(db::journal::subjects_between(&mut *tx, self.change, change, most)).await?
        else {
            return Ok(None);
        };
        // Retention may have removed what a node that was away for long would need. Read afterwards: it may do so now.
        if soon(db::journal::start(&mut *tx)).await?.sequence > self.change {
            return Ok(None);
        }
        let mut changed = Changed::default();
        for subject in &subjects {
            match subject.split_once('/') {
                Some(("client", id)) => {
                    if let Some(client) = soon(db::client::find(&mut *tx, id)).await? {
                        changed.clients.push(soon(registered(&mut *tx, client)).await?);
                    }
                }
                Some(("participant", id)) => {
                    changed.participants.extend(soon(company(&mut *tx, id)).await?);
                }
                Some(("resource_server", _)) if changed.resource_servers.is_none() => {
                    changed.resource_servers = Some(soon(db::resource_server::all(&mut *tx)).await?);
                }
                // Keys are followed by their own room, and no token depends on who approves what or on what retention
                // has removed from the journal.
                Some(("resource_server" | "signing_key" | "approval", _)) => {}
                // What a restore withdrew again has no records of its own.
                Some(("journal", _))
                    if !soon(db::journal::has_restore(&mut *tx, self.change, change)).await? => {}
                // A restore, or a subject of a later version.
                _ => return Ok(None),
            }
        }
        Ok(Some(changed))
    }
}

/// What belongs to owners, in their order: to be taken out owner by owner, in that order. A map of lists would be
/// several times as large as what is in it.
struct Owned<T> {
    left: std::vec::IntoIter<T>,
    owner: fn(&T) -> &str,
}

impl<T> Owned<T> {
    fn new(mut all: Vec<T>, owner: fn(&T) -> &str) -> Self {
        all.sort_by(|a, b| owner(a).cmp(owner(b)));
        Self { left: all.into_iter(), owner }
    }

    /// What this owner has, in a list without spare room.
    fn take(&mut self, id: &str) -> Vec<T> {
        let owner = self.owner;
        // Of owners that were registered while the tables were read.
        let others = self.left.as_slice().iter().take_while(|one| owner(one) < id).count();
        self.left.by_ref().take(others).for_each(drop);
        let own = self.left.as_slice().iter().take_while(|one| owner(one) == id).count();
        self.left.by_ref().take(own).collect()
    }
}

/// A client with everything that belongs to it, as it is now.
async fn registered(tx: &mut AnyConnection, client: Client) -> Result<Registered, db::Error> {
    let mut secrets = db::client_secret::of_client(&mut *tx, &client.id).await?;
    secrets.retain(|secret| secret.status == CredentialStatus::Active);
    let mut keys = db::client_key::of_client(&mut *tx, &client.id).await?;
    keys.retain(|key| key.status == CredentialStatus::Active);
    Ok(Registered { client, secrets, keys: usable(keys) })
}

/// A participant with its identifiers, as it is now.
async fn company(tx: &mut AnyConnection, id: &str) -> Result<Option<Company>, db::Error> {
    let Some(participant) = db::participant::find(&mut *tx, id).await? else { return Ok(None) };
    let identifiers = db::one_record_id::of_participant(&mut *tx, id).await?;
    Ok(Some(Company { participant, identifiers }))
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
    fn each_owner_gets_what_is_its_own() {
        let all = [("b", 1), ("d", 2), ("a", 3), ("b", 4), ("c", 5)].map(|(id, n)| (id.to_owned(), n));
        let mut owned = Owned::new(all.to_vec(), |(id, _)| id);
        let mut take = |id: &str| owned.take(id).into_iter().map(|(_, n)| n).collect::<Vec<_>>();
        assert_eq!((take("0"), take("b"), take("bb")), (vec![], vec![1, 4], vec![]));
        assert_eq!((take("d"), take("e")), (vec![2], vec![]));
    }
}
