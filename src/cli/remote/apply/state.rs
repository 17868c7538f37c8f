//! What the server has, as far as a file speaks of it.

use carnet_ambient::Clock;
use serde_json::Value;

use super::file::Desired;
use crate::admin::rfc3339;
use crate::cli::remote::connection::Server;
use crate::cli::remote::stop::Stop;

/// What the server has.
#[derive(Debug, Default)]
pub(super) struct State {
    /// Every resource server.
    pub(super) resource_servers: Vec<Value>,
    /// The participants that the file names.
    pub(super) participants: Vec<KnownParticipant>,
}

/// A participant and what hangs on it.
#[derive(Debug)]
pub(super) struct KnownParticipant {
    pub(super) document: Value,
    pub(super) identifiers: Vec<Value>,
    pub(super) clients: Vec<KnownClient>,
}

/// A client and, where the file has keys for it, its keys.
#[derive(Debug)]
pub(super) struct KnownClient {
    pub(super) document: Value,
    pub(super) keys: Vec<Value>,
}

/// The requests that wait for a second administrator, or for their requester: none of them is to be made again.
pub(super) async fn waiting(server: &Server) -> Result<Vec<Value>, Stop> {
    let now = rfc3339(Clock::system().now_millis());
    let mut waiting = Vec::new();
    for state in ["pending", "approved"] {
        match server.list(&["approvals"], &[("state", state)], None).await {
            // A server that knows no approvals has none.
            Err(stop) if stop.is_missing() => return Ok(Vec::new()),
            listed => waiting.extend(listed?.items),
        }
    }
    // All of these texts are of one form, in which the earlier one is the smaller one.
    waiting.retain(|approval| approval["expires_at"].as_str().is_some_and(|end| end > now.as_str()));
    Ok(waiting)
}

/// Reads all of it through the API.
pub(super) async fn read(server: &Server, desired: &Desired) -> Result<State, Stop> {
    let resource_servers = server.list(&["resource-servers"], &[], None).await?.items;
    let mut participants = Vec::new();
    for document in server.list(&["participants"], &[], None).await?.items {
        let named =
            desired.participants.iter().find(|wanted| document["iol_identifier"] == *wanted.iol_identifier);
        let (Some(wanted), Some(id)) = (named, document["id"].as_str()) else { continue };
        let identifiers = server.list(&["participants", id, "identifiers"], &[], None).await?.items;
        let mut clients = Vec::new();
        for document in server.list(&["clients"], &[("participant_id", id)], None).await?.items {
            let has_keys =
                wanted.clients.iter().any(|wanted| document["name"] == *wanted.name && wanted.jwks.is_some());
            let keys = match document["client_id"].as_str() {
                Some(id) if has_keys => server.list(&["clients", id, "keys"], &[], None).await?.items,
                _ => Vec::new(),
            };
            clients.push(KnownClient { document, keys });
        }
        participants.push(KnownParticipant { document, identifiers, clients });
    }
    Ok(State { resource_servers, participants })
}
