use carnet_db::Transaction;

use super::check_key::{CheckedKey, MAX_KEYS};
use crate::db;
use crate::operations::{Context, Refusal};
use crate::registry::{ClientKey, CredentialStatus};

/// Writes checked keys of a client, unless somebody else could sign with one of them.
pub(in crate::operations) async fn insert(
    tx: &mut Transaction,
    context: &Context,
    client_id: &str,
    keys: &[CheckedKey],
) -> Result<Vec<ClientKey>, Refusal> {
    let held = db::client_key::of_client(&mut **tx, client_id).await?;
    let active = held.iter().filter(|key| key.status == CredentialStatus::Active).count();
    if active + keys.len() > MAX_KEYS {
        return Err(Refusal::conflict(
            "jwks",
            format!("cannot be added: the client would have more than {MAX_KEYS} keys in use"),
            "revoke those that are not needed",
        ));
    }
    let mut inserted = Vec::with_capacity(keys.len());
    for CheckedKey { field, public, jwk, not_after } in keys {
        let thumbprint = public.thumbprint().to_string();
        if is_our_own(context, &thumbprint) {
            return Err(Refusal::conflict(
                field,
                "is this IAP's own signing key",
                "use a key of the client's own",
            ));
        }
        // Two clients with one key could speak for each other.
        if db::client_key::other_holder(&mut **tx, &thumbprint, client_id).await?.is_some() {
            return Err(Refusal::conflict(
                field,
                "is registered for another client",
                "use a key of the client's own",
            ));
        }
        // A revoked key stays revoked, also under another name.
        if held.iter().any(|key| key.thumbprint == thumbprint) {
            return Err(Refusal::conflict(
                field,
                "is registered for this client already, or was and is revoked",
                "use a new key",
            ));
        }
        if held.iter().any(|key| key.kid == public.kid()) {
            return Err(Refusal::conflict(
                format!("{field}.kid"),
                "names another key of this client, in use or revoked",
                "give the key another kid",
            ));
        }
        let key = ClientKey {
            id: context.entropy.ulid(&context.clock),
            client_id: client_id.to_owned(),
            kid: public.kid().to_owned(),
            alg: public.algorithm(),
            thumbprint,
            jwk: jwk.clone(),
            status: CredentialStatus::Active,
            created_at: context.clock.now_millis(),
            not_after: *not_after,
        };
        db::client_key::insert(tx, &key)
            .await
            .map_err(|error| Refusal::taken(error, "kid", "give the key another kid"))?;
        inserted.push(key);
    }
    Ok(inserted)
}

/// One key has one role: a client that could sign as this IAP, or an IAP that signs as a client, is neither.
fn is_our_own(context: &Context, thumbprint: &str) -> bool {
    // The name of a signing key is its thumbprint.
    context.keys.current().keys().iter().any(|key| key.kid == thumbprint)
}
