use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;

use super::CreatedInitialAccessTokenBody;
use crate::admin::api_error::ApiError;
use crate::admin::authorization::MayWrite;
use crate::admin::json_body::{OptionalJsonBody, json_response};
use crate::admin::path_text::{PathText, Segment};
use crate::operations::initial_access_token::NewInitialAccessToken;
use crate::operations::{self, Context};

/// Make an initial access token
///
/// With it the participant's machines register themselves (RFC 7591). It is never shown again. No body is as an empty
/// object.
#[utoipa::path(
    post,
    path = "/admin/v1/participants/{id}/initial-access-tokens",
    operation_id = "addInitialAccessToken",
    tag = "initial access tokens",
    security(("administration_token" = ["admin:registry:write"])),
    params(("id" = String, Path, description = "The participant's id.", max_length = 64)),
    request_body(content = Option<NewInitialAccessToken>),
    responses(
        (status = 201, description = "Made.", body = CreatedInitialAccessTokenBody)
    )
)]
pub(in crate::admin) async fn add(
    State(context): State<Context>,
    MayWrite(actor): MayWrite,
    PathText(id): PathText<Segment>,
    OptionalJsonBody(new): OptionalJsonBody<NewInitialAccessToken>,
) -> Result<Response, ApiError> {
    let added = operations::initial_access_token::add(&context, &actor, id.as_str(), &new).await?;
    let body = CreatedInitialAccessTokenBody::from(added);
    Ok((StatusCode::CREATED, json_response(&body)).into_response())
}
