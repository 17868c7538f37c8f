use serde::Deserialize;
use utoipa::ToSchema;

use crate::db;
use crate::operations::context::Change;
use crate::operations::identifier::refuse_if_held;
use crate::operations::{Actor, Context, Refusal, check};
use crate::registry::{CompanyUri, OneRecordId, OneRecordIdStatus, Participant, Status};

/// A company to be registered.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "name": "Example Airline",
    "iol_identifier": "https://1r.example.com/airline",
    "logistics_agent_uri": "https://1r.example.com/logistics-objects/airline",
    "roles": ["CAR"]
}))]
pub struct NewParticipant {
    /// Its name, for people.
    #[schema(min_length = 1, max_length = 200)]
    pub name: String,
    /// Its main ONE Record ID: an https URI in canonical form that nobody else holds.
    #[schema(
        format = "uri",
        max_length = 512,
        pattern = r"^https?://[a-z0-9.:\[\]-]+(/[A-Za-z0-9._~!$&'()*+,=:@%-]+)+$"
    )]
    pub iol_identifier: String,
    /// The same company in the current standard: an https URI in canonical form that nobody else holds.
    #[schema(
        format = "uri",
        max_length = 512,
        pattern = r"^https?://[a-z0-9.:\[\]-]+(/[A-Za-z0-9._~!$&'()*+,=:@%-]+)+$"
    )]
    pub logistics_agent_uri: String,
    /// Stakeholder roles, the main one first.
    #[schema(min_items = 1, max_items = 50, example = json!(["CAR"]))]
    pub roles: Vec<String>,
}

/// Registers a company.
///
/// # Errors
/// [`Refusal::Invalid`] when a rule is broken, [`Refusal::Conflict`] when somebody holds one of the URIs.
pub async fn create(context: &Context, actor: &Actor, new: NewParticipant) -> Result<Participant, Refusal> {
    let loopback = context.config.allow_insecure_loopback();
    let mut checks = check::Checks::default();
    let name = checks.take("name", check::name(&new.name));
    let iol_identifier = checks.take("iol_identifier", CompanyUri::parse(&new.iol_identifier, loopback));
    let logistics_agent_uri =
        checks.take("logistics_agent_uri", CompanyUri::parse(&new.logistics_agent_uri, loopback));
    let roles = check::roles(&new.roles, context.config.roles()).map_err(|errors| checks.extend(errors)).ok();
    let (Some(name), Some(iol_identifier), Some(logistics_agent_uri), Some(roles)) =
        (name, iol_identifier, logistics_agent_uri, roles)
    else {
        return Err(checks.refusal());
    };

    let now = context.clock.now_millis();
    let participant = Participant {
        id: context.entropy.ulid(&context.clock),
        name,
        iol_identifier: iol_identifier.into_string(),
        logistics_agent_uri: logistics_agent_uri.into_string(),
        roles,
        status: Status::Active,
        created_at: now,
        updated_at: now,
    };
    let one_record_id = OneRecordId {
        uri: participant.iol_identifier.clone(),
        participant_id: participant.id.clone(),
        main: true,
        // An administrator who enters an identifier vouches for it.
        status: OneRecordIdStatus::Approved,
        created_at: now,
    };

    let mut tx = context.begin().await?;
    refuse_if_held(&mut tx, "iol_identifier", &participant.iol_identifier, None).await?;
    refuse_if_held(&mut tx, "logistics_agent_uri", &participant.logistics_agent_uri, None).await?;
    db::participant::insert(&mut tx, &participant).await?;
    db::one_record_id::insert(&mut tx, &one_record_id).await?;
    let change = Change {
        action: "participant.create",
        subject: format!("participant/{}", participant.id),
        before: None::<&Participant>,
        after: Some(&participant),
        reason: "",
    };
    context.means().journal(&mut tx, actor, change).await?;
    context.commit(tx).await?;
    Ok(participant)
}
