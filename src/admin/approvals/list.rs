use axum::extract::State;
use axum::response::Response;

use super::ApprovalBody;
use crate::admin::api_error::ApiError;
use crate::admin::authorization::MayRead;
use crate::admin::json_body::json_response;
use crate::admin::page::{ApprovalQuery, List};
use crate::operations::{self, Context};

/// List requests that wait for a second administrator
///
/// And those that waited, the oldest first.
#[utoipa::path(
    get,
    path = "/admin/v1/approvals",
    operation_id = "listApprovals",
    tag = "approvals",
    security(("administration_token" = ["admin:registry:read"])),
    params(ApprovalQuery),
    responses(
        (status = 200, description = "A page.", body = List<ApprovalBody>)
    )
)]
pub(in crate::admin) async fn list(
    State(context): State<Context>,
    _: MayRead,
    query: ApprovalQuery,
) -> Result<Response, ApiError> {
    let page = operations::approval::list(&context, query.state.as_deref(), &query.request()).await?;
    Ok(json_response(&List::<ApprovalBody>::new(page.items, page.next_cursor.as_ref())))
}
