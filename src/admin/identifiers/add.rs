use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;

use super::{IdentifierBody, shown};
use crate::admin::api_error::{ApiError, Problem};
use crate::admin::authorization::MayWrite;
use crate::admin::json_body::JsonBody;
use crate::admin::path_text::{PathText, Segment};
use crate::operations::identifier::NewIdentifier;
use crate::operations::{self, Context};

/// Add a ONE Record ID
///
/// It must be in canonical form, and nobody else may hold it.
#[utoipa::path(
    post,
    path = "/admin/v1/participants/{id}/identifiers",
    operation_id = "addIdentifier",
    tag = "identifiers",
    security(("administration_token" = ["admin:registry:write"])),
    params(("id" = String, Path, description = "The participant's id.", max_length = 64)),
    request_body(content = NewIdentifier),
    responses(
        (status = 201, description = "Registered.", body = IdentifierBody, headers(("ETag" = String, description = "Its version, for If-Match."))),
        (status = 409, description = "Somebody holds it.", body = Problem, content_type = "application/problem+json")
    )
)]
pub(in crate::admin) async fn add(
    State(context): State<Context>,
    MayWrite(actor): MayWrite,
    PathText(id): PathText<Segment>,
    JsonBody(new): JsonBody<NewIdentifier>,
) -> Result<Response, ApiError> {
    let identifier = operations::identifier::add(&context, &actor, id.as_str(), new).await?;
    Ok((StatusCode::CREATED, shown(identifier)).into_response())
}
