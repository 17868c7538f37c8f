use crate::db::{self, Page};
use crate::operations::{Context, ListRequest, Refusal};
use crate::registry::{Approval, ApprovalState};

/// A page of them, the oldest first, of all states or of one.
///
/// # Errors
/// [`Refusal::Invalid`] for a state that there is not.
pub async fn list(
    context: &Context,
    state: Option<&str>,
    request: &ListRequest,
) -> Result<Page<Approval>, Refusal> {
    let state = state
        .map(str::parse::<ApprovalState>)
        .transpose()
        .map_err(|reason| Refusal::invalid("state", format!("must be one of {}", reason.known)))?;
    let pool = context.database.reader().pool();
    Ok(db::approval::page(pool, state, &request.after, request.limit).await?)
}
