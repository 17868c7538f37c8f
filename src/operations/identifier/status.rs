use serde::Deserialize;
use utoipa::ToSchema;

use super::KIND;
use crate::db;
use crate::operations::context::Change;
use crate::operations::negative::Against;
use crate::operations::{Actor, Context, Refusal, approval, check, participant};
use crate::registry::{OneRecordId, OneRecordIdStatus};

/// Which ONE Record ID of the participant.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"uri": "https://1r.example.com/airline"}))]
pub struct NamedIdentifier {
    /// The URI, as it is registered.
    #[schema(format = "uri", max_length = 512)]
    pub uri: String,
}

/// Gives an identifier a status. That it has it already is no error: the caller has what was asked for.
pub(super) async fn change(
    context: &Context,
    actor: &Actor,
    participant_id: &str,
    named: &NamedIdentifier,
    status: OneRecordIdStatus,
    action: &'static str,
) -> Result<OneRecordId, Refusal> {
    let participant_id = check::id(participant::KIND, participant_id)?;
    let uri = named.uri.as_str();
    let mut tx = context.begin().await?;
    if db::participant::find(&mut *tx, participant_id).await?.is_none() {
        return Err(Refusal::not_found(participant::KIND, participant_id));
    }
    let found = if uri.contains('\0') { None } else { db::one_record_id::find(&mut *tx, uri).await? };
    let before = found
        .filter(|held| held.participant_id == participant_id)
        .ok_or_else(|| Refusal::invalid("uri", "is no ONE Record ID of this participant"))?;
    context.call.check_version(KIND, &before)?;
    if before.status == status {
        return Ok(before);
    }
    // Its participant's subject, with which its identifiers are read anew.
    let subject = format!("participant/{participant_id}");
    if status == OneRecordIdStatus::Approved {
        let summary = format!("resume the ONE Record ID {uri} of participant {participant_id}");
        approval::hold_enabling(context, actor, &subject, summary)?;
    }
    db::one_record_id::set_status(&mut tx, uri, status).await?;
    let after = OneRecordId { status, ..before.clone() };
    let change = Change { action, subject, before: Some(&before), after: Some(&after), reason: "" };
    let sequence = context.means().journal(&mut tx, actor, change).await?;
    if status == OneRecordIdStatus::Suspended {
        context.decide_against(&mut tx, sequence, Against::OneRecordId { uri }).await?;
    }
    context.commit(tx).await?;
    Ok(after)
}
