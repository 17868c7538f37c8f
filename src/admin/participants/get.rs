use axum::extract::State;
use axum::response::Response;

use super::{ParticipantBody, shown};
use crate::admin::api_error::ApiError;
use crate::admin::authorization::MayRead;
use crate::admin::path_text::{PathText, Segment};
use crate::operations::{self, Context};

/// Show a participant
#[utoipa::path(
    get,
    path = "/admin/v1/participants/{id}",
    operation_id = "getParticipant",
    tag = "participants",
    security(("administration_token" = ["admin:registry:read"])),
    params(("id" = String, Path, description = "The participant's id.", max_length = 64)),
    responses(
        (status = 200, description = "The participant.", body = ParticipantBody, headers(("ETag" = String, description = "Its version, for If-Match.")))
    )
)]
pub(in crate::admin) async fn get(
    State(context): State<Context>,
    _: MayRead,
    PathText(id): PathText<Segment>,
) -> Result<Response, ApiError> {
    let participant = operations::participant::get(&context, id.as_str()).await?;
    Ok(shown(participant))
}
