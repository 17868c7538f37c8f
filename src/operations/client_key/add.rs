use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::check_key::{check_key, check_set};
use super::insert;
use crate::db;
use crate::operations::context::Change;
use crate::operations::{Actor, Context, Refusal, administrator, check, client};
use crate::registry::ClientKey;

/// One public key, or a set of them.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"jwk": {
    "kty": "EC", "crv": "P-256", "kid": "2026-11",
    "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
    "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"
}}))]
pub struct NewKeys {
    /// A public JWK (RFC 7517 §4). Either this or `jwks`.
    #[schema(value_type = Option<Object>)]
    pub jwk: Option<Value>,
    /// A JWK Set (RFC 7517 §5) of public keys. Either this or `jwk`.
    #[schema(value_type = Option<Object>)]
    pub jwks: Option<Value>,
    /// Seconds until they expire, 60 to ten years; they do not expire unless given.
    #[schema(minimum = 60, maximum = 316_224_000)]
    pub expires_in: Option<i64>,
}

/// Registers public keys of a client: all of them, or none.
///
/// # Errors
/// [`Refusal::NotFound`] without that client, [`Refusal::Invalid`] when a key is not acceptable or the expiry impossible,
/// [`Refusal::Conflict`] when one is registered already, here or for another client.
pub async fn add(
    context: &Context,
    actor: &Actor,
    client_id: &str,
    new: NewKeys,
) -> Result<Vec<ClientKey>, Refusal> {
    let client_id = check::id(client::KIND, client_id)?;
    let not_after = check::expiry(new.expires_in, context.clock.now_millis())
        .map_err(|reason| Refusal::invalid("expires_in", reason))?;
    let mut keys = match (&new.jwk, &new.jwks) {
        (Some(jwk), None) => check_key("jwk", jwk).map(|key| vec![key]).map_err(|error| vec![error]),
        (None, Some(jwks)) => check_set("jwks", jwks),
        _ => Err(vec![check::field("jwk", "or jwks must be given, and not both")]),
    }
    .map_err(Refusal::Invalid)?;
    for key in &mut keys {
        key.not_after = not_after;
    }

    let mut tx = context.begin().await?;
    let found = db::client::find(&mut *tx, client_id).await?;
    let owner = found.ok_or_else(|| Refusal::not_found(client::KIND, client_id))?;
    let added = insert(&mut tx, context, client_id, &keys).await?;
    let summary = format!("give further keys to the administrator {}", owner.name);
    administrator::check_gives(context, actor, &owner, summary, false)?;
    let thumbprints = json!(added.iter().map(|key| &key.thumbprint).collect::<Vec<_>>());
    let change = Change {
        action: "client_key.add",
        subject: format!("client/{client_id}"),
        before: None::<&Value>,
        after: Some(&thumbprints),
        reason: "",
    };
    context.means().journal(&mut tx, actor, change).await?;
    context.commit(tx).await?;
    Ok(added)
}
