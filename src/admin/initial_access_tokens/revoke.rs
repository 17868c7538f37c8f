use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;

use crate::admin::api_error::ApiError;
use crate::admin::authorization::MayWrite;
use crate::admin::path_text::{PathText, Segment};
use crate::operations::{self, Context};

/// Revoke an initial access token
///
/// For ever. Machines that registered with it stay registered. Repeating it changes nothing.
#[utoipa::path(
    delete,
    path = "/admin/v1/participants/{id}/initial-access-tokens/{token_id}",
    operation_id = "revokeInitialAccessToken",
    tag = "initial access tokens",
    security(("administration_token" = ["admin:registry:write"])),
    params(("id" = String, Path, description = "The participant's id.", max_length = 64), ("token_id" = String, Path, description = "The token's id, which is not the token.", max_length = 64)),
    responses(
        (status = 204, description = "It is revoked.")
    )
)]
pub(in crate::admin) async fn revoke(
    State(context): State<Context>,
    MayWrite(actor): MayWrite,
    PathText((id, token_id)): PathText<(Segment, Segment)>,
) -> Result<Response, ApiError> {
    operations::initial_access_token::revoke(&context, &actor, id.as_str(), token_id.as_str()).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
