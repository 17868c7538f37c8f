use serde::Deserialize;
use utoipa::ToSchema;

use super::{Journaled, make};
use crate::db;
use crate::operations::context::Change;
use crate::operations::{Actor, Context, Refusal, administrator, check, client};
use crate::registry::{ClientSecret, CredentialStatus, GeneratedSecret, TokenEndpointAuthMethod};

/// How many secrets of a client may be usable at once. Rotation needs two; each one is tried at every token request.
const MAX_SECRETS: usize = 10;

/// A further secret.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"expires_in": 7_776_000}))]
pub struct NewSecret {
    /// Seconds until it expires, 60 to ten years; it does not expire unless given.
    #[schema(minimum = 60, maximum = 316_224_000)]
    pub expires_in: Option<i64>,
}

/// What came of it.
#[derive(Debug)]
pub struct Added {
    /// What is kept.
    pub record: ClientSecret,
    /// The secret. This is the only time that it can be seen.
    pub secret: GeneratedSecret,
}

/// Makes a further secret for a client.
///
/// # Errors
/// [`Refusal::NotFound`] without that client, [`Refusal::Invalid`] for an impossible expiry, [`Refusal::Conflict`]
/// when the client authenticates otherwise or has ten usable secrets.
pub async fn add(
    context: &Context,
    actor: &Actor,
    client_id: &str,
    new: NewSecret,
) -> Result<Added, Refusal> {
    let client_id = check::id(client::KIND, client_id)?;
    let now = context.clock.now_millis();
    let expires_at =
        check::expiry(new.expires_in, now).map_err(|reason| Refusal::invalid("expires_in", reason))?;
    let (record, secret) = make(context.means(), client_id, expires_at);

    let mut tx = context.begin().await?;
    let found = db::client::find(&mut *tx, client_id).await?;
    let client = found.ok_or_else(|| Refusal::not_found(client::KIND, client_id))?;
    if client.token_endpoint_auth_method == TokenEndpointAuthMethod::PrivateKeyJwt {
        return Err(Refusal::conflict(
            "token_endpoint_auth_method",
            "is private_key_jwt: this client would never use a secret",
            "add a key instead",
        ));
    }
    let usable = |secret: &&ClientSecret| {
        secret.status == CredentialStatus::Active && secret.expires_at.is_none_or(|at| at > now)
    };
    if db::client_secret::of_client(&mut *tx, client_id).await?.iter().filter(usable).count() >= MAX_SECRETS {
        return Err(Refusal::conflict(
            "client_secret",
            format!("cannot be added: the client has {MAX_SECRETS} usable ones"),
            "revoke those that are not needed",
        ));
    }
    let summary = format!("make a further secret for the administrator {}", client.name);
    administrator::check_gives(context, actor, &client, summary, true)?;
    db::client_secret::insert(&mut tx, &record).await?;
    let change = Change {
        action: "client_secret.add",
        subject: format!("client/{client_id}"),
        before: None::<&Journaled<'_>>,
        after: Some(&Journaled::from(&record)),
        reason: "",
    };
    context.means().journal(&mut tx, actor, change).await?;
    context.commit(tx).await?;
    Ok(Added { record, secret })
}
