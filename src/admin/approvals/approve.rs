use axum::extract::State;
use axum::response::Response;

use super::{ApprovalBody, execute_stored, shown};
use crate::admin::api_error::{ApiError, Problem};
use crate::admin::authorization::MayApprove;
use crate::admin::path_text::{PathText, Segment};
use crate::operations::approval::{Consent, complete};
use crate::operations::{self, Context};

/// Approve a request
///
/// It is executed at once, in the name of its requester and as things stand now; if that is refused, the refusal is the
/// answer, and it waits on. If its answer has a secret, it is only released: its requester executes it.
#[utoipa::path(
    post,
    path = "/admin/v1/approvals/{id}/approve",
    operation_id = "approveApproval",
    tag = "approvals",
    security(("administration_token" = ["admin:approve"])),
    params(("id" = String, Path, description = "The approval's id.", max_length = 64)),
    responses(
        (status = 200, description = "Executed, or released.", body = ApprovalBody, headers(("ETag" = String, description = "Its version, for If-Match."))),
        (status = 409, description = "It does not wait any more, the approver is not another person for sure, or what is registered stands against the request.", body = Problem, content_type = "application/problem+json")
    )
)]
pub(in crate::admin) async fn approve(
    State(context): State<Context>,
    MayApprove(actor): MayApprove,
    PathText(id): PathText<Segment>,
) -> Result<Response, ApiError> {
    match operations::approval::approve(&context, &actor, id.as_str()).await? {
        Consent::Released(approval) => Ok(shown(*approval)),
        Consent::Execute(ready) => {
            let (response, executed) = execute_stored(&context, &ready).await?;
            if !response.status().is_success() {
                return Ok(response);
            }
            Ok(shown(complete(&context, &executed, &actor, *ready).await?))
        }
    }
}
