use axum::extract::State;
use axum::response::Response;

use super::{ReasonBody, RevokedBody};
use crate::admin::api_error::{ApiError, Problem};
use crate::admin::authorization::MayChangeKeys;
use crate::admin::json_body::{OptionalJsonBody, json_response};
use crate::admin::path_text::{PathText, Segment};
use crate::operations::{self, Context};

/// Revoke a signing key
///
/// For a key that was stolen. It is published no more from now on, and everything that it signed is worthless. If it was
/// the active one, the announced successor signs from now on.
#[utoipa::path(
    post,
    path = "/admin/v1/signing-keys/{kid}/revoke",
    operation_id = "revokeSigningKey",
    tag = "signing keys",
    security(("administration_token" = ["admin:keys:write"])),
    params(("kid" = String, Path, description = "The key's id.", max_length = 64)),
    request_body(content = Option<ReasonBody>),
    responses(
        (status = 200, description = "What it brings about.", body = RevokedBody),
        (status = 409, description = "It is retired or revoked already.", body = Problem, content_type = "application/problem+json")
    )
)]
pub(in crate::admin) async fn revoke(
    State(context): State<Context>,
    MayChangeKeys(actor): MayChangeKeys,
    PathText(kid): PathText<Segment>,
    OptionalJsonBody(body): OptionalJsonBody<ReasonBody>,
) -> Result<Response, ApiError> {
    let done = operations::signing_key::revoke(&context, &actor, kid.as_str(), &body.reason).await?;
    Ok(json_response(&RevokedBody::from(done)))
}
