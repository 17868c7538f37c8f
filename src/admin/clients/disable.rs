use axum::extract::State;
use axum::response::Response;

use super::{ClientBody, shown};
use crate::admin::api_error::{ApiError, Problem};
use crate::admin::authorization::MayWrite;
use crate::admin::path_text::{PathText, Segment};
use crate::operations::{self, Context};

/// Disable a client
///
/// It gets no tokens until it is enabled again.
/// Repeating it changes nothing.
#[utoipa::path(
    post,
    path = "/admin/v1/clients/{client_id}/disable",
    operation_id = "disableClient",
    tag = "clients",
    security(("administration_token" = ["admin:registry:write"])),
    params(("client_id" = String, Path, description = "The client's id.", max_length = 64)),
    responses(
        (status = 200, description = "The client as it is now.", body = ClientBody, headers(("ETag" = String, description = "Its version, for If-Match."))),
        (status = 409, description = "The administrator of the first start cannot be disabled.", body = Problem, content_type = "application/problem+json")
    )
)]
pub(in crate::admin) async fn disable(
    State(context): State<Context>,
    MayWrite(actor): MayWrite,
    PathText(client_id): PathText<Segment>,
) -> Result<Response, ApiError> {
    let details = operations::client::disable(&context, &actor, client_id.as_str()).await?;
    Ok(shown(details))
}
