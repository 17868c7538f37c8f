use axum::extract::State;
use axum::response::Response;

use crate::admin::api_error::ApiError;
use crate::admin::authorization::MayRead;
use crate::admin::clients::{ClientBody, shown};
use crate::admin::path_text::{PathText, Segment};
use crate::operations::{self, Context};

/// Show an administrator
#[utoipa::path(
    get,
    path = "/admin/v1/administrators/{client_id}",
    operation_id = "getAdministrator",
    tag = "administrators",
    security(("administration_token" = ["admin:registry:read"])),
    params(("client_id" = String, Path, description = "The administrator's client id.", max_length = 64)),
    responses(
        (status = 200, description = "The administrator.", body = ClientBody, headers(("ETag" = String, description = "Its version, for If-Match.")))
    )
)]
pub(in crate::admin) async fn get(
    State(context): State<Context>,
    _: MayRead,
    PathText(client_id): PathText<Segment>,
) -> Result<Response, ApiError> {
    Ok(shown(operations::administrator::get(&context, client_id.as_str()).await?))
}
