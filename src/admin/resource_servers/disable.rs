use axum::extract::State;
use axum::response::Response;

use super::{ResourceServerBody, shown};
use crate::admin::api_error::ApiError;
use crate::admin::authorization::MayWrite;
use crate::admin::path_text::{PathText, Segment};
use crate::operations::{self, Context};

/// Disable a resource server
///
/// No token is made for it until it is enabled again, also for clients whose default one it is.
/// Repeating it changes nothing.
#[utoipa::path(
    post,
    path = "/admin/v1/resource-servers/{id}/disable",
    operation_id = "disableResourceServer",
    tag = "resource servers",
    security(("administration_token" = ["admin:registry:write"])),
    params(("id" = String, Path, description = "The resource server's id.", max_length = 64)),
    responses(
        (status = 200, description = "The resource server as it is now.", body = ResourceServerBody, headers(("ETag" = String, description = "Its version, for If-Match.")))
    )
)]
pub(in crate::admin) async fn disable(
    State(context): State<Context>,
    MayWrite(actor): MayWrite,
    PathText(id): PathText<Segment>,
) -> Result<Response, ApiError> {
    let server = operations::resource_server::disable(&context, &actor, id.as_str()).await?;
    Ok(shown(server))
}
