use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;

use crate::admin::api_error::ApiError;
use crate::admin::authorization::MayWrite;
use crate::admin::path_text::{PathText, Segment};
use crate::operations::{self, Context};

/// Revoke a client secret
///
/// For ever. Repeating it changes nothing.
#[utoipa::path(
    delete,
    path = "/admin/v1/clients/{client_id}/secrets/{secret_id}",
    operation_id = "revokeClientSecret",
    tag = "client secrets",
    security(("administration_token" = ["admin:registry:write"])),
    params(("client_id" = String, Path, description = "The client's id.", max_length = 64), ("secret_id" = String, Path, description = "The secret's id, which is not the secret.", max_length = 64)),
    responses(
        (status = 204, description = "It is revoked.")
    )
)]
pub(in crate::admin) async fn revoke(
    State(context): State<Context>,
    MayWrite(actor): MayWrite,
    PathText((client_id, secret_id)): PathText<(Segment, Segment)>,
) -> Result<Response, ApiError> {
    operations::client_secret::revoke(&context, &actor, client_id.as_str(), secret_id.as_str()).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
