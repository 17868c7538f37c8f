use axum::extract::State;
use axum::response::Response;

use super::{RotateBody, RotatedBody};
use crate::admin::api_error::{ApiError, Problem};
use crate::admin::authorization::MayChangeKeys;
use crate::admin::json_body::{JsonBody, json_response};
use crate::operations::{self, Context};

/// Rotate a signing key
///
/// The announced successor signs access tokens from now on; the key until now stays published until its last token
/// has expired. It happens by itself, too: this is for those who do not want to wait.
#[utoipa::path(
    post,
    path = "/admin/v1/signing-keys/rotate",
    operation_id = "rotateSigningKey",
    tag = "signing keys",
    security(("administration_token" = ["admin:keys:write"])),
    request_body(content = RotateBody),
    responses(
        (status = 200, description = "What was done.", body = RotatedBody),
        (status = 409, description = "The successor has not been published for long enough.", body = Problem, content_type = "application/problem+json")
    )
)]
pub(in crate::admin) async fn rotate(
    State(context): State<Context>,
    MayChangeKeys(actor): MayChangeKeys,
    JsonBody(body): JsonBody<RotateBody>,
) -> Result<Response, ApiError> {
    let done = operations::signing_key::rotate(&context, &actor, body.alg, &body.reason).await?;
    Ok(json_response(&RotatedBody::from(done)))
}
