use axum::extract::State;
use axum::response::Response;

use super::{ApprovalBody, shown};
use crate::admin::api_error::{ApiError, Problem};
use crate::admin::authorization::AnyAdministrator;
use crate::admin::json_body::OptionalJsonBody;
use crate::admin::path_text::{PathText, Segment};
use crate::operations::approval::Rejection;
use crate::operations::{self, Context};

/// Reject a request
///
/// For ever. No body is as an empty object.
#[utoipa::path(
    post,
    path = "/admin/v1/approvals/{id}/reject",
    operation_id = "rejectApproval",
    tag = "approvals",
    security(("administration_token" = ["admin:approve"])),
    params(("id" = String, Path, description = "The approval's id.", max_length = 64)),
    request_body(content = Option<Rejection>),
    responses(
        (status = 200, description = "Rejected.", body = ApprovalBody, headers(("ETag" = String, description = "Its version, for If-Match."))),
        (status = 409, description = "It does not wait any more.", body = Problem, content_type = "application/problem+json")
    )
)]
pub(in crate::admin) async fn reject(
    State(context): State<Context>,
    AnyAdministrator(actor): AnyAdministrator,
    PathText(id): PathText<Segment>,
    OptionalJsonBody(rejection): OptionalJsonBody<Rejection>,
) -> Result<Response, ApiError> {
    Ok(shown(operations::approval::reject(&context, &actor, id.as_str(), rejection).await?))
}
