use super::NewSecret;
use crate::operations::{Context, Refusal, client};
use crate::registry::{
    Client, ClientKind, ClientSecret, HashMemory, ImportedHash, SecretDigest, is_importable,
};

/// What will be kept of a secret that is brought along; none when a new one is to be made.
pub(super) async fn digest(
    context: &Context,
    client_id: &str,
    new: NewSecret,
) -> Result<Option<SecretDigest>, Refusal> {
    let hash = match (new.secret, new.phc) {
        (None, None) => return Ok(None),
        (Some(_), Some(_)) => {
            return Err(Refusal::invalid("phc", "must not be given beside secret: they are two secrets"));
        }
        (None, Some(phc)) => {
            phc.parse::<ImportedHash>().map_err(|reason| Refusal::invalid("phc", reason.to_string()))?
        }
        (Some(secret), None) => {
            is_importable(&secret, client_id).map_err(|reason| Refusal::invalid("secret", reason))?;
            // Nobody's hash is computed for a client that does not exist, or could not have it.
            refuse_administrator(&client::get(context, client_id).await?.client)?;
            let entropy = context.entropy.clone();
            let hashed = context
                .hashing
                .run(move || ImportedHash::make(&entropy, &secret, &mut HashMemory::new()))
                .await;
            hashed.ok_or_else(|| Refusal::invalid("secret", "could not be hashed; try again"))?
        }
    };
    Ok(Some(SecretDigest::Imported(hash)))
}

/// Refuses a secret that was brought along for somebody who may not have one.
pub(super) fn check_kind(client: &Client, new: &ClientSecret) -> Result<(), Refusal> {
    if new.is_imported() { refuse_administrator(client) } else { Ok(()) }
}

/// Secrets are imported for machines that move here. Whoever administers gets one with 256 random bits.
fn refuse_administrator(client: &Client) -> Result<(), Refusal> {
    if client.kind == ClientKind::Administrator {
        return Err(Refusal::conflict(
            "client_id",
            "is an administrator, for whom no secret can be imported",
            "let this server make one",
        ));
    }
    Ok(())
}
