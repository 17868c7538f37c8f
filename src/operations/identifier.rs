//! ONE Record IDs of a participant.

mod add;
mod list;
mod resume;
mod status;
mod suspend;

pub use add::{NewIdentifier, add};
pub use list::list;
pub use resume::resume;
pub use status::NamedIdentifier;
pub use suspend::suspend;

use carnet_db::Transaction;

use super::Refusal;
use crate::db;

const KIND: &str = "ONE Record ID";
const HINT: &str =
    "an identifier names one company for ever: choose another, or use the participant that holds it";

/// Refuses a URI that another participant holds, as an identifier or as a logistics agent URI.
pub(super) async fn refuse_if_anothers(
    tx: &mut Transaction,
    field: &str,
    uri: &str,
    owner: &str,
) -> Result<(), Refusal> {
    match db::one_record_id::find(&mut **tx, uri).await? {
        Some(held) if held.participant_id == owner => Ok(()),
        _ => refuse_if_held(tx, field, uri, Some(owner)).await,
    }
}

/// Refuses a URI that somebody holds, as an identifier or as a logistics agent URI: both name companies, and
/// whoever compares them must never find two. A participant may use one URI of its own as both.
pub(super) async fn refuse_if_held(
    tx: &mut Transaction,
    field: &str,
    uri: &str,
    owner: Option<&str>,
) -> Result<(), Refusal> {
    if let Some(held) = db::one_record_id::find(&mut **tx, uri).await? {
        let reason = format!("is registered already, for participant {}", held.participant_id);
        return Err(Refusal::conflict(field, reason, HINT));
    }
    if let Some(holder) = db::participant::holder_of_agent_uri(&mut **tx, uri).await?
        && owner != Some(holder.as_str())
    {
        let reason = format!("is registered already, as the logistics agent URI of participant {holder}");
        return Err(Refusal::conflict(field, reason, HINT));
    }
    Ok(())
}
