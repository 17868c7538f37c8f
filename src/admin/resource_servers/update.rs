use axum::extract::State;
use axum::response::Response;

use super::{ResourceServerBody, shown};
use crate::admin::api_error::{ApiError, Problem};
use crate::admin::authorization::MayWrite;
use crate::admin::json_body::JsonBody;
use crate::admin::path_text::{PathText, Segment};
use crate::operations::resource_server::ResourceServerChange;
use crate::operations::{self, Context};

/// Change a resource server
///
/// What is left out stays as it is. With `If-Match`, only if nobody else changed it meanwhile.
#[utoipa::path(
    patch,
    path = "/admin/v1/resource-servers/{id}",
    operation_id = "updateResourceServer",
    tag = "resource servers",
    security(("administration_token" = ["admin:registry:write"])),
    params(("id" = String, Path, description = "The resource server's id.", max_length = 64)),
    request_body(content = ResourceServerChange),
    responses(
        (status = 200, description = "The resource server as it is now.", body = ResourceServerBody, headers(("ETag" = String, description = "Its version, for If-Match."))),
        (status = 409, description = "The identifier is another's.", body = Problem, content_type = "application/problem+json")
    )
)]
pub(in crate::admin) async fn update(
    State(context): State<Context>,
    MayWrite(actor): MayWrite,
    PathText(id): PathText<Segment>,
    JsonBody(change): JsonBody<ResourceServerChange>,
) -> Result<Response, ApiError> {
    let server = operations::resource_server::update(&context, &actor, id.as_str(), change).await?;
    Ok(shown(server))
}
