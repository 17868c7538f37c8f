use carnet_db::Transaction;
use serde::Deserialize;
use utoipa::ToSchema;

use super::KIND;
use crate::db;
use crate::operations::context::Change;
use crate::operations::identifier::refuse_if_anothers;
use crate::operations::{Actor, Context, Refusal, approval, check};
use crate::registry::{CompanyUri, OneRecordIdStatus, Participant, Sensitive};

/// What shall change; what is left out stays as it is.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "Example Airline Cargo", "roles": ["CAR", "GHA"]}))]
pub struct ParticipantChange {
    /// Its name, for people.
    #[schema(min_length = 1, max_length = 200)]
    pub name: Option<String>,
    /// Its main ONE Record ID: one of its own, and approved. The former one stays registered.
    #[schema(format = "uri", max_length = 512)]
    pub iol_identifier: Option<String>,
    /// The same company in the current standard: an https URI in canonical form that nobody else holds.
    #[schema(
        format = "uri",
        max_length = 512,
        pattern = r"^https?://[a-z0-9.:\[\]-]+(/[A-Za-z0-9._~!$&'()*+,=:@%-]+)+$"
    )]
    pub logistics_agent_uri: Option<String>,
    /// Stakeholder roles, the main one first.
    #[schema(min_items = 1, max_items = 50, example = json!(["CAR"]))]
    pub roles: Option<Vec<String>>,
}

/// Changes a participant.
///
/// # Errors
/// [`Refusal::NotFound`]; [`Refusal::Invalid`] when a rule is broken; [`Refusal::Conflict`] when the agent URI is
/// another's; [`Refusal::Changed`]; [`Refusal::Held`].
pub async fn update(
    context: &Context,
    actor: &Actor,
    id: &str,
    change: ParticipantChange,
) -> Result<Participant, Refusal> {
    let id = check::id(KIND, id)?;
    let mut checks = check::Checks::default();
    let name = change.name.as_deref().and_then(|name| checks.take("name", check::name(name)));
    let agent = change.logistics_agent_uri.as_deref().and_then(|uri| {
        let loopback = context.config.allow_insecure_loopback();
        checks.take("logistics_agent_uri", CompanyUri::parse(uri, loopback))
    });
    let roles = change.roles.as_deref().and_then(|roles| {
        check::roles(roles, context.config.roles()).map_err(|errors| checks.extend(errors)).ok()
    });
    checks.done()?;

    let mut tx = context.begin().await?;
    let before = db::participant::find(&mut *tx, id).await?.ok_or_else(|| Refusal::not_found(KIND, id))?;
    context.call.check_version(KIND, &before)?;
    let mut after = before.clone();
    after.name = name.unwrap_or(after.name);
    after.roles = roles.unwrap_or(after.roles);
    after.logistics_agent_uri = agent.map_or(after.logistics_agent_uri, CompanyUri::into_string);
    after.iol_identifier = change.iol_identifier.unwrap_or(after.iol_identifier);
    if after == before {
        return Ok(before);
    }
    let new_main = after.iol_identifier != before.iol_identifier;
    if new_main {
        check_main(&mut tx, id, &after.iol_identifier).await?;
    }
    let new_agent = after.logistics_agent_uri != before.logistics_agent_uri;
    if new_agent {
        refuse_if_anothers(&mut tx, "logistics_agent_uri", &after.logistics_agent_uri, id).await?;
    }
    let subject = format!("participant/{id}");
    if new_main || new_agent {
        let (main, agent) = (&after.iol_identifier, &after.logistics_agent_uri);
        let summary =
            format!("let the participant {} be known as {main}, as logistics agent {agent}", before.name);
        approval::hold(context, actor, Sensitive::Identifiers, &subject, summary)?;
    }
    after.updated_at = context.clock.now_millis();
    if new_main {
        db::one_record_id::clear_main(&mut tx, id).await?;
        db::one_record_id::set_main(&mut tx, id, &after.iol_identifier).await?;
    }
    db::participant::update(&mut tx, &after).await?;
    let change = Change {
        action: "participant.update",
        subject,
        before: Some(&before),
        after: Some(&after),
        reason: "",
    };
    context.means().journal(&mut tx, actor, change).await?;
    context.commit(tx).await?;
    Ok(after)
}

/// The main identifier stands in tokens: it must be the participant's own, and nobody may have suspended it.
async fn check_main(tx: &mut Transaction, id: &str, uri: &str) -> Result<(), Refusal> {
    let found = if uri.contains('\0') { None } else { db::one_record_id::find(&mut **tx, uri).await? };
    let approved =
        found.is_some_and(|held| held.participant_id == id && held.status == OneRecordIdStatus::Approved);
    if approved {
        Ok(())
    } else {
        Err(Refusal::invalid(
            "iol_identifier",
            "is no approved ONE Record ID of this participant; add it first",
        ))
    }
}
