use axum::extract::State;
use axum::response::Response;

use super::{ParticipantBody, shown};
use crate::admin::api_error::ApiError;
use crate::admin::authorization::MayWrite;
use crate::admin::path_text::{PathText, Segment};
use crate::operations::{self, Context};

/// Enable a participant
///
/// Its enabled clients get tokens again.
/// Repeating it changes nothing.
#[utoipa::path(
    post,
    path = "/admin/v1/participants/{id}/enable",
    operation_id = "enableParticipant",
    tag = "participants",
    security(("administration_token" = ["admin:registry:write"])),
    params(("id" = String, Path, description = "The participant's id.", max_length = 64)),
    responses(
        (status = 200, description = "The participant as it is now.", body = ParticipantBody, headers(("ETag" = String, description = "Its version, for If-Match.")))
    )
)]
pub(in crate::admin) async fn enable(
    State(context): State<Context>,
    MayWrite(actor): MayWrite,
    PathText(id): PathText<Segment>,
) -> Result<Response, ApiError> {
    let participant = operations::participant::enable(&context, &actor, id.as_str()).await?;
    Ok(shown(participant))
}
