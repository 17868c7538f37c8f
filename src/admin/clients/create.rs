use axum::extract::State;
use axum::response::Response;

use super::CreatedClientBody;
use crate::admin::api_error::{ApiError, Problem};
use crate::admin::authorization::MayWrite;
use crate::admin::created::created;
use crate::admin::entity_tag::with_etag;
use crate::admin::json_body::JsonBody;
use crate::operations::client::NewClient;
use crate::operations::{self, Context, version};

/// Register a client
///
/// The answer has the secret, if its method of authentication has one; it is never shown again.
#[utoipa::path(
    post,
    path = "/admin/v1/clients",
    operation_id = "createClient",
    tag = "clients",
    security(("administration_token" = ["admin:registry:write"])),
    request_body(content = NewClient),
    responses(
        (status = 201, description = "Registered.", body = CreatedClientBody, headers(("Location" = String, description = "Where it is."), ("ETag" = String, description = "Its version, for If-Match."))),
        (status = 409, description = "A key is registered for another client.", body = Problem, content_type = "application/problem+json")
    )
)]
pub(in crate::admin) async fn create(
    State(context): State<Context>,
    MayWrite(actor): MayWrite,
    JsonBody(new): JsonBody<NewClient>,
) -> Result<Response, ApiError> {
    let made = operations::client::create(&context, &actor, new).await?;
    let location = format!("/admin/v1/clients/{}", made.details.client.id);
    let version = version(&made.details);
    Ok(with_etag(created(&location, &CreatedClientBody::from(made)), &version))
}
