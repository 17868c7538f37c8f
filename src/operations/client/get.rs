use super::{Details, KIND, audiences};
use crate::db;
use crate::operations::{Context, Refusal, check};

/// One client.
///
/// # Errors
/// [`Refusal::NotFound`].
pub async fn get(context: &Context, id: &str) -> Result<Details, Refusal> {
    let id = check::id(KIND, id)?;
    let found = db::client::find(context.database.reader().pool(), id).await?;
    audiences::details_of(context, found.ok_or_else(|| Refusal::not_found(KIND, id))?).await
}
