use axum::extract::State;
use axum::response::Response;

use crate::admin::api_error::{ApiError, Problem};
use crate::admin::authorization::MayChangeAdministrators;
use crate::admin::clients::{ClientBody, shown};
use crate::admin::json_body::JsonBody;
use crate::admin::path_text::{PathText, Segment};
use crate::operations::administrator::AdministratorChange;
use crate::operations::{self, Context};

/// Change an administrator
///
/// What is left out stays as it is. With the scopes, the tokens that they have end.
#[utoipa::path(
    patch,
    path = "/admin/v1/administrators/{client_id}",
    operation_id = "updateAdministrator",
    tag = "administrators",
    security(("administration_token" = ["admin:administrators:write"])),
    params(("client_id" = String, Path, description = "The administrator's client id.", max_length = 64)),
    request_body(content = AdministratorChange),
    responses(
        (status = 200, description = "The administrator as it is now.", body = ClientBody, headers(("ETag" = String, description = "Its version, for If-Match."))),
        (status = 409, description = "The scopes of the administrator of the first start cannot be changed.", body = Problem, content_type = "application/problem+json")
    )
)]
pub(in crate::admin) async fn update(
    State(context): State<Context>,
    MayChangeAdministrators(actor): MayChangeAdministrators,
    PathText(client_id): PathText<Segment>,
    JsonBody(change): JsonBody<AdministratorChange>,
) -> Result<Response, ApiError> {
    let details = operations::administrator::update(&context, &actor, client_id.as_str(), change).await?;
    Ok(shown(details))
}
