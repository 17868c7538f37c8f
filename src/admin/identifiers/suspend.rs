use axum::extract::State;
use axum::response::Response;

use super::{IdentifierBody, shown};
use crate::admin::api_error::ApiError;
use crate::admin::authorization::MayWrite;
use crate::admin::json_body::JsonBody;
use crate::admin::path_text::{PathText, Segment};
use crate::operations::identifier::NamedIdentifier;
use crate::operations::{self, Context};

/// Suspend a ONE Record ID
///
/// No token carries it until it is resumed. It stays its participant's: nobody else gets it.
/// Repeating it changes nothing.
#[utoipa::path(
    post,
    path = "/admin/v1/participants/{id}/identifiers/suspend",
    operation_id = "suspendIdentifier",
    tag = "identifiers",
    security(("administration_token" = ["admin:registry:write"])),
    params(("id" = String, Path, description = "The participant's id.", max_length = 64)),
    request_body(content = NamedIdentifier),
    responses(
        (status = 200, description = "The ONE Record ID as it is now.", body = IdentifierBody, headers(("ETag" = String, description = "Its version, for If-Match.")))
    )
)]
pub(in crate::admin) async fn suspend(
    State(context): State<Context>,
    MayWrite(actor): MayWrite,
    PathText(id): PathText<Segment>,
    JsonBody(named): JsonBody<NamedIdentifier>,
) -> Result<Response, ApiError> {
    let identifier = operations::identifier::suspend(&context, &actor, id.as_str(), &named).await?;
    Ok(shown(identifier))
}
