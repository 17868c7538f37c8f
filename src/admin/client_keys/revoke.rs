use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;

use crate::admin::api_error::ApiError;
use crate::admin::authorization::MayWrite;
use crate::admin::path_text::{PathText, Segment};
use crate::operations::{self, Context};

/// Revoke a public key
///
/// For ever. Repeating it changes nothing.
#[utoipa::path(
    delete,
    path = "/admin/v1/clients/{client_id}/keys/{kid}",
    operation_id = "revokeClientKey",
    tag = "client keys",
    security(("administration_token" = ["admin:registry:write"])),
    params(("client_id" = String, Path, description = "The client's id.", max_length = 64), ("kid" = String, Path, description = "The key's name within its client.", max_length = 256)),
    responses(
        (status = 204, description = "It is revoked.")
    )
)]
pub(in crate::admin) async fn revoke(
    State(context): State<Context>,
    MayWrite(actor): MayWrite,
    PathText((client_id, kid)): PathText<(Segment, Segment)>,
) -> Result<Response, ApiError> {
    operations::client_key::revoke(&context, &actor, client_id.as_str(), kid.as_str()).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
