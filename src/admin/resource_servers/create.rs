use axum::extract::State;
use axum::response::Response;

use super::ResourceServerBody;
use crate::admin::api_error::{ApiError, Problem};
use crate::admin::authorization::MayWrite;
use crate::admin::created::created;
use crate::admin::entity_tag::with_etag;
use crate::admin::json_body::JsonBody;
use crate::operations::resource_server::NewResourceServer;
use crate::operations::{self, Context, version};

/// Register a resource server
#[utoipa::path(
    post,
    path = "/admin/v1/resource-servers",
    operation_id = "createResourceServer",
    tag = "resource servers",
    security(("administration_token" = ["admin:registry:write"])),
    request_body(content = NewResourceServer),
    responses(
        (status = 201, description = "Registered.", body = ResourceServerBody, headers(("Location" = String, description = "Where it is."), ("ETag" = String, description = "Its version, for If-Match."))),
        (status = 409, description = "The identifier is registered already.", body = Problem, content_type = "application/problem+json")
    )
)]
pub(in crate::admin) async fn create(
    State(context): State<Context>,
    MayWrite(actor): MayWrite,
    JsonBody(new): JsonBody<NewResourceServer>,
) -> Result<Response, ApiError> {
    let server = operations::resource_server::create(&context, &actor, new).await?;
    let version = version(&server);
    let location = format!("/admin/v1/resource-servers/{}", server.id);
    Ok(with_etag(created(&location, &ResourceServerBody::from(server)), &version))
}
