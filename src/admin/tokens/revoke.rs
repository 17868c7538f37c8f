use axum::extract::State;
use axum::response::Response;

use super::RevokedBody;
use crate::admin::api_error::ApiError;
use crate::admin::authorization::MayWrite;
use crate::admin::json_body::{JsonBody, json_response};
use crate::operations::token::Revocation;
use crate::operations::{self, Context};

/// Revoke access tokens
///
/// One by its `jti`, or those that a client got. Introspection knows it at once, verifiers that follow the revocation
/// feed within seconds, and others not before the tokens expire. Repeating it does no harm.
#[utoipa::path(
    post,
    path = "/admin/v1/tokens/revoke",
    operation_id = "revokeTokens",
    tag = "tokens",
    security(("administration_token" = ["admin:registry:write"])),
    request_body(content = Revocation),
    responses(
        (status = 200, description = "Revoked.", body = RevokedBody)
    )
)]
pub(in crate::admin) async fn revoke(
    State(context): State<Context>,
    MayWrite(actor): MayWrite,
    JsonBody(which): JsonBody<Revocation>,
) -> Result<Response, ApiError> {
    let revoked = operations::token::revoke(&context, &actor, &which).await?;
    Ok(json_response(&RevokedBody::from(revoked)))
}
