use serde::Deserialize;
use utoipa::ToSchema;

use super::{KIND, check_gives};
use crate::db;
use crate::operations::check::{self, Checks};
use crate::operations::client::Details;
use crate::operations::context::Change;
use crate::operations::{Actor, Context, Refusal};
use crate::registry::ClientKind;

/// What shall change; what is left out stays as it is.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"scopes": ["admin:registry:read", "admin:approve"]}))]
pub struct AdministratorChange {
    /// Their name.
    #[schema(min_length = 1, max_length = 200)]
    pub name: Option<String>,
    /// What they may ask for; nothing that you could not ask for yourself. Tokens that they have end.
    #[schema(min_items = 1, max_items = 50)]
    pub scopes: Option<Vec<String>>,
}

/// Changes an administrator.
///
/// # Errors
/// [`Refusal::NotFound`], also for a machine; [`Refusal::Invalid`] when a rule is broken; [`Refusal::Conflict`] for the
/// scopes of the administrator that the first start made; [`Refusal::Changed`]; [`Refusal::Beyond`]; [`Refusal::Held`].
pub async fn update(
    context: &Context,
    actor: &Actor,
    id: &str,
    change: AdministratorChange,
) -> Result<Details, Refusal> {
    let id = check::id(KIND, id)?;
    let mut checks = Checks::default();
    let name = change.name.as_deref().and_then(|name| checks.take("name", check::name(name)));
    let scopes = change
        .scopes
        .as_deref()
        .and_then(|scopes| check::administrative_scopes(scopes).map_err(|errors| checks.extend(errors)).ok());
    checks.done()?;

    let mut tx = context.begin().await?;
    let found = db::client::find(&mut *tx, id).await?;
    let before = found
        .filter(|client| client.kind == ClientKind::Administrator)
        .ok_or_else(|| Refusal::not_found(KIND, id))?;
    context.call.check_version(KIND, &Details::administrator(before.clone()))?;
    let mut after = before.clone();
    after.name = name.unwrap_or(after.name);
    after.scopes = scopes.map_or(after.scopes, Into::into);
    if after == before {
        return Ok(Details::administrator(before));
    }
    if before.bootstrap && after.scopes != before.scopes {
        return Err(Refusal::conflict(
            "scopes",
            "are those of the administrator that the first start made, who would lock everybody out",
            "make another administrator with the scopes that are wanted",
        ));
    }
    let summary = format!("change the administrator {}: {} with {}", id, after.name, after.scopes.join(" "));
    check_gives(context, actor, &after, summary, false)?;
    after.updated_at = context.clock.now_millis();
    db::client::update(&mut tx, &after).await?;
    if after.scopes != before.scopes {
        // A token says what it may do for as long as it lives.
        db::administration_token::forget_client(&mut tx, id).await?;
    }
    let change = Change {
        action: "administrator.update",
        subject: format!("client/{id}"),
        before: Some(&before),
        after: Some(&after),
        reason: "",
    };
    context.means().journal(&mut tx, actor, change).await?;
    context.commit(tx).await?;
    Ok(Details::administrator(after))
}
