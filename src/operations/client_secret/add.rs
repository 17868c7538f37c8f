use std::fmt;

use serde::Deserialize;
use utoipa::ToSchema;
use zeroize::Zeroizing;

use super::{Journaled, check_room, import, make, record};
use crate::db;
use crate::operations::context::Change;
use crate::operations::{Actor, Context, Refusal, administrator, check, client};
use crate::registry::{ClientSecret, GeneratedSecret};

/// A further secret: one that this server makes, or one that a partner brings along.
#[derive(Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"expires_in": 7_776_000}))]
pub struct NewSecret {
    /// Seconds until it expires, 60 to ten years; it does not expire unless given.
    #[schema(minimum = 60, maximum = 316_224_000)]
    pub expires_in: Option<i64>,
    /// A secret of another provider that the client goes on using: 20 to 256 visible ASCII characters, made by a
    /// program. A new one is made unless this or `phc` is given.
    #[schema(value_type = Option<String>, min_length = 20, max_length = 256)]
    pub secret: Option<Zeroizing<String>>,
    /// The same, hashed there: argon2id as a PHC string.
    #[schema(value_type = Option<String>, max_length = 256)]
    pub phc: Option<Zeroizing<String>>,
}

impl fmt::Debug for NewSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewSecret").field("expires_in", &self.expires_in).finish_non_exhaustive()
    }
}

/// What came of it.
#[derive(Debug)]
pub struct Added {
    /// What is kept.
    pub record: ClientSecret,
    /// The secret, if this server made it. This is the only time that it can be seen.
    pub secret: Option<GeneratedSecret>,
}

/// Gives a client a further secret.
///
/// # Errors
/// [`Refusal::NotFound`] without that client, [`Refusal::Invalid`] for an impossible expiry or a secret that is not
/// fit to be imported, [`Refusal::Conflict`] when the client authenticates otherwise or has too many usable secrets.
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
    // Before the transaction: hashing takes its time.
    let (record, secret) = if let Some(digest) = import::digest(context, client_id, new).await? {
        (record(context.means(), client_id, digest, expires_at), None)
    } else {
        let (record, secret) = make(context.means(), client_id, expires_at);
        (record, Some(secret))
    };

    let mut tx = context.begin().await?;
    let found = db::client::find(&mut *tx, client_id).await?;
    let client = found.ok_or_else(|| Refusal::not_found(client::KIND, client_id))?;
    let mut held = db::client_secret::of_client(&mut *tx, client_id).await?;
    held.retain(|secret| secret.is_usable(now));
    check_room(&client, &held, &record)?;
    import::check_kind(&client, &record)?;
    let summary = format!("make a further secret for the administrator {}", client.name);
    administrator::check_gives(context, actor, &client, summary, true)?;
    db::client_secret::insert(&mut tx, &record).await?;
    let change = Change {
        action: if record.is_imported() { "client_secret.import" } else { "client_secret.add" },
        subject: format!("client/{client_id}"),
        before: None::<&Journaled<'_>>,
        after: Some(&Journaled::from(&record)),
        reason: "",
    };
    context.means().journal(&mut tx, actor, change).await?;
    context.commit(tx).await?;
    Ok(Added { record, secret })
}
