use axum::extract::State;
use axum::response::Response;

use super::{ResourceServerBody, shown};
use crate::admin::api_error::ApiError;
use crate::admin::authorization::MayRead;
use crate::admin::path_text::{PathText, Segment};
use crate::operations::{self, Context};

/// Show a resource server
#[utoipa::path(
    get,
    path = "/admin/v1/resource-servers/{id}",
    operation_id = "getResourceServer",
    tag = "resource servers",
    security(("administration_token" = ["admin:registry:read"])),
    params(("id" = String, Path, description = "The resource server's id.", max_length = 64)),
    responses(
        (status = 200, description = "The resource server.", body = ResourceServerBody, headers(("ETag" = String, description = "Its version, for If-Match.")))
    )
)]
pub(in crate::admin) async fn get(
    State(context): State<Context>,
    _: MayRead,
    PathText(id): PathText<Segment>,
) -> Result<Response, ApiError> {
    let server = operations::resource_server::get(&context, id.as_str()).await?;
    Ok(shown(server))
}
