use axum::extract::State;
use axum::response::Response;

use super::RecordBody;
use crate::admin::api_error::ApiError;
use crate::admin::authorization::MayReadJournal;
use crate::admin::json_body::json_response;
use crate::admin::page::{JournalQuery, List};
use crate::operations::{self, Context};

/// List the journal
///
/// The oldest record first; everything, or what passes the filters. Nothing is left out of a record, so that whoever
/// reads all of them can verify the chain.
#[utoipa::path(
    get,
    path = "/admin/v1/journal",
    operation_id = "listJournal",
    tag = "journal",
    security(("administration_token" = ["admin:audit:read"])),
    params(JournalQuery),
    responses(
        (status = 200, description = "A page.", body = List<RecordBody>)
    )
)]
pub(in crate::admin) async fn list(
    State(context): State<Context>,
    _: MayReadJournal,
    query: JournalQuery,
) -> Result<Response, ApiError> {
    let (filter, request) = query.request();
    let page = operations::journal::list(&context, &filter, &request).await?;
    Ok(json_response(&List::<RecordBody>::new(page.items, page.next_cursor.as_ref())))
}
