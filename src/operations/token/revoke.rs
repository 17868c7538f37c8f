use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::db;
use crate::operations::context::Change;
use crate::operations::negative::Against;
use crate::operations::{Actor, Context, Refusal, administrator, check, client};
use crate::registry::ClientKind;

/// Which tokens are to be revoked: one, or all that a client got.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"client_id": "01ARZ3NDEKTSV4RRFFQ69G5FAW", "issued_before": 1_800_000_000}))]
pub struct Revocation {
    /// The id of one token, as its claim `jti` and the log say it. Either this or `client_id`.
    #[schema(min_length = 1, max_length = 128)]
    pub jti: Option<String>,
    /// Everything that this client got. Either this or `jti`.
    #[schema(min_length = 1, max_length = 64)]
    pub client_id: Option<String>,
    /// With `client_id`: only tokens issued before this second (since 1970-01-01 UTC, as in `iat`); until now unless
    /// given.
    #[schema(minimum = 1)]
    pub issued_before: Option<i64>,
}

/// What was revoked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Revoked {
    /// One token.
    Token(String),
    /// The tokens of a client.
    Client(String),
}

/// Revokes tokens. A token that is revoked already, or that nobody has ever seen, is no error: what must not be
/// accepted is not accepted.
///
/// # Errors
/// [`Refusal::Invalid`] when a rule is broken; [`Refusal::Scope`] for the tokens of an administrator.
pub async fn revoke(context: &Context, actor: &Actor, which: &Revocation) -> Result<Revoked, Refusal> {
    match (&which.jti, &which.client_id) {
        (Some(jti), None) if which.issued_before.is_none() => one(context, actor, jti).await,
        (Some(_), None) => Err(Refusal::invalid("issued_before", "belongs to client_id, not to jti")),
        (None, Some(client_id)) => all_of(context, actor, client_id, which.issued_before).await,
        _ => Err(Refusal::invalid("jti", "or client_id must be given, and not both")),
    }
}

async fn one(context: &Context, actor: &Actor, jti: &str) -> Result<Revoked, Refusal> {
    // It will stand in every verifier's list, and in the log.
    let fits = (1..=128).contains(&jti.len()) && jti.bytes().all(|byte| byte.is_ascii_graphic());
    if !fits {
        return Err(Refusal::invalid("jti", "must have 1 to 128 characters of printable ASCII"));
    }
    let mut tx = context.begin().await?;
    if !db::negative_decision::exists(&mut *tx, "jti", jti).await? {
        let change = Change {
            action: "token.revoke",
            subject: format!("token/{jti}"),
            before: None::<&Value>,
            after: None::<&Value>,
            reason: "",
        };
        let sequence = context.means().journal(&mut tx, actor, change).await?;
        context.decide_against(&mut tx, sequence, Against::Token { jti, expires_at: None }).await?;
        context.commit(tx).await?;
    }
    Ok(Revoked::Token(jti.to_owned()))
}

async fn all_of(
    context: &Context,
    actor: &Actor,
    client_id: &str,
    issued_before: Option<i64>,
) -> Result<Revoked, Refusal> {
    // What has not been issued yet cannot be revoked: that is what disabling is for.
    if issued_before.is_some_and(|at| !(1..=context.clock.now() + 1).contains(&at)) {
        return Err(Refusal::invalid("issued_before", "must be a time in seconds since 1970 that has come"));
    }
    let unknown = || Refusal::invalid("client_id", "is no registered client");
    let client_id = check::id(client::KIND, client_id).map_err(|_| unknown())?;
    let mut tx = context.begin().await?;
    let owner = db::client::find(&mut *tx, client_id).await?.ok_or_else(unknown)?;
    administrator::check_takes(actor, &owner)?;
    let change = Change {
        action: "client.revoke_tokens",
        subject: format!("client/{client_id}"),
        before: None::<&Value>,
        after: Some(&json!({ "issued_before": issued_before })),
        reason: "",
    };
    let sequence = context.means().journal(&mut tx, actor, change).await?;
    let issued_until = issued_before.map(|at| at - 1);
    context.decide_against(&mut tx, sequence, Against::ClientTokens { client_id, issued_until }).await?;
    if owner.kind == ClientKind::Administrator {
        db::administration_token::forget_client(&mut tx, client_id).await?;
    }
    context.commit(tx).await?;
    Ok(Revoked::Client(client_id.to_owned()))
}
