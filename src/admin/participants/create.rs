use axum::extract::State;
use axum::response::Response;

use super::ParticipantBody;
use crate::admin::api_error::{ApiError, Problem};
use crate::admin::authorization::MayWrite;
use crate::admin::created::created;
use crate::admin::entity_tag::with_etag;
use crate::admin::json_body::JsonBody;
use crate::operations::participant::NewParticipant;
use crate::operations::{self, Context, version};

/// Register a participant
///
/// Both of its URIs must be in canonical form, and nobody else may hold them.
#[utoipa::path(
    post,
    path = "/admin/v1/participants",
    operation_id = "createParticipant",
    tag = "participants",
    security(("administration_token" = ["admin:registry:write"])),
    request_body(content = NewParticipant),
    responses(
        (status = 201, description = "Registered.", body = ParticipantBody, headers(("Location" = String, description = "Where it is."), ("ETag" = String, description = "Its version, for If-Match."))),
        (status = 409, description = "Somebody holds one of the URIs.", body = Problem, content_type = "application/problem+json")
    )
)]
pub(in crate::admin) async fn create(
    State(context): State<Context>,
    MayWrite(actor): MayWrite,
    JsonBody(new): JsonBody<NewParticipant>,
) -> Result<Response, ApiError> {
    let participant = operations::participant::create(&context, &actor, new).await?;
    let location = format!("/admin/v1/participants/{}", participant.id);
    let version = version(&participant);
    Ok(with_etag(created(&location, &ParticipantBody::from(participant)), &version))
}
