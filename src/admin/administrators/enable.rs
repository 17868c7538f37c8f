use axum::extract::State;
use axum::response::Response;

use crate::admin::api_error::ApiError;
use crate::admin::authorization::MayChangeAdministrators;
use crate::admin::clients::{ClientBody, shown};
use crate::admin::path_text::{PathText, Segment};
use crate::operations::{self, Context};

/// Enable an administrator
///
/// They get tokens again.
/// Repeating it changes nothing.
#[utoipa::path(
    post,
    path = "/admin/v1/administrators/{client_id}/enable",
    operation_id = "enableAdministrator",
    tag = "administrators",
    security(("administration_token" = ["admin:administrators:write"])),
    params(("client_id" = String, Path, description = "The administrator's client id.", max_length = 64)),
    responses(
        (status = 200, description = "The administrator as it is now.", body = ClientBody, headers(("ETag" = String, description = "Its version, for If-Match.")))
    )
)]
pub(in crate::admin) async fn enable(
    State(context): State<Context>,
    MayChangeAdministrators(actor): MayChangeAdministrators,
    PathText(client_id): PathText<Segment>,
) -> Result<Response, ApiError> {
    Ok(shown(operations::administrator::enable(&context, &actor, client_id.as_str()).await?))
}
