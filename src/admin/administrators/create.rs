use axum::extract::State;
use axum::response::Response;

use crate::admin::api_error::{ApiError, Problem};
use crate::admin::authorization::MayChangeAdministrators;
use crate::admin::clients::CreatedClientBody;
use crate::admin::created::created;
use crate::admin::entity_tag::with_etag;
use crate::admin::json_body::JsonBody;
use crate::operations::administrator::NewAdministrator;
use crate::operations::{self, Context, version};

/// Make an administrator
///
/// One for each person: the journal says who it was. The answer has the secret, if the method of authentication has one;
/// it is never shown again.
#[utoipa::path(
    post,
    path = "/admin/v1/administrators",
    operation_id = "createAdministrator",
    tag = "administrators",
    security(("administration_token" = ["admin:administrators:write"])),
    request_body(content = NewAdministrator),
    responses(
        (status = 201, description = "Made.", body = CreatedClientBody, headers(("Location" = String, description = "Where it is."), ("ETag" = String, description = "Its version, for If-Match."))),
        (status = 409, description = "A key is registered for another client.", body = Problem, content_type = "application/problem+json")
    )
)]
pub(in crate::admin) async fn create(
    State(context): State<Context>,
    MayChangeAdministrators(actor): MayChangeAdministrators,
    JsonBody(new): JsonBody<NewAdministrator>,
) -> Result<Response, ApiError> {
    let made = operations::administrator::create(&context, &actor, new).await?;
    let location = format!("/admin/v1/administrators/{}", made.details.client.id);
    let version = version(&made.details);
    Ok(with_etag(created(&location, &CreatedClientBody::from(made)), &version))
}
