use axum::extract::State;
use axum::response::Response;

use super::{IdentifierBody, shown};
use crate::admin::api_error::ApiError;
use crate::admin::authorization::MayWrite;
use crate::admin::json_body::JsonBody;
use crate::admin::path_text::{PathText, Segment};
use crate::operations::identifier::NamedIdentifier;
use crate::operations::{self, Context};

/// Resume a ONE Record ID
///
/// Tokens may carry it again.
/// Repeating it changes nothing.
#[utoipa::path(
    post,
    path = "/admin/v1/participants/{id}/identifiers/resume",
    operation_id = "resumeIdentifier",
    tag = "identifiers",
    security(("administration_token" = ["admin:registry:write"])),
    params(("id" = String, Path, description = "The participant's id.", max_length = 64)),
    request_body(content = NamedIdentifier),
    responses(
        (status = 200, description = "The ONE Record ID as it is now.", body = IdentifierBody, headers(("ETag" = String, description = "Its version, for If-Match.")))
    )
)]
pub(in crate::admin) async fn resume(
    State(context): State<Context>,
    MayWrite(actor): MayWrite,
    PathText(id): PathText<Segment>,
    JsonBody(named): JsonBody<NamedIdentifier>,
) -> Result<Response, ApiError> {
    let identifier = operations::identifier::resume(&context, &actor, id.as_str(), &named).await?;
    Ok(shown(identifier))
}
