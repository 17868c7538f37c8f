use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::KIND;
use super::check_reach::check_scopes;
use crate::db;
use crate::operations::check::{self, Checks};
use crate::operations::client::{Created, Details};
use crate::operations::context::Change;
use crate::operations::{Actor, Context, Held, Refusal, approval, client_key, client_secret};
use crate::registry::{Client, ClientKind, Sensitive, Status, TokenEndpointAuthMethod};

/// A person who shall administer this provider.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "name": "Ada at the service desk",
    "scopes": ["admin:registry:read", "admin:registry:write"],
    "token_endpoint_auth_method": "client_secret_basic"
}))]
pub struct NewAdministrator {
    /// Their name: one person, one administrator, so that the journal says who it was.
    #[schema(min_length = 1, max_length = 200)]
    pub name: String,
    /// What they may ask for; nothing that you could not ask for yourself.
    #[schema(min_items = 1, max_items = 50)]
    pub scopes: Vec<String>,
    /// The one method by which they authenticate at the token endpoint.
    #[serde(default)]
    pub token_endpoint_auth_method: TokenEndpointAuthMethod,
    /// Their public keys (RFC 7517 §5); needed for `private_key_jwt`.
    #[schema(value_type = Option<Object>)]
    pub jwks: Option<Value>,
}

/// Makes an administrator.
///
/// # Errors
/// [`Refusal::Invalid`] when a rule is broken, [`Refusal::Conflict`] when one of the keys is another client's,
/// [`Refusal::Beyond`] for a scope that the actor does not have, [`Refusal::Held`].
pub async fn create(context: &Context, actor: &Actor, new: NewAdministrator) -> Result<Created, Refusal> {
    let mut checks = Checks::default();
    let name = checks.take("name", check::name(&new.name)).unwrap_or_default();
    let scopes =
        check::administrative_scopes(&new.scopes).map_err(|errors| checks.extend(errors)).unwrap_or_default();
    let signs = new.token_endpoint_auth_method == TokenEndpointAuthMethod::PrivateKeyJwt;
    let keys = match &new.jwks {
        Some(jwks) => {
            client_key::check_set("jwks", jwks).map_err(|errors| checks.extend(errors)).unwrap_or_default()
        }
        None => Vec::new(),
    };
    if new.jwks.is_none() && signs {
        checks.note("jwks", "must have at least one key, with which private_key_jwt is checked");
    }
    checks.done()?;

    let now = context.clock.now_millis();
    let client = Client {
        allowed_addresses: Vec::new(),
        introspects: Vec::new(),
        id: context.entropy.ulid(&context.clock),
        participant_id: None,
        kind: ClientKind::Administrator,
        bootstrap: false,
        name,
        token_endpoint_auth_method: new.token_endpoint_auth_method,
        // Administration tokens are opaque and live for minutes; there is no proof yet to which they could be bound.
        require_bound_tokens: false,
        scopes: scopes.into(),
        audiences: Vec::new(),
        access_token_lifetime: None,
        signing_alg: None,
        one_record_id: None,
        status: Status::Active,
        created_at: now,
        updated_at: now,
    };
    let mut tx = context.begin().await?;
    db::client::insert(&mut tx, &client).await?;
    client_key::insert(&mut tx, context, &client.id, &keys).await?;
    let summary = format!("make {} an administrator with {}", client.name, client.scopes.join(" "));
    let subject = KIND.to_owned();
    check_scopes(actor, &client.scopes)?;
    let operation = Sensitive::Administrators;
    approval::hold_as(context, actor, Held { operation, subject, summary, makes_secret: !signs })?;
    let secret = if signs {
        None
    } else {
        let (record, secret) = client_secret::make(context.means(), &client.id, None);
        db::client_secret::insert(&mut tx, &record).await?;
        Some(secret)
    };
    let change = Change {
        action: "administrator.create",
        subject: format!("client/{}", client.id),
        before: None::<&Client>,
        after: Some(&client),
        reason: "",
    };
    context.means().journal(&mut tx, actor, change).await?;
    context.commit(tx).await?;
    Ok(Created { details: Details::administrator(client), secret })
}
