use serde::Deserialize;
use utoipa::ToSchema;

use super::{HINT, KIND, identifier};
use crate::db;
use crate::operations::context::Change;
use crate::operations::{Actor, Context, Refusal, check};
use crate::registry::{AccessTokenTyp, ResourceServer, SigningAlgorithm};

/// What shall change; what is left out stays as it is.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"access_token_typ": "JWT", "signing_alg": "ES256"}))]
pub struct ResourceServerChange {
    /// What stands in `aud`: an absolute https URI without fragment.
    #[schema(format = "uri", max_length = 512)]
    pub identifier: Option<String>,
    /// Its name, for people.
    #[schema(min_length = 1, max_length = 200)]
    pub name: Option<String>,
    /// The `typ` of its tokens.
    pub access_token_typ: Option<AccessTokenTyp>,
    /// The algorithm of its tokens.
    pub signing_alg: Option<SigningAlgorithm>,
    /// The scopes that it knows.
    #[schema(min_items = 1, max_items = 50)]
    pub scopes: Option<Vec<String>>,
}

/// Changes a resource server.
///
/// # Errors
/// [`Refusal::NotFound`]; [`Refusal::Invalid`] when a rule is broken; [`Refusal::Conflict`] when the identifier is
/// another's; [`Refusal::Changed`] when it is not what the request expects.
pub async fn update(
    context: &Context,
    actor: &Actor,
    id: &str,
    change: ResourceServerChange,
) -> Result<ResourceServer, Refusal> {
    let id = check::id(KIND, id)?;
    let mut checks = check::Checks::default();
    let name = change.name.as_deref().and_then(|name| checks.take("name", check::name(name)));
    let identifier = change
        .identifier
        .as_deref()
        .and_then(|text| checks.take("identifier", identifier::check(text, &context.config)));
    let scopes = change
        .scopes
        .as_deref()
        .and_then(|scopes| check::machine_scopes(scopes).map_err(|errors| checks.extend(errors)).ok());
    if let Some(algorithm) = change.signing_alg {
        checks.take("signing_alg", check::signing_alg(algorithm, context.config.algorithms()));
    }
    checks.done()?;

    let mut tx = context.begin().await?;
    let before =
        db::resource_server::find(&mut *tx, id).await?.ok_or_else(|| Refusal::not_found(KIND, id))?;
    context.call.check_version(KIND, &before)?;
    let mut after = before.clone();
    after.name = name.unwrap_or(after.name);
    after.identifier = identifier.unwrap_or(after.identifier);
    after.access_token_typ = change.access_token_typ.unwrap_or(after.access_token_typ);
    after.signing_alg = change.signing_alg.unwrap_or(after.signing_alg);
    after.scopes = scopes.unwrap_or(after.scopes);
    if after == before {
        return Ok(before);
    }
    after.updated_at = context.clock.now_millis();
    db::resource_server::update(&mut tx, &after)
        .await
        .map_err(|error| Refusal::taken(error, "identifier", HINT))?;
    let change = Change {
        action: "resource_server.update",
        subject: format!("resource_server/{id}"),
        before: Some(&before),
        after: Some(&after),
        reason: "",
    };
    context.means().journal(&mut tx, actor, change).await?;
    context.commit(tx).await?;
    Ok(after)
}
