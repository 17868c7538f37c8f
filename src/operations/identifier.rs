//! ONE Record IDs of a participant.

mod add;
mod list;

pub use add::{NewIdentifier, add};
pub use list::list;

use carnet_db::Transaction;

use super::Refusal;
use crate::db;

const HINT: &str =
    "an identifier names one company for ever: choose another, or use the participant that holds it";

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
