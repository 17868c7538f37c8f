use axum::extract::State;
use axum::response::Response;

use super::{ApprovalBody, shown};
use crate::admin::api_error::ApiError;
use crate::admin::authorization::MayRead;
use crate::admin::path_text::{PathText, Segment};
use crate::operations::{self, Context};

/// Show a request that waits, or waited, for a second administrator
#[utoipa::path(
    get,
    path = "/admin/v1/approvals/{id}",
    operation_id = "getApproval",
    tag = "approvals",
    security(("administration_token" = ["admin:registry:read"])),
    params(("id" = String, Path, description = "The approval's id.", max_length = 64)),
    responses(
        (status = 200, description = "The request, and what became of it.", body = ApprovalBody, headers(("ETag" = String, description = "Its version, for If-Match.")))
    )
)]
pub(in crate::admin) async fn get(
    State(context): State<Context>,
    _: MayRead,
    PathText(id): PathText<Segment>,
) -> Result<Response, ApiError> {
    Ok(shown(operations::approval::get(&context, id.as_str()).await?))
}
