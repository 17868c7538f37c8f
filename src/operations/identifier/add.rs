use serde::Deserialize;
use utoipa::ToSchema;

use super::refuse_if_held;
use crate::db;
use crate::operations::context::Change;
use crate::operations::{Actor, Context, Refusal, approval, check, participant};
use crate::registry::{CompanyUri, OneRecordId, OneRecordIdStatus, Sensitive};

/// A further ONE Record ID of a participant.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"uri": "https://1r.example.com/airline-cargo", "main": false}))]
pub struct NewIdentifier {
    /// An https URI in canonical form that nobody else holds.
    #[schema(
        format = "uri",
        max_length = 512,
        pattern = r"^https?://[a-z0-9.:\[\]-]+(/[A-Za-z0-9._~!$&'()*+,=:@%-]+)+$"
    )]
    pub uri: String,
    /// Whether it becomes the main one, which stands in tokens; the former main one stays registered.
    #[serde(default)]
    pub main: bool,
}

/// Registers a further ONE Record ID.
///
/// # Errors
/// [`Refusal::NotFound`] without that participant, [`Refusal::Invalid`] when the URI is not canonical,
/// [`Refusal::Conflict`] when somebody holds it.
pub async fn add(
    context: &Context,
    actor: &Actor,
    participant_id: &str,
    new: NewIdentifier,
) -> Result<OneRecordId, Refusal> {
    let participant_id = check::id(participant::KIND, participant_id)?;
    let uri = CompanyUri::parse(&new.uri, context.config.allow_insecure_loopback())
        .map_err(|reason| Refusal::invalid("uri", reason.to_string()))?;
    let now = context.clock.now_millis();
    let one_record_id = OneRecordId {
        uri: uri.into_string(),
        participant_id: participant_id.to_owned(),
        main: new.main,
        // An administrator who enters an identifier vouches for it.
        status: OneRecordIdStatus::Approved,
        created_at: now,
    };

    let mut tx = context.begin().await?;
    if db::participant::find(&mut *tx, participant_id).await?.is_none() {
        return Err(Refusal::not_found(participant::KIND, participant_id));
    }
    refuse_if_held(&mut tx, "uri", &one_record_id.uri, Some(participant_id)).await?;
    let subject = format!("participant/{participant_id}");
    let as_main = if new.main { ", as its main one" } else { "" };
    let summary =
        format!("give participant {participant_id} the ONE Record ID {}{as_main}", one_record_id.uri);
    approval::hold(context, actor, Sensitive::Identifiers, &subject, summary)?;
    if new.main {
        db::one_record_id::clear_main(&mut tx, participant_id).await?;
        db::participant::touch(&mut tx, participant_id, now).await?;
    }
    db::one_record_id::insert(&mut tx, &one_record_id).await?;
    let change = Change {
        action: "identifier.add",
        subject,
        before: None::<&OneRecordId>,
        after: Some(&one_record_id),
        reason: "",
    };
    context.means().journal(&mut tx, actor, change).await?;
    context.commit(tx).await?;
    Ok(one_record_id)
}
