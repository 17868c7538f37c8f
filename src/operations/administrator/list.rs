use crate::db::{self, Page};
use crate::operations::client::Details;
use crate::operations::{Context, ListRequest, Refusal};

/// A page of administrators, the oldest first.
///
/// # Errors
/// When the database fails.
pub async fn list(context: &Context, request: &ListRequest) -> Result<Page<Details>, Refusal> {
    let pool = context.database.reader().pool();
    let page = db::client::administrators(pool, &request.after, request.limit).await?;
    let items = page.items.into_iter().map(Details::administrator).collect();
    Ok(Page { items, next_cursor: page.next_cursor })
}
