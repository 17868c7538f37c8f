use super::KIND;
use crate::db;
use crate::operations::{Context, Refusal, check};
use crate::registry::Approval;

/// One request that waits, or waited, for a second administrator.
///
/// # Errors
/// [`Refusal::NotFound`].
pub async fn get(context: &Context, id: &str) -> Result<Approval, Refusal> {
    let id = check::id(KIND, id)?;
    let found = db::approval::find(context.database.reader().pool(), id).await?;
    found.ok_or_else(|| Refusal::not_found(KIND, id))
}
