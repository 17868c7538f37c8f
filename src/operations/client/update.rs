use carnet_db::Transaction;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{Details, KIND, audiences};
use crate::db;
use crate::operations::check::{self, Checks};
use crate::operations::context::Change;
use crate::operations::setting::Setting;
use crate::operations::{Actor, Context, Refusal, approval};
use crate::registry::{Client, ClientKind, OneRecordIdStatus, Sensitive, SigningAlgorithm, scope};

/// What shall change; what is left out stays as it is, and null gives a member (but the name) its default again.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "booking system 2", "access_token_lifetime": 300, "signing_alg": null}))]
pub struct ClientChange {
    /// Its name, for people.
    #[schema(min_length = 1, max_length = 200)]
    pub name: Option<String>,
    /// Whether it may only get tokens bound to its key or certificate; null: true.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    pub require_bound_tokens: Setting<bool>,
    /// What it may ask for, and gets when it asks for nothing; null: the default set.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>, min_items = 1, max_items = 50)]
    pub scopes: Setting<Vec<String>>,
    /// Resource servers that it may ask for, by identifier or id, its default one first; null: the installation's default
    /// one.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>, max_items = 50)]
    pub audiences: Setting<Vec<String>>,
    /// Lifetime of its access tokens in seconds, at least 60; null: the installation's default.
    #[serde(default)]
    #[schema(value_type = Option<i64>, minimum = 60)]
    pub access_token_lifetime: Setting<i64>,
    /// The algorithm of its access tokens; null: the resource server's.
    #[serde(default)]
    #[schema(value_type = Option<SigningAlgorithm>)]
    pub signing_alg: Setting<SigningAlgorithm>,
    /// The ONE Record ID in its tokens, one of its participant's; null: the main one.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = "uri", max_length = 512)]
    pub one_record_id: Setting<String>,
    /// Resource servers that it speaks for: it may introspect tokens that are for them; null: none.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>, max_items = 50)]
    pub introspects: Setting<Vec<String>>,
    /// Addresses and networks (CIDR) from which it may authenticate; null: all.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>, max_items = 50)]
    pub allowed_addresses: Setting<Vec<String>>,
}

/// Changes a machine of a participant.
///
/// # Errors
/// [`Refusal::NotFound`]; [`Refusal::Invalid`] when a rule is broken; [`Refusal::Conflict`] for an administrator;
/// [`Refusal::Changed`]; [`Refusal::Held`].
pub async fn update(
    context: &Context,
    actor: &Actor,
    id: &str,
    change: ClientChange,
) -> Result<Details, Refusal> {
    let id = check::id(KIND, id)?;
    let mut tx = context.begin().await?;
    let found = db::client::find(&mut *tx, id).await?.ok_or_else(|| Refusal::not_found(KIND, id))?;
    if found.kind == ClientKind::Administrator {
        return Err(Refusal::conflict("client_id", "is an administrator", "change it as an administrator"));
    }
    let before = audiences::details_in(&mut tx, found).await?;
    context.call.check_version(KIND, &before)?;
    let after = changed(context, &mut tx, &before, change).await?;
    if after.client == before.client {
        return Ok(before);
    }
    let subject = format!("client/{id}");
    if before.client.require_bound_tokens && !after.client.require_bound_tokens {
        let summary = format!("let the client {} have tokens that are not bound to it", before.client.name);
        approval::hold(context, actor, Sensitive::UnboundTokens, &subject, summary)?;
    }
    db::client::update(&mut tx, &after.client).await?;
    let change = Change {
        action: "client.update",
        subject,
        before: Some(&before.client),
        after: Some(&after.client),
        reason: "",
    };
    context.means().journal(&mut tx, actor, change).await?;
    context.commit(tx).await?;
    Ok(after)
}

/// The client as it shall be, if every rule holds.
async fn changed(
    context: &Context,
    tx: &mut Transaction,
    before: &Details,
    change: ClientChange,
) -> Result<Details, Refusal> {
    let mut checks = Checks::default();
    let mut after = before.clone();
    let client = &mut after.client;
    if let Some(name) = change.name.as_deref() {
        client.name = checks.take("name", check::name(name)).unwrap_or_default();
    }
    match change.require_bound_tokens {
        Setting::Kept => {}
        Setting::Reset => client.require_bound_tokens = true,
        Setting::Set(required) => client.require_bound_tokens = required,
    }
    match change.scopes {
        Setting::Kept => {}
        Setting::Reset => client.scopes = scope::DEFAULT.map(str::to_owned).into(),
        Setting::Set(scopes) => {
            let checked = check::machine_scopes(&scopes).map_err(|errors| checks.extend(errors));
            client.scopes = checked.unwrap_or_default().into();
        }
    }
    if let Some(lifetime) = change.access_token_lifetime.given() {
        check::access_token_lifetime(lifetime, context, &mut checks);
        client.access_token_lifetime = lifetime;
    }
    if let Some(algorithm) = change.signing_alg.given() {
        if let Some(algorithm) = algorithm {
            checks.take("signing_alg", check::signing_alg(algorithm, context.config.algorithms()));
        }
        client.signing_alg = algorithm;
    }
    if let Some(ranges) = change.allowed_addresses.given() {
        client.allowed_addresses = check::allowed_addresses(&ranges.unwrap_or_default())
            .map_err(|errors| checks.extend(errors))
            .unwrap_or_default();
    }
    if let Some(uri) = change.one_record_id.given() {
        check_identifier(tx, client, uri.as_deref(), &mut checks).await?;
        client.one_record_id = uri;
    }
    if let Some(names) = change.audiences.given() {
        let servers = audiences::resolve(tx, &names.unwrap_or_default(), &mut checks).await?;
        client.audiences = servers.iter().map(|server| server.id.clone()).collect();
        after.audiences = servers.into_iter().map(|server| server.identifier).collect();
    }
    if let Some(names) = change.introspects.given() {
        let names = names.unwrap_or_default();
        let servers = audiences::resolve_member(tx, "introspects", &names, &mut checks).await?;
        client.introspects = servers.iter().map(|server| server.id.clone()).collect();
        after.introspects = servers.into_iter().map(|server| server.identifier).collect();
    }
    checks.done()?;
    if after.client != before.client {
        after.client.updated_at = context.clock.now_millis();
    }
    Ok(after)
}

async fn check_identifier(
    tx: &mut Transaction,
    client: &Client,
    uri: Option<&str>,
    checks: &mut Checks,
) -> Result<(), Refusal> {
    let Some(uri) = uri else { return Ok(()) };
    let held = if uri.contains('\0') { None } else { db::one_record_id::find(&mut **tx, uri).await? };
    let approved = held.is_some_and(|id| {
        Some(&id.participant_id) == client.participant_id.as_ref() && id.status == OneRecordIdStatus::Approved
    });
    if !approved {
        checks.note("one_record_id", "is no approved ONE Record ID of this participant");
    }
    Ok(())
}
