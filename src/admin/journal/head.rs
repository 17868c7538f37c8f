use axum::extract::State;
use axum::response::Response;

use super::HeadBody;
use crate::admin::api_error::ApiError;
use crate::admin::authorization::MayReadJournal;
use crate::admin::json_body::json_response;
use crate::operations::{self, Context};

/// Show the newest signed head of the journal
///
/// Keep it somewhere else: it proves later that no record up to it was changed or removed.
#[utoipa::path(
    get,
    path = "/admin/v1/journal/head",
    operation_id = "getJournalHead",
    tag = "journal",
    security(("administration_token" = ["admin:audit:read"])),
    responses(
        (status = 200, description = "The head.", body = HeadBody)
    )
)]
pub(in crate::admin) async fn head(
    State(context): State<Context>,
    _: MayReadJournal,
) -> Result<Response, ApiError> {
    Ok(json_response(&HeadBody::from(operations::journal::head(&context).await?)))
}
