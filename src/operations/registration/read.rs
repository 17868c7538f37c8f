use carnet_db::Transaction;
use carnet_token::Jwk;

use super::{Registered, authenticate};
use crate::db;
use crate::operations::{Context, Refusal};
use crate::registry::CredentialStatus;

/// The registration of the client that shows its token (RFC 7592 §2.1). `None` when the token is not good for that.
///
/// # Errors
/// When the database fails.
pub async fn read(context: &Context, client_id: &str, bearer: &str) -> Result<Option<Registered>, Refusal> {
    let mut tx = context.database.reader().begin().await.map_err(db::Error::from)?;
    let Some((_, client)) = authenticate::registered(&mut tx, client_id, bearer).await? else {
        return Ok(None);
    };
    let keys = active_keys(&mut tx, client_id).await?;
    Ok(Some(Registered { client, keys, secret: None, token: None }))
}

/// The keys of a client that may be used.
pub(super) async fn active_keys(tx: &mut Transaction, client_id: &str) -> Result<Vec<Jwk>, Refusal> {
    let keys = db::client_key::of_client(&mut **tx, client_id).await?;
    Ok(keys.into_iter().filter(|key| key.status == CredentialStatus::Active).map(|key| key.jwk).collect())
}
