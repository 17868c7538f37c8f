use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;

use super::RotatedSecretBody;
use crate::admin::api_error::{ApiError, Problem};
use crate::admin::authorization::MayWrite;
use crate::admin::json_body::{OptionalJsonBody, json_response};
use crate::admin::path_text::{PathText, Segment};
use crate::operations::client_secret::RotateSecret;
use crate::operations::{self, Context};

/// Rotate client secrets
///
/// Makes a new secret, which is never shown again, and lets the older ones expire: after a day unless `keep` says
/// otherwise. No body is as an empty object.
#[utoipa::path(
    post,
    path = "/admin/v1/clients/{client_id}/secrets/rotate",
    operation_id = "rotateClientSecret",
    tag = "client secrets",
    security(("administration_token" = ["admin:registry:write"])),
    params(("client_id" = String, Path, description = "The client's id.", max_length = 64)),
    request_body(content = Option<RotateSecret>),
    responses(
        (status = 201, description = "Made.", body = RotatedSecretBody),
        (status = 409, description = "The client authenticates otherwise, or has too many secrets.", body = Problem, content_type = "application/problem+json")
    )
)]
pub(in crate::admin) async fn rotate(
    State(context): State<Context>,
    MayWrite(actor): MayWrite,
    PathText(client_id): PathText<Segment>,
    OptionalJsonBody(how): OptionalJsonBody<RotateSecret>,
) -> Result<Response, ApiError> {
    let rotated = operations::client_secret::rotate(&context, &actor, client_id.as_str(), how).await?;
    Ok((StatusCode::CREATED, json_response(&RotatedSecretBody::from(rotated))).into_response())
}
