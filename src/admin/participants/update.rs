use axum::extract::State;
use axum::response::Response;

use super::{ParticipantBody, shown};
use crate::admin::api_error::{ApiError, Problem};
use crate::admin::authorization::MayWrite;
use crate::admin::json_body::JsonBody;
use crate::admin::path_text::{PathText, Segment};
use crate::operations::participant::ParticipantChange;
use crate::operations::{self, Context};

/// Change a participant
///
/// What is left out stays as it is.
#[utoipa::path(
    patch,
    path = "/admin/v1/participants/{id}",
    operation_id = "updateParticipant",
    tag = "participants",
    security(("administration_token" = ["admin:registry:write"])),
    params(("id" = String, Path, description = "The participant's id.", max_length = 64)),
    request_body(content = ParticipantChange),
    responses(
        (status = 200, description = "The participant as it is now.", body = ParticipantBody, headers(("ETag" = String, description = "Its version, for If-Match."))),
        (status = 409, description = "Somebody else holds the logistics agent URI.", body = Problem, content_type = "application/problem+json")
    )
)]
pub(in crate::admin) async fn update(
    State(context): State<Context>,
    MayWrite(actor): MayWrite,
    PathText(id): PathText<Segment>,
    JsonBody(change): JsonBody<ParticipantChange>,
) -> Result<Response, ApiError> {
    let participant = operations::participant::update(&context, &actor, id.as_str(), change).await?;
    Ok(shown(participant))
}
