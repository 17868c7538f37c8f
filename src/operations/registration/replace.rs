use std::sync::Arc;

use carnet_db::Transaction;
use serde_json::{Map, Value, json};

use super::metadata::Metadata;
use super::read::active_keys;
use super::{Registered, authenticate, proof, register, room};
use crate::db;
use crate::keys::Keyring;
use crate::operations::check::Checks;
use crate::operations::client_key::{self, CheckedKey};
use crate::operations::context::Change;
use crate::operations::negative::Against;
use crate::operations::{Actor, Context, Refusal};
use crate::registry::{
    Client, ClientKey, CredentialStatus, OpaqueKind, OpaqueToken, SecretDigest, TokenEndpointAuthMethod,
};

/// Replaces what a client says of itself (RFC 7592 §2.2), and the token with which it says so. `None` when the token
/// is not good for that.
///
/// Scopes can be given up, not regained: else a client could take back what an administrator took away from it. Keys
/// that are left out are revoked.
///
/// # Errors
/// [`Refusal::Invalid`] when a rule is broken, [`Refusal::Conflict`] when a key is another client's or too many were
/// left out lately. Nothing has changed then, not even the token.
pub async fn replace(
    context: &Context,
    client_id: &str,
    bearer: &str,
    members: &Map<String, Value>,
) -> Result<Option<Registered>, Refusal> {
    if !authenticate::holds(context, client_id, bearer).await? {
        return Ok(None);
    }
    let mut checks = Checks::default();
    let metadata = Metadata::read(members, &mut checks);
    let keys = match &metadata.jwks {
        None => Vec::new(),
        Some(jwks) => {
            client_key::check_set("jwks", jwks).map_err(|errors| checks.extend(errors)).unwrap_or_default()
        }
    };
    let mut tx = context.begin().await?;
    let Some((registration, before)) = authenticate::registered(&mut tx, client_id, bearer).await? else {
        return Ok(None);
    };
    let held = db::client_key::of_client(&mut *tx, &before.id).await?;
    check_identity(context, &mut tx, &before, &metadata, &mut checks).await?;
    let is_held = |key: &CheckedKey| held.iter().any(|known| is_same(known, key));
    let new: Vec<&CheckedKey> = keys.iter().filter(|key| !is_held(key)).collect();
    proof::check(&new, &metadata.proofs, &register::rules(context, bearer), &mut checks);
    checks.done()?;
    let lost: Vec<&ClientKey> = held
        .iter()
        .filter(|known| known.status == CredentialStatus::Active)
        .filter(|known| !keys.iter().any(|key| is_same(known, key)))
        .collect();
    let actor = Actor::registration(&registration.initial_access_token_id);
    if !lost.is_empty() {
        room::check(context, &mut tx, &actor, "jwks", lost.len()).await?;
    }

    let token = OpaqueToken::new(OpaqueKind::Registration, &context.entropy);
    let now = context.clock.now_millis();
    if !db::registration::rotate(&mut tx, &before.id, &registration.digest, &token.digest(), now).await? {
        return Ok(None);
    }
    let scopes = metadata.scopes.map_or_else(|| Arc::clone(&before.scopes), Into::into);
    db::client::describe(&mut tx, &before.id, &metadata.name, &scopes, now).await?;
    let after = Client { name: metadata.name, scopes, updated_at: now, ..before.clone() };
    let thumbprints = |keys: &[&CheckedKey]| -> Vec<String> {
        keys.iter().map(|key| key.public().thumbprint().to_string()).collect()
    };
    let change = Change {
        action: "client.replace",
        subject: format!("client/{}", before.id),
        before: Some(&json!({ "client": before })),
        after: Some(&json!({ "client": after, "new_keys": thumbprints(&new) })),
        reason: "",
    };
    let sequence = context.means().journal(&mut tx, &actor, change).await?;
    for known in lost {
        db::client_key::revoke(&mut tx, &before.id, &known.kid).await?;
        let against = Against::ClientKey { id: &known.id, thumbprint: &known.thumbprint };
        context.decide_against(&mut tx, sequence, against).await?;
    }
    let new: Vec<CheckedKey> = new.into_iter().cloned().collect();
    client_key::insert(&mut tx, context, &before.id, &new).await?;
    let keys = active_keys(&mut tx, &before.id).await?;
    context.commit(tx).await?;
    Ok(Some(Registered { client: after, keys, secret: None, token: Some(token) }))
}

/// Whether a key of the input is one that the client has, under the same name, and may use.
fn is_same(known: &ClientKey, key: &CheckedKey) -> bool {
    known.status == CredentialStatus::Active
        && known.kid == key.public().kid()
        && known.thumbprint == key.public().thumbprint().to_string()
}

/// The request must be about this client (RFC 7592 §2.2), and leave alone what it cannot change.
async fn check_identity(
    context: &Context,
    tx: &mut Transaction,
    client: &Client,
    metadata: &Metadata,
    checks: &mut Checks,
) -> Result<(), Refusal> {
    if metadata.client_id.as_deref() != Some(client.id.as_str()) {
        checks.note("client_id", "must be the id of this client");
    }
    if let Some(secret) = &metadata.client_secret {
        let mac = context.keys.secret_mac(secret);
        let now = context.clock.now_millis();
        let known = db::client_secret::of_client(&mut **tx, &client.id).await?;
        let fits = known.iter().any(|known| {
            known.is_usable(now)
                && matches!(&known.digest, SecretDigest::Mac(known) if Keyring::same_mac(known, &mac))
        });
        if !fits {
            checks.note("client_secret", "is not a secret of this client; leave it out");
        }
    }
    if metadata.method != client.token_endpoint_auth_method {
        let registered = client.token_endpoint_auth_method;
        checks.note(
            "token_endpoint_auth_method",
            format!("must stay {registered}; register anew for another method"),
        );
    }
    if metadata.jwks.is_none() && client.token_endpoint_auth_method == TokenEndpointAuthMethod::PrivateKeyJwt
    {
        checks.note("jwks", "must have at least one key, with which private_key_jwt is checked");
    }
    let widened = metadata.scopes.iter().flatten().find(|scope| !client.scopes.contains(scope));
    if let Some(scope) = widened {
        checks.note("scope", format!("cannot be widened by {scope}; ask an administrator"));
    }
    Ok(())
}
