use axum::extract::State;
use axum::response::Response;

use super::execute_stored;
use crate::admin::api_error::{ApiError, Problem};
use crate::admin::authorization::MayWrite;
use crate::admin::path_text::{PathText, Segment};
use crate::operations::approval::complete;
use crate::operations::{self, Context};

/// Execute a request that was approved
///
/// Only its requester can, and only what was not executed by approving it, because its answer has a secret. The answer is
/// that of the request.
#[utoipa::path(
    post,
    path = "/admin/v1/approvals/{id}/execute",
    operation_id = "executeApproval",
    tag = "approvals",
    security(("administration_token" = ["admin:registry:write"])),
    params(("id" = String, Path, description = "The approval's id.", max_length = 64)),
    responses(
        (status = 201, description = "Made, as the answer of the request itself is documented.", body = Object),
        (status = 409, description = "It is not to be executed, or not by you, or what is registered stands against the request.", body = Problem, content_type = "application/problem+json")
    )
)]
pub(in crate::admin) async fn execute(
    State(context): State<Context>,
    MayWrite(actor): MayWrite,
    PathText(id): PathText<Segment>,
) -> Result<Response, ApiError> {
    let ready = operations::approval::execute(&context, &actor, id.as_str()).await?;
    let (response, executed) = execute_stored(&context, &ready).await?;
    if response.status().is_success() {
        complete(&context, &executed, &actor, ready).await?;
    }
    Ok(response)
}
