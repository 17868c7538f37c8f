use axum::extract::State;
use axum::response::Response;

use crate::admin::api_error::{ApiError, Problem};
use crate::admin::authorization::MayChangeAdministrators;
use crate::admin::clients::{ClientBody, shown};
use crate::admin::path_text::{PathText, Segment};
use crate::operations::{self, Context};

/// Disable an administrator
///
/// Their tokens end at once, and they get no others until they are enabled again.
/// Repeating it changes nothing.
#[utoipa::path(
    post,
    path = "/admin/v1/administrators/{client_id}/disable",
    operation_id = "disableAdministrator",
    tag = "administrators",
    security(("administration_token" = ["admin:administrators:write"])),
    params(("client_id" = String, Path, description = "The administrator's client id.", max_length = 64)),
    responses(
        (status = 200, description = "The administrator as it is now.", body = ClientBody, headers(("ETag" = String, description = "Its version, for If-Match."))),
        (status = 409, description = "The administrator of the first start cannot be disabled.", body = Problem, content_type = "application/problem+json")
    )
)]
pub(in crate::admin) async fn disable(
    State(context): State<Context>,
    MayChangeAdministrators(actor): MayChangeAdministrators,
    PathText(client_id): PathText<Segment>,
) -> Result<Response, ApiError> {
    Ok(shown(operations::administrator::disable(&context, &actor, client_id.as_str()).await?))
}
