use std::collections::HashMap;

use carnet_db::Transaction;

use super::Details;
use crate::db;
use crate::operations::check::{Checks, MAX_ITEMS};
use crate::operations::{Context, Refusal};
use crate::registry::{Client, ResourceServer};

/// Finds the resource servers that an input names by identifier or by id.
pub(super) async fn resolve(
    tx: &mut Transaction,
    names: &[String],
    checks: &mut Checks,
) -> Result<Vec<ResourceServer>, Refusal> {
    resolve_member(tx, "audiences", names, checks).await
}

/// The same for another member of the input.
pub(super) async fn resolve_member(
    tx: &mut Transaction,
    member: &str,
    names: &[String],
    checks: &mut Checks,
) -> Result<Vec<ResourceServer>, Refusal> {
    if names.len() > MAX_ITEMS {
        checks.note(member, format!("must have at most {MAX_ITEMS} items"));
    }
    let mut servers: Vec<ResourceServer> = Vec::new();
    for (at, name) in names.iter().enumerate().take(MAX_ITEMS) {
        let found = if name.len() > 512 || name.contains('\0') {
            None
        } else {
            match db::resource_server::find_by_identifier(&mut **tx, name).await? {
                Some(server) => Some(server),
                None => db::resource_server::find(&mut **tx, name).await?,
            }
        };
        match found {
            None => checks.note(format!("{member}[{at}]"), "is no registered resource server"),
            Some(server) if servers.iter().any(|s| s.id == server.id) => {
                checks.note(format!("{member}[{at}]"), "stands twice");
            }
            Some(server) => servers.push(server),
        }
    }
    Ok(servers)
}

/// Spells out the audiences of clients.
pub(super) async fn details(context: &Context, clients: Vec<Client>) -> Result<Vec<Details>, Refusal> {
    let mut identifiers = HashMap::new();
    if clients.iter().any(|client| !client.audiences.is_empty() || !client.introspects.is_empty()) {
        for server in db::resource_server::all(context.database.reader().pool()).await? {
            identifiers.insert(server.id, server.identifier);
        }
    }
    let spell = |client: Client| {
        let names = |ids: &[String]| ids.iter().filter_map(|id| identifiers.get(id)).cloned().collect();
        Details { audiences: names(&client.audiences), introspects: names(&client.introspects), client }
    };
    Ok(clients.into_iter().map(spell).collect())
}

/// The same for one client, within a transaction.
pub(super) async fn details_in(tx: &mut Transaction, client: Client) -> Result<Details, Refusal> {
    let servers = if client.audiences.is_empty() && client.introspects.is_empty() {
        Vec::new()
    } else {
        db::resource_server::all(&mut **tx).await?
    };
    let spell = |id: &String| servers.iter().find(|server| server.id == *id);
    let names = |ids: &[String]| {
        ids.iter().filter_map(spell).map(|server| server.identifier.clone()).collect::<Vec<_>>()
    };
    Ok(Details { audiences: names(&client.audiences), introspects: names(&client.introspects), client })
}

/// The same for one client.
pub(super) async fn details_of(context: &Context, client: Client) -> Result<Details, Refusal> {
    let fallback = Details { client: client.clone(), audiences: Vec::new(), introspects: Vec::new() };
    Ok(details(context, vec![client]).await?.pop().unwrap_or(fallback))
}
