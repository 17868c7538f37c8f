use serde_json::json;

use crate::db;
use crate::operations::context::Change;
use crate::operations::negative::Against;
use crate::operations::{Actor, Context, Refusal};

/// How many revoked tokens of one client may still be unexpired. The feed names each of them to every verifier, and
/// nobody shall be able to make it too long to be read.
const MAX_LIVE: i64 = 200;
/// How long the feed may be for clients to add to it, however many of them there are. Verifiers refuse one of 50,000
/// entries or 4 MiB: the rest is for what administrators decide.
const MAX_FEED: i64 = 20_000;
const ACTION: &str = "token.revoke";

/// An access token that this IAP has signed, as it says of itself.
#[derive(Debug, Clone, Copy)]
pub struct OwnToken<'a> {
    /// Its id.
    pub jti: &'a str,
    /// To whom it was given.
    pub client_id: &'a str,
    /// Seconds since 1970-01-01 UTC.
    pub expires_at: i64,
}

/// Revokes a token at the wish of the client that got it. That it is revoked already is no error.
///
/// # Errors
/// [`Refusal::Conflict`] when the client, or all of them together, have revoked too many tokens that have not expired.
pub async fn revoke_own(context: &Context, token: &OwnToken<'_>) -> Result<(), Refusal> {
    let mut tx = context.begin().await?;
    if db::negative_decision::exists(&mut *tx, "jti", token.jti).await? {
        return Ok(());
    }
    let subject = format!("client/{}", token.client_id);
    let since = context.clock.now_millis() - context.config.tokens().max_lifetime * 1000;
    if db::journal::count_since(&mut *tx, &subject, ACTION, since).await? >= MAX_LIVE {
        return Err(Refusal::conflict(
            "token",
            format!("cannot be revoked: {MAX_LIVE} revoked tokens of this client have not expired yet"),
            "let tokens expire, or have an administrator revoke all of them",
        ));
    }
    let now = context.clock.now_millis();
    if db::negative_decision::count_in_feed(&mut *tx, now).await? >= MAX_FEED {
        return Err(Refusal::conflict(
            "token",
            "cannot be revoked: the revocation feed is as long as clients may make it",
            "let tokens expire, or have an administrator revoke all of them",
        ));
    }
    let change = Change {
        action: ACTION,
        // The client's, so that a thousand tokens do not make a thousand things to read anew.
        subject,
        before: Some(&json!({ "jti": token.jti, "exp": token.expires_at })),
        after: None::<&serde_json::Value>,
        reason: "",
    };
    let actor = Actor::client(token.client_id);
    let sequence = context.means().journal(&mut tx, &actor, change).await?;
    let against = Against::Token { jti: token.jti, expires_at: Some(token.expires_at) };
    context.decide_against(&mut tx, sequence, against).await?;
    context.commit(tx).await
}
