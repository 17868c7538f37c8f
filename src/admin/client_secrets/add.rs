use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;

use super::CreatedSecretBody;
use crate::admin::api_error::{ApiError, Problem};
use crate::admin::authorization::MayWrite;
use crate::admin::json_body::{OptionalJsonBody, json_response};
use crate::admin::path_text::{PathText, Segment};
use crate::operations::client_secret::NewSecret;
use crate::operations::{self, Context};

/// Add a client secret
///
/// It works beside those that the client has. One that this server makes is never shown again. One that a partner
/// brings along comes as `secret`, or hashed as `phc`, and is not repeated. No body is as an empty object.
#[utoipa::path(
    post,
    path = "/admin/v1/clients/{client_id}/secrets",
    operation_id = "addClientSecret",
    tag = "client secrets",
    security(("administration_token" = ["admin:registry:write"])),
    params(("client_id" = String, Path, description = "The client's id.", max_length = 64)),
    request_body(content = Option<NewSecret>),
    responses(
        (status = 201, description = "Made.", body = CreatedSecretBody),
        (status = 409, description = "The client authenticates otherwise, or has too many secrets.", body = Problem, content_type = "application/problem+json")
    )
)]
pub(in crate::admin) async fn add(
    State(context): State<Context>,
    MayWrite(actor): MayWrite,
    PathText(client_id): PathText<Segment>,
    OptionalJsonBody(new): OptionalJsonBody<NewSecret>,
) -> Result<Response, ApiError> {
    let added = operations::client_secret::add(&context, &actor, client_id.as_str(), new).await?;
    Ok((StatusCode::CREATED, json_response(&CreatedSecretBody::from(added))).into_response())
}
