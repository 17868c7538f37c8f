use axum::extract::State;
use axum::response::Response;

use super::ResourceServerBody;
use crate::admin::api_error::ApiError;
use crate::admin::authorization::MayRead;
use crate::admin::entity_tag::with_etag;
use crate::admin::json_body::json_response;
use crate::admin::path_text::{PathText, Segment};
use crate::operations::{self, Context, resource_server};

/// Show a resource server
#[utoipa::path(
    get,
    path = "/admin/v1/resource-servers/{id}",
    operation_id = "getResourceServer",
    tag = "resource servers",
    security(("administration_token" = ["admin:read"])),
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
    let version = resource_server::version(&server);
    Ok(with_etag(json_response(&ResourceServerBody::from(server)), &version))
}
